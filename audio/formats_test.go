package audio

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"oneport/media"
)

func TestAudioSpecificConfig(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []byte
		want AudioSpecificConfig
	}{
		{"LC 44.1 kHz stereo", []byte{0x12, 0x10}, AudioSpecificConfig{ObjectType: 2, SampleRate: 44100, Channels: 2}},
		{"LC 48 kHz mono", []byte{0x11, 0x88}, AudioSpecificConfig{ObjectType: 2, SampleRate: 48000, Channels: 1}},
		{"LC 48 kHz 5.1", []byte{0x11, 0xb0}, AudioSpecificConfig{ObjectType: 2, SampleRate: 48000, Channels: 6}},
		{"LC 48 kHz, ffmpeg's with SBR ruled out", []byte{0x11, 0x90, 0x56, 0xe5, 0x00}, AudioSpecificConfig{ObjectType: 2, SampleRate: 48000, Channels: 2}},
		{"HE-AAC, declared first", []byte{0x2b, 0x11, 0x88, 0x00}, AudioSpecificConfig{ObjectType: 2, SampleRate: 24000, Channels: 2, SBR: true}},
		{"HE-AAC v2, declared first", []byte{0xeb, 0x09, 0x88, 0x00}, AudioSpecificConfig{ObjectType: 2, SampleRate: 24000, Channels: 1, SBR: true, PS: true}},
		{"HE-AAC, declared behind", []byte{0x13, 0x10, 0x56, 0xe5, 0x98}, AudioSpecificConfig{ObjectType: 2, SampleRate: 24000, Channels: 2, SBR: true}},
		{"HE-AAC v2, declared behind", []byte{0x13, 0x08, 0x56, 0xe5, 0x9d, 0x48, 0x80},
			AudioSpecificConfig{ObjectType: 2, SampleRate: 24000, Channels: 1, SBR: true, PS: true}},
		{"960 samples", []byte{0x11, 0x94}, AudioSpecificConfig{ObjectType: 2, SampleRate: 48000, Channels: 2, Short: true}},
		{"rate written out", []byte{0x17, 0x80, 0x5d, 0xb0, 0x10}, AudioSpecificConfig{ObjectType: 2, SampleRate: 47968, Channels: 2}},
		{"object type 39 (ELD)", []byte{0xf8, 0xe6, 0x40, 0x00}, AudioSpecificConfig{ObjectType: 39, SampleRate: 48000, Channels: 2}},
	} {
		got, err := ParseAudioSpecificConfig(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
	for _, bad := range [][]byte{nil, {0x12}, {0x16, 0x90}, {0x11, 0xc8}, {0x17, 0x80}, {0xff, 0xff}} {
		if got, err := ParseAudioSpecificConfig(bad); err == nil {
			t.Errorf("%x is taken for %+v", bad, got)
		}
	}
}

func FuzzAudioSpecificConfig(f *testing.F) {
	for _, seed := range [][]byte{{0x12, 0x10}, {0x13, 0x10, 0x56, 0xe5, 0x98}, {0xeb, 0x09, 0x88, 0}, {0x17, 0x80, 0x5d, 0xb0, 0x10}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseAudioSpecificConfig(b)
		if err != nil || c.ObjectType >= 31 || c.ObjectType == sbr || c.ObjectType == ps || c.Channels > 6 {
			return // what Append is not made for
		}
		c.SBR, c.PS = false, false
		if again, err := ParseAudioSpecificConfig(c.Append(nil)); err != nil || again != c {
			t.Fatalf("%+v becomes %+v, %v", c, again, err)
		}
	})
}

func TestOpusHead(t *testing.T) {
	want := OpusHead{Channels: 2, PreSkip: 312, SampleRate: 44100, Gain: -256}
	b := want.Append(nil)
	if text := "OpusHead\x01\x02\x38\x01\x44\xac\x00\x00\x00\xff\x00"; string(b) != text {
		t.Errorf("the header is %q", b)
	}
	if got, err := ParseOpusHead(b); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for name, bad := range map[string][]byte{
		"empty": nil, "short": b[:18], "another magic": append([]byte("OpusTags"), b[8:]...),
		"version 16": with(b, 8, 16), "no channels": with(b, 9, 0), "three channels without a table": with(b, 9, 3),
	} {
		if got, err := ParseOpusHead(bad); err == nil {
			t.Errorf("%s: taken for %+v", name, got)
		}
	}
	if got, err := ParseOpusHead(with(with(b, 9, 6), 18, 1)); err != nil || got.Channels != 6 || got.Mapping != 1 {
		t.Errorf("5.1: %+v, %v", got, err)
	}
}

// with is b with another byte at i.
func with(b []byte, i int, v byte) []byte {
	b = bytes.Clone(b)
	b[i] = v
	return b
}

