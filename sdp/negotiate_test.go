package sdp

import (
	"slices"
	"strings"
	"testing"

	"oneport/media"
)

// offered reads the plain offer with the changes that the pairs say.
func offered(t *testing.T, pairs ...string) *Offer {
	t.Helper()
	o, err := ParseOffer(change(t, pairs...))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// plays is the plain offer of one that receives, with more changes.
func plays(t *testing.T, pairs ...string) *Offer {
	return offered(t, slices.Concat(pairs, []string{"a=sendonly", "a=recvonly"})...)
}

// TestPlay: what a viewer is given of a stream. Without the picture it is refused, without sound it may still watch.
func TestPlay(t *testing.T) {
	vp8 := media.Format{Codec: media.VP8, ClockRate: 90000}
	vp9 := media.Format{Codec: media.VP9, ClockRate: 90000, Profile: "0"}
	opus := media.Format{Codec: media.Opus, ClockRate: 48000, Channels: 2}
	pcmu := media.Format{Codec: media.PCMU, ClockRate: 8000, Channels: 1}
	baseline := h264Format("42001f", 0)
	noVideo := plain[strings.Index(plain, "m=video"):]
	noAudio := plain[strings.Index(plain, "m=audio"):strings.Index(plain, "m=video")]
	var all []string
	deaf := []string{"opus/48000/2", "G722/8000"}
	blind := []string{"H264/90000", "theora/90000"}
	mute := []string{noAudio, "", "BUNDLE 0 1", "BUNDLE 1"}
	radio := []string{noVideo, "", "BUNDLE 0 1", "BUNDLE 0"}
	for _, c := range []struct {
		name  string
		pairs []string
		live  []media.Format
		want  string // the answer's m-lines, or a part of the reason of a refusal
		kind  string
	}{
		{"nothing is live", all, nil, "audio 9|video 9|BUNDLE 0 1", "none"},
		{"all fits", all, []media.Format{opus, baseline}, "audio 9|video 9|BUNDLE 0 1", "none"},
		{"the sound does not fit", all, []media.Format{pcmu, baseline}, "audio 9|video 9|BUNDLE 0 1", "none"},
		{"one of two sounds fits", all, []media.Format{pcmu, opus, baseline}, "audio 9|video 9|BUNDLE 0 1", "none"},
		{"the picture does not fit", all, []media.Format{opus, vp8}, "video is VP8", "not acceptable"},
		{"one of two pictures fits", all, []media.Format{vp9, baseline}, "audio 9|video 9|BUNDLE 0 1", "none"},
		{"a mode that is not offered", all, []media.Format{h264Format("42001f", 1)}, "packetization-mode 1", "not acceptable"},
		{"neither fits", all, []media.Format{pcmu, vp8}, "video is VP8", "not acceptable"},
		{"sound alone is live and does not fit", all, []media.Format{pcmu}, "audio 9|video 9|BUNDLE 0 1", "none"},

		{"no sound we know, nothing live", deaf, nil, "audio 0|video 9|BUNDLE 1", "none"},
		{"no sound we know", deaf, []media.Format{opus, baseline}, "audio 0|video 9|BUNDLE 1", "none"},
		{"no sound we know, and no picture that fits", deaf, []media.Format{opus, vp8}, "video is VP8", "not acceptable"},
		{"no picture we know", blind, []media.Format{opus, baseline}, "no video codec", "not acceptable"},
		{"nothing we know", slices.Concat(blind, deaf), nil, "no video codec", "not acceptable"},

		{"picture only", mute, []media.Format{opus, baseline}, "video 9|BUNDLE 1", "none"},
		{"picture only, that does not fit", mute, []media.Format{opus, vp8}, "video is VP8", "not acceptable"},
		{"sound only", radio, []media.Format{opus, vp8}, "audio 9|BUNDLE 0", "none"},
		{"sound only, that does not fit", radio, []media.Format{pcmu, vp8}, "audio is PCMU", "not acceptable"},
		{"sound only, nothing live", radio, nil, "audio 9|BUNDLE 0", "none"},
		{"sound only, that we do not know", slices.Concat(radio, deaf), nil, "no audio codec", "not acceptable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := local()
			l.Live = c.live
			o := plays(t, c.pairs...)
			s, text, err := AnswerPlay(o, l)
			if kindOf(err) != c.kind || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Fatalf("want %s with %q, got %v", c.kind, c.want, err)
			}
			if err != nil {
				return
			}
			checkAnswer(t, o, s, text)
			if got := outline(string(text)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestTransportOfPicture: where the sound leads the bundle and is not carried, the picture's transport is the session's.
func TestTransportOfPicture(t *testing.T) {
	s, _, err := AnswerPlay(plays(t, "opus/48000/2", "G722/8000", "a=mid:1", "a=mid:1\na=ice-ufrag:wxyz"), local())
	if err != nil || s.Remote.Ufrag != "wxyz" || s.Audio != nil {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestAskedCodecDecides: of several m-lines of a kind the first is taken that has the codec asked for.
func TestAskedCodecDecides(t *testing.T) {
	second := "m=video 9 UDP/TLS/RTP/SAVPF 98\na=mid:2\na=sendonly\na=rtcp-mux\na=rtpmap:98 VP8/90000\n"
	for codec, want := range map[media.Codec]string{
		0:          "audio 9|video 9|video 0|BUNDLE 0 1",
		media.H264: "audio 9|video 9|video 0|BUNDLE 0 1",
		media.VP8:  "audio 9|video 0|video 9|BUNDLE 0 2",
	} {
		l := local()
		l.VideoCodec = codec
		o, err := ParseOffer([]byte(strings.Replace(plain, "BUNDLE 0 1", "BUNDLE 0 1 2", 1) + second))
		if err != nil {
			t.Fatal(err)
		}
		s, text, err := AnswerPublish(o, l)
		if err != nil {
			t.Fatal(err)
		}
		checkAnswer(t, o, s, text)
		if got := outline(string(text)); got != want {
			t.Errorf("%v: %s, want %s", codec, got, want)
		}
	}
}

// TestPayloadTypesClash: within a bundle a payload type means one thing (RFC 9143 section 9.1), be it of a retransmission.
func TestPayloadTypesClash(t *testing.T) {
	for name, pairs := range map[string][]string{
		"media twice":                   {"SAVPF 96 97", "SAVPF 111 97", "rtpmap:96", "rtpmap:111"},
		"a retransmission of the media": {"SAVPF 96 97", "SAVPF 96 111", "rtpmap:97", "rtpmap:111", "fmtp:97", "fmtp:111"},
	} {
		if _, _, err := AnswerPublish(offered(t, pairs...), local()); kindOf(err) != "malformed" || !strings.Contains(err.Error(), "payload type 111") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRareProfiles: a publisher is asked for profile 0 of VP9 and AV1 before others, which few viewers decode.
func TestRareProfiles(t *testing.T) {
	for name, c := range map[string]struct{ rare, common string }{
		"VP9": {"VP9/90000\na=fmtp:96 profile-id=2", "VP9/90000\na=fmtp:97 profile-id=0"},
		"AV1": {"AV1/90000\na=fmtp:96 profile=1", "AV1/90000"},
		"VP8": {"VP9/90000\na=fmtp:96 profile-id=2", "VP8/90000"},
	} {
		s, _, err := AnswerPublish(offered(t, "H264/90000", c.rare, "rtx/90000\na=fmtp:97 apt=96", c.common), local())
		if err != nil || s.Video.Codecs[0].PT != 97 {
			t.Errorf("%s: %s, %v", name, facts(s.Video), err)
		}
	}
}

// TestSharedTransport: what a bundled m-line lacks it has from the session or from the bundle.
func TestSharedTransport(t *testing.T) {
	const digest = "67:ED:97:18:78:00:08:73:36:69:0F:72:B9:6A:09:F7:91:E5:1E:00:7E:84:F1:DD:3C:57:5F:50:DD:87:96:A9"
	const ofSession = "a=fingerprint:sha-256 " + digest + "\n"
	for name, c := range map[string]struct {
		pairs  []string
		active bool
	}{
		"setup of the session":         {[]string{"a=setup:actpass\n", "", "t=0 0", "t=0 0\na=setup:passive"}, true},
		"setup of the bundle":          {[]string{"a=setup:actpass\na=mid:0", "a=mid:0", "a=setup:actpass\na=mid:1", "a=setup:passive\na=mid:1"}, true},
		"its own before the session's": {[]string{"t=0 0", "t=0 0\na=setup:passive"}, false},
		"an old hash of its own":       {[]string{"a=mid:0", "a=mid:0\na=fingerprint:sha-1 AA:BB"}, false},
		"an old hash of the session":   {[]string{ofSession, "a=fingerprint:sha-1 AA:BB\n", "a=mid:1", "a=mid:1\n" + strings.TrimSpace(ofSession)}, false},
	} {
		s, _, err := AnswerPublish(offered(t, c.pairs...), local())
		if err != nil || s.Active != c.active || s.Fingerprint != (Fingerprint{"sha-256", digest}) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

// TestMuxOnly: rtcp-mux-only (RFC 8858) is rtcp-mux with no way back.
func TestMuxOnly(t *testing.T) {
	if _, _, err := AnswerPublish(offered(t, "a=rtcp-mux", "a=rtcp-mux-only"), local()); err != nil {
		t.Error(err)
	}
}

// TestCommonFeedback: feedback for "*" is that of every payload type of its m-line (RFC 4585 section 4.2).
func TestCommonFeedback(t *testing.T) {
	s, _, err := AnswerPublish(offered(t, "a=mid:1", "a=mid:1\na=rtcp-fb:* nack\na=rtcp-fb:* nack pli\na=rtcp-fb:* ccm fir"), local())
	if err != nil {
		t.Fatal(err)
	}
	if v, a := s.Video.Codecs[0], s.Audio.Codecs[0]; !v.NACK || !v.PLI || !v.FIR || v.TransportCC || a.NACK || a.PLI {
		t.Errorf("video %+v, audio %+v", v, a)
	}
}
