package flv

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"oneport/media"
)

const (
	testSPS  = "6764000cac3b50b04b420000030002000003003d08"
	testAVCC = "0164000cffe10015" + testSPS + "01000468ce3880fdf8f800"
	testHVCC = "01016000000090000000000078f000fcfdf8f800000f03a00001001840010c01ffff016000000300900000030000030078959809" +
		"a10001002a420101016000000300900000030000030078a003c08010e596666924cae010000003001000000301e080a2000100074401c172b46240"
	testAV1C = "81080c000a0b00000042a7bfe4600d0040"
	testVPCC = "010000000000820202020000"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func format(t testing.TB, c media.Codec, config string) *media.FrameFormat {
	t.Helper()
	f, err := media.NewFrameFormat(c, unhex(t, config))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func formats(t testing.TB) []*media.FrameFormat {
	return []*media.FrameFormat{
		format(t, media.H264, testAVCC), format(t, media.H265, testHVCC), format(t, media.AV1, testAV1C), format(t, media.VP9, testVPCC),
		format(t, media.AAC, "1210"), format(t, media.Opus, hex.EncodeToString(media.OpusHead(2))),
	}
}

// frameData is what a small frame of a codec may hold.
var frameData = map[media.Codec]string{
	media.H264: "00000003658884", media.H265: "000000042601af09", media.AV1: "32021000", media.VP9: "8249834200", media.AAC: "2110", media.Opus: "fc01",
}

// interData is what another may hold that is no keyframe.
var interData = map[media.Codec]string{media.H264: "00000002419a", media.H265: "000000030201d0", media.AV1: "32023000", media.VP9: "8600"}

// The bodies of tags, byte by byte as the specifications have them.
func TestTagBodies(t *testing.T) {
	wantFrame := map[media.Codec]string{
		media.H264: "17 01 000028 00000003658884",
		media.H265: "91 68766331 000028 000000042601af09",
		media.AV1:  "91 61763031 32021000",
		media.VP9:  "91 76703039 8249834200",
		media.AAC:  "af 01 2110",
		media.Opus: "91 4f707573 fc01",
	}
	wantConfig := map[media.Codec]string{
		media.H264: "17 00 000000", media.H265: "90 68766331", media.AV1: "90 61763031", media.VP9: "90 76703039", media.AAC: "af 00", media.Opus: "90 4f707573",
	}
	for _, f := range formats(t) {
		at := 1234*time.Millisecond + 499*time.Microsecond
		tag, err := FrameTag(&media.Frame{Format: f, DTS: at, PTS: at + 40*time.Millisecond, Key: true, Data: unhex(t, frameData[f.Codec])})
		if err != nil || tag.Time != 1234 || !bytes.Equal(tag.Body, unhex(t, wantFrame[f.Codec])) {
			t.Errorf("%v: the tag is %+v (%x), %v", f.Codec, tag, tag.Body, err)
		}
		tag, err = ConfigTag(f, at)
		if want := append(unhex(t, wantConfig[f.Codec]), f.Config...); err != nil || !bytes.Equal(tag.Body, want) {
			t.Errorf("%v: the sequence header is %x, want %x, %v", f.Codec, tag.Body, want, err)
		}
	}
	inter := &media.Frame{Format: format(t, media.H265, testHVCC), Data: []byte{0, 0, 0, 1, 2}}
	if tag, _ := FrameTag(inter); hex.EncodeToString(tag.Body) != "a368766331"+"0000000102" {
		t.Errorf("without composition time the body is %x", tag.Body)
	}
}

func TestFile(t *testing.T) {
	if got := hex.EncodeToString(AppendHeader(nil, true, true)); got != "464c5601050000000900000000" {
		t.Errorf("the header is %s", got)
	}
	tag := Tag{Type: Video, Time: 0x12345678, Body: []byte{1, 2, 3}}
	file := tag.Append(AppendHeader(nil, false, true))
	if got := hex.EncodeToString(file[13:]); got != "09"+"000003"+"34567812"+"000000"+"010203"+"0000000e" {
		t.Errorf("the tag is %s", got)
	}
	tags := file[13:]
	for n := range tags {
		if _, _, ok, err := CutTag(tags[:n]); ok || err != nil {
			t.Fatalf("%d bytes hold a tag, %v", n, err)
		}
	}
	got, rest, ok, err := CutTag(tags)
	if err != nil || !ok || got.Type != Video || got.Time != tag.Time || !bytes.Equal(got.Body, tag.Body) || len(rest) > 0 {
		t.Errorf("read back %+v, rest %x, %v", got, rest, err)
	}
	if _, _, _, err := CutTag(make([]byte, 16)); err == nil {
		t.Error("any byte is the type of a tag")
	}
}

// Whatever the times are, each tag is the exact rounding of its own: over a day of frames nothing adds up.
func TestTimesDoNotDrift(t *testing.T) {
	aac, avc := format(t, media.AAC, "1210"), format(t, media.H264, testAVCC)
	for n := int64(0); n < 44100*86400/1024; n += 997 {
		samples := n * 1024
		at := time.Duration(samples/44100)*time.Second + time.Duration(samples%44100*int64(time.Second)/44100)
		tag, _ := FrameTag(&media.Frame{Format: aac, DTS: at, PTS: at, Data: []byte{1}})
		if want := (samples*1000 + 22050) / 44100; int64(tag.Time) != want && int64(tag.Time) != want-1 {
			t.Fatalf("sample %d is at %d ms, want %d", samples, tag.Time, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		dts := time.Duration(rapid.Int64Range(0, int64(60*24*time.Hour)).Draw(t, "dts"))
		pts := dts + time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "composition"))
		tag, _ := FrameTag(&media.Frame{Format: avc, DTS: dts, PTS: pts, Data: []byte{0, 0, 0, 1, 0x41}})
		shown := dts.Round(time.Millisecond) + composition(tag.Body[2:])
		if tag.Time != uint32(dts.Round(time.Millisecond).Milliseconds()) || shown != pts.Round(time.Millisecond) {
			t.Fatalf("%v, shown at %v: the tag says %d ms, shown at %v", dts, pts, tag.Time, shown)
		}
	})
}

// What is written is read back, over the wrap of the 32-bit time.
func TestRoundTrip(t *testing.T) {
	for _, f := range formats(t) {
		var r Reader
		config, _ := ConfigTag(f, 0)
		if frame, err := r.Read(time.Time{}, config); frame != nil || err != nil {
			t.Fatalf("%v: the sequence header is %v, %v", f.Codec, frame, err)
		}
		start := time.Duration(1<<32-100) * time.Millisecond
		for i := range 10 {
			at := start + time.Duration(i)*40*time.Millisecond
			sent := frameData[f.Codec]
			if inter := interData[f.Codec]; i > 0 && inter != "" {
				sent = inter
			}
			tag, err := FrameTag(&media.Frame{Format: f, DTS: at, PTS: at, Key: i == 0, Data: unhex(t, sent)})
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Read(time.Unix(1, 0), reread(t, tag))
			want := time.Duration(i) * 40 * time.Millisecond
			if err != nil || got == nil || got.DTS != want || got.PTS != want || hex.EncodeToString(got.Data) != sent ||
				got.Key != (i == 0 || f.Kind() == media.Audio) || !bytes.Equal(got.Format.Config, f.Config) || !got.Arrival.Equal(time.Unix(1, 0)) {
				t.Fatalf("%v, frame %d: read back %+v, %v", f.Codec, i, got, err)
			}
		}
		if s := r.Stats(); s != (Stats{Frames: 10}) {
			t.Errorf("%v: %+v", f.Codec, s)
		}
	}
}

// reread writes a tag to a file and reads it back.
func reread(t *testing.T, tag Tag) Tag {
	t.Helper()
	again, rest, ok, err := CutTag(tag.Append(nil))
	if !ok || err != nil || len(rest) > 0 || again.Type != tag.Type {
		t.Fatalf("%+v, written and read: %+v, %v, %v", tag, again, ok, err)
	}
	return again
}

// A frame's tag is encoded once, and holds the frame's data. Viewers get the same bytes, but for the time that they count by.
func TestTagIsEncodedOnce(t *testing.T) {
	for _, format := range formats(t) {
		plain := media.Frame{Format: format, DTS: time.Hour, PTS: time.Hour + 40*time.Millisecond, Key: true, Data: unhex(t, frameData[format.Codec])}
		f := plain
		Encode(&f)
		tag, err := FrameTag(&plain)
		if err != nil || !bytes.Equal(f.Tag, tag.Append(nil)) || !bytes.Equal(f.Data, plain.Data) {
			t.Fatalf("%v: the tag is %x, want %+v, %v", format.Codec, f.Tag, tag, err)
		}
		if &f.Data[0] != &f.Tag[len(f.Tag)-tagTrailerSize-len(f.Data)] || cap(f.Data) > len(f.Data) {
			t.Errorf("%v: the data is not the end of the tag's body, or can be appended to", format.Codec)
		}
		if shared, _ := FrameTag(&f); &shared.Body[0] != &f.Tag[tagHeaderSize] {
			t.Errorf("%v: the tag is encoded again", format.Codec)
		}
		before := bytes.Clone(f.Tag)
		for _, at := range []time.Duration{0, 1500 * time.Millisecond, 1 << 31 * time.Millisecond, 50 * 24 * time.Hour} {
			want := tag
			want.Time = uint32(at.Milliseconds())
			for _, f := range []media.Frame{f, plain} {
				if b, err := AppendFrame([]byte{0xff}, &f, at); err != nil || !bytes.Equal(b, want.Append([]byte{0xff})) {
					t.Errorf("%v at %v: %x, %v", format.Codec, at, b, err)
				}
			}
		}
		if !bytes.Equal(f.Tag, before) {
			t.Errorf("%v: the shared tag was written to", format.Codec)
		}
		dst := make([]byte, 0, 1024)
		if n := testing.AllocsPerRun(10, func() { AppendFrame(dst, &f, time.Second) }); n != 0 {
			t.Errorf("%v: a viewer's tag takes %v allocations", format.Codec, n)
		}
	}
}

func TestAppendFrame(t *testing.T) {
	f := &media.Frame{Format: format(t, media.AAC, "1210"), Data: []byte{0x21, 0x10}}
	b, err := AppendFrame([]byte{0xff}, f, time.Second)
	if want := "ff" + "08 000004 0003e8 00 000000 af012110 0000000f"; err != nil || !bytes.Equal(b, unhex(t, want)) {
		t.Errorf("the tag is %x, %v", b, err)
	}
	f.Format = &media.FrameFormat{Codec: media.VP8}
	Encode(f)
	if b, err := AppendFrame([]byte{0xff}, f, 0); err == nil || len(b) != 1 || f.Tag != nil {
		t.Errorf("VP8 is written: %x, %x, %v", b, f.Tag, err)
	}
}

func TestCheckNamesTheCodec(t *testing.T) {
	for _, c := range []media.Codec{media.VP8, media.PCMU, media.H264} {
		_, err := FrameTag(&media.Frame{Format: &media.FrameFormat{Codec: c}, Data: []byte{1}})
		if err == nil || !strings.Contains(err.Error(), c.String()) {
			t.Errorf("%v without a configuration: %v", c, err)
		}
	}
	big := &media.Frame{Format: format(t, media.AAC, "1210"), Data: make([]byte, MaxBody)}
	if _, err := FrameTag(big); !errors.Is(err, errSize) {
		t.Errorf("a frame larger than a tag: %v", err)
	}
}
