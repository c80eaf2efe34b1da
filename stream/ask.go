package stream

import "time"

// asks coalesces the keyframe requests of all readers: the publisher gets at most one per interval. One that comes too
// soon is made at the interval's end, unless a keyframe came meanwhile.
type asks struct {
	last     time.Time // when the publisher was last asked
	deadline time.Time // when to ask again, zero: nobody wants it
}

// ask reports whether the publisher is to be asked now: it is not before the interval has passed since it was asked last.
func (a *asks) ask(now time.Time, interval time.Duration) bool {
	next := a.last.Add(interval)
	if a.last.IsZero() || !now.Before(next) {
		a.last, a.deadline = now, time.Time{}
		return true
	}
	if a.deadline.IsZero() || next.Before(a.deadline) {
		a.deadline = next
	}
	return false
}

// covered reports whether the publisher will be asked no later than a request now would have it asked.
func (a *asks) covered(now time.Time, interval time.Duration) bool {
	return a.deadline.After(now) && !a.deadline.After(a.last.Add(interval))
}

// due reports whether a request that waited is to be made now.
func (a *asks) due(now time.Time) bool {
	if a.deadline.IsZero() || a.deadline.After(now) {
		return false
	}
	a.last, a.deadline = now, time.Time{}
	return true
}

// met notes that a keyframe came.
func (a *asks) met() { a.deadline = time.Time{} }

// A cause is why a reader wants a keyframe.
type cause uint8

const (
	none  cause = iota
	blind       // it has just begun, or packets are lost: there is nothing to see without one
	slow        // it fell behind: everybody would pay for what its link can't carry, so that it has to wait longer
)

// interval is the least time from a request to one with that cause.
func (p *Publish) interval(why cause) time.Duration {
	if why == slow {
		return max(p.KeyframeInterval, p.LagKeyframeInterval)
	}
	return p.KeyframeInterval
}

// requestKeyframe asks the publisher for a keyframe, now or when it may be asked again.
func (s *Stream) requestKeyframe(now time.Time, why cause) {
	if why == none {
		return
	}
	interval := s.hub.config.Publish.interval(why)
	s.mu.RLock()
	idle := s.pub == nil || s.asks.covered(now, interval)
	s.mu.RUnlock()
	if idle {
		return
	}
	s.mu.Lock()
	pub := s.pub
	if pub != nil && !s.asks.ask(now, interval) {
		pub = nil
		s.arm(now)
	}
	s.mu.Unlock()
	if pub != nil {
		pub.publisher.RequestKeyframe()
	}
}
