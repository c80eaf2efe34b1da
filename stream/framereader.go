package stream

import (
	"fmt"
	"sync"
	"time"

	"oneport/media"
)

// FrameReader is one viewer's place among the frames of a stream. Its methods may be called from several goroutines.
type FrameReader struct {
	stream *Stream
	waker  Waker
	since  time.Time
	joined uint64 // the position of the first frame that came after the reader
	broken uint64 // bridges that had broken before

	mu      sync.Mutex
	closed  bool
	started bool   // Next was called
	seen    uint64 // the frames' version when everything was read
	epoch   uint64 // of the publication that is read

	pos     uint64        // of the next frame to look at
	least   uint64        // a keyframe before this position is not one to begin at
	open    bool          // a run has begun
	picture bool          // its keyframe was delivered
	from    time.Duration // where on the timeline it begins
	shown   time.Duration // when its keyframe is
	next    media.Break   // what the next item says

	skips, skipped uint64
}

// FrameStatus is what a reader of frames can know of its stream.
type FrameStatus struct {
	Live    bool      // somebody publishes
	Epoch   uint64    // tells publications apart
	Packets bool      // the publisher sends packets, so that frames come from a bridge
	Broken  bool      // a bridge broke that the reader may have read of: it gets nothing more
	First   time.Time // when the publication's first frame arrived, if there is one
	Formats [media.Kinds]*media.FrameFormat
}

// FrameStats tells how a reader of frames fares.
type FrameStats struct {
	Lag           time.Duration // from the next frame it will read to the stream's newest
	Skips         uint64        // how often it fell behind too far
	SkippedFrames uint64        // what it was not given because of that
}

// SubscribeFrames adds a reader of frames to the stream, which need not be published yet. The error is ErrFull.
func (h *Hub) SubscribeFrames(now time.Time, name Name, w Waker) (*FrameReader, error) {
	s, err := h.acquire(name, 1)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.join(frames)
	s.frameWakers = withWaker(s.frameWakers, w)
	r := &FrameReader{stream: s, waker: w, since: now, joined: s.frames.head, broken: s.demands[frames].broken}
	s.mu.Unlock()
	s.startBridges()
	return r, nil
}

// Next appends at most max frames to dst, in the order in which they arrived, and returns it.
//
// A run begins with the newest keyframe and the sound from its time on; where none is kept, one is asked for and nothing
// comes before it. A stream that has had no picture for its first second is taken to be sound alone. A reader whose next
// frame is older than QueueLength skips to the newest keyframe. After a change of publisher it begins anew. Each such place
// is marked in the item that follows it.
func (r *FrameReader) Next(now time.Time, dst []media.FrameItem, max int) []media.FrameItem {
	dst, why := r.read(now, dst, max)
	r.stream.requestKeyframe(now, why)
	return dst
}

// read is Next but for the keyframe request, of which it tells the cause.
func (r *FrameReader) read(now time.Time, dst []media.FrameItem, max int) (_ []media.FrameItem, why cause) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stream
	if r.closed || s.frameVersion.Load() == r.seen {
		return dst, none
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	r.begin()
	r.keepUp(now)
	for ; r.open && max > 0 && r.pos < s.frames.head; r.pos++ {
		if item, ok := r.take(s.frames.at(r.pos).frame); ok {
			dst = append(dst, item)
			max--
		}
	}
	if !r.open || r.pos == s.frames.head {
		r.seen = s.frameVersion.Load()
	}
	switch {
	case r.open:
		return dst, none
	case r.next == media.Skipped:
		return dst, slow
	}
	return dst, blind
}

// begin places the reader when it is new or the publication is.
func (r *FrameReader) begin() {
	s := r.stream
	if r.started && r.epoch == s.epoch {
		return
	}
	r.pos, r.least, r.next = s.frames.base, s.frames.base, media.Restarted
	if !s.hub.config.Play.GopCache {
		r.least = max(r.least, r.joined)
	}
	r.started, r.epoch, r.open = true, s.epoch, false
}

