package rtc

import (
	"slices"
	"time"

	"github.com/pion/rtcp"

	"oneport/media"
)

// seenWindow is how far back duplicates are told from late packets; what is older is dropped.
const seenWindow = 4096

// receiver is one track of a publisher: it extends sequence numbers, drops duplicates, asks for what is lost and keeps
// the numbers of receiver reports (RFC 3550 section 6.4 and appendix A).
type receiver struct {
	kind    media.Kind
	ssrc    uint32
	rtxSSRC uint32 // 0: not known yet
	pastRTX uint32 // rtxSSRC of a source before, 0: none
	nack    bool

	heard    time.Time // when its source was, retransmissions apart
	stranger stranger  // a source that may take its place
	told     bool      // of a stranger

	// How the packets are to go on for the stream from those of the source before; see follow.
	floor uint64 // numbers below are not for this source
	ahead uint64 // what to add to numbers, modulo 1<<64
	shift uint32 // what to add to timestamps

	started   bool
	first     uint64
	highest   uint64
	seen      [seenWindow / 64]uint64 // bits of (highest-seenWindow, highest]
	missing   missing
	arrived   time.Time // when the highest did
	timestamp uint32    // of the highest, shifted
	key       uint64    // the newest keyframe's first packet
	damage    uint64    // the newest packet that is lost for good, as far as a decoder can hope
	mended    uint64    // the damage for which a keyframe was last asked for

	packets   uint64
	recovered uint64 // of them by RTX
	expected  uint64 // at the last report
	received  uint64 // at the last report
	jitter    float64
	transit   uint32

	report     uint64 // NTP of the last sender report
	reportedAt time.Time
}

// accept extends seq and says whether the packet is a new one.
func (r *receiver) accept(now time.Time, seq uint16) (ext uint64, ok bool) {
	if !r.started {
		r.started = true
		r.highest = firstOf(seq)
		r.first = r.highest
		r.arrived = now
		r.mark(r.highest)
		r.packets++
		return r.highest, true
	}
	ext = extend(r.highest, seq)
	switch {
	case ext > r.highest:
		r.advance(now, ext)
	case r.highest-ext >= seenWindow || ext < r.floor || r.marked(ext):
		return ext, false
	default:
		r.missing.remove(ext)
	}
	r.mark(ext)
	r.packets++
	return ext, true
}

// advance makes ext the highest, and notes the packets between as missing.
func (r *receiver) advance(now time.Time, ext uint64) {
	if ext-r.highest >= seenWindow {
		clear(r.seen[:])
		r.missing.reset()
	} else {
		for s := r.highest + 1; s <= ext; s++ {
			r.seen[s/64%uint64(len(r.seen))] &^= 1 << (s % 64)
		}
		r.missing.add(now, r.highest+1, ext)
	}
	if ext > r.highest+1 && now.Sub(r.arrived) > missingLifetime {
		r.damage = ext - 1 // an outage: even if the publisher still has the packets, their time is over
	}
	r.highest, r.arrived = ext, now
}

// damaged says whether something is lost that no keyframe has made good yet.
func (r *receiver) damaged() bool {
	r.damage = max(r.damage, r.missing.newest)
	return r.damage > r.key
}

func (r *receiver) mark(ext uint64) { r.seen[ext/64%uint64(len(r.seen))] |= 1 << (ext % 64) }
func (r *receiver) marked(ext uint64) bool {
	return r.seen[ext/64%uint64(len(r.seen))]&(1<<(ext%64)) != 0
}

// interarrival updates the jitter estimate (RFC 3550 appendix A.8), in timestamp units.
func (r *receiver) interarrival(arrival time.Time, timestamp, clockRate uint32) {
	rate := int64(clockRate)
	ticks := arrival.Unix()*rate + int64(arrival.Nanosecond())*rate/1e9
	transit := uint32(ticks) - timestamp
	if r.packets > 1 {
		d := float64(int32(transit - r.transit))
		if d < 0 {
			d = -d
		}
		r.jitter += (d - r.jitter) / 16
	}
	r.transit = transit
}

