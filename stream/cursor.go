package stream

import (
	"time"

	"oneport/media"
)

// A cursor is a reader's place in one lane. What it delivers falls into runs: within one, packets are left out only if the
// publisher's are missing, so that their sequence numbers can be kept up to an offset.
type cursor struct {
	pos  uint64 // position of the next packet to look at
	open bool   // a run has begun; sound begins one anywhere, video at a keyframe

	first uint64      // lowest sequence number of the run
	top   uint64      // highest sequence number delivered of the publication
	next  media.Break // what the next item says
	from  uint64      // what lies before this position is not for this reader to begin at

	maxAge time.Duration // the greatest age of a keyframe to begin at
	behind bool          // the next run is for a reader that fell behind

	format  *media.Format // last judged
	refuses bool          // the reader does not take that format
}

// interrupt ends the run.
func (c *cursor) interrupt() {
	c.open = false
	if c.next == media.Continues {
		c.next = media.Skipped
	}
}

// wants is why the reader needs a keyframe to go on, if it does.
func (c *cursor) wants(l *lane) cause {
	switch {
	case c.open || c.refuses || l.head == l.base:
		return none
	case c.behind:
		return slow
	}
	return blind
}

// late reports whether the next packet is older than the limit or not even kept any more.
func (c *cursor) late(l *lane, now time.Time, limit time.Duration) bool {
	return c.pos < l.tail || c.pos < l.head && now.Sub(l.arrival(c.pos)) > limit
}

// resume begins a video run at the newest keyframe if that is fresh and ahead of all that was delivered, and returns its
// age. Else it leaves out what there is and the run has still to begin.
func (c *cursor) resume(l *lane, now time.Time, maxBytes int, accept func(media.Format) bool) (age time.Duration) {
	c.pos = l.head
	if l.format == nil || c.from == l.head || !c.takes(l.format, accept) || !l.frames.has {
		return 0
	}
	key := l.frames.newest
	if key.pos < max(l.tail, c.from) || key.first <= c.top {
		return 0
	}
	s := l.at(key.pos)
	age = now.Sub(s.pkt.Arrival)
	if age > c.maxAge || l.bytes-s.bytes > uint64(maxBytes) || *s.pkt.Format != *l.format {
		return 0
	}
	c.pos, c.first, c.open, c.behind = key.pos, key.first, true, false
	return age
}

// skipAudio leaves out the packets that are older than the limit, or, if that is so by far because the reader stood still,
// all that there are. It returns how many.
func (c *cursor) skipAudio(l *lane, now time.Time, limit time.Duration) uint64 {
	was := c.pos
	if !c.late(l, now, limit) {
		return 0
	}
	c.pos = max(c.pos, l.tail)
	if c.late(l, now, 2*limit) {
		c.pos = l.head
	}
	for c.late(l, now, limit) {
		c.pos++
	}
	c.interrupt()
	return c.pos - was
}

// take moves past the next packet and delivers it, unless it came too late for the run or the reader does not take it.
func (c *cursor) take(l *lane, accept func(media.Format) bool) (media.Item, bool) {
	pkt := l.at(c.pos).pkt
	c.pos++
	if pkt.Format != c.format && !c.takes(pkt.Format, accept) || c.refuses {
		c.pos = l.head
		c.interrupt()
		return media.Item{}, false
	}
	if !c.open && pkt.Seq > c.top {
		c.first, c.open = pkt.Seq, true
	}
	if !c.open || pkt.Seq < c.first {
		return media.Item{}, false
	}
	c.top = max(c.top, pkt.Seq)
	item := media.Item{Packet: pkt, Break: c.next}
	if c.next != media.Continues {
		item.First, c.next = c.first, media.Continues
	}
	return item, true
}

// takes judges a format, once for each that comes.
func (c *cursor) takes(f *media.Format, accept func(media.Format) bool) bool {
	if f != c.format {
		c.refuses = accept != nil && !accept(*f)
		c.format = f
	}
	return !c.refuses
}

// delivered reports whether a packet of that sequence number can have been delivered in this run.
func (c *cursor) delivered(seq uint64) bool { return c.first <= seq && seq <= c.top && c.top > 0 }
