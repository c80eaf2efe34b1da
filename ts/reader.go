package ts

import (
	"fmt"
	"slices"
	"time"

	"oneport/media"
)

// Reader makes frames of a transport stream that comes in pieces of any size. It follows the first program, and in it the
// first picture and the first sound that can be taken. Nothing is fatal to it: what is broken is left out, and counted.
//
// The times of the frames begin near 0 and increase with every frame of a track, whatever the stream says. The zero value is
// ready.
type Reader struct {
	rest   []byte // at most a packet: what has come of the next
	synced bool
	stats  Stats

	pat, pmt section
	program  uint16 // PID of the map, 0 while not known
	tracks   [media.Kinds]elementary
	times    media.Timeline
	refused  []string // what was refused already
	errs     []error  // and not told yet

	now    time.Time
	frames []*media.Frame
}

// Stats counts what a Reader made of its stream.
type Stats struct {
	Packets   uint64
	Frames    uint64
	Unsynced  uint64 // times that packets did not begin where they should
	Lost      uint64 // gaps in the numbers of packets
	Malformed uint64 // units left out because they are cut short, too long, or make no sense
	Missing   uint64 // frames left out because what a decoder needs before them had not come
	Backwards uint64 // frames put after the one before them, because their times were not
	Jumps     uint64 // times that went back or ahead too far to be believed, where the timeline goes on as if they had not
}

// Stats tells the counters.
func (r *Reader) Stats() Stats {
	s := r.stats
	s.Backwards, s.Jumps = r.times.Backwards, r.times.Jumps
	return s
}

// Refused returns what the stream has that can't be taken; each is told once and names the codec.
func (r *Reader) Refused() []error {
	errs := r.errs
	r.errs = nil
	return errs
}

func (r *Reader) refuse(what string) {
	if slices.Contains(r.refused, what) {
		return
	}
	r.refused = append(r.refused, what) // the names are few
	r.errs = append(r.errs, fmt.Errorf("ts: %s cannot be taken; send H264 or H265 with AAC-LC or Opus", what))
}

// Read takes the next piece, and appends the frames that it completes to dst. The piece is the caller's again afterwards.
func (r *Reader) Read(now time.Time, dst []*media.Frame, b []byte) []*media.Frame {
	r.now, r.frames = now, dst
	if len(r.rest) > 0 {
		r.rest = append(r.rest, b...)
		b = r.rest
	}
	r.rest = append(r.rest[:0], r.packets(b)...)
	return r.done()
}

func (r *Reader) done() []*media.Frame {
	frames := r.frames
	r.frames = nil
	return frames
}

// Flush appends the frames that end with the stream. A picture that doesn't tell its size is taken to be complete.
func (r *Reader) Flush(now time.Time, dst []*media.Frame) []*media.Frame {
	r.now, r.frames = now, dst
	for k := range r.tracks {
		r.finish(&r.tracks[k])
	}
	return r.done()
}

// packets reads all packets of b and returns what is left, at most one.
func (r *Reader) packets(b []byte) []byte {
	for len(b) >= packetSize {
		if b[0] != syncByte {
			if r.synced {
				r.synced = false
				r.stats.Unsynced++
			}
			b = b[1:]
			continue
		}
		if !r.synced {
			if len(b) == packetSize {
				return b // what comes next tells whether it is a packet
			}
			if b[packetSize] != syncByte {
				b = b[1:]
				continue
			}
			r.synced = true
		}
		r.packet((*[packetSize]byte)(b))
		b = b[packetSize:]
	}
	return b
}

// packet reads one packet.
func (r *Reader) packet(b *[packetSize]byte) {
	r.stats.Packets++
	pid := uint16(b[1]&0x1f)<<8 | uint16(b[2])
	broken := b[1]&0x80 != 0
	scrambled := b[3]&0xc0 != 0
	if pid == nullPID || broken || scrambled {
		return // what a broken one was of can't be known; its number will be missed
	}
	payload, restarts := b[headSize:], false
	if b[3]&0x20 != 0 {
		size := int(payload[0])
		if size >= len(payload) {
			r.stats.Malformed++
			return
		}
		restarts = size > 0 && payload[1]&0x80 != 0 // discontinuity_indicator
		payload = payload[1+size:]
	}
	if b[3]&0x10 == 0 {
		return
	}
	p := piece{start: b[1]&0x40 != 0, counter: b[3] & 0x0f, restarts: restarts, payload: payload}
	switch {
	case pid == patPID:
		r.readPAT(p)
	case pid == r.program:
		r.readPMT(p)
	default:
		for k := range r.tracks {
			if t := &r.tracks[k]; t.on && t.pid == pid {
				r.readPiece(t, p)
			}
		}
	}
}

// piece is what a packet carries of a section or of a unit.
type piece struct {
	start    bool
	counter  byte
	restarts bool // the numbers may jump
	payload  []byte
}

// sequence watches the numbers of a track's packets.
type sequence struct {
	seen bool
	last byte
}

// next says what the number of a packet tells.
func (s *sequence) next(p piece) (lost, again bool) {
	expected := (s.last + 1) & 0x0f
	again = s.seen && p.counter == s.last && !p.restarts
	lost = s.seen && !again && p.counter != expected && !p.restarts
	s.seen, s.last = true, p.counter
	return lost, again
}
