package stream

import "time"

// linger is how long a bridge goes on when nobody reads what it writes: whoever loads the page again begins at once.
const linger = 10 * time.Second

// A form is how media lies in a stream. A publisher writes one, a bridge the other while somebody reads it.
type form uint8

const (
	packets form = iota
	frames
	forms
)

// demand is who reads one form of a stream, and who writes it if the publisher doesn't.
type demand struct {
	readers int
	unread  time.Time // since when there has been no reader
	begun   bool      // a bridge writes it, or is about to
	bridge  *bridge   // that does, nil if none does
	broken  uint64    // bridges that broke
}

// bridge is what both kinds of bridges are: it writes one form of a stream, once for all who read that, while somebody does.
// There is one of a kind at a time. Its methods are called by one goroutine.
type bridge struct {
	stream *Stream
	writes form
	waker  Waker
	leave  func() // gives up what the bridge holds of the stream
	over   bool   // it has
	epoch  uint64 // of the publication whose media it writes
}

// startBridges calls for the bridges that the stream needs. The caller keeps the stream alive.
func (s *Stream) startBridges() {
	for f, start := range [forms]func(*Stream){packets: s.hub.config.PacketBridge, frames: s.hub.config.FrameBridge} {
		s.mu.Lock()
		d := &s.demands[f]
		needed := start != nil && !d.begun && d.readers > 0 && s.pub != nil && s.pub.writes != form(f)
		if needed {
			d.begun = true
		}
		s.mu.Unlock()
		if needed {
			start(s)
		}
	}
}

// open gives a bridge its place.
func (b *bridge) open() {
	s := b.stream
	s.hub.retain(s)
	s.mu.Lock()
	s.demands[b.writes].bridge = b
	s.mu.Unlock()
}

// turn tells whether the publication that was read last, of that epoch, is another than before, and when it began.
func (b *bridge) turn(epoch uint64) (since time.Time, turned bool) {
	s := b.stream
	s.mu.RLock()
	defer s.mu.RUnlock()
	if epoch == b.epoch || epoch != s.epoch || s.pub == nil {
		return time.Time{}, false
	}
	b.epoch = epoch
	return s.pub.since, true
}

// current reports whether the publication that is read has not ended. The caller holds the stream's lock.
func (b *bridge) current() bool { return b.stream.epoch == b.epoch && b.stream.pub != nil }

// Deadline is when the bridge is to end unless a reader comes, zero if there is one.
func (b *bridge) Deadline() time.Time {
	s := b.stream
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch d := &s.demands[b.writes]; {
	case d.readers > 0:
		return time.Time{}
	case s.pub == nil:
		return d.unread
	default:
		return d.unread.Add(linger)
	}
}

// Finish ends the bridge if nobody needs it any more, and reports whether it did. Who comes then calls for another one.
func (b *bridge) Finish(now time.Time) bool {
	s := b.stream
	s.mu.Lock()
	d := &s.demands[b.writes]
	unread := d.readers == 0 && (s.pub == nil || now.Sub(d.unread) >= linger)
	needless := unread || s.pub != nil && s.pub.writes == b.writes
	if needless {
		b.detach()
	}
	s.mu.Unlock()
	if needless {
		s.startBridges() // the publisher may have changed again just now
		b.giveUp()
	}
	return needless
}

// Close ends the bridge, whoever reads. After Finish has, it does nothing.
func (b *bridge) Close() {
	b.stream.mu.Lock()
	b.detach()
	b.stream.mu.Unlock()
	b.giveUp()
}

// Break ends the bridge because it can't go on. Those who read what it wrote get nothing more, which their Broken tells: they are
// woken, and are to leave. Who comes then calls for another one.
func (b *bridge) Break() {
	s := b.stream
	s.mu.Lock()
	s.demands[b.writes].broken++
	b.detach()
	wakers := s.wakers
	if b.writes == frames {
		wakers = s.frameWakers
	}
	s.mu.Unlock()
	s.wake(wakers)
	b.giveUp()
}

// broken counts the bridges that broke while they wrote a form.
func (s *Stream) broken(f form) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.demands[f].broken
}

// giveUp lets go of the stream, once.
func (b *bridge) giveUp() {
	if !b.over {
		b.over = true
		b.leave()
	}
}

// detach lets another bridge take the place. What it wrote goes, for whoever comes must not begin at what is old. The caller
// holds the stream's lock.
func (b *bridge) detach() {
	s := b.stream
	if s.demands[b.writes].bridge != b {
		return
	}
	s.demands[b.writes].bridge, s.demands[b.writes].begun = nil, false
	switch {
	case s.pub != nil && s.pub.writes == b.writes:
	case b.writes == frames:
		s.frames.reset()
	default:
		for k := range s.lanes {
			s.lanes[k].reset()
		}
	}
}

// wakeBridges tells the bridges that the publisher has changed.
func (s *Stream) wakeBridges() {
	s.mu.RLock()
	demands := s.demands
	s.mu.RUnlock()
	for _, d := range demands {
		if d.bridge != nil {
			d.bridge.waker.Wake(s)
		}
	}
}

// join notes one more reader of a form. The caller holds the lock, and calls startBridges without it.
func (s *Stream) join(f form) { s.demands[f].readers++ }

// part notes that a reader of a form has left.
func (s *Stream) part(f form) {
	s.mu.Lock()
	d := &s.demands[f]
	if d.readers--; d.readers == 0 {
		d.unread = time.Now()
	}
	b := d.bridge
	s.mu.Unlock()
	if b != nil {
		b.waker.Wake(s)
	}
}
