package sdp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"oneport/media"
)

// facts sums up a track: payload types with their retransmissions, feedback of the first, extension ids.
func facts(t *Track) string {
	if t == nil {
		return "-"
	}
	var pts []string
	for _, c := range t.Codecs {
		pts = append(pts, fmt.Sprintf("%d/%d", c.PT, c.RTX))
	}
	c, feedback := t.Codecs[0], ""
	for _, f := range []struct {
		on   bool
		name string
	}{{c.NACK, " nack"}, {c.PLI, " pli"}, {c.FIR, " fir"}, {c.TransportCC, " tcc"}} {
		if f.on {
			feedback += f.name
		}
	}
	return fmt.Sprintf("%v %s%s mid=%d tcc=%d ext=%v", c.Format, strings.Join(pts, ","), feedback, t.MidExt, t.TransportCCExt, t.Ext)
}

func TestRecordedFacts(t *testing.T) {
	for _, c := range []struct{ name, video, audio string }{
		{"chromium-publish-default", "H264/42e01f 108/109 nack pli fir tcc mid=4 tcc=3 ext=[0 13 5 0]", "Opus 111/0 tcc mid=4 tcc=3 ext=[1 0 0 0]"},
		{"binbat-publish", "H264/42e01f 108/109 nack pli fir tcc mid=4 tcc=3 ext=[0 13 5 0]", "Opus 111/0 tcc mid=4 tcc=3 ext=[1 0 0 0]"},
		{"chromium-publish-VP8", "VP8 96/97 nack pli fir tcc mid=4 tcc=3 ext=[0 13 5 0]", "Opus 111/0 tcc mid=4 tcc=3 ext=[1 0 0 0]"},
		{"chromium-publish-VP9", "VP9/0 98/99 nack pli fir tcc mid=4 tcc=3 ext=[0 13 5 0]", "Opus 111/0 tcc mid=4 tcc=3 ext=[1 0 0 0]"},
		{"chromium-publish-AV1", "AV1/0 45/46 nack pli fir tcc mid=4 tcc=3 ext=[0 13 5 0]", "Opus 111/0 tcc mid=4 tcc=3 ext=[1 0 0 0]"},
		{"chromium-publish-H264-4d001f", "H264/4d001f 116/117 nack pli fir tcc mid=4 tcc=3 ext=[0 13 5 0]", "Opus 111/0 tcc mid=4 tcc=3 ext=[1 0 0 0]"},
		{"chromium-publish-simulcast", "H264/42e01f 108/109 nack pli fir tcc mid=9 tcc=4 ext=[0 3 5 0]", "-"},
		{"chromium-play-VP9", "VP9/0 98/99,100/101,35/36,37/38 nack pli fir mid=9 tcc=0 ext=[0 3 5 0]", "Opus 111/0,0/0,8/0 mid=9 tcc=0 ext=[14 0 0 0]"},
		{"chromium-play-AV1", "AV1/0 45/46,47/48 nack pli fir mid=9 tcc=0 ext=[0 3 5 0]", "Opus 111/0,0/0,8/0 mid=9 tcc=0 ext=[14 0 0 0]"},
		{"firefox-publish-default", "VP8 120/124 nack pli fir tcc mid=3 tcc=7 ext=[0 0 0 0]", "Opus 109/0 tcc mid=3 tcc=7 ext=[1 0 0 0]"},
		{"firefox-publish-AV1", "AV1/0 99/100 nack pli fir tcc mid=3 tcc=7 ext=[0 0 0 0]", "Opus 109/0 tcc mid=3 tcc=7 ext=[1 0 0 0]"},
		{"firefox-play-default", "VP8 120/124,121/125,99/100 nack pli fir mid=3 tcc=0 ext=[0 0 6 0]", "Opus 109/0,0/0,8/0 mid=3 tcc=0 ext=[1 0 0 0]"},
		{"gst-publish-h264", "H264/42c01e 96/0 pli fir mid=0 tcc=0 ext=[0 0 0 0]", "Opus 111/0 mid=0 tcc=0 ext=[0 0 0 0]"},
		{"gst-play-vp8", "VP8 96/0 pli fir mid=0 tcc=0 ext=[0 0 0 0]", "Opus 111/0 mid=0 tcc=0 ext=[0 0 0 0]"},
		{"roamhq-play", "VP8 96/97,98/99,100/101,35/36,37/38,39/40 nack pli fir mid=9 tcc=0 ext=[0 3 5 0]", "Opus 111/0,0/0,8/0 mid=9 tcc=0 ext=[14 0 0 0]"},
	} {
		_, s, _ := answerRecorded(t, c.name, local())
		if got := facts(s.Video); got != c.video {
			t.Errorf("%s: video\n got %s\nwant %s", c.name, got, c.video)
		}
		if got := facts(s.Audio); got != c.audio {
			t.Errorf("%s: audio\n got %s\nwant %s", c.name, got, c.audio)
		}
	}
}

