package media

import (
	"encoding/hex"
	"strings"
	"testing"
)

// unhex reads bytes written in hexadecimal, with spaces where they help the eye.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestInspect(t *testing.T) {
	for _, test := range []struct {
		name       string
		codec      Codec
		payload    string
		start, key bool
	}{
		{"opus", Opus, "78 01", true, false},
		{"pcmu, empty", PCMU, "", true, false},
		{"no codec", 0, "65 88", false, false},

		{"h264, empty", H264, "", false, false},
		{"h264, a header alone", H264, "65", false, false},
		{"h264, IDR slice", H264, "65 88 84", true, true},
		{"h264, a later slice of an IDR", H264, "65 42 84", false, true},
		{"h264, slice", H264, "41 9a 24", true, false},
		{"h264, a later slice", H264, "41 52 24", false, false},
		{"h264, partition A", H264, "42 9a", true, false},
		{"h264, partition B", H264, "43 9a", false, false},
		{"h264, SEI", H264, "06 05 01", true, false},
		{"h264, SPS", H264, "67 42 e0 1f", true, false},
		{"h264, SEI, recovery point", H264, "06 06 01 c4 80", true, true},
		{"h264, SEI, recovery point of a gradual refresh, after another", H264, "06 05 02 0102 06 01 44 80", true, true},
		{"h264, SEI, cut short", H264, "06 06 05 c4", true, false},
		{"h264, PPS", H264, "68 ce 38 80", true, false},
		{"h264, AUD", H264, "09 10", true, false},
		{"h264, filler", H264, "0c ff", false, false},
		{"h264, STAP-A of SPS and PPS", H264, "78 0004 6742e01f 0004 68ce3880", true, false},
		{"h264, STAP-A of SPS, PPS and IDR", H264, "78 0004 6742e01f 0004 68ce3880 0003 658884", true, true},
		{"h264, STAP-A of SPS, PPS and slice", H264, "78 0004 6742e01f 0004 68ce3880 0003 419a24", true, false},
		{"h264, STAP-A of SPS, recovery point and slice", H264, "78 0004 6742e01f 0005 060601c480 0003 419a24", true, true},
		{"h264, STAP-A of AUD and slice", H264, "78 0002 0910 0003 419a24", true, false},
		{"h264, STAP-A of later slices", H264, "78 0002 4152", false, false},
		{"h264, STAP-A cut short after its PPS", H264, "78 0002 68ce 0009 6742", true, false},
		{"h264, STAP-A with an empty unit", H264, "78 0000 0002 6742", false, false},
		{"h264, STAP-A of one byte", H264, "78", false, false},
		{"h264, FU-A, first of an IDR", H264, "7c 85 88 84", true, true},
		{"h264, FU-A, middle of an IDR", H264, "7c 05 88 84", false, false},
		{"h264, FU-A, last of an IDR", H264, "7c 45 88 84", false, false},
		{"h264, FU-A, first of a slice", H264, "5c 81 9a 24", true, false},
		{"h264, FU-A, first of a later slice", H264, "5c 81 52 24", false, false},
		{"h264, FU-A without a fragment", H264, "7c 85", false, true},
		{"h264, STAP-B", H264, "79 0000 0002 6742", false, false},
		{"h264, FU-B", H264, "7d 85 0000 88", false, false},

		{"h265, empty", H265, "", false, false},
		{"h265, a header alone", H265, "26 01", false, false},
		{"h265, IDR_W_RADL", H265, "26 01 af", true, true},
		{"h265, BLA_W_LP", H265, "20 01 af", true, true},
		{"h265, CRA", H265, "2a 01 af", true, true},
		{"h265, reserved IRAP 22", H265, "2c 01 af", true, false},
		{"h265, a later segment of an IDR", H265, "26 01 2f", false, true},
		{"h265, TRAIL_R", H265, "02 01 d0", true, false},
		{"h265, a later segment", H265, "02 01 50", false, false},
		{"h265, VPS", H265, "40 01 0c", true, false},
		{"h265, SPS", H265, "42 01 01", true, false},
		{"h265, PPS", H265, "44 01 c1", true, false},
		{"h265, AUD", H265, "46 01 50", true, false},
		{"h265, prefix SEI", H265, "4e 01 05", true, false},
		{"h265, suffix SEI", H265, "50 01 05", false, false},
		{"h265, AP of VPS, SPS, PPS", H265, "60 01 0003 40010c 0003 420101 0003 4401c1", true, false},
		{"h265, AP of VPS, SPS, PPS, IDR_W_RADL", H265, "60 01 0003 40010c 0003 420101 0003 4401c1 0003 2601af", true, true},
		{"h265, AP of VPS, SPS, PPS, TRAIL_R", H265, "60 01 0003 40010c 0003 420101 0003 4401c1 0003 0201d0", true, false},
		{"h265, prefix SEI, recovery point", H265, "4e 01 06 01 d0 80", true, true},
		{"h265, AP of PPS and TRAIL_R", H265, "60 01 0003 4401c1 0003 0201d0", true, false},
		{"h265, AP of a unit of one byte", H265, "60 01 0001 26", false, true},
		{"h265, FU, first of an IDR", H265, "62 01 93 af", true, true},
		{"h265, FU, middle of an IDR", H265, "62 01 13 af", false, false},
		{"h265, FU, first of TRAIL_R", H265, "62 01 81 d0", true, false},
		{"h265, PACI", H265, "64 01 26 00 af", false, false},

		{"vp8, empty", VP8, "", false, false},
		{"vp8, a descriptor alone", VP8, "10", false, false},
		{"vp8, key", VP8, "10 50 42 00 9d 01 2a", true, true},
		{"vp8, inter", VP8, "10 51 42", true, false},
		{"vp8, continued", VP8, "00 50 42", false, false},
		{"vp8, start of the second partition", VP8, "11 50 42", false, false},
		{"vp8, non-reference", VP8, "30 51", true, false},
		{"vp8, short picture id", VP8, "90 80 11 50", true, true},
		{"vp8, long picture id", VP8, "90 80 81 11 51", true, false},
		{"vp8, everything, key", VP8, "90 f0 81 11 22 60 50", true, true},
		{"vp8, everything, cut short", VP8, "90 f0 81 11 22 60", false, false},
		{"vp8, KEYIDX without TID", VP8, "90 10 05 50", true, true},

		{"vp9, empty", VP9, "", false, false},
		{"vp9, a descriptor alone", VP9, "0c", false, false},
		{"vp9, key", VP9, "0c 82 49", true, true},
		{"vp9, inter", VP9, "4c 86 00", true, false},
		{"vp9, continued", VP9, "04 82 49", false, false},
		{"vp9, short picture id", VP9, "8c 11 82", true, true},
		{"vp9, long picture id", VP9, "8c 81 11 82", true, true},
		{"vp9, layer 0, TL0PICIDX", VP9, "2c 00 07 82", true, true},
		{"vp9, spatial layer 1 of a key picture", VP9, "2c 03 07 82", false, false},
		{"vp9, flexible, layer 0, no TL0PICIDX", VP9, "3c 00 82", true, true},
		{"vp9, flexible, inter, three P_DIFF", VP9, "5c 03 05 06 86", true, false},
		{"vp9, flexible, inter, P_DIFF cut short", VP9, "5c 03 05 07", false, false},
		{"vp9, structure without sizes", VP9, "0e 00 82", true, true},
		{"vp9, structure of two layers and one picture", VP9, "0e 38 0140 00b4 0280 0168 01 04 01 82", true, true},
		{"vp9, structure cut short", VP9, "0e 38 0140 00b4 0280", false, false},

		{"av1, empty", AV1, "", false, false},
		{"av1, a header alone", AV1, "08", false, false},
		{"av1, new coded video sequence", AV1, "08 0a 0b", true, true},
		{"av1, frame", AV1, "10 32", true, false},
		{"av1, continued", AV1, "90 32", false, false},
		{"av1, continued and new, which is forbidden", AV1, "98 32", false, false},
		{"av1, sequence header and key frame without N", AV1, "20 0b 080000000337fffc0fff98 30 10 00", true, true},
		{"av1, lengths before all, a sequence header without N", AV1, "00 01 10 0b 080000000337fffc0fff98", true, true},
		{"av1, a sequence header alone, with its size", AV1, "10 0a 0a 000000 42a7bfe62edfc842", true, true},
		{"av1, sequence header repeated before an inter frame", AV1, "20 0b 080000000337fffc0fff98 30 30 00", true, false},
		{"av1, sequence header repeated before an inter frame with its size", AV1, "20 0b 080000000337fffc0fff98 32 7f 30 00", true, false},
		{"av1, sequence header before a frame cut short", AV1, "20 0b 080000000337fffc0fff98 30", true, false},
		{"av1, metadata and frame", AV1, "20 02 2801 30 10 00", true, false},
		{"av1, sequence header after a broken length", AV1, "00 7f 080000000337fffc0fff98", true, false},
		{"av1, continued, then a sequence header", AV1, "a0 01 00 080000000337fffc0fff98", false, false},
	} {
		start, key := Inspect(test.codec, unhex(t, test.payload))
		if start != test.start || key != test.key {
			t.Errorf("%s: Inspect says start %v, key %v; want %v, %v", test.name, start, key, test.start, test.key)
		}
	}
}

