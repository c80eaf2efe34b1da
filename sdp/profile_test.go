package sdp

import (
	"slices"
	"testing"

	"oneport/media"

	pion "github.com/pion/sdp/v3"
)

func h264Format(profile string, mode uint8) media.Format {
	return media.Format{Codec: media.H264, ClockRate: 90000, Profile: profile, PacketizationMode: mode}
}

func TestCompatible(t *testing.T) {
	vp9 := func(p string) media.Format { return media.Format{Codec: media.VP9, ClockRate: 90000, Profile: p} }
	av1 := func(p string) media.Format { return media.Format{Codec: media.AV1, ClockRate: 90000, Profile: p} }
	for _, c := range []struct {
		stream, viewer media.Format
		want           bool
	}{
		{h264Format("42e01f", 1), h264Format("42e01f", 1), true},
		{h264Format("42c01e", 1), h264Format("42e01f", 1), true}, // Constrained Baseline, spelt twice
		{h264Format("4d801f", 1), h264Format("42e01f", 1), true}, // and a third time
		{h264Format("58c01f", 1), h264Format("42e01f", 1), true},
		{h264Format("42001f", 1), h264Format("42e01f", 1), false},
		{h264Format("58801f", 1), h264Format("42001f", 1), true},
		{h264Format("4d001f", 1), h264Format("4d0034", 1), true}, // levels do not count
		{h264Format("4d401f", 1), h264Format("4d001f", 1), true}, // bit 6 says nothing of Main
		{h264Format("58001f", 1), h264Format("58401f", 1), false},
		{h264Format("64001f", 1), h264Format("640034", 1), true},
		{h264Format("640c1f", 1), h264Format("64001f", 1), false},
		{h264Format("640c1f", 1), h264Format("640c34", 1), true}, // Constrained High
		{h264Format("f4001f", 1), h264Format("f4001f", 1), true},
		{h264Format("f4001f", 1), h264Format("6e001f", 1), false},
		{h264Format("42e01f", 0), h264Format("42e01f", 1), true},
		{h264Format("42e01f", 1), h264Format("42e01f", 0), false},
		{h264Format("", 1), h264Format("", 1), false},
		{vp9(""), vp9("0"), true},
		{vp9("2"), vp9("0"), false},
		{av1("0"), av1(""), true},
		{av1("1"), av1("0"), false},
		{media.Format{Codec: media.H265, Profile: "2"}, media.Format{Codec: media.H265, Profile: "1"}, true},
		{media.Format{Codec: media.Opus, Channels: 1}, media.Format{Codec: media.Opus, Channels: 2}, true},
		{media.Format{Codec: media.PCMU}, media.Format{Codec: media.PCMA}, false},
		{media.Format{Codec: media.VP8}, vp9("0"), false},
	} {
		if got := Compatible(c.stream, c.viewer); got != c.want {
			t.Errorf("stream %v mode %d, viewer %v mode %d: %v", c.stream, c.stream.PacketizationMode, c.viewer, c.viewer.PacketizationMode, got)
		}
	}
}

func TestChoose(t *testing.T) {
	chromium := []media.Format{h264Format("42001f", 1), h264Format("42001f", 0), h264Format("42e01f", 1), h264Format("42e01f", 0), h264Format("4d001f", 1)}
	safari := []media.Format{h264Format("42e01f", 1), h264Format("640c1f", 1)}
	for _, c := range []struct {
		stream media.Format
		viewer []media.Format
		want   int // index into viewer, -1 for none
	}{
		{h264Format("42c01e", 1), chromium, 2},
		{h264Format("42001f", 1), chromium, 0},
		{h264Format("4d4028", 1), chromium, 4},
		{h264Format("64001f", 1), chromium, 0},
		{h264Format("64001f", 1), safari, 1},
		{h264Format("42e01f", 0), []media.Format{h264Format("42e01f", 0)}, 0},
		{h264Format("64001f", 0), []media.Format{h264Format("42e01f", 0)}, 0},
		{h264Format("42e01f", 1), []media.Format{h264Format("42e01f", 0)}, -1},
		{h264Format("64001f", 1), []media.Format{h264Format("64001f", 0), h264Format("42e01f", 1)}, 1},
		{h264Format("", 1), safari, 0}, // a profile that nobody told
		{media.Format{Codec: media.VP8}, safari, -1},
		{media.Format{Codec: media.VP9, Profile: "2"}, []media.Format{{Codec: media.VP9, Profile: "0"}}, -1},
	} {
		track := &Track{Kind: media.Video}
		for i, f := range c.viewer {
			track.Codecs = append(track.Codecs, Codec{PT: uint8(96 + i), Format: f})
		}
		got, ok := track.Choose(c.stream)
		if ok != (c.want >= 0) || ok && int(got.PT) != 96+c.want {
			t.Errorf("%v of mode %d: payload type %d, %v; want %d", c.stream, c.stream.PacketizationMode, got.PT, ok, 96+c.want)
		}
	}
}