// TestDependencyDescriptor: it is AV1's; with a simulcast offer it comes along only if AV1 is selected.
func TestDependencyDescriptor(t *testing.T) {
	l := local()
	l.VideoCodec = media.AV1
	for name, want := range map[string]uint8{"chromium-publish-simulcast": 13, "firefox-publish-simulcast": 8} {
		_, s, text := answerRecorded(t, name, l)
		if got := s.Video.Ext[media.DependencyDescriptor]; got != want {
			t.Errorf("%s: id %d, want %d", name, got, want)
		}
		for _, no := range []string{"a=rid", "a=simulcast", "rtp-stream-id"} {
			if strings.Contains(string(text), no) {
				t.Errorf("%s: the answer has %s", name, no)
			}
		}
	}
	_, _, text := answerRecorded(t, "firefox-publish-simulcast", l)
	if !strings.Contains(string(text), "a=extmap:8/recvonly https://aomedia") {
		t.Errorf("a one-way extension is not mirrored:\n%s", text)
	}
}

func TestRemote(t *testing.T) {
	for name, want := range map[string]Credentials{
		"chromium-publish-simulcast": {"S2Fn", "nUycErm3GBswf3CYAN/oh/u1"},
		"firefox-publish-default":    {"fc8aa555", "3ffeea7befaebd3d3cb004dceb91d3f8"},
		"gst-publish-h264":           {"drm2IkRByAerPqAvhQuXUxqciwznbYNI", "i+nPFqKGSGeG0+6vSRAfdJ8hIy9/LIQY"},
	} {
		o, s, _ := answerRecorded(t, name, local())
		if s.Remote != want {
			t.Errorf("%s: credentials %v, want %v", name, s.Remote, want)
		}
		if s.Fingerprint.Hash != "sha-256" || len(s.Fingerprint.Value) != 95 || !s.Fingerprint.supported() {
			t.Errorf("%s: fingerprint %v", name, s.Fingerprint)
		}
		if o.Tool == "" {
			t.Errorf("%s: the offer is unsigned", name)
		}
	}
}

func TestSources(t *testing.T) {
	for name, want := range map[string][]Source{
		"binbat-publish":             {{2520016909, 1309046626}},
		"firefox-publish-default":    {{693154176, 1240618373}},
		"firefox-publish-simulcast":  {{3206877969, 868632899}, {2376446462, 1042795703}, {2898710779, 1053057179}},
		"gst-publish-h264":           {{2119640692, 0}},
		"chromium-publish-simulcast": nil,
	} {
		if _, s, _ := answerRecorded(t, name, local()); !slices.Equal(s.Video.Sources, want) {
			t.Errorf("%s: %v, want %v", name, s.Video.Sources, want)
		}
	}
}

func TestPreferredCodec(t *testing.T) {
	for _, c := range []struct {
		offer, codec string
		pt           uint8
		kind         string
	}{
		{"chromium-publish-default", "h264", 108, "none"},
		{"chromium-publish-default", "vp8", 96, "none"},
		{"chromium-publish-default", "vp9", 98, "none"},
		{"chromium-publish-default", "av1", 45, "none"},
		{"chromium-publish-default", "hevc", 0, "not acceptable"},
		{"chromium-publish-default", "opus", 0, "not acceptable"},
		{"firefox-publish-default", "av1", 99, "none"},
		{"firefox-publish-default", "h264", 0, "not acceptable"},
	} {
		l := local()
		l.VideoCodec, _ = CodecNamed(c.codec)
		o, err := ParseOffer(recorded(t, c.offer))
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := AnswerPublish(o, l)
		if kindOf(err) != c.kind {
			t.Errorf("%s, %s: %v", c.offer, c.codec, err)
		}
		if err != nil {
			if !strings.Contains(err.Error(), l.VideoCodec.String()) {
				t.Errorf("%s, %s: the reason does not name the codec: %v", c.offer, c.codec, err)
			}
			continue
		}
		if got := s.Video.Codecs; len(got) != 1 || got[0].PT != c.pt {
			t.Errorf("%s, %s: %+v", c.offer, c.codec, got)
		}
	}
}

