package server

import (
	"net/http"
	"net/netip"
	"sync"
)

// Why a viewer may not wait.
var (
	errTooManyWaiting  = statusError{http.StatusTooManyRequests, "this address has as many clients waiting for streams as max_waiting_per_address allows"}
	errAllWaiting      = statusError{http.StatusServiceUnavailable, "half of max_connections wait for streams that nobody publishes, and no more may: try again later"}
	errSessionsWaiting = statusError{http.StatusServiceUnavailable, "half of rtc_server.max_sessions wait for streams that nobody publishes, and no more may: try again later"}
)

// queue bounds how many viewers may wait for streams that nobody publishes, in all and from one address: each takes a place
// that it makes no use of, for as long as viewer_patience, and what is live must stay playable beside them.
type queue struct {
	most, mostOfOne int
	full, fullOfOne error

	mu  sync.Mutex
	all int
	of  map[netip.Addr]int
}

// halfOf is how many of so many places may be waited in: one at least, for who plays at all may wait.
func halfOf(places int) int { return max(places/2, 1) }

func (q *queue) take(from netip.Addr) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.of[from] >= q.mostOfOne:
		return q.fullOfOne
	case q.all >= q.most:
		return q.full
	}
	if q.of == nil {
		q.of = make(map[netip.Addr]int)
	}
	q.all++
	q.of[from]++
	return nil
}

func (q *queue) give(from netip.Addr) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all--
	if q.of[from]--; q.of[from] == 0 {
		delete(q.of, from)
	}
}

func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.all
}
