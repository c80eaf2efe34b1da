package media

import "testing"

func TestProfileLevel(t *testing.T) {
	for _, test := range []struct {
		name           string
		of             interface{ ProfileLevel() (string, string) }
		profile, level string
	}{
		{"H264 by packets", Format{Codec: H264, Profile: "42e01f"}, "Baseline", "3.1"},
		{"H264 High", Format{Codec: H264, Profile: "640028"}, "High", "4"},
		{"H264 of an unknown profile", Format{Codec: H264, Profile: "010014"}, "", "2"},
		{"H264 that says nothing", Format{Codec: H264}, "", ""},
		{"H264 that says nonsense", Format{Codec: H264, Profile: "nonsen"}, "nonsen", ""},
		{"VP9 by packets", Format{Codec: VP9, Profile: "2"}, "2", ""},
		{"H264 by frames", &FrameFormat{Codec: H264, Config: []byte{1, 0x4d, 0, 30}}, "Main", "3"},
		{"H264 cut off", &FrameFormat{Codec: H264, Config: []byte{1, 0x4d, 0}}, "", ""},
		{"H265", &FrameFormat{Codec: H265, Config: []byte{1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 93}}, "Main10", "3.1"},
		{"H265 of an unknown profile", &FrameFormat{Codec: H265, Config: []byte{1, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 120}}, "", "4"},
		{"AV1", &FrameFormat{Codec: AV1, Config: []byte{0x81, 0x05}}, "Main", "3.1"},
		{"AV1 High", &FrameFormat{Codec: AV1, Config: []byte{0x81, 0x28}}, "High", "4"},
		{"AAC", &FrameFormat{Codec: AAC, Config: []byte{0x12, 0x10}}, "LC", ""},
		{"AAC of an unknown type", &FrameFormat{Codec: AAC, Config: []byte{0xf8}}, "", ""},
		{"Opus", &FrameFormat{Codec: Opus}, "", ""},
	} {
		if profile, level := test.of.ProfileLevel(); profile != test.profile || level != test.level {
			t.Errorf("%s: %q, %q, want %q, %q", test.name, profile, level, test.profile, test.level)
		}
	}
}
