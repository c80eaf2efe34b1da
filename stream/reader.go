package stream

import (
	"sync"
	"time"

	"oneport/media"
)

// Reader is one viewer's place in a stream. Its methods may be called from several goroutines.
type Reader struct {
	stream *Stream
	waker  Waker
	since  time.Time
	counts int    // among the readers of the hub: 1, or 0 for a bridge
	early  bool   // a new reader gets the sound that belongs to its first keyframe
	broken uint64 // bridges that had broken before

	mu      sync.Mutex
	closed  bool
	started bool   // Next was called
	seen    uint64 // the stream's version when everything was read
	epoch   uint64 // of the publication that is read
	accept  func(media.Format) bool
	cursors [media.Kinds]cursor
	grace   time.Duration // how much older than MaxLag the next packet may be, until the start's backlog is read
	skips   uint64
	skipped uint64
}

// ReaderStats tells how a reader fares.
type ReaderStats struct {
	Lag            time.Duration // from the next packet it will read to the stream's newest
	Skips          uint64        // how often it fell behind too far
	SkippedPackets uint64        // what it was not given because of that
	Waiting        bool          // for a keyframe, or for a publisher
}

// Next appends at most max packets to dst, in the order in which they arrived, and returns it.
//
// The first video packet is one of the newest keyframe, if that is fresh; else video waits for the next keyframe, which
// is asked for, and sound comes alone. A reader whose next packet is older than MaxLag skips video up to the newest
// keyframe or to the next one, and loses only the sound that is older than that; after a stall of twice MaxLag sound too
// goes on at the live edge. After a change of publisher it begins anew. Each such place is marked in the item that
// follows it.
func (r *Reader) Next(now time.Time, dst []media.Item, max int) []media.Item {
	dst, why := r.read(now, dst, max)
	r.stream.requestKeyframe(now, why)
	return dst
}

// read is Next but for the keyframe request, of which it tells the cause.
func (r *Reader) read(now time.Time, dst []media.Item, max int) (_ []media.Item, why cause) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stream
	if r.closed || s.version.Load() == r.seen {
		return dst, none
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	r.begin(now)
	why = r.keepUp(now)
	dst = r.merge(dst, max)
	return dst, why
}

// begin places the cursors when the reader is new or the publication is.
func (r *Reader) begin(now time.Time) {
	s := r.stream
	if r.started && r.epoch == s.epoch {
		return
	}
	config := &s.hub.config.Play
	for k := range r.cursors {
		l, c := &s.lanes[k], &r.cursors[k]
		*c = cursor{next: media.Restarted, pos: l.base, from: l.base, maxAge: config.GopMaxAge}
		if r.started {
			continue // the reader was there when the publication began
		}
		if c.pos = l.head; !config.GopCache || s.pub == nil {
			c.from = l.head // what a publisher left behind is dead
		}
	}
	was := r.started
	r.started, r.epoch, r.grace = true, s.epoch, 0
	if r.early && !was {
		r.reachBack(now)
	}
}

// soundLead is how long before a keyframe the sound that belongs to it can have arrived.
const soundLead = 200 * time.Millisecond

// reachBack moves a new reader's place among the sound to that of the newest keyframe, if it may begin at it.
func (r *Reader) reachBack(now time.Time) {
	video, audio := &r.stream.lanes[media.Video], &r.stream.lanes[media.Audio]
	key := video.frames.newest.pos
	if !video.frames.has || key < max(video.tail, r.cursors[media.Video].from) {
		return
	}
	maxAge := r.stream.hub.config.Play.GopMaxAge
	if now.Sub(video.arrival(key)) > maxAge {
		return
	}
	since := video.arrival(key).Add(-soundLead)
	c := &r.cursors[media.Audio]
	for c.pos > audio.tail && !audio.arrival(c.pos-1).Before(since) {
		c.pos--
	}
	r.grace = maxAge + soundLead
}

// keepUp lets the cursors leave out what is too old to be delivered, and tells why a keyframe is wanted, if one is.
func (r *Reader) keepUp(now time.Time) cause {
	config := &r.stream.hub.config.Play
	limit := config.MaxLag + r.grace
	sound := r.cursors[media.Audio].skipAudio(&r.stream.lanes[media.Audio], now, limit)

	l, c := &r.stream.lanes[media.Video], &r.cursors[media.Video]
	late := c.open && c.late(l, now, limit)
	if late {
		c.interrupt()
		c.maxAge, c.behind = config.MaxLag, true // what is fresh enough to begin at is not when the reader means to be live again
	}
	if late || sound > 0 {
		r.skips++
		r.skipped += sound
	}
	if c.open {
		return none
	}
	was := c.pos
	age := c.resume(l, now, config.GopMaxBytes, r.accept)
	if r.grace = 0; !late {
		r.grace = age
	}
	if c.next == media.Skipped && !c.refuses && c.pos > was {
		r.skipped += c.pos - was
	}
	return c.wants(l)
}

