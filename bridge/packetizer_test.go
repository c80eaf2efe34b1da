package bridge

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"oneport/media"
)

// payloadsOf packetizes one frame.
func payloadsOf(t *testing.T, o PacketizerOptions, f *media.Frame) (payloads []string) {
	t.Helper()
	packets, err := NewPacketizer(o).Push(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, pkt := range packets {
		if start, key := media.Inspect(f.Format.Codec, pkt.Payload); pkt.Start != start || pkt.Key != key || pkt.Marker != (i == len(packets)-1) {
			t.Errorf("packet %d: %+v", i, pkt)
		}
		payloads = append(payloads, hex.EncodeToString(pkt.Payload))
	}
	return payloads
}

// Small pictures, byte by byte as the RFCs have them.
func TestPacketsOfSmallFrames(t *testing.T) {
	sets := "0015" + testSPS + "0004" + testPPS
	sets5 := "0018" + testVPS5 + "002a" + testSPS5 + "0007" + testPPS5
	for _, test := range []struct {
		name     string
		codec    media.Codec
		options  PacketizerOptions
		key      bool
		data     string
		payloads []string
	}{
		{"h264, key", media.H264, PacketizerOptions{}, true, "00000003658884", []string{"78" + sets + "0003658884"}},
		{"h264, key with its own parameter sets and a delimiter", media.H264, PacketizerOptions{}, true, "000000020910" + "00000004" + testPPS + "00000003658884", []string{"78" + sets + "0003658884"}},
		{"h264, inter", media.H264, PacketizerOptions{}, false, "00000003419a24", []string{"419a24"}},
		{"h264, SEI left out", media.H264, PacketizerOptions{}, false, "000000030605ff00000003419a24", []string{"419a24"}},
		{"h264, SEI kept", media.H264, PacketizerOptions{KeepSEI: true}, false, "000000030605ff00000003019a24", []string{"18" + "00030605ff" + "0003019a24"}},
		{"h265, key", media.H265, PacketizerOptions{}, true, "000000032601af", []string{"6001" + sets5 + "00032601af"}},
		{"h265, inter of a higher layer", media.H265, PacketizerOptions{}, false, "000000030202af", []string{"0202af"}},
		{"av1, key with its sequence header", media.AV1, PacketizerOptions{}, true, "0a0b00000042a7bfe4600d0040" + "32021000", []string{"08" + "0c0800000042a7bfe4600d0040" + "03301000"}},
		{"av1, key without it", media.AV1, PacketizerOptions{}, true, "1200" + "32021000", []string{"08" + "0c0800000042a7bfe4600d0040" + "03301000"}},
		{"av1, inter", media.AV1, PacketizerOptions{}, false, "32023000", []string{"00" + "03303000"}},
		{"vp8", media.VP8, PacketizerOptions{}, true, "5042009d012a8002e001", []string{"10" + "5042009d012a8002e001"}},
		{"vp9, key", media.VP9, PacketizerOptions{}, true, "824983420077", []string{"9c8001" + "824983420077"}},
		{"vp9, inter", media.VP9, PacketizerOptions{}, false, "860040", []string{"dc800102" + "860040"}},
	} {
		f := &media.Frame{Format: frameFormat(t, test.codec), Key: test.key, Data: unhex(t, test.data)}
		if got := payloadsOf(t, test.options, f); !slices.Equal(got, test.payloads) {
			t.Errorf("%s: the payloads are\n%v, want\n%v", test.name, got, test.payloads)
		}
	}
}

func TestPacketsOfLargeFrames(t *testing.T) {
	for _, test := range []struct {
		codec  media.Codec
		before int // payloads of parameter sets
		heads  []string
	}{
		{media.H264, 1, []string{"7c85", "7c05", "7c45"}},
		{media.H265, 1, []string{"620193", "620113", "620153"}},
		{media.AV1, 0, []string{"48", "c0", "80"}},
		{media.VP8, 0, []string{"10", "00", "00"}},
		{media.VP9, 0, []string{"988001", "908001", "948001"}},
	} {
		f := &media.Frame{Format: frameFormat(t, test.codec), Key: true, Data: coded(test.codec, true, 1, 3000, 1)}
		payloads := payloadsOf(t, PacketizerOptions{}, f)
		if len(payloads) != test.before+len(test.heads) {
			t.Errorf("%v: there are %d payloads", test.codec, len(payloads))
			continue
		}
		for i, head := range test.heads {
			if got := payloads[test.before+i]; !strings.HasPrefix(got, head) || len(got) > 2*maxPayload {
				t.Errorf("%v: payload %d begins with %s, want %s; it has %d bytes", test.codec, i, got[:6], head, len(got)/2)
			}
		}
	}
}

// An encoder's I P B B order: the pictures that are shown before one decoded earlier are left out.
func TestBFramesAreLeftOut(t *testing.T) {
	p := NewPacketizer(PacketizerOptions{})
	format := frameFormat(t, media.H264)
	var shown []int
	for i, pts := range []int{1, 4, 2, 3, 7, 5, 6, 10, 8, 9, 11} { // the keyframe at 10 is of an open GOP
		key := pts == 1 || pts == 10
		at := time.Duration(pts) * 40 * time.Millisecond
		f := &media.Frame{Format: format, DTS: time.Duration(i) * 40 * time.Millisecond, PTS: at, Key: key, Data: coded(media.H264, key, i, 20, 1)}
		packets, err := p.Push(f, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, pkt := range packets {
			if pkt.Timestamp != uint32(pts*3600) || pkt.Seq != firstSeq+uint64(len(shown)) {
				t.Errorf("picture %d: timestamp %d, number %d", pts, pkt.Timestamp, pkt.Seq-firstSeq)
			}
			shown = append(shown, pts)
		}
	}
	if !slices.Equal(shown, []int{1, 4, 7, 10, 11}) || p.Stats().BFrames != 6 {
		t.Errorf("the pictures %v are sent, and %d left out", shown, p.Stats().BFrames)
	}
	for _, word := range []string{"B-frames", "-bf 0", "zerolatency"} {
		if !strings.Contains(BFramesWarning, word) {
			t.Errorf("the warning does not say %q", word)
		}
	}
}

func TestFormatsOfPackets(t *testing.T) {
	p := NewPacketizer(PacketizerOptions{})
	push := func(f *media.FrameFormat, data []byte, i int) *media.Packet {
		t.Helper()
		at := time.Duration(i) * time.Second
		packets, err := p.Push(&media.Frame{Format: f, DTS: at, PTS: at, Key: true, Data: data}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return packets[0]
	}
	avc := frameFormat(t, media.H264)
	one := push(avc, coded(media.H264, true, 0, 20, 1), 0)
	two := push(avc, coded(media.H264, true, 1, 20, 1), 1)
	same := push(frameFormat(t, media.H264), coded(media.H264, true, 2, 20, 1), 2)
	want := media.Format{Codec: media.H264, ClockRate: 90000, Profile: "64000c", PacketizationMode: 1}
	if *one.Format != want || one.Format != two.Format || one.Format != same.Format {
		t.Errorf("the formats are %+v, %+v, %+v", one.Format, two.Format, same.Format)
	}
	if vp9 := push(frameFormat(t, media.VP9), coded(media.VP9, true, 3, 20, 1), 3); vp9.Format.Codec != media.VP9 || vp9.Format.Profile != "0" || vp9.Seq <= same.Seq {
		t.Errorf("after a change of codec: %+v", vp9)
	}
	for name, f := range map[string]*media.Frame{
		"AAC":        {Format: &media.FrameFormat{Codec: media.AAC, Config: []byte{0x12, 0x10}}, Data: []byte{1}},
		"H264":       {Format: &media.FrameFormat{Codec: media.H264}, Data: []byte{1}},
		"NAL":        {Format: avc, Data: []byte{0, 0, 0, 9, 1}},
		"OBU":        {Format: frameFormat(t, media.AV1), Data: []byte{0x32, 9}},
		"empty":      {Format: frameFormat(t, media.Opus)},
		"no picture": {Format: avc, Data: []byte{0, 0, 0, 2, 6, 5}},
	} {
		before := p.Stats().Refused
		f.Key = true
		packets, err := p.Push(f, nil)
		if err == nil || len(packets) > 0 || p.Stats().Refused != before+1 {
			t.Errorf("%s: %v, %v", name, packets, err)
		}
		if (name == "AAC" || name == "H264") && !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}

// A keyframe that is no IDR picture is none to a browser: it goes without parameter sets, so that no viewer begins there. The
// pictures that are shown before it are left out.
func TestOpenGroup(t *testing.T) {
	p := NewPacketizer(PacketizerOptions{})
	format := frameFormat(t, media.H264)
	for i, test := range []struct {
		dts, pts time.Duration
		key      bool
		data     string
		start    string // of the payload, empty: none
	}{
		{0, 80, true, "00000003658884", "78"},
		{40, 120, false, "00000003419a24", "41"},
		{80, 240, true, "00000002" + "0605" + "00000003419a24", "41"},
		{120, 160, false, "00000003019a24", ""},
		{160, 200, false, "00000003019a24", ""},
		{200, 280, false, "00000003419a24", "41"},
	} {
		f := &media.Frame{Arrival: ms(int(test.dts)), Format: format, DTS: test.dts * time.Millisecond, PTS: test.pts * time.Millisecond, Key: test.key, Data: unhex(t, test.data)}
		packets, err := p.Push(f, nil)
		if err != nil || (len(packets) > 0) != (test.start != "") {
			t.Fatalf("picture %d: %d packets, %v", i, len(packets), err)
		}
		if len(packets) > 0 && (hex.EncodeToString(packets[0].Payload[:1]) != test.start || packets[0].Key != (i == 0)) {
			t.Errorf("picture %d begins with %x, key %v", i, packets[0].Payload[0], packets[0].Key)
		}
	}
	if s := p.Stats(); s.Open != 1 || s.BFrames != 2 {
		t.Errorf("the counters are %+v", s)
	}
}

// Ticks are exact, over the wrap of 32 bits and far beyond, and so they come back.
func TestTicks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.SampledFrom([]int64{90000, 48000, 8000}).Draw(t, "rate")
		n := rapid.Int64Range(-1000, 1<<40).Draw(t, "ticks")
		if got := ticks(span(n, rate), rate); got != n {
			t.Fatalf("%d ticks of %d are %v, which are %d", n, rate, span(n, rate), got)
		}
	})
	if got := ticks(1<<63-1, 90000); got != 830103483316930 {
		t.Errorf("the end of time is tick %d", got)
	}
}

// Over three days of virtual time with a publisher's clock that is not ours, in which the timestamps of both tracks wrap, what
// is told of the wall clock follows it without a jump, and sound and picture are pinned alike.
func TestTimingFollows(t *testing.T) {
	p := NewPacketizer(PacketizerOptions{})
	opus, vp8 := frameFormat(t, media.Opus), frameFormat(t, media.VP8)
	const drift = 100e-6
	var last time.Duration
	for i := range 3 * 24 * 3600 {
		at := time.Duration(i) * time.Second
		arrival := epoch.Add(time.Duration(float64(at)*(1+drift)) + time.Duration(i*7919%40)*time.Millisecond)
		for _, f := range []*media.Frame{
			{Arrival: arrival, Format: opus, DTS: at, PTS: at, Key: true, Data: []byte{1}},
			{Arrival: arrival, Format: vp8, DTS: at, PTS: at + 10*time.Millisecond, Key: true, Data: []byte{1}},
		} {
			if _, err := p.Push(f, nil); err != nil {
				t.Fatal(err)
			}
		}
		a, ok := p.Timing(media.Audio)
		v, _ := p.Timing(media.Video)
		if !ok || a.RTP != uint32(i)*48000 || v.RTP != uint32(i)*90000+900 || v.At.Sub(a.At) != 10*time.Millisecond {
			t.Fatalf("second %d: sound %+v, picture %+v", i, a, v)
		}
		off := a.At.Sub(epoch.Add(time.Duration(float64(at) * (1 + drift))))
		if off.Abs() > 40*time.Millisecond || i > 0 && (off-last).Abs() > 2*maxStep {
			t.Fatalf("second %d: the wall clock is off by %v, before by %v", i, off, last)
		}
		last = off
	}
	if _, ok := NewPacketizer(PacketizerOptions{}).Timing(media.Audio); ok {
		t.Error("there is a timing without a frame")
	}
}

func FuzzPacketizer(f *testing.F) {
	for c := media.H264; c <= media.Opus; c++ {
		f.Add(uint8(c), true, coded(c, true, 1, 3000, 1))
		f.Add(uint8(c), false, coded(c, false, 1, 30, 2))
	}
	f.Add(uint8(media.H264), true, unhex(f, "00000001 65 ffffffff"))
	f.Add(uint8(media.AV1), true, unhex(f, "32ff ff ff ff"))
	f.Fuzz(func(t *testing.T, codec uint8, key bool, data []byte) {
		c := media.Codec(codec)
		if c == 0 || c > media.Opus {
			return
		}
		frame := &media.Frame{Arrival: epoch, Format: frameFormat(t, c), Key: key, Data: data}
		packets, err := NewPacketizer(PacketizerOptions{KeepSEI: true}).Push(frame, nil)
		if (err == nil) != (len(packets) > 0) {
			t.Fatalf("%d packets, %v", len(packets), err)
		}
		d := NewDepacketizer(epoch)
		for _, pkt := range packets {
			if len(pkt.Payload) == 0 || c != media.Opus && len(pkt.Payload) > maxPayload {
				t.Fatalf("a payload of %d bytes", len(pkt.Payload))
			}
			d.Push(epoch, pkt, nil)
		}
	})
}
