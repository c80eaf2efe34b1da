package bridge

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"oneport/media"
)

// Payloads made by hand after the RFCs, each the packets of one picture.
func TestPayloads(t *testing.T) {
	stap := "78 0015" + testSPS + "0004" + testPPS
	ap := "6001 0018" + testVPS5 + "002a" + testSPS5 + "0007" + testPPS5
	sequence := "0800000042a7bfe4600d0040" // in AV1, behind its length: 0c
	for _, test := range []struct {
		name     string
		codec    media.Codec
		payloads []string
		data     string // empty: no frame
		inter    bool
	}{
		{"h264, single units", media.H264, []string{testSPS, testPPS, "0605ff", "658884"}, "000000030605ff00000003658884", false},
		{"h264, STAP-A", media.H264, []string{stap, "658884", "654284"}, "0000000365888400000003654284", false},
		{"h264, all in one STAP-A with a delimiter", media.H264, []string{"78 0002 0910 0015" + testSPS + "0004" + testPPS + "0003 658884"}, "00000003658884", false},
		{"h264, FU-A", media.H264, []string{stap, "7c8588", "7c0599", "7c45aa"}, "000000046588" + "99aa", false},
		{"h264, parameter sets in FU-As", media.H264, []string{"7c87" + testSPS[2:20], "7c47" + testSPS[20:], testPPS, "658884"}, "00000003658884", false},
		{"h264, FU-A that does not end", media.H264, []string{stap, "7c8588", "7c0599"}, "", false},
		{"h264, FU-A that does not begin", media.H264, []string{stap, "7c0599", "7c45aa"}, "", false},
		{"h264, FU-A broken by a unit", media.H264, []string{stap, "7c8588", "658884"}, "", false},
		{"h264, FU-A that begins twice", media.H264, []string{stap, "7c8588", "7c8588", "7c45aa"}, "", false},
		{"h264, FU-A that begins and ends", media.H264, []string{stap, "7cc588"}, "", false},
		{"h264, STAP-A cut short", media.H264, []string{stap, "78 0009 658884"}, "", false},
		{"h264, STAP-B", media.H264, []string{stap, "79 0000 0003 658884"}, "", false},
		{"h264, without parameter sets", media.H264, []string{"658884"}, "", false},
		{"h264, padding among the packets", media.H264, []string{stap, "", "658884"}, "00000003658884", false},
		{"h265, single units", media.H265, []string{testVPS5, testSPS5, testPPS5, "2601af"}, "000000032601af", false},
		{"h265, AP", media.H265, []string{ap, "2601af"}, "000000032601af", false},
		{"h265, FU", media.H265, []string{ap, "6201 93 af", "6201 13 b0", "6201 53 b1"}, "000000052601afb0b1", false},
		{"h265, PACI", media.H265, []string{ap, "6401 93 af"}, "", false},
		{"h265, cut short", media.H265, []string{ap, "62 01"}, "", false},
		{"av1, lengths", media.AV1, []string{"08 0c" + sequence + "03 301000"}, "0a0b00000042a7bfe4600d0040" + "32021000", false},
		{"av1, a count", media.AV1, []string{"28 0c" + sequence + "301000"}, "0a0b00000042a7bfe4600d0040" + "32021000", false},
		{"av1, a delimiter and padding", media.AV1, []string{"08 01 10 0c" + sequence + "03 301000 02 7800"}, "0a0b00000042a7bfe4600d0040" + "32021000", false},
		{"av1, over three packets", media.AV1, []string{"68 0c" + sequence + "301000", "d0 01", "90 02"}, "0a0b00000042a7bfe4600d0040" + "320410000102", false},
		{"av1, a fragment that does not end", media.AV1, []string{"68 0c" + sequence + "301000"}, "", false},
		{"av1, a fragment that does not begin", media.AV1, []string{"28 0c" + sequence + "301000", "90 02"}, "", false},
		{"av1, an element too long", media.AV1, []string{"08 0c" + sequence + "7f 301000"}, "", false},
		{"vp8", media.VP8, []string{"10 504200 9d012a 8002 e001 00", "00 77"}, "5042009d012a8002e0010077", false},
		{"vp8, that begins twice", media.VP8, []string{"10 504200 9d012a 8002 e001 00", "10 77"}, "", false},
		{"vp9", media.VP9, []string{"88 11 824983420077f032343000", "84 11 99"}, "824983420077f03234300099", false},
		{"vp9, two layers", media.VP9, []string{"ac 11 00 01 824983420077f032343000", "ac 11 03 01 86aa"},
			"824983420077f032343000" + "86aa" + "d9" + "0b000000" + "02000000" + "d9", false},
	} {
		d := NewDepacketizer(epoch)
		var packets []*media.Packet
		for i, payload := range test.payloads {
			packets = append(packets, packet(t, test.codec, uint64(i), 90000, i == len(test.payloads)-1, payload))
		}
		frames, asks := push(d, packets...)
		if test.data == "" {
			if len(frames) > 0 || asks != 1 {
				t.Errorf("%s: %d frames, and a keyframe was asked for %d times", test.name, len(frames), asks)
			}
			continue
		}
		if len(frames) != 1 || asks > 0 {
			t.Errorf("%s: %d frames, and a keyframe was asked for %d times: %+v", test.name, len(frames), asks, d.Stats())
			continue
		}
		if f := frames[0]; hex.EncodeToString(f.Data) != test.data || !f.Key || f.Format.Width == 0 {
			t.Errorf("%s: the frame is %x, key %v, %+v; want %s", test.name, f.Data, f.Key, f.Format, test.data)
		}
	}
}

