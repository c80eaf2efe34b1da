package stream

import (
	"time"

	"oneport/media"
)

// soundHold is how long sound may be kept from the readers of frames, so that it is written along with a picture.
const soundHold = 40 * time.Millisecond

// FrameBridge writes the frames of a stream whose publisher sends packets, while somebody reads them.
type FrameBridge struct {
	bridge
	reader *Reader
}

// OpenFrameBridge makes the bridge that the hub's configuration was asked for. The waker is called when there are packets,
// and when the stream's publisher or the last reader of frames leaves.
func (s *Stream) OpenFrameBridge(now time.Time, w Waker) *FrameBridge {
	b := &FrameBridge{reader: &Reader{stream: s, waker: w, since: now, early: true}}
	b.bridge = bridge{stream: s, writes: frames, waker: w, leave: b.reader.Close}
	s.addWaker(w)
	b.open()
	return b
}

// Next is that of a Reader. The sound goes back to the keyframe that a new bridge begins at. Another publication's packets
// never come along with those of the one before.
func (b *FrameBridge) Next(now time.Time, dst []media.Item, max int) []media.Item {
	return b.reader.Next(now, dst, max)
}

// Turn tells whether what Next gave last is of another publication than what it gave before, and when that began.
func (b *FrameBridge) Turn() (since time.Time, turned bool) {
	b.reader.mu.Lock()
	epoch := b.reader.epoch
	b.reader.mu.Unlock()
	return b.turn(epoch)
}

// Timing is that of a Reader.
func (b *FrameBridge) Timing(k media.Kind) (media.Timing, bool) { return b.reader.Timing(k) }

// RequestKeyframe asks the publisher for a keyframe.
func (b *FrameBridge) RequestKeyframe(now time.Time) { b.reader.RequestKeyframe(now) }

// Push adds a frame of the publication that is read. After its end the frame is counted and dropped.
func (b *FrameBridge) Push(f *media.Frame) {
	b.stream.wake(b.put(f))
}

// put is Push but for the wakers, which it returns.
func (b *FrameBridge) put(f *media.Frame) []wakerUse {
	s := b.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if !b.current() || s.pub.writes == frames {
		s.frames.counted.Ignored++
		return nil
	}
	return s.addFrame(f)
}

// addFrame puts a frame into the ring, and returns whom to tell. The caller holds the lock.
func (s *Stream) addFrame(f *media.Frame) []wakerUse {
	s.frames.push(f, &s.hub.config.Play)
	s.frameVersion.Add(1)
	if f.Kind() == media.Audio && f.Arrival.Sub(s.frameWoken) < soundHold {
		return nil // the next frame tells of it
	}
	s.frameWoken = f.Arrival
	return s.frameWakers
}

// wakeFrames tells the readers of frames, and the bridges, that the publisher has changed.
func (s *Stream) wakeFrames() {
	s.mu.RLock()
	wakers := s.frameWakers
	s.mu.RUnlock()
	s.wake(wakers)
	s.wakeBridges()
}
