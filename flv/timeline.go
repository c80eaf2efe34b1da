package flv

import "oneport/media"

// Bounds, in ms, of what is taken for one continuous timeline, measured from its newest time.
const (
	maxBack  = 1_000  // sound and picture may be as far apart as that
	maxAhead = 10_000 // nothing is sent for as long as that
)

// timeline maps the times of tags, 32 bits of ms that wrap, to times that never go back within a track.
//
// A tag that is not after the one before it on its track is put 1 ms after that one. A jump (of an encoder that was
// restarted, of one that wraps at 24 bits) goes on where the timeline is: from there the times have another offset. Sound
// and picture jump one after the other and may still be mixed, so that each track has the offset it used last and tries
// the other's before it makes a new one. In that way they stay as far apart as the encoder has them.
type timeline struct {
	started bool
	raw     int64 // of the last tag, unrolled
	newest  int64 // greatest time given
	offset  int64 // made last
	tracks  [media.Kinds]struct {
		offset, last int64
		seen         bool
	}
	backwards, jumps uint64
}

// place returns when the tag is to be decoded, and how much that is later than what the tag itself says.
func (t *timeline) place(k media.Kind, ts uint32) (at, late int64) {
	if !t.started {
		t.started, t.raw = true, int64(ts)
		t.offset = t.begin(t.raw)
		for k := range t.tracks {
			t.tracks[k].offset = t.offset
		}
	}
	t.raw += int64(int32(ts - uint32(t.raw)))
	track := &t.tracks[k]
	at = t.raw + t.choose(track.offset)
	track.offset = at - t.raw
	if track.seen && at <= track.last {
		late = track.last + 1 - at
		t.backwards++
	}
	at += late
	at, late = max(at, 0), late+max(-at, 0)
	track.last, track.seen = at, true
	t.newest = max(t.newest, at)
	return at, late
}

// begin is the first offset: most encoders begin near 0, and what does not is brought there.
func (t *timeline) begin(raw int64) int64 {
	if raw <= maxAhead {
		return 0
	}
	return -raw
}

// choose finds the offset with which the last tag continues the timeline.
func (t *timeline) choose(own int64) int64 {
	for _, offset := range [...]int64{own, t.offset} {
		if at := t.raw + offset; t.newest-maxBack <= at && at <= t.newest+maxAhead {
			return offset
		}
	}
	t.jumps++
	t.offset = t.newest - t.raw
	return t.offset
}