func TestParametersChange(t *testing.T) {
	d := NewDepacketizer(epoch)
	frames, _ := push(d,
		packet(t, media.H264, 0, 0, false, "78 0015"+testSPS+"0004"+testPPS), packet(t, media.H264, 1, 0, true, "658884"),
		packet(t, media.H264, 2, 3000, true, "419a24"),
		packet(t, media.H264, 3, 6000, true, otherSPS), // alone, with a marker of its own, as some encoders send it
		packet(t, media.H264, 4, 6000, true, "658884"),
	)
	if len(frames) != 3 || frames[0].Format != frames[1].Format || frames[0].Format.Width != 352 || frames[2].Format.Width != 1920 || frames[1].Key {
		t.Fatalf("the frames are %+v, %+v", frames, d.Stats())
	}
	// Another codec in the middle, as after a renegotiation.
	more, asks := push(d, packet(t, media.VP8, 5, 9000, true, "10 51"), packet(t, media.VP8, 6, 12000, true, "10 504200 9d012a 8002 e001 00"))
	if len(more) != 1 || more[0].Format.Codec != media.VP8 || more[0].Format.Width != 640 || asks != 1 || more[0].DTS <= frames[2].DTS {
		t.Fatalf("after a change of codec: %+v, asked %d times", more, asks)
	}
}

// OpenH264 gives its parameter sets another number with each keyframe: those that come with a keyframe stand in place of all
// before.
func TestParametersWithOtherNumbers(t *testing.T) {
	d := NewDepacketizer(epoch)
	for id := range uint(70) {
		sps, pps := numberedSets(id%32, 10+id)
		ts := uint32(id) * 3000
		seq := uint64(3 * id)
		frames, _ := push(d,
			packet(t, media.H264, seq, ts, false, hex.EncodeToString(sps)), packet(t, media.H264, seq+1, ts, false, hex.EncodeToString(pps)),
			packet(t, media.H264, seq+2, ts, true, "658884"))
		if len(frames) != 1 {
			t.Fatalf("keyframe %d is no frame: %+v", id, d.Stats())
		}
		sets, _, err := media.ReadParameterSets(media.H264, frames[0].Format.Config)
		if err != nil || len(sets.SPS) != 1 || len(sets.PPS) != 1 || !bytes.Equal(sets.SPS[0], sps) || !bytes.Equal(sets.PPS[0], pps) {
			t.Fatalf("keyframe %d has %d and %d sets, %v", id, len(sets.SPS), len(sets.PPS), err)
		}
		if want := int(16 * (11 + id)); frames[0].Format.Width != want {
			t.Fatalf("keyframe %d is %d wide, not %d", id, frames[0].Format.Width, want)
		}
	}
}

