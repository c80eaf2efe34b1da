package bench

import (
	"fmt"
	"time"
)

// reading is what the progress line is made of.
type reading struct {
	costs
	packets, bytes, gaps uint64
}

// progress prints a line each second until it is stopped.
func (l *load) progress() (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		start, last := time.Now(), l.read()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			now := l.read()
			l.line(now.at.Sub(start), last, now)
			last = now
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

func (l *load) read() reading {
	r := reading{costs: l.costs()}
	for _, v := range l.all() {
		v.rx.Lock()
		r.packets += v.rx.Packets
		r.bytes += v.rx.Bytes
		r.gaps += v.rx.Gaps
		v.rx.Unlock()
	}
	return r
}

func (l *load) line(since time.Duration, last, now reading) {
	if now.packets < last.packets { // the measurement has just begun, from zero
		last.packets, last.bytes = 0, 0
	}
	seconds := now.at.Sub(last.at).Seconds()
	l.mu.Lock()
	joined, failed := len(l.viewers), 0
	for _, n := range l.failed {
		failed += n
	}
	l.mu.Unlock()
	text := fmt.Sprintf("%3.0f s  joined %d/%d", since.Seconds(), joined, l.opt.N)
	if failed > 0 {
		text += fmt.Sprintf(" (%d failed)", failed)
	}
	text += fmt.Sprintf("  %.1f Mbit/s  %.0f packets/s  %d gaps", float64(now.bytes-last.bytes)*8/1e6/seconds,
		float64(now.packets-last.packets)/seconds, now.gaps)
	if l.server != nil {
		text += fmt.Sprintf("  server %.0f %%", 100*(now.server-last.server)/seconds)
	}
	fmt.Fprintf(l.opt.Progress, "%s  own %.0f %%\n", text, 100*(now.own-last.own)/seconds)
}