func TestVideoSize(t *testing.T) {
	for _, test := range []struct {
		name          string
		codec         Codec
		payload       string
		width, height int // 0: not known
	}{
		// Encoders' own parameter sets.
		{"h264, high, VUI", H264, "67 64000c ac3b50b04b4200000300020000 03003d08", 352, 288},
		{"h264, high, cropped", H264, "67 64001e acd940a02ff9610000030001000003003c0f162d96", 640, 360},
		{"h264, high, progressive", H264, "67 640020 ac172a01401e6840 0001c2000057e421", 1280, 960},
		{"h264, in a STAP-A after an AUD", H264, "78 0002 0910 0015 67 64000c ac3b50b04b420000030002000003003d08 0002 68ce", 352, 288},
		{"h264, cut short", H264, "67 64000c ac3b", 0, 0},
		{"h264, STAP-A without one", H264, "78 0002 0910", 0, 0},
		{"h264, an IDR", H264, "65 888421a0", 0, 0},
		{"h264, FU-A of an SPS", H264, "7c 87 64000c ac3b50b04b42", 0, 0},
		{"h264, empty", H264, "", 0, 0},
		{"h265, main", H265, "4201 0101600000030090000003000003007 8a003c08010e5966669 24cae01000000300100000030 1e080", 1920, 1080},
		{"h265, in an AP", H265, "6001 0003 40010c 002a 42010101600000030090000003000003 0078a003c08010e596666924cae0100000030010000003 01e080", 1920, 1080},
		{"h265, cut short", H265, "4201 0101600000030090", 0, 0},
		{"h265, empty", H265, "", 0, 0},

		{"vp8", VP8, "10 504200 9d012a 8002 e001 00", 640, 480},
		{"vp8, scaled", VP8, "10 504200 9d012a 8042 e081 00", 640, 480},
		{"vp8, without its start code", VP8, "10 504200 9d012b 8002 e001 00", 0, 0},
		{"vp8, inter", VP8, "10 514200 9d012a 8002 e001 00", 0, 0},
		{"vp8, cut short", VP8, "10 504200 9d012a 8002 e0", 0, 0},

		{"vp9, uncompressed header", VP9, "0c 824983420077f032343000", 1920, 804},
		{"vp9, the highest layer of a structure", VP9, "0e 38 0140 00b4 0280 0168 01 04 01 82", 640, 360},
		{"vp9, inter", VP9, "4c 86 00408290", 0, 0},
		{"vp9, show_existing_frame", VP9, "0c 88 4983420077f03234", 0, 0},
		{"vp9, without its sync code", VP9, "0c 82 4983430077f03234", 0, 0},
		{"vp9, cut short", VP9, "0c 82 4983420077", 0, 0},
		{"av1, length before each element", AV1, "08 0a 08000000 42abbfc37700 01 30", 1920, 1080},
		{"av1, one element", AV1, "18 08000000 42a7bfe4600d0040", 1920, 804},
		{"av1, with a size field", AV1, "28 0d 0a0b000000 42a7bfe62edfc842 3010", 1920, 818},
		{"av1, after a temporal delimiter, with an extension", AV1, "28 01 10 0c00 000000 42abbfc37700", 1920, 1080},
		{"av1, without one", AV1, "18 3010", 0, 0},
		{"av1, without N", AV1, "10 08000000 42a7bfe4600d0040", 1920, 804},
		{"av1, before an inter frame", AV1, "20 0c 08000000 42a7bfe4600d0040 30 30 00", 0, 0},
		{"av1, an element of no bytes", AV1, "08 00 0a 08000000 42abbfc37700", 0, 0},
		{"av1, an element longer than the payload", AV1, "08 7f 08000000 42abbfc37700", 0, 0},
		{"av1, a length without an end", AV1, "08 ffffffffff 08", 0, 0},
		{"av1, cut short", AV1, "18 08000000 42a7", 0, 0},
		{"opus", Opus, "78 01", 0, 0},
	} {
		width, height, ok := VideoSize(test.codec, unhex(t, test.payload))
		if width != test.width || height != test.height || ok != (test.width > 0) {
			t.Errorf("%s: VideoSize says %dx%d, %v; want %dx%d", test.name, width, height, ok, test.width, test.height)
		}
	}
}

