package stream

import "oneport/media"

// A frame is what is known of the packets of one timestamp.
type frame struct {
	timestamp uint32
	pos       uint64 // position of the packet that arrived first
	first     uint64 // lowest sequence number seen
	last      uint64 // highest sequence number seen
	ended     bool   // its marker has come
	key       bool
}

// A keyframe is a place where a reader may begin.
type keyframe struct {
	timestamp uint32
	pos       uint64 // the first position that holds a packet of the keyframe or of what follows it
	first     uint64 // lowest sequence number that belongs to it
}

// maxFrames is how many frames are remembered; packets that come later than that do not matter for finding keyframes.
const maxFrames = 16

// maxFramePackets is the most packets that one frame is believed to have.
const maxFramePackets = 1 << 13

// framing tells a lane's frames apart. Packets of one timestamp are one frame, since parameter sets may come before the
// picture that needs them; frames follow one another by sequence number, because with B-frames timestamps go back and
// forth. Packets come in any order: a frame's first one may be a retransmission that follows the next frame.
type framing struct {
	known  [maxFrames]frame // by ascending sequence number
	n      int
	newest keyframe
	has    bool // newest holds a keyframe
}

// add notes a packet at its position and reports whether it is the first of its frame, or what made it a keyframe.
func (f *framing) add(pkt *media.Packet, pos uint64) (newFrame, newKey bool) {
	i := f.find(pkt)
	if i < 0 {
		if i = f.insert(pkt, pos); i < 0 {
			return false, false
		}
		newFrame = true
	}
	fr := &f.known[i]
	fr.first = min(fr.first, pkt.Seq)
	fr.last = max(fr.last, pkt.Seq)
	fr.ended = fr.ended || pkt.Marker
	if pkt.Key && !fr.key {
		fr.key, newKey = true, true
	}
	if fr.key || i < f.n-1 {
		f.locate()
	}
	return newFrame, newKey
}

// find looks the packet's frame up, the newest first.
func (f *framing) find(pkt *media.Packet) int {
	for i := f.n - 1; i >= 0; i-- {
		fr := &f.known[i]
		if fr.timestamp == pkt.Timestamp && pkt.Seq < fr.first+maxFramePackets && fr.last < pkt.Seq+maxFramePackets {
			return i
		}
	}
	return -1
}

// insert makes a frame of a packet that belongs to none, or returns -1 if it is older than all that are remembered.
func (f *framing) insert(pkt *media.Packet, pos uint64) int {
	i := f.n
	for i > 0 && f.known[i-1].first > pkt.Seq {
		i--
	}
	if f.n == maxFrames {
		if i == 0 {
			return -1
		}
		i--
		copy(f.known[:i], f.known[1:i+1])
	} else {
		copy(f.known[i+1:f.n+1], f.known[i:f.n])
		f.n++
	}
	f.known[i] = frame{timestamp: pkt.Timestamp, pos: pos, first: pkt.Seq, last: pkt.Seq}
	return i
}

// locate finds the newest keyframe anew. One that is no longer remembered stays as it was last seen.
func (f *framing) locate() {
	pos := ^uint64(0)
	for i := f.n - 1; i >= 0; i-- {
		fr := &f.known[i]
		pos = min(pos, fr.pos)
		if !fr.key {
			continue
		}
		first := fr.first
		if i > 0 && f.known[i-1].ended && f.known[i-1].last < first {
			first = f.known[i-1].last + 1 // padding may follow the marker
		}
		f.newest, f.has = keyframe{timestamp: fr.timestamp, pos: pos, first: first}, true
		return
	}
}
