package media

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"
)

const (
	testSPS  = "6764000cac3b50b04b420000030002000003003d08"
	testPPS  = "68ce3880"
	testVPS5 = "40010c01ffff016000000300900000030000030078959809"
	testSPS5 = "420101016000000300900000030000030078a003c08010e596666924cae010000003001000000301e080"
	testPPS5 = "4401c172b46240"
	testAV1  = "0800000042a7bfe4600d0040" // a sequence header without its size
)

// The records of encoders' parameter sets, and what a format reads from them.
func TestConfig(t *testing.T) {
	for _, test := range []struct {
		name          string
		codec         Codec
		nals          []string
		config        string
		width, height int
	}{
		{"h264, baseline", H264, []string{"6742c028d900780227e584000003000400000300f03c60c920", testPPS},
			"0142c028ffe100196742c028d900780227e584000003000400000300f03c60c92001000468ce3880", 1920, 1080},
		{"h264, high", H264, []string{testSPS, testPPS},
			"0164000cffe10015" + testSPS + "01000468ce3880fdf8f800", 352, 288},
		{"h265, main", H265, []string{testPPS5, testSPS5, testVPS5},
			"01016000000090000000000078f000fcfdf8f800000f03a000010018" + testVPS5 + "a10001002a" + testSPS5 + "a200010007" + testPPS5, 1920, 1080},
	} {
		var sets ParameterSets
		for _, nal := range test.nals {
			if !sets.Put(test.codec, unhex(t, nal)) {
				t.Errorf("%s: %s changes nothing", test.name, nal)
			}
			if sets.Put(test.codec, unhex(t, nal)) {
				t.Errorf("%s: %s changes something twice", test.name, nal)
			}
		}
		config := sets.Config(test.codec)
		if got := hex.EncodeToString(config); got != test.config {
			t.Errorf("%s: the record is\n%s, want\n%s", test.name, got, test.config)
		}
		read, size, err := ReadParameterSets(test.codec, config)
		if err != nil || size != 4 || !slices.EqualFunc(read.All(), sets.All(), bytes.Equal) {
			t.Errorf("%s: read back %x, lengths of %d, %v", test.name, read.All(), size, err)
		}
		f, err := NewFrameFormat(test.codec, config)
		if err != nil || f.Width != test.width || f.Height != test.height {
			t.Errorf("%s: the format is %+v, %v; want %dx%d", test.name, f, err, test.width, test.height)
		}
		for n := range config[:len(config)-4] { // the last four bytes of high's record are a part that is not read
			if _, _, err := ReadParameterSets(test.codec, config[:n]); err == nil {
				t.Errorf("%s: the record cut to %d bytes is believed", test.name, n)
			}
		}
	}
}

func TestParameterSetsReplaceEachOther(t *testing.T) {
	var sets ParameterSets
	sets.Put(H264, unhex(t, testSPS))
	if sets.Config(H264) != nil {
		t.Error("there is a record without a picture parameter set")
	}
	sets.Put(H264, unhex(t, testPPS))
	other := unhex(t, "6742c028d900780227e584000003000400000300f03c60c920") // the same number, 0
	if !sets.Put(H264, other) || len(sets.SPS) != 1 || !bytes.Equal(sets.SPS[0], other) {
		t.Errorf("the sets are %x", sets.SPS)
	}
	for _, nal := range []string{"", "67", "67420000", "65888421", "6742000000000000"} {
		if sets.Put(H264, unhex(t, nal)) {
			t.Errorf("%s is taken for a parameter set", nal)
		}
	}
	if sets.Put(H264, append(unhex(t, testSPS), make([]byte, maxSetSize)...)) {
		t.Error("a parameter set may be as long as it likes")
	}
	w := 0
	for id := range uint32(256) {
		b := &bitWriter{b: []byte{0x68}, n: 8}
		b.golomb(id, id)
		b.bits(16, 0xffff)
		if sets.Put(H264, b.b) {
			w++
		}
	}
	if len(sets.PPS) != maxSets {
		t.Errorf("%d picture parameter sets are kept after %d changes, want %d", len(sets.PPS), w, maxSets)
	}
}

