package stream

import (
	"time"

	"oneport/media"
)

// linger is how long a bridge goes on when nobody reads its frames: whoever loads the page again begins at once.
const linger = 10 * time.Second

// soundHold is how long sound may be kept from the readers of frames, so that it is written along with a picture.
const soundHold = 40 * time.Millisecond

// Bridge writes the frames of a stream whose publisher sends packets, once for all readers of frames. There is one while
// somebody reads them. Its methods are called by one goroutine.
type Bridge struct {
	stream *Stream
	reader *Reader
	epoch  uint64 // of the publication whose frames it writes
}

// startBridge calls for a bridge if the stream needs one. The caller keeps the stream alive.
func (s *Stream) startBridge() {
	start := s.hub.config.Bridge
	s.mu.Lock()
	needed := start != nil && !s.bridging && s.pub != nil && !s.pub.frames && s.frameReaders > 0
	if needed {
		s.bridging = true
	}
	s.mu.Unlock()
	if needed {
		start(s)
	}
}

// OpenBridge makes the bridge that the hub's configuration was asked for. The waker is called when there are packets, and
// when the stream's publisher or the last reader of frames leaves.
func (s *Stream) OpenBridge(now time.Time, w Waker) *Bridge {
	s.hub.retain(s)
	s.addWaker(w)
	b := &Bridge{stream: s, reader: &Reader{stream: s, waker: w, since: now, early: true}}
	s.mu.Lock()
	s.bridge = b
	s.mu.Unlock()
	return b
}

// Next is that of a Reader. The sound goes back to the keyframe that a new bridge begins at. Another publication's packets
// never come along with those of the one before.
func (b *Bridge) Next(now time.Time, dst []media.Item, max int) []media.Item {
	return b.reader.Next(now, dst, max)
}

// Turn tells whether what Next gave last is of another publication than what it gave before, and when that began.
func (b *Bridge) Turn() (since time.Time, turned bool) {
	b.reader.mu.Lock()
	epoch := b.reader.epoch
	b.reader.mu.Unlock()
	s := b.stream
	s.mu.RLock()
	defer s.mu.RUnlock()
	if epoch == b.epoch || epoch != s.epoch || s.pub == nil {
		return time.Time{}, false
	}
	b.epoch = epoch
	return s.pub.since, true
}

// Timing is that of a Reader.
func (b *Bridge) Timing(k media.Kind) (media.Timing, bool) { return b.reader.Timing(k) }

// RequestKeyframe asks the publisher for a keyframe.
func (b *Bridge) RequestKeyframe(now time.Time) { b.reader.RequestKeyframe(now) }

// Push adds a frame of the publication that is read. After its end the frame is counted and dropped.
func (b *Bridge) Push(f *media.Frame) {
	s := b.stream
	s.mu.Lock()
	if s.epoch != b.epoch || s.pub == nil {
		s.frames.counted.Ignored++
		s.mu.Unlock()
		return
	}
	wakers := s.addFrame(f)
	s.mu.Unlock()
	s.wake(wakers)
}

// Deadline is when the bridge is to end unless a reader comes, zero if there is one.
func (b *Bridge) Deadline() time.Time {
	s := b.stream
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.frameReaders > 0:
		return time.Time{}
	case s.pub == nil:
		return s.unread
	}
	return s.unread.Add(linger)
}

// Finish ends the bridge if nobody needs it any more, and reports whether it did. The next reader calls for another one.
func (b *Bridge) Finish(now time.Time) bool {
	s := b.stream
	s.mu.Lock()
	unread := s.frameReaders == 0 && (s.pub == nil || now.Sub(s.unread) >= linger)
	needless := unread || s.pub != nil && s.pub.frames
	if needless {
		b.detach()
	}
	s.mu.Unlock()
	if needless {
		b.reader.Close()
	}
	return needless
}

// Close ends the bridge, whoever reads.
func (b *Bridge) Close() {
	b.stream.mu.Lock()
	b.detach()
	b.stream.mu.Unlock()
	b.reader.Close()
}

// detach lets another bridge take the place. What it wrote goes, for whoever comes must not begin at what is old. The caller
// holds the stream's lock.
func (b *Bridge) detach() {
	if s := b.stream; s.bridge == b {
		s.bridge, s.bridging = nil, false
		if s.pub == nil || !s.pub.frames {
			s.frames.reset()
		}
	}
}

// addFrame puts a frame into the ring, and returns whom to tell. The caller holds the lock.
func (s *Stream) addFrame(f *media.Frame) []wakerUse {
	s.frames.push(f, &s.hub.config.Play)
	s.frameVersion.Add(1)
	if f.Kind() == media.Audio && f.Arrival.Sub(s.frameWoken) < soundHold {
		return nil // the next frame tells of it
	}
	s.frameWoken = f.Arrival
	return s.frameWakers
}

// wakeFrames tells the readers of frames, and the bridge, that the publisher has changed.
func (s *Stream) wakeFrames() {
	s.mu.RLock()
	wakers, b := s.frameWakers, s.bridge
	s.mu.RUnlock()
	s.wake(wakers)
	if b != nil {
		b.reader.waker.Wake(s)
	}
}
