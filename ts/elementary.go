package ts

import (
	"time"

	"oneport/media"
)

// Bounds of a unit: a picture, or some frames of sound.
const (
	maxPicture = 8 << 20
	maxUnit    = 128 << 10 // of sound
	keptUnit   = 1 << 20   // what has grown larger is not used again
)

// elementary is one stream of the program.
type elementary struct {
	on       bool
	pid      uint16
	codec    media.Codec
	channels int // of Opus

	sequence
	unit []byte // the PES packet that comes
	open bool
	size int // of the whole unit, 0 if it doesn't say

	format *media.FrameFormat
	sets   media.ParameterSets
	fresh  bool          // the sets changed
	header adtsHeader    // the last
	rest   []byte        // a frame of sound that goes on in the next unit
	due    time.Duration // when a frame without a time of its own is
	told   time.Duration // when the last frame was
	begun  bool
}

func (t *elementary) most() int {
	if t.codec.Kind() == media.Video {
		return maxPicture
	}
	return maxUnit
}

// readPiece takes a packet of a stream.
func (r *Reader) readPiece(t *elementary, p piece) {
	lost, again := t.sequence.next(p)
	if again {
		return
	}
	if lost {
		r.stats.Lost++
		r.abandon(t)
	}
	if p.start {
		r.finish(t)
		t.open, t.unit, t.size = true, t.unit[:0], 0
	}
	if !t.open {
		return
	}
	if len(t.unit)+len(p.payload) > t.most() {
		r.abandon(t)
		return
	}
	t.unit = append(t.unit, p.payload...)
	if t.size == 0 && len(t.unit) >= 6 {
		if n := int(t.unit[4])<<8 | int(t.unit[5]); n > 0 {
			t.size = 6 + n
		}
	}
	if t.size > 0 && len(t.unit) >= t.size {
		t.unit = t.unit[:t.size]
		r.finish(t)
	}
}

// abandon leaves out the unit that comes.
func (r *Reader) abandon(t *elementary) {
	if t.open {
		r.stats.Malformed++
	}
	t.open, t.rest = false, t.rest[:0]
}

// finish reads the unit that has come.
func (r *Reader) finish(t *elementary) {
	if !t.open {
		return
	}
	t.open = false
	if t.size > len(t.unit) {
		r.stats.Malformed++ // cut short
		return
	}
	u, ok := readPES(t.unit)
	if !ok {
		r.stats.Malformed++
		return
	}
	if t.codec.Kind() == media.Video {
		r.readPicture(t, u)
	} else {
		r.readSound(t, u)
	}
	if cap(t.unit) > keptUnit {
		t.unit = nil
	}
}

// unit is what a PES packet holds.
type unit struct {
	timed    bool
	pts, dts uint64
	data     []byte
}

// readPES reads the header of a PES packet (ISO/IEC 13818-1, section 2.4.3.6).
func readPES(b []byte) (u unit, ok bool) {
	const head = 9
	if len(b) < head || b[0] != 0 || b[1] != 0 || b[2] != 1 || b[6]&0xc0 != 0x80 || head+int(b[8]) > len(b) {
		return u, false
	}
	fields := b[head : head+int(b[8])]
	u.data = b[head+int(b[8]):]
	switch flags := b[7] >> 6; {
	case flags == 2 && len(fields) >= 5:
		u.timed, u.pts = true, stamp(fields)
		u.dts = u.pts
	case flags == 3 && len(fields) >= 10:
		u.timed, u.pts, u.dts = true, stamp(fields), stamp(fields[5:])
	}
	return u, true
}

// stamp reads a time stamp.
func stamp(b []byte) uint64 {
	return uint64(b[0]>>1&7)<<30 | uint64(b[1])<<22 | uint64(b[2]>>1)<<15 | uint64(b[3])<<7 | uint64(b[4]>>1)
}

// maxComposition is how far decoding and showing a picture may be apart.
const maxComposition = 10 * clockRate

// place returns when a unit is to be decoded, and how much later it is to be shown. What has no time follows the one before.
func (r *Reader) place(t *elementary, u unit) (dts, composition time.Duration) {
	if !u.timed {
		return t.due, 0
	}
	at, late := r.times.Place(media.Clock{Rate: clockRate, Bits: 33}, t.codec.Kind(), u.dts)
	delay := int64(u.pts-u.dts) << 31 >> 31
	if delay > maxComposition {
		delay = 0
	}
	return duration(at), duration(max(delay-late, 0))
}

// duration is the exact inverse of ticks.
func duration(n int64) time.Duration {
	return time.Duration(n/clockRate)*time.Second + (time.Duration(n%clockRate)*time.Second+clockRate/2)/clockRate
}

// emit gives out a frame. Its time is never that of the one before it, or earlier.
func (r *Reader) emit(t *elementary, f *media.Frame, length time.Duration) {
	if t.begun && f.DTS <= t.told {
		f.DTS = t.told + time.Second/clockRate
	}
	f.PTS = max(f.PTS, f.DTS)
	f.Format, f.Arrival = t.format, r.now
	t.begun, t.told, t.due = true, f.DTS, f.DTS+length
	r.stats.Frames++
	r.frames = append(r.frames, f)
}