func TestAV1Config(t *testing.T) {
	rich := &bitWriter{}
	rich.bits(3, 2) // profile 2
	rich.bits(2, 0)
	rich.bits(2, 0) // no timing, no display delay
	rich.bits(5, 0)
	rich.bits(12, 0)
	rich.bits(5, 13)
	rich.bits(1, 1) // high tier
	rich.bits(4, 9)
	rich.bits(4, 9)
	rich.bits(20, 639<<10|359)
	rich.bits(1, 1) // frame ids
	rich.bits(7, 0x7f)
	rich.bits(3, 7)
	rich.bits(4, 15)
	rich.bits(1, 1) // order hints
	rich.bits(2, 3)
	rich.bits(1, 0)
	rich.bits(1, 1) // force screen content tools
	rich.bits(1, 0)
	rich.bits(1, 1)
	rich.bits(3, 6)
	rich.bits(3, 7)
	rich.bits(3, 6) // twelve bits, not monochrome
	rich.bits(1, 1) // a colour description
	rich.bits(24, 9<<16|16<<8|9)
	rich.bits(1, 0)
	rich.bits(2, 3) // 4:2:0
	rich.bits(2, 2) // colocated
	rich.bits(2, 2)
	for _, test := range []struct {
		name, config  string
		obu           OBU
		width, height int
	}{
		{"main", "81080c000a0b00000042a7bfe4600d0040", mustOBU(t, unhex(t, testAV1)), 1920, 804},
		{"with its size", "81080c000a0b00000042a7bfe62edfc842", mustOBU(t, unhex(t, "0a0b00000042a7bfe62edfc842")), 1920, 818},
		{"everything", "814dee000a" + hex.EncodeToString(append([]byte{byte(len(rich.b))}, rich.b...)), OBU{Type: OBUSequenceHeader, Payload: rich.b}, 640, 360},
	} {
		config := AV1Config(test.obu)
		if got := hex.EncodeToString(config); got != test.config {
			t.Errorf("%s: the record is\n%s, want\n%s", test.name, got, test.config)
			continue
		}
		if f, err := NewFrameFormat(AV1, config); err != nil || f.Width != test.width || f.Height != test.height {
			t.Errorf("%s: the format is %+v, %v; want %dx%d", test.name, f, err, test.width, test.height)
		}
	}
	if AV1Config(OBU{Type: OBUSequenceHeader, Payload: unhex(t, "00000042")}) != nil {
		t.Error("a sequence header that is cut short has a record")
	}
}

func mustOBU(t *testing.T, b []byte) OBU {
	t.Helper()
	obu, err := ParseOBU(b)
	if err != nil {
		t.Fatal(err)
	}
	return obu
}

func TestVP9Config(t *testing.T) {
	for _, test := range []struct{ frame, config string }{
		{"824983420077f032343000", "010000000029" + "82" + "0202020000"}, // 1920x804: level 4.1
		{"824983", ""},
		{"86004082", ""},
	} {
		if got := hex.EncodeToString(VP9Config(unhex(t, test.frame))); got != test.config {
			t.Errorf("%s: the record is %s, want %s", test.frame, got, test.config)
		}
	}
}

func TestAudioFormats(t *testing.T) {
	for _, test := range []struct {
		name           string
		codec          Codec
		config         string
		rate, channels int // 0: malformed
	}{
		{"aac, 44.1 kHz, stereo", AAC, "1210", 44100, 2},
		{"aac, 48 kHz, mono", AAC, "1188", 48000, 1},
		{"aac, 5.1", AAC, "11b0", 48000, 6},
		{"aac, 7.1", AAC, "11b8", 48000, 8},
		{"aac, explicit rate", AAC, "17805dc010", 48000, 2},
		{"aac, empty", AAC, "", 0, 0},
		{"aac, reserved rate", AAC, "1690", 0, 0},
		{"aac, cut short", AAC, "12", 0, 0},
		{"opus", Opus, hex.EncodeToString(OpusHead(2)), 48000, 2},
		{"opus, cut short", Opus, "4f707573", 0, 0},
		{"pcmu", PCMU, "", 8000, 1},
	} {
		f, err := NewFrameFormat(test.codec, unhex(t, test.config))
		if (err == nil) != (test.rate > 0) || err == nil && (f.SampleRate != test.rate || f.Channels != test.channels) {
			t.Errorf("%s: %+v, %v", test.name, f, err)
		}
	}
}

