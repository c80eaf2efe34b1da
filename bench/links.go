package bench

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
)

// links are the connections of a client, of which one carries what it sends.
type links struct {
	readers sync.WaitGroup // one for each open path
	closed  chan struct{}  // closed when the client is
	stalled atomic.Bool

	mu      sync.Mutex // guards what follows
	closing bool
	open    []*path // oldest first
	current *path   // where we send; nil: none
	network string  // what the client was last moved to
	err     error   // why nothing can come any more
	resume  chan struct{}
}

var (
	errClosed = errors.New("client closed")
	errNoPath = errors.New("no connection to the server")
)

// adopt takes a new path, and the reader that it is about to have, into care; false: the client is closing.
func (l *links) adopt(p *path) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return false
	}
	l.open = append(l.open, p)
	l.readers.Add(1)
	return true
}

// nominate makes a path the current one.
func (l *links) nominate(p *path) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current, l.network, l.err = p, p.network, nil
}

// lost forgets a path whose reader has ended; the newest that is left takes its place. It returns whether anybody cares.
func (l *links) lost(p *path, err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.open, p); i >= 0 {
		l.open = slices.Delete(l.open, i, i+1)
	}
	if l.current == p {
		l.current = nil
		if n := len(l.open); n > 0 && !l.open[n-1].cut.Load() {
			l.current = l.open[n-1]
		}
	}
	if l.current == nil && l.err == nil {
		l.err = err
	}
	return !l.closing
}

// fail notes that the session is over.
func (l *links) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
}

func (l *links) path() *path {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}

// take ends the current path's being current, and returns it.
func (l *links) take() *path {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.current
	l.current = nil
	return p
}

// shut lets no further path in, and closes all; their readers end. Closing a connection waits for whoever reads it, so no
// lock is held then.
func (l *links) shut() {
	l.mu.Lock()
	if !l.closing {
		l.closing = true
		close(l.closed)
	}
	open := slices.Clone(l.open)
	l.mu.Unlock()
	for _, p := range open {
		p.conn.Close()
	}
}

func (l *links) isClosing() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closing
}

func (l *links) stall(stall bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stalled.Swap(stall) == stall {
		return
	}
	if stall {
		l.resume = make(chan struct{})
	} else {
		close(l.resume)
	}
}

// resumed is closed by the end of the stall; it is nil if there is none.
func (l *links) resumed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stalled.Load() {
		return nil
	}
	return l.resume
}