// senderReport notes when a sender report came, for LSR and DLSR.
func (r *receiver) senderReport(now time.Time, ntpTime uint64) {
	r.report, r.reportedAt = ntpTime, now
}

// reception is the report block about this track since the last one (RFC 3550 section 6.4.1 and appendix A.3). What RTX
// brought is of another source: here it counts as lost.
func (r *receiver) reception(now time.Time) rtcp.ReceptionReport {
	expected, received := r.highest-r.first+1, r.packets-r.recovered
	lost := int64(expected) - int64(received)
	newExpected, newReceived := expected-r.expected, received-r.received
	r.expected, r.received = expected, received
	var fraction uint64
	if newExpected > newReceived {
		fraction = min((newExpected-newReceived)<<8/newExpected, 255)
	}
	block := rtcp.ReceptionReport{
		SSRC:               r.ssrc,
		FractionLost:       uint8(fraction),
		TotalLost:          uint32(max(0, min(lost, 1<<23-1))),
		LastSequenceNumber: uint32(r.highest - 1<<16),
		Jitter:             uint32(r.jitter),
	}
	if !r.reportedAt.IsZero() {
		block.LastSenderReport = shortNTP(r.report)
		block.Delay = toShort(now.Sub(r.reportedAt))
	}
	return block
}

const (
	// maxMissing bounds the packets asked for again, per track: beyond it the oldest are given up and counted as lost.
	maxMissing = 512
	// reorderTolerance is how long a gap may be mere reordering before it is asked for.
	reorderTolerance = 10 * time.Millisecond
	// missingLifetime and missingTries end the asking: later, a viewer's jitter buffer has given up too.
	missingLifetime = time.Second
	missingTries    = 10
	nackInterval    = 20 * time.Millisecond
)

type gap struct {
	seq   uint64
	since time.Time
	asked time.Time
	tries int
}

// missing is the bounded list of a track's packets that have not arrived, oldest first.
type missing struct {
	gaps   []gap
	lost   uint64 // given up
	newest uint64 // the newest given up
}

// add notes that the packets of [from, to) have not arrived.
func (m *missing) add(now time.Time, from, to uint64) {
	if over := int(to-from) - maxMissing; over > 0 {
		from += uint64(over)
		m.giveUp(from-1, over)
	}
	if over := len(m.gaps) + int(to-from) - maxMissing; over > 0 {
		m.giveUp(m.gaps[over-1].seq, over)
		m.gaps = slices.Delete(m.gaps, 0, over)
	}
	for ; from < to; from++ {
		m.gaps = append(m.gaps, gap{seq: from, since: now})
	}
}

func (m *missing) remove(seq uint64) {
	for i := range m.gaps {
		if m.gaps[i].seq == seq {
			m.gaps = append(m.gaps[:i], m.gaps[i+1:]...)
			return
		}
	}
}

// giveUp counts n packets as lost, of which seq is the newest.
func (m *missing) giveUp(seq uint64, n int) {
	m.lost += uint64(n)
	m.newest = max(m.newest, seq)
}

func (m *missing) reset() {
	if n := len(m.gaps); n > 0 {
		m.giveUp(m.gaps[n-1].seq, n)
	}
	m.gaps = m.gaps[:0]
}

// due returns what is to be asked for now, and forgets what is too old to be of use.
func (m *missing) due(now time.Time, rtt time.Duration) []uint16 {
	var ask []uint16
	kept := m.gaps[:0]
	for _, g := range m.gaps {
		if now.Sub(g.since) > missingLifetime || g.tries >= missingTries {
			m.giveUp(g.seq, 1)
			continue
		}
		if now.Sub(g.since) >= reorderTolerance && (g.tries == 0 || now.Sub(g.asked) >= max(rtt, 2*nackInterval)) {
			ask = append(ask, uint16(g.seq))
			g.asked = now
			g.tries++
		}
		kept = append(kept, g)
	}
	m.gaps = kept
	return ask
}
