package flv

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"oneport/media"
)

func TestReadEnvelopes(t *testing.T) {
	avc, hevc, av1, opus := "17 00 000000"+testAVCC, "90 68766331"+testHVCC, "90 61763031"+testAV1C, "90 4f707573"+hex.EncodeToString(media.OpusHead(2))
	for _, test := range []struct {
		name         string
		typ          Type
		config, body string
		composition  time.Duration
		key          bool
		data         string // empty: no frame
		err          error
	}{
		{"legacy avc", Video, avc, "27 01 000028 00000002 419a", 40 * time.Millisecond, false, "00000002419a", nil},
		{"legacy avc, delimiter and parameter sets left out", Video, avc, "17 01 000000 00000002 0910 00000004 68ce3880 00000002 6588", 0, true, "000000026588", nil},
		{"legacy avc, nothing but parameter sets", Video, avc, "17 01 000000 00000004 68ce3880", 0, true, "", nil},
		{"legacy avc, a NAL unit too long", Video, avc, "27 01 000000 00000003 419a", 0, false, "", nil},
		{"legacy avc, end of sequence", Video, avc, "17 02 000000", 0, false, "", nil},
		{"legacy avc, cut short", Video, avc, "27 01 00", 0, false, "", errShort},
		{"legacy avc, composition beyond belief", Video, avc, "27 01 7fffff 00000002 419a", 0, false, "", errComposition},
		{"legacy command", Video, avc, "57 00", 0, false, "", nil},
		{"hevc by number", Video, "1c 00 000000" + testHVCC, "1c 01 000000 00000003 2601af", 0, true, "000000032601af", nil},
		{"sorenson", Video, avc, "22 00", 0, false, "", ErrUnsupported},
		{"no sequence header", Video, "", "27 01 000000 00000002 419a", 0, false, "", ErrNoConfig},
		{"sequence header of another codec", Video, hevc, "27 01 000000 00000002 419a", 0, false, "", ErrNoConfig},
		{"enhanced avc", Video, "90 61766331" + testAVCC, "a1 61766331 000014 00000002 419a", 20 * time.Millisecond, false, "00000002419a", nil},
		{"hvc1", Video, hevc, "a1 68766331 000028 00000003 0201d0", 40 * time.Millisecond, false, "000000030201d0", nil},
		{"hvc1, without composition", Video, hevc, "a3 68766331 00000003 0201d0", 0, false, "000000030201d0", nil},
		{"hvc1, not said to be a keyframe", Video, hevc, "81 68766331 000000 00000003 2601af", 0, true, "000000032601af", nil},
		{"av01, not said to be a keyframe", Video, av1, "81 61763031 32021000", 0, true, "32021000", nil},
		{"start codes", Video, avc, "27 01 000000 00000001 419a 000001 419b", 0, false, "00000002419a00000002419b", nil},
		{"hvc1, metadata", Video, hevc, "a4 68766331 0200", 0, false, "", nil},
		{"enhanced command", Video, hevc, "d0 00", 0, false, "", nil},
		{"av01", Video, av1, "91 61763031 32021000", 0, true, "32021000", nil},
		{"av01, temporal delimiter left out", Video, av1, "91 61763031 1200 32021000", 0, true, "32021000", nil},
		{"av01, malformed", Video, av1, "91 61763031 32091000", 0, false, "", nil},
		{"unknown FourCC", Video, av1, "91 78787878 00", 0, false, "", ErrUnsupported},
		{"FourCC cut short", Video, av1, "91 6176", 0, false, "", errShort},
		{"a nanosecond modifier", Video, av1, "97 02 00c350 01 61763031 32021000", 50 * time.Microsecond, true, "32021000", nil},
		{"a modifier cut short", Video, av1, "97 ff", 0, false, "", errShort},
		{"one track", Video, av1, "96 01 61763031 00 32021000", 0, true, "32021000", nil},
		{"the first of two tracks", Video, av1, "96 11 61763031 01 000001 00 00 000004 32021000", 0, true, "32021000", nil},
		{"the first of two codecs", Video, av1, "96 21 68766331 01 000001 00 61763031 00 000004 32021000", 0, true, "32021000", nil},
		{"another track", Video, av1, "96 01 61763031 05 32021000", 0, false, "", nil},
		{"a track too long", Video, av1, "96 11 61763031 00 0000ff 00", 0, false, "", errShort},
		{"empty picture", Video, av1, "", 0, false, "", nil},
		{"aac", Audio, "af 00 1210", "af 01 2110", 0, true, "2110", nil},
		{"aac, empty", Audio, "af 00 1210", "af 01", 0, true, "", nil},
		{"aac without sequence header", Audio, "", "af 01 2110", 0, true, "", ErrNoConfig},
		{"mp4a", Audio, "90 6d703461 1210", "91 6d703461 2110", 0, true, "2110", nil},
		{"Opus", Audio, opus, "91 4f707573 fc01", 0, true, "fc01", nil},
		{"Opus, layout of channels", Audio, opus, "94 4f707573 01", 0, true, "", nil},
		{"Opus, one track", Audio, opus, "95 01 4f707573 00 fc01", 0, true, "fc01", nil},
		{"mp3", Audio, "", "2f 00", 0, false, "", ErrUnsupported},
		{"no such type", 7, "", "00", 0, false, "", errType},
	} {
		var r Reader
		if test.config != "" {
			if _, err := r.Read(time.Time{}, Tag{Type: test.typ, Body: unhex(t, test.config)}); err != nil {
				t.Errorf("%s: the sequence header: %v", test.name, err)
			}
		}
		f, err := r.Read(time.Time{}, Tag{Type: test.typ, Time: 1000, Body: unhex(t, test.body)})
		malformed := strings.Contains(test.name, "malformed") || strings.Contains(test.name, "unit too long")
		if malformed != (err != nil && test.err == nil) || test.err != nil && !errors.Is(err, test.err) {
			t.Errorf("%s: the error is %v, want %v", test.name, err, test.err)
		}
		if test.data == "" {
			if f != nil {
				t.Errorf("%s: there is a frame, %+v", test.name, f)
			}
			continue
		}
		if f == nil || hex.EncodeToString(f.Data) != test.data || f.DTS != time.Second || f.PTS != time.Second+test.composition || f.Key != test.key {
			t.Errorf("%s: the frame is %+v", test.name, f)
		}
	}
}

