package stream

import (
	"time"

	"oneport/media"
)

// PacketBridge writes the packets of a stream whose publisher sends frames, while somebody reads them.
type PacketBridge struct {
	bridge
	opened  time.Time
	seen    uint64 // epoch of the publication that is read
	pos     uint64 // position of the next frame
	picture bool   // the keyframe was given that what comes next builds on
	skips   uint64
}

// OpenPacketBridge makes the bridge that the hub's configuration was asked for. The waker is called with every frame, and
// when the stream's publisher or the last reader of packets leaves.
func (s *Stream) OpenPacketBridge(now time.Time, w Waker) *PacketBridge {
	b := &PacketBridge{opened: now}
	s.mu.RLock()
	if s.pub != nil {
		b.seen, b.pos = s.epoch, b.begin(&s.frames, &s.hub.config.Play)
	}
	s.mu.RUnlock()
	b.bridge = bridge{stream: s, writes: packets, waker: w, leave: func() { s.hub.release(s, 0) }}
	b.open()
	return b
}

// Next appends at most max frames to dst, in the order in which they arrived. A new bridge begins at the newest keyframe if
// a viewer of packets may begin at it, else picture waits for the next one; sound begins where the bridge does. Another
// publication's frames never come along with those of the one before.
func (b *PacketBridge) Next(dst []*media.Frame, max int) []*media.Frame {
	s := b.stream
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.pub == nil || s.pub.writes != frames {
		return dst
	}
	ring := &s.frames
	if b.seen != s.epoch {
		b.seen, b.pos, b.picture = s.epoch, ring.base, false
	}
	if b.pos < ring.tail {
		b.pos, b.picture = ring.tail, false
		b.skips++
	}
	for ; max > 0 && b.pos < ring.head; b.pos++ {
		f := ring.at(b.pos).frame
		if f.Kind() == media.Audio && f.Arrival.Before(b.opened) {
			continue // who watches live hears it live
		}
		if b.picture = b.picture || f.Key && f.Kind() == media.Video; f.Kind() == media.Video && !b.picture {
			continue
		}
		dst = append(dst, f)
		max--
	}
	return dst
}

// begin is the position of the newest keyframe if it is one to begin at, else where there is nothing yet.
func (b *PacketBridge) begin(ring *frameRing, config *Play) uint64 {
	newest := ring.group
	if !config.GopCache || !newest.has || newest.key < ring.tail {
		return ring.head
	}
	key := ring.at(newest.key)
	if b.opened.Sub(key.frame.Arrival) > config.GopMaxAge || ring.bytes-key.bytes > uint64(config.GopMaxBytes) {
		return ring.head
	}
	return newest.key
}

// Turn tells whether what Next gave last is of another publication than what it gave before, and when that began.
func (b *PacketBridge) Turn() (since time.Time, turned bool) { return b.turn(b.seen) }

// Skips counts how often the bridge fell so far behind that frames were gone.
func (b *PacketBridge) Skips() uint64 { return b.skips }

// Push adds packets of the publication that is read, which must not be changed any more. After its end they are dropped.
func (b *PacketBridge) Push(pkts []*media.Packet) {
	b.stream.wake(b.put(pkts))
}

// put is Push but for the wakers, which it returns.
func (b *PacketBridge) put(pkts []*media.Packet) (wakers []wakerUse) {
	s := b.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if !b.current() || s.pub.writes != frames {
		return nil
	}
	for _, pkt := range pkts {
		if w := s.addPacket(pkt); w != nil {
			wakers = w
		}
	}
	return wakers
}

// SetTiming pins the clock of a lane to the wall clock, for the readers' sender reports.
func (b *PacketBridge) SetTiming(k media.Kind, t media.Timing) {
	s := b.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.current() && k < media.Kinds {
		s.lanes[k].timing, s.lanes[k].timed = t, true
	}
}