// numberedSets makes parameter sets of baseline H264 with that number, for pictures as many macroblocks wide and one more.
func numberedSets(id, macroblocks uint) (sps, pps []byte) {
	var b bitWriter
	for _, v := range []uint{id, 0, 2, 1} { // seq_parameter_set_id, log2_max_frame_num, pic_order_cnt_type, max_num_ref_frames
		b.golomb(v)
	}
	b.bits(0, 1) // gaps_in_frame_num_value_allowed_flag
	b.golomb(macroblocks)
	b.golomb(8)
	b.bits(0b11001, 5) // frame_mbs_only_flag, direct_8x8_inference_flag, no cropping, no VUI, and the end
	sps = append([]byte{0x67, 66, 0xc0, 30}, b.bytes()...)
	b = bitWriter{}
	b.golomb(id)
	b.golomb(id)
	b.bits(0b001110001111001, 15)
	return sps, append([]byte{0x68}, b.bytes()...)
}

// bitWriter writes bits as characters.
type bitWriter struct{ text string }

func (w *bitWriter) bits(v uint, n int) { w.text += fmt.Sprintf("%0*b", n, v) }

func (w *bitWriter) golomb(v uint) {
	n := bits.Len(v + 1)
	w.bits(v+1, 2*n-1)
}

func (w *bitWriter) bytes() (b []byte) {
	w.text += strings.Repeat("0", -len(w.text)&7)
	for i := 0; i < len(w.text); i += 8 {
		v, _ := strconv.ParseUint(w.text[i:i+8], 2, 8)
		b = append(b, byte(v))
	}
	return b
}

// A keyframe whose parameter sets were lost is not whole, though all its slices are there; one of an encoder that sends them
// once is.
func TestKeyframeWithoutItsParameters(t *testing.T) {
	stap := "78 0015" + testSPS + "0004" + testPPS
	for _, each := range []bool{true, false} {
		d := NewDepacketizer(epoch)
		first := []*media.Packet{packet(t, media.H264, 0, 0, false, stap), packet(t, media.H264, 1, 0, true, "658884")}
		if !each {
			first = append(first, packet(t, media.H264, 2, 3000, true, "658884"))
		}
		push(d, first...)
		lost := packet(t, media.H264, 4, 6000, true, "658884")
		lost.Arrival = ms(100)
		d.Push(ms(100), lost, nil)
		frames, ask := d.Tick(ms(400), nil)
		if each != ask || each != (len(frames) == 0) {
			t.Errorf("sets with each keyframe %v: %d frames, a keyframe is asked for: %v", each, len(frames), ask)
		}
	}
}

// A picture that is not whole takes those after it along, up to the next keyframe, which is asked for again and again.
func TestLossWaitsForKeyframe(t *testing.T) {
	d := NewDepacketizer(epoch)
	frames, _ := push(d, packet(t, media.VP8, 0, 0, true, "10 504200 9d012a 8002 e001 00"))
	var asked []int
	for i := range 40 { // a picture each 33 ms; packet 1 never comes
		pkt := packet(t, media.VP8, uint64(2+i), uint32(3000*(i+2)), true, "10 51")
		pkt.Arrival = ms(33 * (i + 2))
		var ask bool
		if frames, ask = d.Push(pkt.Arrival, pkt, frames); ask {
			asked = append(asked, 33*(i+2))
		}
	}
	if len(frames) != 1 || !slices.Equal(asked, []int{297, 825, 1353}) {
		t.Errorf("%d frames, asked at %v ms", len(frames), asked)
	}
	key := packet(t, media.VP8, 42, 3000*50, true, "10 504200 9d012a 8002 e001 00")
	key.Arrival = ms(33 * 50)
	if frames, ask := d.Push(key.Arrival, key, nil); len(frames) != 1 || ask || !frames[0].Key {
		t.Errorf("with the keyframe: %+v, ask %v", frames, ask)
	}
	if s := d.Stats(); s.Packets[media.Video].Lost != 1 || s.Skipped != 40 {
		t.Errorf("the counters are %+v", s)
	}
}

