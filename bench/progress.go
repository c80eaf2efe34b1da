package bench

import (
	"fmt"
	"time"
)

// Sample is one second of a run, or what the ticker made of it.
type Sample struct {
	At        float64 `json:"at_s"` // since the first viewer began to join
	Measuring bool    `json:"measuring"`
	Joined    int     `json:"joined"`
	Mbps      float64 `json:"mbps"`
	Packets   float64 `json:"packets_per_second"`
	Gaps      uint64  `json:"gaps"` // so far
	P50       float64 `json:"latency_p50_ms"`
	P99       float64 `json:"latency_p99_ms"`
	Server    float64 `json:"server_cpu_percent"`
	Own       float64 `json:"own_cpu_percent"`
	RSSKB     float64 `json:"server_rss_kb"`
}

// reading is what all counters show at an instant.
type reading struct {
	costs
	measuring            bool // the measurement has begun
	packets, bytes, gaps uint64
	latency              histogram
}

// watch takes a sample each second, and prints it, until it is stopped.
func (l *load) watch() (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		last := l.read()
		start := last.at
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			now := l.read()
			s := l.sample(last, now)
			s.At = now.at.Sub(start).Seconds()
			l.series = append(l.series, s)
			l.line(s)
			last = now
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

func (l *load) read() reading {
	l.mu.Lock() // against the beginning of the measurement
	defer l.mu.Unlock()
	return l.readLocked()
}

// readLocked adds up what the viewers have counted since the measurement began, and before.
func (l *load) readLocked() reading {
	r := l.base
	r.costs = l.costs()
	for _, v := range l.viewers {
		s := v.Stats()
		r.packets += s.Packets
		r.bytes += s.Bytes
		r.gaps += s.Gaps
		if s.latency.total > 0 {
			r.latency.merge(&s.latency)
		}
	}
	return r
}

// sample is what happened between two readings.
func (l *load) sample(last, now reading) Sample {
	seconds := max(now.at.Sub(last.at).Seconds(), 1e-9)
	now.latency.subtract(&last.latency)
	s := Sample{
		Measuring: last.measuring,
		Joined:    l.joined(),
		Mbps:      float64(now.bytes-last.bytes) * 8 / 1e6 / seconds,
		Packets:   float64(now.packets-last.packets) / seconds,
		Gaps:      now.gaps,
		Server:    100 * now.server.minus(last.server).total() / seconds,
		Own:       100 * now.own.minus(last.own).total() / seconds,
	}
	if now.latency.total > 0 {
		s.P50, s.P99 = milliseconds(now.latency.percentile(50)), milliseconds(now.latency.percentile(99))
	}
	if l.server != nil {
		s.RSSKB, _ = l.server.rss() // a server that is gone shows as zero
	}
	return s
}

func (l *load) line(s Sample) {
	l.mu.Lock()
	failed := 0
	for _, n := range l.failed {
		failed += n
	}
	l.mu.Unlock()
	text := fmt.Sprintf("%3.0f s  joined %d/%d", s.At, s.Joined, l.wanted())
	if failed > 0 {
		text += fmt.Sprintf(" (%d failed)", failed)
	}
	text += fmt.Sprintf("  %.1f Mbit/s  %.0f %ss/s  %d gaps", s.Mbps, s.Packets, l.way.unit, s.Gaps)
	if s.P99 > 0 {
		text += fmt.Sprintf("  latency %.1f/%.1f ms", s.P50, s.P99)
	}
	if l.server != nil {
		text += fmt.Sprintf("  server %.0f %%", s.Server)
	}
	fmt.Fprintf(l.opt.Progress, "%s  own %.0f %%\n", text, s.Own)
}