// bitWriter writes parameter sets for tests, field by field.
type bitWriter struct {
	b []byte
	n uint
}

func (w *bitWriter) bits(n uint, v uint32) {
	for n > 0 {
		n--
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[len(w.b)-1] |= byte(v>>n&1) << (7 - w.n%8)
		w.n++
	}
}

func (w *bitWriter) golomb(values ...uint32) {
	for _, v := range values {
		size := uint(0)
		for n := v + 1; n > 1; n >>= 1 {
			size++
		}
		w.bits(size, 0)
		w.bits(size+1, v+1)
	}
}

// An SPS with every optional part before the size: high 4:2:2 with scaling lists, field coding, order count type 1.
func TestVideoSizeOfRichSPS(t *testing.T) {
	w := &bitWriter{b: []byte{0x67, 122, 0, 40}, n: 32}
	w.golomb(0, 2, 2, 2) // id, 4:2:2, depths
	w.bits(1, 0)
	w.bits(1, 1)
	for i := range 8 {
		present := uint32(i % 2)
		w.bits(1, present)
		switch {
		case present == 0:
		case i < 6:
			for range 16 {
				w.golomb(1) // +1
			}
		default:
			w.golomb(16) // -8: the rest as before
		}
	}
	w.golomb(4, 1) // log2_max_frame_num_minus4, pic_order_cnt_type
	w.bits(1, 0)
	w.golomb(3, 4, 2, 7, 0xfffffffe) // offsets, two of them for reference frames
	w.golomb(4)
	w.bits(1, 0)
	w.golomb(119, 33) // 1920, 2*544
	w.bits(1, 0)      // fields
	w.bits(1, 1)
	w.bits(1, 1)
	w.bits(1, 1)
	w.golomb(1, 2, 0, 4) // cropping: 2*3 columns, 2*4 rows
	w.bits(1, 0)
	if width, height, ok := VideoSize(H264, w.b); !ok || width != 1914 || height != 1080 {
		t.Errorf("VideoSize says %dx%d, %v; want 1914x1080", width, height, ok)
	}
}

