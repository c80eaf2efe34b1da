package media

// Clock is what a protocol tells time by: ticks, so many a second, in a number of so many bits, which wraps.
type Clock struct {
	Rate int64
	Bits uint
}

// Bounds, in seconds, of what is taken for one continuous timeline, measured from its newest time.
const (
	maxBack  = 1  // sound and picture may be as far apart as that
	maxAhead = 10 // nothing is sent for as long as that
)

// Timeline maps the times that an encoder tells, in ticks of one clock, to times that never go back within a track. The zero
// value is ready.
//
// A frame that is not after the one before it on its track is put a tick after that one. A jump (of an encoder that was
// restarted, of one that wraps at 24 bits) goes on where the timeline is: from there the times have another offset. Sound
// and picture jump one after the other and may still be mixed, so that each track has the offset it used last and tries
// the other's before it makes a new one. In that way they stay as far apart as the encoder has them.
type Timeline struct {
	started bool
	raw     int64 // of the last frame, unrolled
	newest  int64 // greatest time given
	offset  int64 // made last
	tracks  [Kinds]struct {
		offset, last int64
		seen         bool
	}

	Backwards uint64 // frames put after the one before them, because their times were not
	Jumps     uint64 // times that went back or ahead too far to be believed
}

// Place returns when a frame is to be decoded, and how much that is later than what the encoder says.
func (t *Timeline) Place(c Clock, k Kind, ts uint64) (at, late int64) {
	if !t.started {
		t.started, t.raw = true, int64(ts)
		t.offset = t.begin(c)
		for k := range t.tracks {
			t.tracks[k].offset = t.offset
		}
	}
	unused := 64 - c.Bits
	t.raw += int64((ts-uint64(t.raw))<<unused) >> unused
	track := &t.tracks[k]
	at = t.raw + t.choose(c, track.offset)
	track.offset = at - t.raw
	if track.seen && at <= track.last {
		late = track.last + 1 - at
		t.Backwards++
	}
	at += late
	at, late = max(at, 0), late+max(-at, 0)
	track.last, track.seen = at, true
	t.newest = max(t.newest, at)
	return at, late
}

// begin is the first offset: most encoders begin near 0, and what does not is brought there.
func (t *Timeline) begin(c Clock) int64 {
	if t.raw <= maxAhead*c.Rate {
		return 0
	}
	return -t.raw
}

// choose finds the offset with which the last frame continues the timeline.
func (t *Timeline) choose(c Clock, own int64) int64 {
	for _, offset := range [...]int64{own, t.offset} {
		if at := t.raw + offset; t.newest-maxBack*c.Rate <= at && at <= t.newest+maxAhead*c.Rate {
			return offset
		}
	}
	t.Jumps++
	t.offset = t.newest - t.raw
	return t.offset
}
