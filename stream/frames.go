package stream

import (
	"time"

	"oneport/media"
)

// A frameSlot is a frame in its ring.
type frameSlot struct {
	frame *media.Frame
	bytes uint64 // of the frames that came before it in the publication
}

// A frameRing holds the frames of a publication, sound and picture together, in order of arrival.
//
// It is bounded by age, bytes and count, and the oldest frames go first; but age alone does not take the newest group of
// pictures away, for it is what new viewers begin with. A reader left behind skips, and counts it.
type frameRing struct {
	slots []frameSlot // a power of two of them; position p lies at p modulo that

	base uint64 // position of the publication's first frame
	tail uint64 // position of the oldest frame kept
	head uint64 // position the next frame will have

	bytes   uint64    // of the publication so far
	first   time.Time // when its first frame arrived
	newest  time.Time // when its newest frame arrived
	group   group
	formats [media.Kinds]*media.FrameFormat // of the newest frames
	counted FrameCounters
}

// A group is the place of a keyframe, where a reader may begin.
type group struct {
	has  bool
	key  uint64        // position of the keyframe
	from uint64        // position of the first sound that belongs to it, which may have come before it
	at   time.Duration // the keyframe's time: nothing that is earlier belongs to it
}

// FrameCounters counts what became of a publication's frames.
type FrameCounters struct {
	Frames    [media.Kinds]uint64
	Keyframes uint64
	Bytes     uint64
	Ignored   uint64 // written for a publication that had ended
}

// reset begins a publication: nothing that came before is kept. Positions go on.
func (r *frameRing) reset() {
	clear(r.slots)
	*r = frameRing{slots: r.slots, base: r.head, tail: r.head, head: r.head}
}

func (r *frameRing) at(pos uint64) *frameSlot { return &r.slots[pos&uint64(len(r.slots)-1)] }

func (r *frameRing) push(f *media.Frame, bounds *Play) {
	r.evict(f, bounds)
	r.grow()
	pos := r.head
	r.head++
	*r.at(pos) = frameSlot{frame: f, bytes: r.bytes}
	r.bytes += uint64(len(f.Data))
	if pos == r.base {
		r.first = f.Arrival
	}
	r.newest = f.Arrival
	kind := f.Kind()
	r.formats[kind] = f.Format
	r.counted.Frames[kind]++
	r.counted.Bytes = r.bytes
	if kind == media.Video && f.Key {
		r.group = group{has: true, key: pos, from: r.soundSince(pos, f.DTS), at: f.DTS}
		r.counted.Keyframes++
	}
}

// maxEarlySound is how many frames before a keyframe are searched for sound that belongs to it.
const maxEarlySound = 256

// soundSince finds the position of the first sound that is not earlier than a keyframe. Sound overtakes picture, whose
// frames take longer on their way.
func (r *frameRing) soundSince(key uint64, at time.Duration) (from uint64) {
	from = key
	for pos := key; pos > r.tail && key-pos < maxEarlySound; pos-- {
		f := r.at(pos - 1).frame
		if f.Kind() == media.Video {
			continue
		}
		if f.DTS < at {
			break
		}
		from = pos - 1
	}
	return from
}

// evict makes the ring keep to its bounds with the frame that comes.
func (r *frameRing) evict(f *media.Frame, bounds *Play) {
	room := uint64(max(bounds.RingMaxBytes-len(f.Data), 0))
	for r.tail < r.head {
		oldest := r.at(r.tail)
		tooOld := f.Arrival.Sub(oldest.frame.Arrival) > bounds.QueueLength
		wanted := r.group.has && r.tail >= r.group.from
		full := r.head-r.tail >= uint64(bounds.GopMaxFrames) || r.bytes-oldest.bytes > room
		if !full && (!tooOld || wanted) {
			return
		}
		oldest.frame = nil
		r.tail++
	}
}

// grow makes room for one more frame: evict has kept to the greatest number.
func (r *frameRing) grow() {
	if r.head-r.tail < uint64(len(r.slots)) {
		return
	}
	old := *r
	r.slots = make([]frameSlot, max(minSlots, 2*len(r.slots)))
	for pos := r.tail; pos < r.head; pos++ {
		*r.at(pos) = *old.at(pos)
	}
}

// pictureGrace is how long sound waits for a picture at the beginning of a publication: what has none by then is sound alone.
const pictureGrace = time.Second

// start is where a reader may begin: at the newest keyframe, or, where there is sound alone, at its newest frame.
func (r *frameRing) start() group {
	switch g := r.group; {
	case g.has && g.key >= r.tail:
		g.from = max(g.from, r.tail)
		return g
	case r.counted.Frames[media.Video] > 0, r.tail == r.head, r.newest.Sub(r.first) < pictureGrace:
		return group{}
	}
	return group{has: true, key: r.head - 1, from: r.head - 1, at: r.at(r.head - 1).frame.DTS}
}
