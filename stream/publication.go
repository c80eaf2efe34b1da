package stream

import (
	"time"

	"oneport/media"
)

// Publication is one publisher's time at a stream. Its methods may be called from several goroutines, as by a publisher that has
// two paths; packets are then in the ring in the order in which the calls come.
type Publication struct {
	stream    *Stream
	publisher Publisher
	since     time.Time
	writes    form

	// Under the stream's lock.
	active  time.Time // when it last pushed
	ignored uint64    // packets pushed after its end
}

// holds says how long it keeps newcomers out if it sends nothing more, which is not at all if it has no way to.
func (p *Publication) holds(now time.Time) time.Duration {
	p.stream.mu.RLock()
	left := p.stream.hub.config.Publish.PublisherSilence - now.Sub(p.active)
	p.stream.mu.RUnlock()
	if left <= 0 {
		return 0
	}
	return max(0, min(left, p.publisher.Alive(now)))
}

// Push adds a packet, which must not be changed any more, to the lane of its kind. It never waits for a reader. After the
// publication's end packets are counted and dropped; so are, at any time, packets that are there already and packets as old
// as those no longer kept.
func (p *Publication) Push(pkt *media.Packet) {
	var seen size
	var sized bool
	if pkt.Start {
		seen.width, seen.height, sized = media.VideoSize(pkt.Format.Codec, pkt.Payload)
	}
	p.stream.wake(p.put(pkt, seen, sized))
}

// put is Push but for the wakers, which it returns. What it panics over leaves no lock behind.
func (p *Publication) put(pkt *media.Packet, seen size, sized bool) []wakerUse {
	s := p.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pub != p {
		p.ignored++
		return nil
	}
	p.active = pkt.Arrival
	if sized {
		s.size = seen
	}
	return s.addPacket(pkt)
}

// addPacket puts a packet into its lane, and returns whom to tell. The caller holds the lock.
func (s *Stream) addPacket(pkt *media.Packet) []wakerUse {
	if !s.add(pkt) || len(s.wakers) == 0 {
		return nil
	}
	if s.batch.add(pkt, s.hub.config.Play.MWLatency) {
		return s.wakers
	}
	s.arm(pkt.Arrival)
	return nil
}

// add puts a packet into its lane and reports whether it was new. The caller holds the lock.
func (s *Stream) add(pkt *media.Packet) bool {
	l := &s.lanes[pkt.Kind()]
	pos := l.head
	if !l.push(pkt, s.order, &s.hub.config.Play) {
		return false
	}
	s.order++
	s.version.Add(1)
	if pkt.Kind() == media.Audio {
		l.counted.Frames++
		return true
	}
	newFrame, newKey := l.frames.add(pkt, pos)
	if newFrame {
		l.counted.Frames++
	}
	if newKey {
		l.counted.Keyframes++
		s.asks.met()
	}
	return true
}

// PushFrame adds a frame, which must not be changed any more, for a publication that was begun by PublishFrames. It never
// waits for a reader. After the publication's end frames are counted and dropped.
func (p *Publication) PushFrame(f *media.Frame) {
	wakers, b := p.putFrame(f)
	p.stream.wake(wakers)
	if b != nil {
		b.waker.Wake(p.stream)
	}
}

// putFrame is PushFrame but for the wakers and the bridge that are to be told.
func (p *Publication) putFrame(f *media.Frame) ([]wakerUse, *bridge) {
	s := p.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pub != p || p.writes != frames {
		p.ignored++
		return nil, nil
	}
	p.active = f.Arrival
	if f.Kind() == media.Video && f.Key {
		s.asks.met()
	}
	return s.addFrame(f), s.demands[packets].bridge
}

// SetTiming pins the clock of a lane to the wall clock, for the readers' sender reports.
func (p *Publication) SetTiming(k media.Kind, t media.Timing) {
	s := p.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pub == p && k < media.Kinds {
		s.lanes[k].timing, s.lanes[k].timed = t, true
	}
}

// Ignored counts the packets and frames pushed after the publication's end.
func (p *Publication) Ignored() uint64 {
	p.stream.mu.RLock()
	defer p.stream.mu.RUnlock()
	return p.ignored
}

// Close ends the publication. The stream stays for the readers that wait for another. Closing twice, or after having been
// replaced, does nothing.
func (p *Publication) Close() {
	if p.stream.unpublish(p, time.Now()) {
		p.stream.hub.release(p.stream, 0)
	}
}
