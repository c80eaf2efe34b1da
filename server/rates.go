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

// rate is what is known of one name.
type rate struct{ received, sent window }

// window is where a counter stood.
type window struct {
	since, half  time.Time // the window's beginning, and its middle, where the next window begins
	from, middle int64     // the counter at these
	last         int64     // and when it was asked last
	gone         int64     // by which it has ever gone back
	kbps         int64
}

// amount is how many bytes were carried since a time.
type amount struct {
	began time.Time // zero: nobody knows when, and it is counted from now on
	bytes uint64
}

// kbps is the bit rate of a name's two counters.
func (r *rates) kbps(now time.Time, name string, received, sent amount) api.Kbps {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil || len(r.of) > maxRates {
		r.of = make(map[string]rate)
	}
	if now.Sub(r.swept) > rateWindow {
		r.swept = now
		r.sweep(now)
	}
	e, known := r.of[name]
	if !known {
		e = rate{newWindow(now, received), newWindow(now, sent)}
	}
	e.received.move(now, int64(received.bytes))
	e.sent.move(now, int64(sent.bytes))
	r.of[name] = e
	return api.Kbps{Recv: e.received.kbps, Send: e.sent.kbps}
}

// newWindow is of a counter that is asked for the first time.
func newWindow(now time.Time, a amount) window {
	w := window{since: a.began, half: now, middle: int64(a.bytes)}
	if a.began.IsZero() {
		w.since, w.from = now, w.middle
	}
	return w
}

// move goes on to a time and what the counter says then. One that has gone back, as that of what a stream is sent does when somebody
// publishes it anew, has stood still, and counts on from there.
func (w *window) move(now time.Time, bytes int64) {
	w.gone += max(0, w.last-bytes)
	w.last = bytes
	bytes += w.gone
	elapsed := now.Sub(w.since)
	if elapsed < time.Second {
		return
	}
	w.kbps = (bytes - w.from) * 8 / elapsed.Milliseconds()
	if now.Sub(w.half) > rateWindow/2 {
		w.since, w.from = w.half, w.middle
		w.half, w.middle = now, bytes
	}
}

// sweep forgets counters that nobody has asked for in a while. Called locked.
func (r *rates) sweep(now time.Time) {
	for name, e := range r.of {
		if now.Sub(e.received.half) > 4*rateWindow {
			delete(r.of, name)
		}
	}
}
