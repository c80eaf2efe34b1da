package stream

import (
	"time"

	"oneport/media"
)

// A batch of packets ends, and is told to the readers, with its video frame, when it holds batchBytes or when its oldest
// packet is batchAge old: browsers spread the packets of a keyframe over 100 ms and more.
const (
	batchAge   = 5 * time.Millisecond
	batchBytes = 32 << 10
)

// A batch is what was pushed since the wakers were last called.
type batch struct {
	deadline time.Time // zero: nothing waits
	bytes    int
}

// add notes a packet and reports whether the batch ends with it.
func (b *batch) add(pkt *media.Packet, holdAudio time.Duration) bool {
	hold := batchAge
	if pkt.Kind() == media.Audio {
		hold = holdAudio
	}
	b.bytes += len(pkt.Payload)
	if hold <= 0 || b.bytes >= batchBytes || pkt.Marker && pkt.Kind() == media.Video {
		*b = batch{}
		return true
	}
	if deadline := pkt.Arrival.Add(hold); b.deadline.IsZero() || deadline.Before(b.deadline) {
		b.deadline = deadline
	}
	return false
}

// due reports whether the batch has waited long enough, and then ends it.
func (b *batch) due(now time.Time) bool {
	if b.deadline.IsZero() || b.deadline.After(now) {
		return false
	}
	*b = batch{}
	return true
}

// A wakerUse counts the readers of a stream that share a waker.
type wakerUse struct {
	waker   Waker
	readers int
}

func (s *Stream) wake(wakers []wakerUse) {
	for _, w := range wakers {
		w.waker.Wake(s)
	}
}

// arm sets the timer to the earliest deadline. A timer that runs is never set back: if it turns out to fire too early it
// is set anew then, which is cheaper than setting it for each frame. The caller holds the lock.
func (s *Stream) arm(now time.Time) {
	next := s.batch.deadline
	if next.IsZero() || !s.asks.deadline.IsZero() && s.asks.deadline.Before(next) {
		next = s.asks.deadline
	}
	if next.IsZero() || !s.timerAt.IsZero() && !next.Before(s.timerAt) {
		return
	}
	s.timerAt = next
	if s.timer == nil {
		s.timer = time.AfterFunc(next.Sub(now), s.tick)
		return
	}
	s.timer.Reset(next.Sub(now))
}

// tick is what the timer calls: the only code of the package that runs in a goroutine of its own.
func (s *Stream) tick() {
	now := time.Now()
	s.mu.Lock()
	s.timerAt = time.Time{}
	var wakers []wakerUse
	if s.batch.due(now) {
		wakers = s.wakers
	}
	pub := s.pub
	if !s.asks.due(now) {
		pub = nil
	}
	s.arm(now)
	s.mu.Unlock()

	s.wake(wakers)
	if pub != nil {
		pub.publisher.RequestKeyframe()
	}
}