// keepUp leaves out what is too old to be delivered, and begins a run where that is possible.
func (r *FrameReader) keepUp(now time.Time) {
	ring := &r.stream.frames
	start := ring.start()
	if r.open && r.late(now, ring, start) {
		r.open, r.least = false, r.pos
		r.skips++
		if r.next == media.Continues {
			r.next = media.Skipped
		}
	}
	if r.open || !start.has || start.key < r.least {
		return
	}
	from := max(r.pos, start.from)
	if r.next == media.Skipped {
		r.skipped += from - r.pos
	}
	r.pos, r.from, r.open, r.picture = from, start.at, true, false
}

// late reports whether the next frame is not kept any more, or is too old and there is a newer keyframe to go on from.
func (r *FrameReader) late(now time.Time, ring *frameRing, start group) bool {
	if r.pos < ring.tail || r.pos == ring.head {
		return r.pos < ring.tail
	}
	age := now.Sub(ring.at(r.pos).frame.Arrival)
	return age > r.stream.hub.config.Play.QueueLength && start.has && start.key > r.pos
}

// take delivers a frame, unless the run does not reach back to it or has no picture that it builds on.
func (r *FrameReader) take(f *media.Frame) (media.FrameItem, bool) {
	if f.DTS < r.from {
		return media.FrameItem{}, false
	}
	if f.Kind() == media.Video {
		switch {
		case !r.picture && f.Key:
			r.picture, r.shown = true, f.PTS
		case !r.picture, f.PTS < r.shown: // the latter are of an open group, and build on the one before
			return media.FrameItem{}, false
		}
	}
	item := media.FrameItem{Frame: f, Break: r.next}
	if r.next != media.Continues {
		item.From, r.next = r.from, media.Continues
	}
	return item, true
}

// RequestKeyframe asks the publisher for a keyframe. The requests of all readers are coalesced; a publisher of frames may have
// no way to be asked.
func (r *FrameReader) RequestKeyframe(now time.Time) { r.stream.requestKeyframe(now, blind) }

// Status tells what the stream is like now.
func (r *FrameReader) Status() FrameStatus {
	s := r.stream
	s.mu.RLock()
	defer s.mu.RUnlock()
	return FrameStatus{
		Live: s.pub != nil, Epoch: s.epoch, Packets: s.pub != nil && s.pub.writes == packets,
		Broken: s.demands[frames].broken != r.broken, First: s.frames.first, Formats: s.frames.formats,
	}
}

// Expired tells whether the reader has waited in vain for a publisher, and says so in words.
func (r *FrameReader) Expired(now time.Time) (expired bool, reason string) {
	return r.stream.expired(now, r.since)
}

// Stats tells how the reader fares.
func (r *FrameReader) Stats() FrameStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stream
	s.mu.RLock()
	defer s.mu.RUnlock()
	stats := FrameStats{Skips: r.skips, SkippedFrames: r.skipped}
	if ring := &s.frames; r.open && r.epoch == s.epoch && r.pos < ring.head && ring.tail < ring.head {
		stats.Lag = ring.newest.Sub(ring.at(max(r.pos, ring.tail)).frame.Arrival)
	}
	return stats
}

// Close ends the reader. Closing twice does nothing.
func (r *FrameReader) Close() {
	r.mu.Lock()
	closed := r.closed
	r.closed = true
	r.mu.Unlock()
	if closed {
		return
	}
	s := r.stream
	s.mu.Lock()
	s.frameWakers = withoutWaker(s.frameWakers, r.waker)
	s.mu.Unlock()
	s.part(frames)
	s.hub.release(s, 1)
}

// expired tells whether one who came at since has waited in vain for a publisher.
func (s *Stream) expired(now, since time.Time) (expired bool, reason string) {
	s.mu.RLock()
	live, left := s.pub != nil, s.left
	s.mu.RUnlock()
	if left.After(since) {
		since = left
	}
	patience := s.hub.config.Play.ViewerPatience
	if live || now.Sub(since) < patience {
		return false, ""
	}
	return true, fmt.Sprintf("nobody has published %v for %v", s.name, patience)
}
