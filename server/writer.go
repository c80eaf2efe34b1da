package server

import (
	"maps"
	"slices"
	"sync"
	"time"

	"oneport/ice"
	"oneport/media"
	"oneport/stream"
)

const (
	// batchItems bounds what is encrypted before it is written: about 32 KB.
	batchItems = 28
	// batchBuffer is the size a writer's buffer starts with; it holds a batch of full packets.
	batchBuffer = 64 << 10
)

// writer carries packets from streams to many viewers: woken once a batch, it goes through its viewers, encrypts what each
// has not had yet in one piece and gives it to the kernel in one write that never waits. A viewer whose link is full is
// passed over until it has room again.
//
// There are a few writers, each with a goroutine of its own; a viewer stays with one, so its packets keep their order.
type writer struct {
	wake chan struct{} // capacity 1

	mu      sync.Mutex
	viewers map[*stream.Stream][]*session // replaced, never changed, so that serving needs no lock
	dirty   map[*stream.Stream]struct{}   // streams with something new
	ready   map[*session]struct{}         // viewers to look at whatever their stream does
	later   map[*session]time.Time        // viewers in the middle of a burst, and when they go on

	// Owned by the goroutine.
	items []media.Item
	buf   []byte
}

func newWriter() *writer {
	return &writer{
		wake:    make(chan struct{}, 1),
		viewers: make(map[*stream.Stream][]*session),
		dirty:   make(map[*stream.Stream]struct{}),
		ready:   make(map[*session]struct{}),
		later:   make(map[*session]time.Time),
		buf:     make([]byte, 0, batchBuffer),
	}
}

// Wake says that a stream has a batch. The stream calls it.
func (w *writer) Wake(st *stream.Stream) {
	w.mu.Lock()
	w.dirty[st] = struct{}{}
	w.mu.Unlock()
	w.signal()
}

// serveSoon says that a viewer has a reason to be looked at: it has just begun, moved, or has room again.
func (w *writer) serveSoon(s *session) {
	w.mu.Lock()
	w.ready[s] = struct{}{}
	w.mu.Unlock()
	w.signal()
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *writer) add(s *session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	st := s.reader.Stream()
	w.viewers[st] = append(slices.Clip(w.viewers[st]), s)
}

func (w *writer) remove(s *session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	st := s.reader.Stream()
	rest := slices.DeleteFunc(slices.Clone(w.viewers[st]), func(o *session) bool { return o == s })
	if len(rest) == 0 {
		delete(w.viewers, st)
		delete(w.dirty, st)
	} else {
		w.viewers[st] = rest
	}
	delete(w.ready, s)
	delete(w.later, s)
}

// run serves until stop is closed.
func (w *writer) run(stop <-chan struct{}) {
	burst := time.NewTimer(time.Hour)
	defer burst.Stop()
	var groups [][]*session
	var single []*session
	for {
		select {
		case <-w.wake:
		case <-burst.C:
		case <-stop:
			return
		}
		groups, single = w.take(time.Now(), groups[:0], single[:0])
		for _, g := range groups {
			for _, s := range g {
				s.survive(func() { w.serve(s) })
			}
		}
		for _, s := range single {
			s.survive(func() { w.serve(s) })
		}
		clear(groups)
		clear(single)
		burst.Reset(w.nextBurst())
	}
}

// take collects whom to serve.
func (w *writer) take(now time.Time, groups [][]*session, single []*session) ([][]*session, []*session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for st := range w.dirty {
		groups = append(groups, w.viewers[st])
	}
	clear(w.dirty)
	single = slices.AppendSeq(single, maps.Keys(w.ready))
	clear(w.ready)
	for s, at := range w.later {
		if !now.Before(at) {
			single = append(single, s)
			delete(w.later, s)
		}
	}
	return groups, single
}

func (w *writer) nextBurst() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.later) == 0 {
		return time.Hour
	}
	return udpSpacing
}

// serve writes a viewer everything it has not had, or as much as its link takes.
func (w *writer) serve(s *session) {
	l := s.link()
	if l == nil {
		return
	}
	transport := l.path().Transport
	for !l.full() {
		now, most := time.Now(), batchItems
		if transport == ice.UDP {
			if most = s.pace.room(now); most == 0 {
				w.postpone(s, s.pace.next())
				return
			}
		}
		n := w.encrypt(now, s, transport, most)
		if n == 0 {
			s.checkRefused()
			return
		}
		if transport == ice.UDP {
			s.pace.sent(now, n)
		}
		if len(w.buf) > 0 {
			l.send(w.buf)
		}
		if n < most {
			return // that was all, and what came since wakes us
		}
	}
}

// encrypt puts the viewer's next batch into buf, of at most most packets, and returns of how many it was made: what it has
// asked for again, and then what it has not had.
func (w *writer) encrypt(now time.Time, s *session, transport ice.Transport, most int) int {
	s.out.Lock()
	defer s.out.Unlock()
	if s.outbound == nil {
		return 0
	}
	s.outbound.Over(transport)
	again := 0
	w.buf, again = s.outbound.Resend(now, w.buf[:0], most, s.reader.Find)
	w.items = s.reader.Next(now, w.items[:0], most-again)
	if len(w.items) == 0 {
		return again
	}
	s.unqueue()
	w.buf = s.outbound.Append(now, w.buf, w.items)
	if !s.reporting {
		s.reporting = true
		s.server.timers.schedule(s, s.outbound.Deadline())
	}
	return again + len(w.items)
}

func (w *writer) postpone(s *session, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.later[s] = at
}