func TestPreferredSound(t *testing.T) {
	for name, want := range map[string]uint8{"pcmu": 0, "pcma": 8, "opus": 111} {
		l := local()
		l.AudioCodec, _ = CodecNamed(name)
		_, s, text := answerRecorded(t, "chromium-publish-default", l)
		if got := s.Audio.Codecs; len(got) != 1 || got[0].PT != want {
			t.Errorf("%s: %+v", name, got)
		}
		if !strings.Contains(string(text), fmt.Sprintf("m=audio 9 UDP/TLS/RTP/SAVPF %d\r\n", want)) {
			t.Errorf("%s: the answer lists something else:\n%s", name, text)
		}
	}
}

// TestLive: the stream's codec comes first in a viewer's answer, and the rest stay.
func TestLive(t *testing.T) {
	high := media.Format{Codec: media.H264, ClockRate: 90000, Profile: "64001f", PacketizationMode: 1}
	pcma := media.Format{Codec: media.PCMA, ClockRate: 8000, Channels: 1}
	av1 := media.Format{Codec: media.AV1, ClockRate: 90000, Profile: "0"}
	h265 := media.Format{Codec: media.H265, ClockRate: 90000, Profile: "1"}
	for _, c := range []struct {
		offer        string
		live         []media.Format
		video, audio uint8
		kind         string
	}{
		{"chromium-play-default", nil, 96, 111, "none"},
		{"chromium-play-default", []media.Format{av1, pcma}, 45, 8, "none"},
		{"chromium-play-default", []media.Format{high}, 102, 111, "none"},
		{"chromium-play-default", []media.Format{h265}, 0, 0, "not acceptable"},
		{"chromium-play-default", []media.Format{h265, av1}, 45, 111, "none"},
		{"firefox-play-default", []media.Format{high}, 0, 0, "not acceptable"},
		{"gst-play-h264", []media.Format{high, pcma}, 96, 111, "none"}, // it sees, and does not hear
	} {
		l := local()
		l.Live = c.live
		o, err := ParseOffer(recorded(t, c.offer))
		if err != nil {
			t.Fatal(err)
		}
		s, text, err := AnswerPlay(o, l)
		if kindOf(err) != c.kind {
			t.Errorf("%s, %v: %v", c.offer, c.live, err)
		}
		if err != nil {
			if !strings.Contains(err.Error(), c.live[0].Codec.String()) {
				t.Errorf("%s: the reason does not name the codec: %v", c.offer, err)
			}
			continue
		}
		checkAnswer(t, o, s, text)
		if s.Video.Codecs[0].PT != c.video || s.Audio.Codecs[0].PT != c.audio {
			t.Errorf("%s, %v: video %d, audio %d come first", c.offer, c.live, s.Video.Codecs[0].PT, s.Audio.Codecs[0].PT)
		}
		if len(s.Video.Codecs) != len(o.Media[o.pick(media.Video, 0, false)].Codecs) {
			t.Errorf("%s, %v: codecs were lost", c.offer, c.live)
		}
	}
}

func TestViewerSources(t *testing.T) {
	_, s, _ := answerRecorded(t, "chromium-play-default", local())
	if s.Video.SSRC != 2001 || s.Video.RTXSSRC != 2002 || s.Audio.SSRC != 1001 || s.Audio.RTXSSRC != 0 {
		t.Errorf("video %d/%d, audio %d/%d", s.Video.SSRC, s.Video.RTXSSRC, s.Audio.SSRC, s.Audio.RTXSSRC)
	}
	// webrtcbin offers no retransmission, so it is not told of a source for it.
	_, s, text := answerRecorded(t, "gst-play-h264", local())
	if s.Video.RTXSSRC != 0 || strings.Contains(string(text), "2002") {
		t.Errorf("retransmission source %d:\n%s", s.Video.RTXSSRC, text)
	}
}

// TestHostileNames: a stream's name comes from a URL and cannot break out of its line.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{"live/a b", "live/x\r\na=setup:active", "live/ü", strings.Repeat("x", 500), ""} {
		l := local()
		l.Stream, l.Cname = name, name
		o, s, text := answerRecorded(t, "chromium-play-default", l)
		checkAnswer(t, o, s, text)
		for _, id := range strings.Split(s.Video.Msid, " ") {
			if len(id) > 64 || id == "" {
				t.Errorf("%q: id %q", name, id)
			}
		}
		if strings.Contains(string(text), "\na=setup:active") || strings.Count(s.Video.Msid, " ") != 1 {
			t.Errorf("%q broke out:\n%s", name, text)
		}
	}
}