func TestFormatChanges(t *testing.T) {
	var r Reader
	read := func(ts uint32, body string) *media.Frame {
		t.Helper()
		f, err := r.Read(time.Time{}, Tag{Type: Video, Time: ts, Body: unhex(t, body)})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	other := "6742c028d900780227e584000003000400000300f03c60c920"
	read(0, "17 00 000000"+testAVCC)
	first := read(0, "17 01 000000 00000002 6588")
	read(40, "17 00 000000"+testAVCC)
	if again := read(40, "27 01 000000 00000002 419a"); again.Format != first.Format {
		t.Error("the same sequence header again makes another format")
	}
	inband := read(80, "17 01 000000 00000019"+other+"00000002 6588")
	if inband.Format == first.Format || inband.Format.Width != 1920 || first.Format.Width != 352 || hex.EncodeToString(inband.Data) != "000000026588" {
		t.Errorf("a parameter set among the pictures: %+v, %x", inband.Format, inband.Data)
	}
	// Lengths of two bytes become lengths of four.
	two := unhex(t, testAVCC)
	two[4] = 0xfd
	read(120, "17 00 000000"+hex.EncodeToString(two))
	f := read(120, "17 01 000000 0002 6588 0002 4101")
	if hex.EncodeToString(f.Data) != "000000026588000000024101" || f.Format.Width != 352 {
		t.Errorf("lengths of two bytes: %x, %+v", f.Data, f.Format)
	}
	read(160, "90 68766331"+testHVCC)
	if f := read(160, "93 68766331 00000003 2601af"); f.Format.Codec != media.H265 {
		t.Errorf("another codec: %+v", f.Format)
	}
	if _, err := r.Read(time.Time{}, Tag{Type: Video, Body: unhex(t, "17 00 000000 01640c")}); err == nil {
		t.Error("a sequence header that is cut short is believed")
	}
	if r.Format(media.Video).Codec != media.H265 {
		t.Error("a malformed sequence header replaces a good one")
	}
}

func TestMetadata(t *testing.T) {
	tag := MetadataTag(format(t, media.AAC, "1210"), format(t, media.H264, testAVCC), 0)
	m, err := ParseMetadata(tag.Body)
	if want := (Metadata{Encoder: "oneport", Width: 352, Height: 288}); err != nil || m != want {
		t.Errorf("our own metadata is read as %+v, %v", m, err)
	}
	var r Reader
	if f, err := r.Read(time.Time{}, tag); f != nil || err != nil || r.Metadata() != m {
		t.Errorf("a reader has %+v, %v", r.Metadata(), err)
	}
	set := append(unhex(t, "02 000d 40736574446174614672616d65"), tag.Body...)
	if m, err := ParseMetadata(set); err != nil || m.Width != 352 {
		t.Errorf("behind @setDataFrame: %+v, %v", m, err)
	}
	for n := range len(tag.Body) - 3 { // the end marker may be missing
		if m, err := ParseMetadata(tag.Body[:n]); err == nil && m.Encoder != "" {
			t.Errorf("%d bytes are enough to read %+v", n, m)
		}
	}
	head := "02 000a 6f6e4d65746144617461" // "onMetaData"
	for name, bomb := range map[string][]byte{
		"depth":        append(unhex(t, head), bytes.Repeat(unhex(t, "03 0001 61"), 100_000)...),
		"array depth":  append(unhex(t, head+"08 00000001 0001 61"), bytes.Repeat(unhex(t, "0a 00000001"), 100_000)...),
		"array length": unhex(t, head+"08 ffffffff 0001 61 0a ffffffff 05"),
		"long string":  unhex(t, head+"03 0001 61 0c ffffffff 61"),
		"unknown":      unhex(t, head+"03 0001 61 63"),
		"no object":    unhex(t, head+"05"),
	} {
		if _, err := ParseMetadata(bomb); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if m, err := ParseMetadata(unhex(t, "02 0006 6f6e43756550 03 000009")); err != nil || m != (Metadata{}) {
		t.Errorf("another event: %+v, %v", m, err)
	}
}

func FuzzReader(f *testing.F) {
	add := func(bodies ...string) {
		var file []byte
		for i, body := range bodies {
			for _, typ := range []Type{Video, Audio, Script} {
				file = Tag{Type: typ, Time: uint32(i) << 28, Body: unhex(f, body)}.Append(file)
			}
		}
		f.Add(file)
	}
	add("17 00 000000"+testAVCC, "17 01 000000 00000002 0910 00000002 6588")
	add("90 68766331"+testHVCC, "93 68766331 00000003 2601af")
	add("90 61763031"+testAV1C, "96 11 61763031 01 000001 00 00 000004 32021000", "97 02 00c350 01 61763031 1200 32021000")
	add("af 00 1210", "af 01 2110", "95 01 4f707573 00 fc01")
	add("02 000a 6f6e4d65746144617461 08 00000001 0001 61 0a 00000001 0b 00000000000000000000")
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Reader
		var last [media.Kinds]time.Duration
		for first := true; ; first = false {
			tag, rest, ok, err := CutTag(b)
			if err != nil || !ok {
				return
			}
			b = rest
			frame, err := r.Read(time.Time{}, tag)
			if frame == nil || err != nil {
				continue
			}
			k := frame.Format.Kind()
			if len(frame.Data) == 0 || frame.DTS < 0 || frame.PTS < frame.DTS || !first && frame.DTS <= last[k] && r.stats.Frames > 1 && last[k] != 0 {
				t.Fatalf("the frame is %+v after %v", frame, last[k])
			}
			last[k] = frame.DTS
			if _, err := FrameTag(frame); err != nil && frame.Format.Config != nil {
				t.Fatalf("%+v cannot be written: %v", frame, err)
			}
		}
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add(MetadataTag(nil, nil, 0).Body)
	f.Add(unhex(f, "02 000a 6f6e4d65746144617461 03 0001 61 0a 00000001 0b 00000000000000000000 000009"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, _ := ParseMetadata(b); len(m.Encoder) > maxEncoder {
			t.Fatalf("an encoder's name of %d bytes", len(m.Encoder))
		}
	})
}

// A frame of a few bytes does not keep the long message alive that it came in; one that fills its message is not copied.
func TestFrameKeepsNoMessage(t *testing.T) {
	var r Reader
	if _, err := r.Read(time.Time{}, Tag{Type: Audio, Body: unhex(t, "af 00 1210")}); err != nil {
		t.Fatal(err)
	}
	long := append(unhex(t, "af 01 2110"), make([]byte, 1<<20)...)
	small, err := r.Read(time.Time{}, Tag{Type: Audio, Body: long[:4]})
	if err != nil || len(small.Data) != 2 || cap(small.Data) > 2*mostSlack {
		t.Errorf("%v: %d bytes keep %d", err, len(small.Data), cap(small.Data))
	}
	whole, err := r.Read(time.Time{}, Tag{Type: Audio, Time: 23, Body: long})
	if err != nil || &whole.Data[0] != &long[2] {
		t.Errorf("a frame that fills its message is copied, or not read: %v", err)
	}
}