// An AV1 sequence header with every optional part before the size: timing, a decoder model, two operating points.
func TestVideoSizeOfRichSequenceHeader(t *testing.T) {
	w := &bitWriter{b: []byte{0x18, 0x08}, n: 16}
	w.bits(5, 0)
	w.bits(1, 1)
	w.bits(32, 1001)
	w.bits(32, 60000)
	w.bits(1, 1)
	w.golomb(5)
	w.bits(1, 1)
	w.bits(5, 9)
	w.bits(32, 77)
	w.bits(10, 0x155)
	w.bits(1, 1) // initial_display_delay_present_flag
	w.bits(5, 1)
	w.bits(12, 0x101)
	w.bits(5, 8) // so that seq_tier follows
	w.bits(1, 1)
	w.bits(1, 1) // decoder_model_present_for_this_op
	w.bits(21, 0x0fffff)
	w.bits(1, 1)
	w.bits(4, 3)
	w.bits(12, 0x101)
	w.bits(5, 7)
	w.bits(2, 0)
	w.bits(4, 10)
	w.bits(4, 9)
	w.bits(11, 1279)
	w.bits(10, 719)
	if width, height, ok := VideoSize(AV1, w.b); !ok || width != 1280 || height != 720 {
		t.Errorf("VideoSize says %dx%d, %v; want 1280x720", width, height, ok)
	}
	w = &bitWriter{b: []byte{0x18, 0x08}, n: 16}
	w.bits(5, 3) // a still picture, with a reduced header
	w.bits(5, 0)
	w.bits(8, 0x99)
	w.bits(20, 639<<10|359)
	if width, height, ok := VideoSize(AV1, w.b); !ok || width != 640 || height != 360 {
		t.Errorf("VideoSize says %dx%d, %v; want 640x360", width, height, ok)
	}
}

