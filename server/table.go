package server

import (
	"slices"
	"sync"
	"sync/atomic"
)

// tabled is a client that a table holds.
type tabled interface {
	comparable
	client
}

// table finds every client of a sort. It is closed before the server ends. What bounds it is said where clients come in.
type table[C tabled] struct {
	mu     sync.Mutex
	closed bool
	ids    map[string]C
	left   sync.WaitGroup // clients that have not ended: whoever was added calls Done
}

func (t *table[C]) add(c C) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return errStopping
	}
	if t.ids == nil {
		t.ids = make(map[string]C)
	}
	t.ids[c.who().id] = c
	t.left.Add(1)
	return nil
}

func (t *table[C]) remove(c C) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.ids, c.who().id)
}

// byID finds a client; nil if there is none.
func (t *table[C]) byID(id string) C {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ids[id]
}

// all lists the clients in the order they came.
func (t *table[C]) all() []C {
	t.mu.Lock()
	list := make([]C, 0, len(t.ids))
	for _, c := range t.ids {
		list = append(list, c)
	}
	t.mu.Unlock()
	slices.SortFunc(list, func(a, b C) int { return a.who().created.Compare(b.who().created) })
	return list
}

// close dismisses every client and lets none in any more.
func (t *table[C]) close(reason error) {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	for _, c := range t.all() {
		c.dismiss(reason)
	}
}

// places bounds the connections of all protocols together but WebRTC's: max_connections. A connection takes one when it has
// said what it wants, and gives it back at its end.
type places struct {
	most  int64
	taken atomic.Int64
}

func (p *places) take() bool {
	if p.taken.Add(1) <= p.most {
		return true
	}
	p.taken.Add(-1)
	return false
}

func (p *places) give() { p.taken.Add(-1) }
