package bridge

import (
	"time"

	"oneport/media"
)

const (
	maxStep = time.Millisecond // a frame's time is corrected by at most that
	maxJump = 5 * time.Second  // a timestamp that is further from its arrival begins anew
	minGap  = time.Millisecond // the least time between two frames of a track: FLV counts so
)

// clock puts the RTP timestamps of sound and picture on one timeline, which begins at origin.
//
// Each track runs by its own RTP clock: within it times are exact. How far apart the tracks are is told by the sender
// reports; before those of both are there, by when packets that took the shortest way arrived. Sound is what picture
// follows: a frame of picture is corrected by at most maxStep, never by a jump, and sound stays exact to the sample.
type clock struct {
	origin time.Time
	tracks [media.Kinds]rtpClock
	jumps  uint64
}

type rtpClock struct {
	rate    int64
	started bool
	ticks   int64         // of the last frame, unrolled
	offset  time.Duration // what a time is more than its ticks
	delay   floor         // by how much packets arrived later than their ticks
	arrival time.Duration // of the last frame, on the timeline
	last    time.Duration // the last time given
	given   bool

	pinned bool // a sender report has come
	pin    media.Timing
	epoch  time.Duration // when the ticks were 0, by the sender reports, on the timeline
}

// span is how long a number of ticks takes, exactly.
func span(ticks, rate int64) time.Duration {
	return time.Duration(ticks/rate)*time.Second + time.Duration(ticks%rate*int64(time.Second)/rate)
}

func (c *rtpClock) now() time.Duration { return span(c.ticks, c.rate) }

// place returns the time of a frame whose first packet arrived at arrival. It is not ok if the frame's timestamp is not
// after that of the frame before it.
func (c *clock) place(k media.Kind, ts uint32, rate uint32, arrived time.Time) (at time.Duration, ok bool) {
	t := &c.tracks[k]
	arrival := arrived.Sub(c.origin)
	if !t.started || t.rate != int64(rate) {
		c.start(t, ts, rate, arrival)
	} else {
		step := int64(int32(ts - uint32(t.ticks)))
		moved := span(step, t.rate)
		if off := moved - (arrival - t.arrival); off > maxJump || off < -maxJump {
			c.jumps++
			c.restart(t, ts, arrival)
		} else if step <= 0 {
			return 0, false
		} else {
			t.ticks += step
		}
	}
	t.arrival = arrival
	t.delay.add(arrival, arrival-t.now())
	if k == media.Video {
		c.follow()
	}
	at = max(t.now()+t.offset, 0)
	if t.given {
		at = max(at, t.last+minGap)
	}
	t.last, t.given = at, true
	return at, true
}

// start places the first frame of a track: as the other track's are, else by its arrival.
func (c *clock) start(t *rtpClock, ts uint32, rate uint32, arrival time.Duration) {
	t.rate, t.started, t.ticks = int64(rate), true, int64(ts)
	t.delay = floor{}
	t.delay.add(arrival, arrival-t.now())
	t.offset = arrival - t.now()
	if t.pinned {
		c.setTiming(t, t.pin)
	}
	for i := range c.tracks {
		if other := &c.tracks[i]; other != t && other.started {
			t.offset = other.offset + apart(t, other)
		}
	}
}

// restart goes on with another timestamp as far after the last frame as they arrived apart.
func (c *clock) restart(t *rtpClock, ts uint32, arrival time.Duration) {
	at := t.last + max(arrival-t.arrival, minGap)
	t.ticks, t.pinned, t.delay = int64(ts), false, floor{}
	t.offset = at - t.now()
}

// follow moves picture by one step to where it belongs beside the sound.
func (c *clock) follow() {
	audio, video := &c.tracks[media.Audio], &c.tracks[media.Video]
	if !audio.started {
		return
	}
	off := audio.offset + apart(video, audio) - video.offset
	if off > maxStep || off < -maxStep {
		video.offset += max(-maxStep, min(off, maxStep))
	}
}

// apart is by how much the offset of t must be greater than that of other, so that what was captured at one time gets one.
func apart(t, other *rtpClock) time.Duration {
	if t.pinned && other.pinned {
		return t.epoch - other.epoch
	}
	return t.delay.least() - other.delay.least()
}

// setTiming takes what a sender report says.
func (c *clock) setTiming(t *rtpClock, pin media.Timing) {
	t.pinned, t.pin = true, pin
	if t.started {
		ticks := t.ticks + int64(int32(pin.RTP-uint32(t.ticks)))
		t.epoch = pin.At.Sub(c.origin) - span(ticks, t.rate)
	}
}

// floorSpan is for how long the least of something counts, at most twice that.
const floorSpan = 5 * time.Second

// floor is the least value that was seen lately.
type floor struct {
	has         bool
	since       time.Duration
	now, before time.Duration
}

func (f *floor) add(at, v time.Duration) {
	switch {
	case !f.has:
		*f = floor{has: true, since: at, now: v, before: v}
	case at-f.since >= floorSpan:
		f.since, f.before, f.now = at, f.now, v
	}
	f.now = min(f.now, v)
}

func (f *floor) least() time.Duration { return min(f.now, f.before) }