// merge delivers packets until max are or none is left.
func (r *Reader) merge(dst []media.Item, max int) []media.Item {
	s := r.stream
	for max > 0 {
		k, ok := r.oldest()
		if !ok {
			r.seen, r.grace = s.version.Load(), 0
			break
		}
		if item, ok := r.cursors[k].take(&s.lanes[k], r.accept); ok {
			dst = append(dst, item)
			max--
		}
	}
	return dst
}

// oldest finds the lane whose next packet arrived first.
func (r *Reader) oldest() (kind media.Kind, ok bool) {
	first := ^uint64(0)
	for k := range r.cursors {
		l, c := &r.stream.lanes[k], &r.cursors[k]
		if c.pos >= l.head {
			continue
		}
		if order := l.at(c.pos).order; order < first {
			kind, first, ok = media.Kind(k), order, true
		}
	}
	return kind, ok
}

// Accept says which formats the reader can take; without it, all. A lane of another format is not delivered. The function
// is called with locks held: it must be quick and call nothing of this package.
func (r *Reader) Accept(accept func(media.Format) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accept, r.seen = accept, 0
	for k := range r.cursors {
		r.cursors[k].format = nil
	}
}

// Refused tells the format of the lane of a kind, if that is not delivered because the reader does not take it.
func (r *Reader) Refused(k media.Kind) (media.Format, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := &r.cursors[k]; c.refuses && c.format != nil {
		return *c.format, true
	}
	return media.Format{}, false
}

// Broken reports whether a bridge broke that the reader may have read of: it gets nothing more.
func (r *Reader) Broken() bool { return r.stream.broken(packets) != r.broken }

// Unbridged reports whether the publisher writes frames and the hub makes no packets of them.
func (r *Reader) Unbridged() bool {
	s := r.stream
	if s.hub.config.PacketBridge != nil {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.pub != nil && s.pub.writes == frames
}

// Find returns a packet of the current run that was delivered already, for retransmission, or nil.
func (r *Reader) Find(k media.Kind, seq uint64) *media.Packet {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stream
	s.mu.RLock()
	defer s.mu.RUnlock()
	if k >= media.Kinds || r.epoch != s.epoch || !r.cursors[k].delivered(seq) {
		return nil
	}
	l := &s.lanes[k]
	if pos, ok, _ := l.find(seq); ok && pos < r.cursors[k].pos {
		return l.at(pos).pkt
	}
	return nil
}

// RequestKeyframe asks the publisher for a keyframe. The requests of all readers are coalesced.
func (r *Reader) RequestKeyframe(now time.Time) { r.stream.requestKeyframe(now, blind) }

// Timing tells how the clock of the lane that is read maps to the wall clock, once a packet of that clock was delivered.
func (r *Reader) Timing(k media.Kind) (media.Timing, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stream
	s.mu.RLock()
	defer s.mu.RUnlock()
	if k >= media.Kinds || r.epoch != s.epoch || r.cursors[k].next == media.Restarted {
		return media.Timing{}, false
	}
	return s.lanes[k].timing, s.lanes[k].timed
}

// Expired tells whether the reader has waited in vain for a publisher, and says so in words.
func (r *Reader) Expired(now time.Time) (expired bool, reason string) {
	return r.stream.expired(now, r.since)
}

// Stats tells how the reader fares.
func (r *Reader) Stats() ReaderStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stream
	s.mu.RLock()
	defer s.mu.RUnlock()
	stats := ReaderStats{Skips: r.skips, SkippedPackets: r.skipped}
	video := &s.lanes[media.Video]
	stats.Waiting = s.pub == nil || !r.cursors[media.Video].open && video.head > video.base
	var newest time.Time
	for k := range s.lanes {
		if l := &s.lanes[k]; l.head > l.tail && l.arrival(l.head-1).After(newest) {
			newest = l.arrival(l.head - 1)
		}
	}
	for k := range r.cursors {
		l, c := &s.lanes[k], &r.cursors[k]
		if r.epoch != s.epoch || c.pos >= l.head || l.tail == l.head { // a bridge that ends leaves nothing behind
			continue
		}
		stats.Lag = max(stats.Lag, newest.Sub(l.arrival(max(c.pos, l.tail))))
	}
	return stats
}

// Close ends the reader. Closing twice does nothing.
func (r *Reader) Close() {
	r.mu.Lock()
	closed := r.closed
	r.closed, r.accept = true, nil
	r.mu.Unlock()
	if closed {
		return
	}
	r.stream.removeWaker(r.waker)
	if r.counts > 0 {
		r.stream.part(packets)
	}
	r.stream.hub.release(r.stream, r.counts)
}
