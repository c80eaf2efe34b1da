package stream

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"oneport/media"
)

// Stream is one name's packets: at most one publication writes them, any number of readers read them.
type Stream struct {
	hub  *Hub
	name Name
	id   string
	made time.Time
	sent atomic.Uint64 // see CountSent

	// Of the hub, under its lock.
	users   int // the publication, if any, and the readers
	readers int

	// version changes whenever there may be something new to read. A reader that has seen it need not take the lock.
	version atomic.Uint64

	mu    sync.RWMutex
	pub   *Publication // nil while nobody publishes
	epoch uint64       // number of publications so far
	left  time.Time    // when the last publication ended
	order uint64       // packets of all publications so far
	lanes [media.Kinds]lane
	size  size // of the newest keyframe that says so

	// The side of frames; see frames.go, and bridge.go for how the two sides meet.
	frames       frameRing
	frameVersion atomic.Uint64 // as version, of the frames
	frameWakers  []wakerUse    // as wakers
	frameWoken   time.Time     // when they were last called for a frame

	demands [forms]demand

	// What happens later than the packet that caused it; see wake.go and ask.go.
	wakers  []wakerUse // never changed, only replaced
	batch   batch
	asks    asks
	timer   *time.Timer
	timerAt time.Time // zero: not running
}

// size is that of a picture.
type size struct{ width, height int }

func newStream(h *Hub, name Name, id string) *Stream {
	s := &Stream{hub: h, name: name, id: id, made: time.Now()}
	s.version.Store(1)
	s.frameVersion.Store(1)
	return s
}

// Name is the stream's name.
func (s *Stream) Name() Name { return s.name }

// publish begins the publication, and returns the one it replaces, if any.
func (s *Stream) publish(now time.Time, p *Publication) (old *Publication, err error) {
	p.stream, p.since, p.active = s, now, now
	for { // as long as others are faster
		s.mu.RLock()
		holder := s.pub
		s.mu.RUnlock()
		if holder != nil {
			if left := holder.holds(now); left > 0 {
				return nil, &BusyError{Silence: left}
			}
		}
		if old, ok := s.succeed(holder, p); ok {
			return old, nil
		}
	}
}

// succeed begins the publication, unless another has taken the place of the one that does not hold the stream any more. It returns the
// one it replaces, if that has not left meanwhile.
func (s *Stream) succeed(holder, p *Publication) (old *Publication, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pub != nil && s.pub != holder {
		return nil, false
	}
	old, s.pub = s.pub, p
	s.epoch++
	for k := range s.lanes {
		s.lanes[k].reset()
	}
	s.frames.reset()
	s.frameVersion.Add(1)
	s.size.width, s.size.height = 0, 0
	s.asks, s.batch = asks{}, batch{}
	s.version.Add(1)
	return old, true
}

// unpublish ends the publication and reports whether it was the stream's.
func (s *Stream) unpublish(p *Publication, now time.Time) bool {
	s.mu.Lock()
	if s.pub != p {
		s.mu.Unlock()
		return false
	}
	s.pub, s.left = nil, now
	s.asks = asks{}
	s.mu.Unlock()
	s.wakeFrames()
	return true
}

// stop ends the stream's timer, when nobody uses the stream any more.
func (s *Stream) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batch, s.asks = batch{}, asks{}
	if s.timer != nil {
		s.timer.Stop()
	}
}

// addWaker notes one more reader that uses the waker.
func (s *Stream) addWaker(w Waker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakers = withWaker(s.wakers, w)
}

// withWaker is the list with one more reader that uses the waker.
func withWaker(list []wakerUse, w Waker) []wakerUse {
	if w == nil {
		return list
	}
	list = slices.Clone(list)
	for i := range list {
		if list[i].waker == w {
			list[i].readers++
			return list
		}
	}
	return append(list, wakerUse{waker: w, readers: 1})
}

// removeWaker notes that one reader less uses the waker.
func (s *Stream) removeWaker(w Waker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakers = withoutWaker(s.wakers, w)
}

// withoutWaker is the list with one reader less that uses the waker.
func withoutWaker(list []wakerUse, w Waker) []wakerUse {
	list = slices.Clone(list)
	for i := range list {
		if list[i].waker != w {
			continue
		}
		if list[i].readers--; list[i].readers == 0 {
			list = slices.Delete(list, i, i+1)
		}
		break
	}
	return list
}