// Sound does not wait for picture, nor longer than the bound for what is missing.
func TestMissingPacketIsWaitedFor(t *testing.T) {
	d := NewDepacketizer(epoch)
	opus := func(seq uint64, at int) *media.Packet {
		pkt := packet(t, media.Opus, seq, uint32(seq*960), false, "fc01")
		pkt.Arrival = ms(at)
		return pkt
	}
	frames, _ := push(d, opus(0, 0), opus(2, 40), opus(4, 80), opus(4, 81))
	if len(frames) != 1 || !d.Deadline().Equal(ms(240)) {
		t.Fatalf("%d frames, the deadline is %v", len(frames), d.Deadline().Sub(epoch))
	}
	frames, _ = push(d, opus(1, 100))
	if len(frames) != 2 || !d.Deadline().Equal(ms(280)) {
		t.Fatalf("%d frames after what was missing, the deadline is %v", len(frames), d.Deadline().Sub(epoch))
	}
	if frames, _ = d.Tick(ms(279), nil); len(frames) > 0 {
		t.Fatal("too soon")
	}
	if frames, _ = d.Tick(ms(280), nil); len(frames) != 1 || frames[0].DTS != 80*time.Millisecond || !d.Deadline().IsZero() {
		t.Fatalf("at the deadline: %+v", frames)
	}
	push(d, opus(3, 300))
	want := ReorderStats{Packets: 6, Reordered: 1, Lost: 1, Late: 1, Duplicates: 1}
	if s := d.Stats().Packets[media.Audio]; s != want {
		t.Errorf("the counters are %+v, want %+v", s, want)
	}
}

// A run that begins further on is not waited for; and what comes first need not be the first of it.
func TestRunsBegin(t *testing.T) {
	d := NewDepacketizer(epoch)
	d.Begin(media.Video, firstSeq)
	key, rest := "10 504200 9d012a 8002 e001 00", "00 77"
	if frames, _ := push(d, packet(t, media.VP8, 1, 0, true, rest), packet(t, media.VP8, 0, 0, false, key)); len(frames) != 1 {
		t.Fatalf("the first picture out of order: %d frames, %+v", len(frames), d.Stats())
	}
	if frames, _ := push(d, packet(t, media.VP8, 4, 6000, true, "10 51")); len(frames) > 0 {
		t.Fatal("a missing packet is not waited for")
	}
	d.Begin(media.Video, firstSeq+100)
	frames, asks := push(d, packet(t, media.VP8, 100, 9000, true, "10 51"), packet(t, media.VP8, 101, 12000, false, key), packet(t, media.VP8, 102, 12000, true, rest))
	if len(frames) != 1 || !frames[0].Key || asks != 1 || !d.Deadline().IsZero() {
		t.Fatalf("after a run began: %d frames, asked %d times, %+v", len(frames), asks, d.Stats())
	}
}

// A bridge that begins late is given at once what came in the last seconds: a packet that came in time then is not given up
// because it is old now.
func TestPacketsThatLay(t *testing.T) {
	d := NewDepacketizer(epoch)
	var frames []*media.Frame
	lost := false
	for i, seq := range []uint64{0, 2, 3, 1, 4, 6, 5} {
		pkt := packet(t, media.VP8, seq, uint32(3000*seq), true, "10 51")
		if seq == 0 {
			pkt = packet(t, media.VP8, 0, 0, true, "10 504200 9d012a 8002 e001 00")
		}
		pkt.Arrival = ms(30 * i)
		var ask bool
		frames, ask = d.Push(ms(3000), pkt, frames)
		lost = lost || ask
	}
	if len(frames) != 7 || lost || d.Stats().Packets[media.Video].Lost > 0 {
		t.Errorf("%d frames of 7, lost: %v, %+v", len(frames), lost, d.Stats())
	}
	for _, f := range frames {
		if !f.Arrival.Equal(ms(3000)) {
			t.Errorf("a frame is said to have been there at %v", f.Arrival)
		}
	}
}

