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
	size  struct{ width, height int } // of the newest keyframe that says so

	// What happens later than the packet that caused it; see wake.go and ask.go.
	wakers  []wakerUse // never changed, only replaced
	batch   batch
	asks    asks
	timer   *time.Timer
	timerAt time.Time // zero: not running
}

func newStream(h *Hub, name Name, id string) *Stream {
	s := &Stream{hub: h, name: name, id: id}
	s.version.Store(1)
	return s
}

// Name is the stream's name.
func (s *Stream) Name() Name { return s.name }

// ID is unique to this life of the stream.
func (s *Stream) ID() string { return s.id }

// publish makes pub the stream's publisher, and returns the publication it replaces, if any.
func (s *Stream) publish(now time.Time, pub Publisher) (p, old *Publication, err error) {
	s.mu.RLock()
	old = s.pub
	s.mu.RUnlock()
	if old != nil && old.alive(now) {
		return nil, nil, ErrBusy
	}
	p = &Publication{stream: s, publisher: pub, since: now, active: now}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pub != nil && s.pub != old {
		return nil, nil, ErrBusy // somebody was faster
	}
	old, s.pub = s.pub, p
	s.epoch++
	for k := range s.lanes {
		s.lanes[k].reset()
	}
	s.size.width, s.size.height = 0, 0
	s.asks, s.batch = asks{}, batch{}
	s.version.Add(1)
	return p, old, nil
}

// unpublish ends the publication and reports whether it was the stream's.
func (s *Stream) unpublish(p *Publication, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pub != p {
		return false
	}
	s.pub, s.left = nil, now
	s.asks = asks{}
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
	if w == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakers = slices.Clone(s.wakers)
	for i := range s.wakers {
		if s.wakers[i].waker == w {
			s.wakers[i].readers++
			return
		}
	}
	s.wakers = append(s.wakers, wakerUse{waker: w, readers: 1})
}

// removeWaker notes that one reader less uses the waker.
func (s *Stream) removeWaker(w Waker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakers = slices.Clone(s.wakers)
	for i := range s.wakers {
		if s.wakers[i].waker != w {
			continue
		}
		if s.wakers[i].readers--; s.wakers[i].readers == 0 {
			s.wakers = slices.Delete(s.wakers, i, i+1)
		}
		return
	}
}
