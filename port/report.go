package port

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Stats count what came to a port since it was opened.
type Stats struct {
	Accepted     uint64
	Kinds        [Kinds]uint64 // by what they turned out to speak; Unknown is garbage
	Unserved     uint64        // of a known kind without a handler here
	Timeouts     uint64        // told too little before the deadline
	Gone         uint64        // ended before they told
	Displaced    uint64        // silent ones closed to make room
	Panics       uint64        // handlers that panicked
	AcceptErrors uint64
	Sniffing     int // now
	Serving      int // in a handler, now
}

type counters struct {
	accepted, unserved, timeouts, gone, displaced, panics, acceptErrors atomic.Uint64
	kinds                                                               [Kinds]atomic.Uint64
}

// Stats gives the counts of this moment.
func (p *Port) Stats() Stats {
	s := Stats{
		Accepted:     p.counters.accepted.Load(),
		Unserved:     p.counters.unserved.Load(),
		Timeouts:     p.counters.timeouts.Load(),
		Gone:         p.counters.gone.Load(),
		Displaced:    p.counters.displaced.Load(),
		Panics:       p.counters.panics.Load(),
		AcceptErrors: p.counters.acceptErrors.Load(),
	}
	for kind := range s.Kinds {
		s.Kinds[kind] = p.counters.kinds[kind].Load()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Sniffing, s.Serving = p.sniffing.Len(), len(p.serving)
	return s
}

// limiter lets one log line of each kind pass in a while.
type limiter struct {
	mu     sync.Mutex
	next   [Kinds]time.Time
	others [Kinds]int
}

// allow says whether to log now, and how many lines of the kind were held back since the last.
func (l *limiter) allow(kind Kind, now time.Time) (others int, ok bool) {
	const pause = time.Minute
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.next[kind]) {
		l.others[kind]++
		return 0, false
	}
	l.next[kind] = now.Add(pause)
	others, l.others[kind] = l.others[kind], 0
	return others, true
}

// trouble is the accept loop's state of failing, as at the limit of file descriptors: logged on entering and on leaving
// it. Single successes do not end it, or a port at its limit would log for every connection.
type trouble struct {
	log      *slog.Logger
	since    time.Time // zero: there is none
	last     time.Time
	failures int
	delay    time.Duration
}

const (
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
	calm       = time.Second // without a failure, for the trouble to be over
)

// enter notes a failure and says how long to pause: longer and longer, but where room was made only until it is there.
func (t *trouble) enter(now time.Time, err error, room bool) time.Duration {
	if t.since.IsZero() {
		t.since = now
		t.log.Error("port: can't accept connections, trying again", "error", err)
	}
	t.last = now
	t.failures++
	if room {
		t.delay = 0
	}
	t.delay = min(max(2*t.delay, firstPause), lastPause)
	return t.delay
}

// leave notes a success.
func (t *trouble) leave(now time.Time) {
	t.delay = 0
	if t.since.IsZero() || now.Sub(t.last) < calm {
		return
	}
	t.log.Info("port: accepting connections again", "after", now.Sub(t.since), "failures", t.failures)
	*t = trouble{log: t.log}
}

// sentence is an error in words for the operator, with the system's own behind it for errors.Is.
type sentence struct {
	text  string
	cause error
}

func (s sentence) Error() string { return s.text }
func (s sentence) Unwrap() error { return s.cause }

// ListenError says what is wrong with an address of a network, TCP or UDP, and what to do about it with the setting.
func ListenError(network, addr, setting string, err error) error {
	name := network + " " + strings.TrimPrefix(addr, ":")
	with := ""
	if setting != "" {
		with = " with " + setting
	}
	switch {
	case isInUse(err):
		return sentence{fmt.Sprintf("port: %s is in use by another program: stop it, or choose another port%s", name, with), err}
	case errors.Is(err, syscall.EACCES):
		return sentence{fmt.Sprintf("port: %s is not permitted to this user: choose a port from 1024 up%s, "+
			"or give the program the right to bind it", name, with), err}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return sentence{fmt.Sprintf("port: %s is not an address of this machine: choose another%s", name, with), err}
	}
	return fmt.Errorf("port: can't listen on %s%s: %w", name, strings.Replace(with, " with ", ", set by ", 1), err)
}

// isInUse knows the number that Windows gives, too, where syscall's own is a made-up one.
func isInUse(err error) bool {
	const wsaAddressInUse = syscall.Errno(10048)
	return errors.Is(err, syscall.EADDRINUSE) || runtime.GOOS == "windows" && errors.Is(err, wsaAddressInUse)
}
