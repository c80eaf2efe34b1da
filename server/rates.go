package server

import (
	"sync"
	"time"

	"oneport/api"
)

const (
	rateWindow = 30 * time.Second
	maxRates   = 50_000 // beyond it, all are forgotten and begin anew
)

// rates turn byte counters into the bit rate of the last 30 seconds, as far as they are asked often enough: a sample is kept
// for half that long and answers for the time since. Who asks for the first time is told the rate since the counter began.
type rates struct {
	mu    sync.Mutex
	of    map[string]rate
	swept time.Time
}

// flow is how much has come and gone.
type flow struct{ received, sent int64 }

// rate is what is known of one name's flow.
type rate struct {
	since, half  time.Time // the window's beginning, and its middle, where the next window begins
	from, middle flow      // what it was at these
	kbps         api.Kbps
}

// kbps is the bit rate of what began at a time and has carried so many bytes now.
func (r *rates) kbps(now, began time.Time, name string, received, sent uint64) api.Kbps {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil || len(r.of) > maxRates {
		r.of = make(map[string]rate)
	}
	if now.Sub(r.swept) > rateWindow {
		r.swept = now
		r.sweep(now)
	}
	bytes := flow{int64(received), int64(sent)}
	e, known := r.of[name]
	switch {
	case !known:
		e = rate{since: began, half: now, middle: bytes}
	case bytes.received < e.from.received || bytes.sent < e.from.sent: // of a stream whose viewers have left
		e = rate{since: now, half: now, from: bytes, middle: bytes}
	}
	if elapsed := now.Sub(e.since); elapsed >= time.Second {
		e.kbps.Recv = (bytes.received - e.from.received) * 8 / elapsed.Milliseconds()
		e.kbps.Send = (bytes.sent - e.from.sent) * 8 / elapsed.Milliseconds()
		if now.Sub(e.half) > rateWindow/2 {
			e.since, e.from = e.half, e.middle
			e.half, e.middle = now, bytes
		}
	}
	r.of[name] = e
	return e.kbps
}

// sweep forgets counters that nobody has asked for in a while. Called locked.
func (r *rates) sweep(now time.Time) {
	for name, e := range r.of {
		if now.Sub(e.half) > 4*rateWindow {
			delete(r.of, name)
		}
	}
}