func TestOpusPacket(t *testing.T) {
	for _, tt := range []struct {
		in      []byte
		samples int
		stereo  bool
	}{
		{[]byte{0x78}, 960, false},        // hybrid, 20 ms
		{[]byte{0xfc}, 960, true},         // CELT, fullband, 20 ms
		{[]byte{0xe0}, 120, false},        // CELT, 2.5 ms
		{[]byte{0x18}, 2880, false},       // SILK, 60 ms
		{[]byte{0x19}, 5760, false},       // two of them
		{[]byte{0xfe}, 1920, true},        // two of 20 ms, of different size
		{[]byte{0xff, 0x06}, 5760, true},  // six
		{[]byte{0xe3, 0xb0}, 5760, false}, // 48 of 2.5 ms, VBR
	} {
		p, err := ParseOpusPacket(tt.in)
		if err != nil || p.Samples() != tt.samples || p.Stereo != tt.stereo {
			t.Errorf("%x: %+v, %v", tt.in, p, err)
		}
	}
	for _, bad := range [][]byte{nil, {0xff}, {0xff, 0x00}, {0xff, 0x07}, {0x1b, 0x03}} {
		if p, err := ParseOpusPacket(bad); err == nil {
			t.Errorf("%x is taken for %+v", bad, p)
		}
	}
}

// TestRefusals: what cannot be converted is said at once, in a sentence with the way out.
func TestRefusals(t *testing.T) {
	surround := with(with(OpusHead{Channels: 2}.Append(nil), 9, 6), 18, 1)
	aac := func(config ...byte) *media.FrameFormat { return &media.FrameFormat{Codec: media.AAC, Config: config} }
	for _, tt := range []struct {
		from *media.FrameFormat
		to   media.Codec
		want string
	}{
		{aac(0x2b, 0x11, 0x88, 0x00), media.Opus, "audio: AAC with SBR (HE-AAC) can't be converted: set the encoder to AAC-LC"},
		{aac(0x13, 0x08, 0x56, 0xe5, 0x9d, 0x48, 0x80), media.Opus, "audio: AAC with SBR and PS (HE-AAC v2) can't be converted: set the encoder to AAC-LC"},
		{aac(0x11, 0xb0), media.Opus, "audio: AAC with 6 channels can't be converted: set the encoder to mono or stereo"},
		{aac(0x11, 0x80), media.Opus, "program config element"},
		{aac(0x11, 0x94), media.Opus, "960"},
		{aac(0x0a, 0x10), media.Opus, "AAC of object type 1 "},
		{aac(0x17, 0x80, 0x5d, 0xb0, 0x10), media.Opus, "AAC at 47968 Hz"},
		{aac(0x12, 0x10), media.AAC, "nothing to convert"},
		{aac(0x12, 0x10), media.PCMU, "only Opus and AAC-LC"},
		{&media.FrameFormat{Codec: media.Opus, Config: surround}, media.AAC, "Opus with 6 channels"},
		{&media.FrameFormat{Codec: media.PCMU}, media.AAC, "PCMU"},
		{&media.FrameFormat{Codec: media.H264}, media.AAC, "H264"},
	} {
		tr, err := New(tt.from, tt.to, 0)
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), tt.want) || tr != nil {
			t.Errorf("%s of %x: %v", tt.from.Codec, tt.from.Config, err)
		}
	}
	for _, bad := range []*media.FrameFormat{nil, aac(), aac(0x12), {Codec: media.Opus, Config: []byte("OpusHead")}} {
		if _, err := New(bad, media.Opus, 0); err == nil || errors.Is(err, ErrUnsupported) {
			t.Errorf("a broken format gives %v", err)
		}
	}
}

// TestBitrates: what is asked for is what comes out, within what the codec can do well.
func TestBitrates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, to           media.Codec
		channels           int
		asked, least, most int
	}{
		{media.Opus, media.AAC, 2, 0, 90000, 150000},
		{media.Opus, media.AAC, 2, 64000, 45000, 80000},
		{media.Opus, media.AAC, 1, 1, 10000, 40000},
		{media.AAC, media.Opus, 2, 0, 70000, 110000},
		{media.AAC, media.Opus, 2, 16000, 40000, 60000}, // stereo below 48 kbit/s sounds broken
		{media.AAC, media.Opus, 1, 64000, 50000, 80000},
		{media.AAC, media.Opus, 2, 1 << 30, 300000, 520000},
	} {
		hz := []float64{440, 700}[:tt.channels]
		s := tones(3*48000/2, 48000, hz...)
		for c := range s { // noise, so that there is something to spend bits on
			seed := uint32(c + 1)
			for i := range s[c] {
				seed = seed*1664525 + 1013904223
				s[c][i] += float32(int32(seed)) / (1 << 33)
			}
		}
		frames := coded(t, tt.from, s, 48000, 0)
		tr, err := New(frames[0].Format, tt.to, tt.asked)
		if err != nil {
			t.Fatal(err)
		}
		bits := 0
		out := pushAll(t, tr, frames)
		for _, f := range out {
			bits += 8 * len(f.Data)
		}
		if rate := int(float64(bits) / (out[len(out)-1].PTS - out[0].PTS).Seconds()); rate < tt.least || rate > tt.most {
			t.Errorf("%s with %d channels at %d bit/s has %d", tt.to, tt.channels, tt.asked, rate)
		}
	}
}
