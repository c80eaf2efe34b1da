package rtc

import (
	"time"

	"oneport/media"
	"oneport/sdp"
)

const (
	// resendWindow is how far back a viewer may ask for packets again, in sequence numbers.
	resendWindow = 2048
	// maxRuns is how many renumberings of a track are remembered for retransmission.
	maxRuns = 8
	// maxLeap is the largest step of sequence numbers within a run. Wider ones would confuse the viewer's rollover
	// counter and ours (RFC 3711 section 3.3.1), so they begin a new run; and what comes later than that is not sent.
	maxLeap = 1 << 14
)

// run is a stretch of a track in which outgoing = incoming - offset. Only ever a new run changes the offset, and it begins
// above everything sent before: so no outgoing sequence number is used for two packets (law 9 in docs/design.md).
type run struct {
	first   uint64 // lowest incoming number of the run; packets below it are not sent
	out     uint64 // outgoing number of first
	highest uint64 // highest incoming number sent
}

func (r run) outgoing(seq uint64) uint64 { return seq - r.first + r.out }
func (r run) incoming(out uint64) uint64 { return out - r.out + r.first }

// sender is one track towards a viewer: it renumbers the publisher's packets into one continuous stream.
type sender struct {
	track *sdp.Track

	runs    []run       // newest last, of the present publication
	pending media.Break // before the next packet
	highest uint64      // highest outgoing number sent
	shift   uint32      // outgoing timestamp = incoming + shift

	lastTimestamp uint32 // outgoing
	lastArrival   time.Time
	started       bool

	format *media.Format // the format pt was chosen for
	pt     uint8
	rtxPT  uint8
	clock  uint32
	plays  bool

	rtxNext uint64  // the number of the next retransmission by RTX, extended
	recent  *recent // asked for again lately; nil: nothing ever was
	packets uint32
	octets  uint32
}

// newSender starts numbering at first, which should be random and below 1<<15 (RFC 3711 section 3.3.1).
func newSender(track *sdp.Track, first, rtxFirst uint16) *sender {
	return &sender{track: track, highest: uint64(first & 0x7fff), rtxNext: uint64(rtxFirst & 0x7fff)}
}

// choose takes the payload type for the packet's format; false when the viewer can't carry it.
func (s *sender) choose(f *media.Format) bool {
	if f == s.format {
		return s.plays
	}
	codec, ok := s.track.Choose(*f)
	s.format, s.plays = f, ok
	s.pt, s.rtxPT, s.clock = codec.PT, codec.RTX, f.ClockRate
	return ok
}

// interrupt takes note of a break. It holds for the next packet that is sent, even if the one that told of it can't be.
func (s *sender) interrupt(b media.Break) {
	s.pending = max(s.pending, b)
	if b == media.Restarted {
		s.runs = s.runs[:0] // nothing of the last publication can be sent again
	}
}

// number gives the item its outgoing sequence number; false when it must not be sent. It becomes used only by sent.
func (s *sender) number(it *media.Item) (uint64, bool) {
	switch {
	case s.pending == media.Restarted:
		s.restart(it)
	case s.pending == media.Skipped, len(s.runs) == 0, it.Seq > s.runs[len(s.runs)-1].highest+maxLeap:
		s.begin(it)
	}
	s.pending = media.Continues
	current := &s.runs[len(s.runs)-1]
	if it.Seq < current.first || it.Seq+maxLeap < current.highest {
		return 0, false
	}
	return current.outgoing(it.Seq), true
}

// begin opens a new run just above everything sent.
func (s *sender) begin(it *media.Item) {
	first := it.Seq
	if it.Break != media.Continues && it.First != 0 && it.First <= it.Seq && it.Seq-it.First < maxLeap {
		first = it.First
	}
	if len(s.runs) == maxRuns {
		s.runs = append(s.runs[:0], s.runs[1:]...)
	}
	s.runs = append(s.runs, run{first: first, out: s.highest + 1, highest: first})
}

// restart begins anew on another publication: its numbers and clock have nothing to do with the last one's. Time goes on
// by what passed between the packets' arrivals.
func (s *sender) restart(it *media.Item) {
	if s.started {
		gone := max(it.Arrival.Sub(s.lastArrival), time.Millisecond)
		ticks := uint32(int64(gone/time.Microsecond) * int64(it.Format.ClockRate) / 1e6)
		s.shift = s.lastTimestamp + max(ticks, 1) - it.Timestamp
	}
	s.begin(it)
}

// header is the outgoing header of a packet under its outgoing number.
func (s *sender) header(p *media.Packet, out uint64) outHeader {
	return outHeader{
		marker: p.Marker, pt: s.pt, seq: uint16(out), timestamp: p.Timestamp + s.shift, ssrc: s.track.SSRC,
		midExt: s.track.MidExt, mid: s.track.Mid, mixed: s.track.MixedExtensions, extIDs: &s.track.Ext, ext: &p.Ext,
	}
}

// sent notes that a packet has gone out: for retransmissions, for the sender reports, and for where the stream is.
func (s *sender) sent(p *media.Packet, out uint64) {
	current := &s.runs[len(s.runs)-1]
	current.highest = max(current.highest, p.Seq)
	s.packets++
	s.octets += uint32(len(p.Payload))
	if out > s.highest {
		s.started, s.highest = true, out
		s.lastTimestamp, s.lastArrival = p.Timestamp+s.shift, p.Arrival
	}
}

// lookup finds the incoming number behind an outgoing one that a viewer asks for again.
func (s *sender) lookup(out uint64) (in uint64, ok bool) {
	if out > s.highest || s.highest-out >= resendWindow {
		return 0, false
	}
	for i := len(s.runs) - 1; i >= 0; i-- {
		if r := s.runs[i]; out >= r.out {
			return r.incoming(out), true
		}
	}
	return 0, false
}

// timestamp is the outgoing timestamp at now, by the publisher's clock.
func (s *sender) timestampAt(now time.Time, t media.Timing) uint32 {
	elapsed := now.Sub(t.At)
	return t.RTP + uint32(int64(elapsed/time.Microsecond)*int64(s.clock)/1e6) + s.shift
}
