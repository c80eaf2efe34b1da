package stream

import (
	"testing"

	"oneport/media"
)

// Each case pushes packets in order of arrival; "first" and "pos" are where a reader then begins.
func TestFraming(t *testing.T) {
	type packet struct {
		seq    uint64
		ts     uint32
		key    bool
		marker bool
	}
	const k, m = true, true
	for _, test := range []struct {
		name    string
		packets []packet
		first   uint64
		pos     uint64
		frames  int
		none    bool
	}{
		{name: "no keyframe", packets: []packet{{10, 1, !k, m}, {11, 2, !k, m}}, frames: 2, none: true},
		{name: "the very first frame", packets: []packet{{10, 1, k, !m}, {11, 1, !k, m}}, first: 10, pos: 0, frames: 1},
		{name: "SEI before the key packet", packets: []packet{{9, 1, !k, m}, {10, 2, !k, !m}, {11, 2, k, !m}, {12, 2, k, m}}, first: 10, pos: 1, frames: 2},
		{name: "the newest of two", packets: []packet{{10, 1, k, m}, {11, 2, !k, m}, {12, 3, k, m}, {13, 4, !k, m}}, first: 12, pos: 2, frames: 4},
		{name: "beginning reordered, marker known", packets: []packet{{9, 1, !k, m}, {11, 2, k, !m}, {10, 2, !k, !m}, {12, 2, !k, m}}, first: 10, pos: 1, frames: 2},
		{name: "beginning lost, marker known", packets: []packet{{9, 1, !k, m}, {11, 2, k, !m}, {12, 2, !k, m}}, first: 10, pos: 1, frames: 2},
		{name: "marker before lost", packets: []packet{{8, 1, !k, !m}, {11, 2, k, !m}, {12, 2, !k, m}}, first: 11, pos: 1, frames: 2},
		{name: "marker before comes late", packets: []packet{{8, 1, !k, !m}, {11, 2, k, !m}, {12, 2, !k, m}, {9, 1, !k, m}}, first: 10, pos: 1, frames: 2},
		{name: "padding after the marker", packets: []packet{{8, 1, !k, m}, {9, 1, !k, !m}, {10, 2, k, m}}, first: 10, pos: 2, frames: 2},
		{name: "late packet of the frame before", packets: []packet{{8, 1, !k, !m}, {10, 2, k, m}, {11, 3, !k, m}, {9, 1, !k, m}}, first: 10, pos: 1, frames: 3},
		{name: "key packet is a late retransmission", packets: []packet{{9, 1, !k, m}, {11, 2, !k, m}, {12, 3, !k, m}, {10, 2, k, !m}}, first: 10, pos: 1, frames: 3},
		{name: "the whole keyframe is late", packets: []packet{{9, 1, !k, m}, {11, 3, !k, m}, {10, 2, k, m}}, first: 10, pos: 1, frames: 3},
		{name: "an older keyframe comes late", packets: []packet{{9, 1, !k, m}, {12, 4, k, m}, {10, 2, k, m}, {11, 3, !k, m}}, first: 12, pos: 1, frames: 4},
		{name: "timestamps of B-frames", packets: []packet{{10, 30, k, m}, {11, 60, !k, m}, {12, 40, !k, m}, {13, 50, !k, m}}, first: 10, pos: 0, frames: 4},
		{name: "keyframe shown before its predecessor", packets: []packet{{10, 60, !k, m}, {11, 40, k, m}, {12, 50, !k, m}}, first: 11, pos: 1, frames: 3},
		{name: "timestamp wraps", packets: []packet{{10, 1<<32 - 1, !k, m}, {11, 3, k, m}, {12, 4, !k, m}}, first: 11, pos: 1, frames: 3},
		{name: "the same timestamp long after", packets: []packet{{10, 1, k, !m}, {10 + maxFramePackets, 1, k, m}}, first: 10 + maxFramePackets, pos: 1, frames: 2},
	} {
		var f framing
		frames := 0
		for pos, p := range test.packets {
			pkt := &media.Packet{Seq: p.seq, Timestamp: p.ts, Key: p.key, Marker: p.marker}
			if newFrame, _ := f.add(pkt, uint64(pos)); newFrame {
				frames++
			}
		}
		if f.has == test.none || frames != test.frames {
			t.Errorf("%s: a keyframe %v, %d frames", test.name, f.has, frames)
		}
		if f.has && (f.newest.first != test.first || f.newest.pos != test.pos) {
			t.Errorf("%s: begins with %d at %d; want %d at %d", test.name, f.newest.first, f.newest.pos, test.first, test.pos)
		}
	}
}

// Frames that are no longer remembered change nothing, and the keyframe stays known however long its pictures go on.
func TestFramingForgets(t *testing.T) {
	var f framing
	pos := uint64(0)
	add := func(seq uint64, key bool) bool {
		isNew, _ := f.add(&media.Packet{Seq: seq, Timestamp: uint32(seq), Key: key, Marker: true}, pos)
		pos++
		return isNew
	}
	add(100, true)
	for seq := uint64(101); seq < 200; seq++ {
		add(seq, false)
	}
	if !f.has || f.newest.first != 100 || f.newest.pos != 0 {
		t.Errorf("the keyframe is %+v", f.newest)
	}
	if add(150, true) || f.newest.first != 100 {
		t.Errorf("a frame from the past became the keyframe %+v", f.newest)
	}
}
