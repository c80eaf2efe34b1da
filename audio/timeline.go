package audio

import "time"

const (
	// gap is the deviation from which a timestamp tells of lost or repeated sound: less than the 20 ms of a lost packet, more
	// than any rounding, and more than the corrections of a publisher's clock leave behind.
	gap = 15 * time.Millisecond
	// farthest is the gap up to which lost sound is made up for. Beyond it the timeline begins anew.
	farthest = time.Second
	// slack is the deviation that is left alone, so that timestamps rounded to milliseconds do not make ours tremble.
	slack = 2 * time.Millisecond
	// step is the most by which a frame is moved to correct a deviation.
	step = time.Millisecond
)

// timeline says when samples are heard: it counts those that come in at one rate, and those that leave at 48 kHz, from a
// common moment. Timestamps are made by one division of a count, and so never drift from it, however long it runs.
type timeline struct {
	rate int // of what comes in

	base   time.Duration // the moment in the timestamps that come in
	anchor time.Duration // the moment in those that go out; differs from base only after a jump back
	in     int64         // samples come in since; below 0 while they are still to be thrown away
	out    int64         // samples gone out since

	started   bool
	deviation time.Duration // of the timestamps that come in from their count, smoothed

	strayed bool          // the last frame was far from where the next was expected
	stray   time.Duration // the moment it told of
}

// verdict says what is to be done before the sound of a frame is taken in, all in samples of the rate that comes in.
type verdict struct {
	fill    int  // make up for so many lost samples
	skip    int  // throw away so many of the frame's own: they were heard already
	restart bool // finish what was begun, then restart
	stray   bool // leave the frame out: only if the next is as far away is it believed
}

// start begins the timeline with a frame whose first sample is heard at the given moment, if it is the first. The first
// lead samples are thrown away.
func (l *timeline) start(at time.Duration, lead int) {
	if l.started {
		return
	}
	*l = timeline{rate: l.rate, started: true, in: -int64(lead)}
	l.base = at + duration(int64(lead), l.rate)
	l.anchor = l.base
}

// arrive judges the moment at which the first sample of the next frame is said to be heard. A single timestamp that lies
// does not take the timeline along; two that agree do.
func (l *timeline) arrive(at time.Duration) verdict {
	d := at - l.base - duration(l.in, l.rate)
	if far(d) {
		believed := l.strayed && !far(at-l.stray)
		l.strayed, l.stray = true, at
		return verdict{restart: believed, stray: !believed}
	}
	l.strayed = false
	switch {
	case d >= gap:
		return verdict{fill: samples(d, l.rate)}
	case d <= -gap:
		return verdict{skip: samples(-d, l.rate)}
	}
	l.deviation += (d - l.deviation) / 4
	return verdict{}
}

func far(d time.Duration) bool { return d > farthest || d < -farthest }

// restart begins the timeline anew at a moment, or where it is already if that is later, for what goes out never goes back.
// It says how many samples are to be thrown away for it: those of an overlap that is short, which sound and picture
// survive together. A jump back by more is followed without a loss of sound.
func (l *timeline) restart(at time.Duration) (skip int) {
	next := l.anchor + duration(l.out, outRate)
	back := next - at
	*l = timeline{rate: l.rate, started: true, base: at, anchor: max(at, next)}
	if back <= 0 || back > farthest {
		return 0
	}
	l.base = next
	return samples(back, l.rate)
}

// turn lets what comes in have another rate from here on.
func (l *timeline) turn(rate int) {
	if l.started {
		l.base += duration(l.in, l.rate)
		l.in = 0
	}
	l.rate = rate
}

// take counts n samples that have come in.
func (l *timeline) take(n int) { l.in += int64(n) }

// cut counts n samples that go out as one frame, and says when the first of them is heard. A deviation of what comes in is
// followed here, by one step a frame.
func (l *timeline) cut(n int) time.Duration {
	if l.deviation > slack || l.deviation < -slack {
		move := min(max(l.deviation, -step), step)
		l.deviation -= move
		l.base += move
		l.anchor += move
	}
	at := l.anchor + duration(l.out, outRate)
	l.out += int64(n)
	return at
}

// duration is the time that n samples take, rounded towards zero. Whole seconds are taken apart first, for the product
// would overflow after 53 hours.
func duration(n int64, rate int) time.Duration {
	r := int64(rate)
	return time.Duration(n/r)*time.Second + time.Duration(n%r*int64(time.Second)/r)
}

// sane says whether a timestamp is within ten years of 0, where the arithmetic is safe from overflow.
func sane(pts time.Duration) bool {
	const most = 10 * 365 * 24 * time.Hour
	return pts >= -most && pts <= most
}

// samples is how many samples a time takes, at most some seconds of it, rounded to the nearest.
func samples(d time.Duration, rate int) int {
	return int((int64(d)*int64(rate) + int64(time.Second)/2) / int64(time.Second))
}
