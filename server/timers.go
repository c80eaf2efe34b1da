package server

import (
	"container/heap"
	"sync"
	"time"
)

// timers is the one clock of all sessions: a heap of deadlines and one goroutine that calls the sessions whose time has
// come. It holds one entry per session.
type timers struct {
	mu    sync.Mutex
	heap  timerHeap
	alarm chan struct{} // capacity 1: the earliest deadline changed
}

// timed is something that wants to be called at a time.
type timed interface {
	// service does what is due and returns the next time; zero: not until scheduled again.
	service(now time.Time) time.Time
	// entry is the timer entry embedded in it.
	entry() *timerEntry
}

type timerEntry struct {
	at    time.Time
	index int // in the heap, plus one; 0: not in it
	what  timed
	over  bool // forgotten: whoever still asks for a time gets none
}

func newTimers() *timers { return &timers{alarm: make(chan struct{}, 1)} }

// schedule asks for what to be serviced at a time, or earlier if it already was to be. A zero time asks for nothing.
func (t *timers) schedule(what timed, at time.Time) {
	if at.IsZero() {
		return
	}
	t.mu.Lock()
	e := what.entry()
	switch {
	case e.over:
		t.mu.Unlock()
		return
	case e.index == 0:
		e.at, e.what = at, what
		heap.Push(&t.heap, e)
	case at.Before(e.at):
		e.at = at
		heap.Fix(&t.heap, e.index-1)
	}
	first := t.heap[0] == e
	t.mu.Unlock()
	if first {
		select {
		case t.alarm <- struct{}{}:
		default:
		}
	}
}

// forget takes what out for good: a service that runs at this moment, or whoever is late to know that it is over, can't
// bring it back.
func (t *timers) forget(what timed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := what.entry()
	e.over = true
	if e.index != 0 {
		heap.Remove(&t.heap, e.index-1)
	}
}

// run services what is due until stop is closed.
func (t *timers) run(stop <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := time.Now()
		what, wait := t.pop(now)
		if what != nil {
			t.schedule(what, what.service(now))
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-t.alarm:
		case <-stop:
			return
		}
	}
}

// pop takes the earliest entry out if it is due, else says how long to wait.
func (t *timers) pop(now time.Time) (timed, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.heap) == 0 {
		return nil, time.Hour
	}
	first := t.heap[0]
	if wait := first.at.Sub(now); wait > 0 {
		return nil, wait
	}
	heap.Pop(&t.heap)
	return first.what, 0
}

type timerHeap []*timerEntry

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i+1, j+1
}
func (h *timerHeap) Push(x any) {
	e := x.(*timerEntry)
	*h = append(*h, e)
	e.index = len(*h)
}
func (h *timerHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	e.index = 0
	return e
}