func TestH264Preference(t *testing.T) {
	ranked := []media.Format{h264Format("42e01f", 1), h264Format("42c01e", 1), h264Format("42001f", 1), h264Format("64001f", 1), h264Format("42e01f", 0)}
	for i := 1; i < len(ranked); i++ {
		if a, b := preference(ranked[i-1]), preference(ranked[i]); a >= b {
			t.Errorf("%v (%d) does not come before %v (%d)", ranked[i-1], a, ranked[i], b)
		}
	}
	if last := ranked[len(ranked)-1]; preference(last) >= preference(media.Format{Codec: media.VP8}) {
		t.Error("H264 does not come before VP8")
	}
}

func TestParseFormat(t *testing.T) {
	for _, c := range []struct {
		rtpmap, fmtp string
		want         media.Format
		ok           bool
	}{
		{"H264/90000", "", h264Format("420010", 0), true},
		{"h264/90000", " Profile-Level-ID=42E01F ; packetization-mode=1", h264Format("42e01f", 1), true},
		{"H264/90000", "packetization-mode=2", media.Format{}, false},
		{"H264/90000", "profile-level-id=42e0", media.Format{}, false},
		{"H264/48000", "", media.Format{}, false},
		{"H265/90000", "", media.Format{Codec: media.H265, ClockRate: 90000, Profile: "1"}, true},
		{"H265/90000", "level-id=93;profile-id=2", media.Format{Codec: media.H265, ClockRate: 90000, Profile: "2"}, true},
		{"VP8/90000", "max-fs=1", media.Format{Codec: media.VP8, ClockRate: 90000}, true},
		{"VP9/90000", "", media.Format{Codec: media.VP9, ClockRate: 90000, Profile: "0"}, true},
		{"VP9/90000", "profile-id=2", media.Format{Codec: media.VP9, ClockRate: 90000, Profile: "2"}, true},
		{"AV1/90000", "level-idx=5;profile=1", media.Format{Codec: media.AV1, ClockRate: 90000, Profile: "1"}, true},
		{"AV1X/90000", "", media.Format{Codec: media.AV1, ClockRate: 90000, Profile: "0"}, true},
		{"opus/48000/2", "", media.Format{Codec: media.Opus, ClockRate: 48000, Channels: 2}, true},
		{"opus/16000/2", "", media.Format{}, false},
		{"PCMU/8000", "", media.Format{Codec: media.PCMU, ClockRate: 8000, Channels: 1}, true},
		{"PCMA/8000/1", "", media.Format{Codec: media.PCMA, ClockRate: 8000, Channels: 1}, true},
		{"PCMA/8000/2", "", media.Format{}, false},
		{"red/48000/2", "111/111", media.Format{}, false},
		{"ulpfec/90000", "", media.Format{}, false},
		{"flexfec-03/90000", "", media.Format{}, false},
		{"telephone-event/8000", "0-15", media.Format{}, false},
		{"CN/8000", "", media.Format{}, false},
		{"G722/8000", "", media.Format{}, false},
		{"rtx/90000", "apt=96", media.Format{}, false},
		{"", "", media.Format{}, false},
	} {
		got, ok := parseFormat(c.rtpmap, c.fmtp)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q %q: %+v, %v", c.rtpmap, c.fmtp, got, ok)
		}
	}
}

// TestStaticPayloadTypes: PCMU and PCMA need no rtpmap (RFC 3551), and RTCP's range is no payload type (RFC 5761).
func TestStaticPayloadTypes(t *testing.T) {
	var pts []uint8
	formats := []string{"8", "0", "8", "1", "999", "x", "63", "64", "72", "95", "96", "127", "128"}
	var attrs []pion.Attribute
	for _, f := range formats[6:] {
		attrs = append(attrs, pion.Attribute{Key: "rtpmap", Value: f + " opus/48000/2"})
	}
	for _, c := range readCodecs(media.Audio, formats, attrs) {
		pts = append(pts, c.PT)
	}
	if !slices.Equal(pts, []uint8{8, 0, 63, 96, 127}) {
		t.Errorf("%v", pts)
	}
}

// TestPayloadTypeZero: PCMU's payload type is 0, which elsewhere says that a codec has no retransmission.
func TestPayloadTypeZero(t *testing.T) {
	o, err := ParseOffer(change(t, "SAVPF 111", "SAVPF 0", "a=rtpmap:111 opus/48000/2\n", "",
		"SAVPF 96 97", "SAVPF 96", "a=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := AnswerPublish(o, local())
	if err != nil || s.Audio.Codecs[0].PT != 0 || s.Video.Codecs[0].PT != 96 || s.Video.Codecs[0].RTX != 0 {
		t.Fatalf("%+v, %v", s, err)
	}
}

func TestCodecNamed(t *testing.T) {
	for name, want := range map[string]media.Codec{
		"h264": media.H264, "H265": media.H265, "hevc": media.H265, "vp8": media.VP8, "VP9": media.VP9,
		"av1": media.AV1, "opus": media.Opus, "pcmu": media.PCMU, "pcma": media.PCMA,
	} {
		if got, err := CodecNamed(name); err != nil || got != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := CodecNamed("mjpeg"); kindOf(err) != "malformed" {
		t.Errorf("mjpeg: %v", err)
	}
}
