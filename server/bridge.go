package server

import (
	"log/slog"
	"time"

	"oneport/stream"
)

// bridging is the goroutine of a bridge between the two forms of a stream. It lives while somebody reads what the bridge
// writes; the stream says when that is over.
type bridging struct {
	server *Server
	log    *slog.Logger
	name   stream.Name
	conf   *VhostRTC
	wake   chan struct{} // capacity 1
}

func (s *Server) newBridging(st *stream.Stream, conf *VhostRTC) bridging {
	return bridging{server: s, log: s.log.With("stream", st.Name().String()), name: st.Name(), conf: conf, wake: make(chan struct{}, 1)}
}

// Wake is called by the stream.
func (b *bridging) Wake(*stream.Stream) { signal(b.wake) }

// signal fills a channel of one place, if it is empty.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// conversion is what a bridge does: a step takes everything that there is.
type conversion interface {
	step(now time.Time)
	due() time.Time // of the next step that nothing wakes, zero for none
	tell()          // logs what came of it
}

// half is the bridge as its stream has it.
type half interface {
	Finish(now time.Time) bool
	Deadline() time.Time
	Close()
	Break()
}

// run ends with the server, or when nobody reads what the bridge writes any more. A panic over what is published ends the bridge
// and those who read of it; whoever comes then gets another one.
func (b *bridging) run(c conversion, out half) {
	b.server.stats.bridges.Add(1)
	defer b.server.stats.bridges.Add(-1)
	if b.server.survive(b.log, "a bridge", func() { b.convert(c, out) }) {
		out.Close()
	} else {
		out.Break()
	}
}

// convert is run but for its faults.
func (b *bridging) convert(c conversion, out half) {
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for {
		select {
		case <-b.wake:
		case <-alarm.C:
		case <-b.server.stop:
			c.tell()
			return
		}
		now := time.Now()
		c.step(now)
		if out.Finish(now) {
			c.tell()
			return
		}
		alarm.Reset(pause(now, earliest(out.Deadline(), c.due())))
	}
}

// pause is how long there is nothing to do unless somebody calls.
func pause(now, next time.Time) time.Duration {
	if next.IsZero() {
		return time.Hour
	}
	return max(next.Sub(now), time.Millisecond)
}
