package stream

import "time"

// asks coalesces the keyframe requests of all readers: the publisher gets at most one per interval. One that comes too
// soon is made at the interval's end, unless a keyframe came meanwhile.
type asks struct {
	last     time.Time // when the publisher was last asked
	deadline time.Time // when to ask again, zero: nobody wants it
}

// ask reports whether the publisher is to be asked now.
func (a *asks) ask(now time.Time, interval time.Duration) bool {
	next := a.last.Add(interval)
	if !a.last.IsZero() && now.Before(next) {
		a.deadline = next
		return false
	}
	a.last, a.deadline = now, time.Time{}
	return true
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

// requestKeyframe asks the publisher for a keyframe, now or when it may be asked again.
func (s *Stream) requestKeyframe(now time.Time) {
	s.mu.RLock()
	idle := s.pub == nil || !s.asks.deadline.IsZero() && s.asks.deadline.After(now)
	s.mu.RUnlock()
	if idle {
		return
	}
	s.mu.Lock()
	pub := s.pub
	if pub != nil && !s.asks.ask(now, s.hub.config.Publish.KeyframeInterval) {
		pub = nil
		s.arm(now)
	}
	s.mu.Unlock()
	if pub != nil {
		pub.publisher.RequestKeyframe()
	}
}
