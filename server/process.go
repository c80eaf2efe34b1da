package server

import (
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// load measures what the process costs, between one question and the next.
type load struct {
	mu      sync.Mutex
	at      time.Time
	used    time.Duration // processor time, at that time
	percent float64
}

// cpu is the percentage of one core that the process has used since it was asked last, a second ago or longer. The first answer is
// of all the time since a start.
func (l *load) cpu(now, started time.Time, used time.Duration) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at.IsZero() {
		l.at = started
	}
	if elapsed := now.Sub(l.at); elapsed >= time.Second {
		l.percent = 100 * float64(used-l.used) / float64(elapsed)
		l.at, l.used = now, used
	}
	return l.percent
}

// buildDate is when what the binary is made of was committed, as far as it says so.
func buildDate() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.time" {
				return s.Value
			}
		}
	}
	return "unknown"
}

// heldMemory is what the runtime has from the system, in bytes: what there is to tell where the system does not.
func heldMemory() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys - m.HeapReleased
}