func TestWaitingIsBounded(t *testing.T) {
	var r reorder
	r.push(&media.Packet{Seq: firstSeq, Arrival: epoch})
	r.pop(epoch)
	for i := range maxWaiting {
		if pkt, _ := r.pop(epoch); pkt != nil {
			t.Fatalf("with %d packets that wait, %d is given", i, pkt.Seq)
		}
		r.push(&media.Packet{Seq: firstSeq + 2 + uint64(i), Arrival: epoch})
	}
	if pkt, gap := r.pop(epoch); pkt == nil || !gap || r.counted.Lost != 1 {
		t.Errorf("when the buffer is full: %v, %+v", pkt, r.counted)
	}
}

// A clock that jumps goes on as far after the last frame as the packets arrived apart.
func TestTimestampsJump(t *testing.T) {
	d := NewDepacketizer(epoch)
	var frames []*media.Frame
	for i := range 20 {
		ts := uint32(i * 960)
		if i >= 10 {
			ts += 3_000_000_000
		}
		pkt := packet(t, media.Opus, uint64(i), ts, false, "fc01")
		pkt.Arrival = ms(20 * i)
		frames, _ = d.Push(pkt.Arrival, pkt, frames)
	}
	for i, f := range frames {
		if f.DTS != time.Duration(i)*20*time.Millisecond {
			t.Errorf("frame %d is at %v", i, f.DTS)
		}
	}
	back := packet(t, media.Opus, 20, 3_000_000_000, false, "fc01")
	back.Arrival = ms(400)
	if frames, _ = d.Push(back.Arrival, back, frames); len(frames) != 20 {
		t.Errorf("a frame from before is given, %v", frames[len(frames)-1].DTS)
	}
	if s := d.Stats(); s.Jumps != 1 || s.Backwards != 1 {
		t.Errorf("the counters are %+v", s)
	}
}

func FuzzDepacketizer(f *testing.F) {
	for c := media.H264; c <= media.PCMA; c++ {
		for _, seed := range []string{"", "78001567", "78 0002 0910 0003 658884", "7c8588", "7c45aa", "6001 0003 2601af", "6201 93 af", "08 01 10 03 301000", "68 01 10 301000", "90 02", "10 504200 9d012a 8002 e001 00", "ac 11 03 01 86aa"} {
			f.Add(uint8(c), uint16(0x8421), unhex(f, seed), unhex(f, "7c45aa"))
		}
	}
	f.Fuzz(func(t *testing.T, codec uint8, order uint16, a, b []byte) {
		c := media.Codec(codec)
		d := NewDepacketizer(epoch)
		format := &media.Format{Codec: c, ClockRate: 90000}
		now := epoch
		var last [media.Kinds]time.Duration
		for i := range uint64(16) {
			payload := a
			if order>>i&1 == 1 {
				payload = b
			}
			start, key := media.Inspect(c, payload)
			pkt := &media.Packet{Arrival: now, Format: format, Seq: firstSeq + i ^ uint64(order&3), Timestamp: uint32(order) * uint32(i/2), Marker: i%3 == 0, Start: start, Key: key, Payload: payload}
			frames, _ := d.Push(now, pkt, nil)
			now = now.Add(50 * time.Millisecond)
			for _, frame := range frames {
				k := frame.Format.Kind()
				if len(frame.Data) == 0 || frame.DTS < 0 || frame.DTS != frame.PTS || d.Stats().Frames[k] > 1 && frame.DTS < last[k] {
					t.Fatalf("the frame is %+v", frame)
				}
				last[k] = frame.DTS
				if packets, err := NewPacketizer(PacketizerOptions{KeepSEI: true}).Push(frame, nil); err == nil && len(packets) == 0 {
					t.Fatalf("%+v makes no packets", frame)
				}
			}
		}
	})
}