func TestAnnexB(t *testing.T) {
	data := unhex(t, "00000003 670001 00000002 68ce 00000001 65")
	var back []byte
	for nal := range AnnexB(unhex(t, "00000001670001 0000000168ce 0000000165")) {
		back = AppendNAL(back, nal)
	}
	if !bytes.Equal(back, data) {
		t.Errorf("read back %x, want %x", back, data)
	}
	var nals []string
	for nal := range AnnexB(unhex(t, "ffff 000001 0910 00000000 01 6588 000001 000001 4199 0000")) {
		nals = append(nals, hex.EncodeToString(nal))
	}
	if !slices.Equal(nals, []string{"0910", "6588", "4199"}) {
		t.Errorf("the NAL units are %v", nals)
	}
	for _, cut := range []string{"000000", "00000002 65", "ffffffff 65"} {
		for range NALs(unhex(t, cut)) {
			t.Errorf("%s has a NAL unit", cut)
		}
	}
}

func FuzzConfig(f *testing.F) {
	for _, seed := range []string{"", testSPS, "0142c028ffe100196742c028d900780227e584000003000400000300f03c60c92001000468ce3880", "81080c000a0b00000042a7bfe4600d0040", "1210", "824983420077f032343000"} {
		for codec := H264; codec <= AAC; codec++ {
			f.Add(uint8(codec), unhex(f, seed))
		}
	}
	f.Fuzz(func(t *testing.T, codec uint8, b []byte) {
		c := Codec(codec)
		if format, err := NewFrameFormat(c, b); err == nil && (format.Codec != c || format.Channels > 255 || format.SampleRate > 1<<24) {
			t.Fatalf("the format is %+v", format)
		}
		var sets ParameterSets
		for nal := range AnnexB(b) {
			sets.Put(c, nal)
			ClassifyNAL(c, nal)
		}
		if config := sets.Config(c); config != nil && (c == H264 || c == H265) {
			back, _, err := ReadParameterSets(c, config)
			if err != nil || !slices.EqualFunc(back.All(), sets.All(), bytes.Equal) {
				t.Fatalf("%x read back: %x, %v", sets.All(), back.All(), err)
			}
		}
		var whole []byte
		for obu, err := range OBUs(b) {
			if err == nil {
				whole = obu.Append(whole)
				AV1Config(obu)
			}
		}
		for _, err := range OBUs(whole) {
			if err != nil {
				t.Fatalf("%x, written from %x: %v", whole, b, err)
			}
		}
		Coded(c, b)
		VP9Config(b)
	})
}

// Levels of VP9 by the size of the picture, at 60 a second.
func TestVP9Level(t *testing.T) {
	for _, test := range []struct {
		width, height int
		level         byte
	}{{320, 180, 21}, {640, 360, 30}, {1280, 720, 40}, {1920, 1080, 41}, {3840, 2160, 51}, {7680, 4320, 61}} {
		if got := vp9Level(test.width * test.height); got != test.level {
			t.Errorf("%dx%d: level %d, want %d", test.width, test.height, got, test.level)
		}
	}
}

// An encoder that gives its parameter sets ever other numbers fills no more room than there is, and what is newest is there.
func TestOldestSetsGiveWay(t *testing.T) {
	var sets ParameterSets
	for id := range byte(64) { // as Exp-Golomb numbers of 13 bits
		pps := []byte{0x68, (id + 64) >> 5, (id + 64) << 3, 0x80}
		if !sets.Put(H264, pps) || sets.Put(H264, pps) {
			t.Fatalf("set %d is not taken once", id)
		}
		if n := len(sets.PPS); n != min(int(id)+1, maxSets) || !bytes.Equal(sets.PPS[n-1], pps) {
			t.Fatalf("after set %d there are %d, the last is %x", id, n, sets.PPS[n-1])
		}
	}
}