// A size that nobody can mean is none, whatever the numbers overflow to.
func TestVideoSizeOfAbsurdSPS(t *testing.T) {
	for _, mbs := range []uint32{1 << 10, 1 << 20, 1<<28 - 1, 1<<32 - 2} {
		w := &bitWriter{b: []byte{0x67, 66, 0, 40}, n: 32}
		w.golomb(0, 0, 2, 1)
		w.bits(1, 0)
		w.golomb(mbs, mbs)
		w.bits(3, 4)
		w.bits(8, 0x80)
		if width, height, ok := VideoSize(H264, w.b); ok {
			t.Errorf("%d macroblocks wide: VideoSize believes %dx%d", mbs, width, height)
		}
	}
}

func FuzzBitstream(f *testing.F) {
	for codec := H264; codec <= PCMA; codec++ {
		for _, seed := range []string{
			"", "65", "7c8588", "7800046742e01f000468ce3880", "6764000cac3b50b04b42000003000200000300 3d08",
			"60010003420101", "90f08111226050", "0e38014000b40280016801040182", "0c824983420077f0323430", "5c0305", "080a0b", "280d0a0b00000042a7bfe62edfc8423010",
		} {
			f.Add(uint8(codec), unhex(f, seed))
		}
	}
	f.Fuzz(func(t *testing.T, codec uint8, payload []byte) {
		c := Codec(codec)
		before := string(payload)
		start, key := Inspect(c, payload)
		if c.Kind() == Audio && (!start || key) {
			t.Fatalf("%v: sound begins a frame and is no keyframe", c)
		}
		if len(payload) == 0 && c.Kind() == Video && (start || key) {
			t.Fatalf("%v: nothing begins a frame", c)
		}
		width, height, ok := VideoSize(c, payload)
		if ok != (width > 0 && height > 0) || width > maxSize || height > maxSize {
			t.Fatalf("%v: %dx%d, %v", c, width, height, ok)
		}
		if string(payload) != before {
			t.Fatal("the payload was changed")
		}
	})
}

func TestIsRecoveryPoint(t *testing.T) {
	for _, test := range []struct {
		sei  []byte
		want bool
	}{
		{[]byte{6, 6, 1, 0xc4, 0x80}, true},
		{[]byte{6, 5, 2, 1, 2, 6, 1, 0xc4, 0x80}, true},
		{append(append([]byte{6, 5, 0xff, 1}, make([]byte, 256)...), 6, 1, 0x84, 0x80), true},
		{[]byte{6, 6, 1, 0x44, 0x80}, false}, // one picture later
		{[]byte{6, 5, 9, 6, 1, 0xc4, 0x80}, false},
		{[]byte{6, 6}, false},
		{[]byte{6, 0xff, 0xff, 0xff}, false},
		{[]byte{6}, false},
	} {
		if got := IsRecoveryPoint(test.sei); got != test.want {
			t.Errorf("%x: %v", test.sei, got)
		}
	}
}
