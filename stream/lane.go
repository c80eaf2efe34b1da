package stream

import (
	"time"

	"oneport/media"
)

// A slot is a packet in a lane's ring with what readers need to know about its place.
type slot struct {
	pkt   *media.Packet
	order uint64 // place among the packets of all lanes, in order of arrival
	bytes uint64 // payload bytes that came before it in the publication's lane
}

// A lane is the ring of one encoding's packets, in order of arrival, and what is known of them. Today a stream has one
// encoding of each kind; simulcast will give it one lane per layer, and a reader will still walk one lane of a kind.
//
// The ring is bounded by age, payload bytes and count. The oldest packets go first, whoever has not read them yet: a
// reader left behind skips, and counts it.
type lane struct {
	slots []slot   // a power of two of them; position p lies at p modulo that
	index []uint64 // by Seq modulo the same: the position where that packet may lie

	base uint64 // position of the publication's first packet
	tail uint64 // position of the oldest packet kept
	head uint64 // position the next packet will have
	gone uint64 // highest Seq no longer kept: what is not above it came too late

	bytes  uint64 // payload bytes of the publication so far
	frames framing

	format  *media.Format // of the newest packet
	timing  media.Timing
	timed   bool
	counted Counters
}

// Counters counts what became of a lane's packets since the publication began.
type Counters struct {
	Packets    uint64
	Bytes      uint64 // of payload
	Frames     uint64
	Keyframes  uint64
	Duplicates uint64 // dropped: the same packet is there
	Late       uint64 // dropped: as old as what is no longer kept
}

const minSlots = 64

// reset begins a publication: nothing that came before is kept. Positions go on.
func (l *lane) reset() {
	clear(l.slots)
	*l = lane{slots: l.slots, index: l.index, base: l.head, tail: l.head, head: l.head}
}

func (l *lane) at(pos uint64) *slot { return &l.slots[pos&uint64(len(l.slots)-1)] }

// arrival is when the packet at a position arrived.
func (l *lane) arrival(pos uint64) time.Time { return l.at(pos).pkt.Arrival }

// find returns the position of the packet with that sequence number. When it is not there, newer says that its place in
// the index belongs to a newer packet, so that it cannot be told whether it ever was.
func (l *lane) find(seq uint64) (pos uint64, ok, newer bool) {
	if len(l.index) == 0 {
		return 0, false, false
	}
	pos = l.index[seq&uint64(len(l.index)-1)]
	if pos < l.tail || pos >= l.head {
		return 0, false, false
	}
	there := l.at(pos).pkt.Seq
	return pos, there == seq, there > seq
}

// push adds a packet and reports whether it was new.
func (l *lane) push(pkt *media.Packet, order uint64, bounds *Play) bool {
	_, there, newer := l.find(pkt.Seq)
	if there {
		l.counted.Duplicates++
		return false
	}
	if newer || pkt.Seq <= l.gone {
		l.counted.Late++
		return false
	}
	l.evict(pkt, bounds)
	l.grow(bounds.RingMaxPackets)
	pos := l.head
	l.head++
	*l.at(pos) = slot{pkt: pkt, order: order, bytes: l.bytes}
	l.index[pkt.Seq&uint64(len(l.index)-1)] = pos
	l.bytes += uint64(len(pkt.Payload))
	l.format = pkt.Format
	l.counted.Packets++
	l.counted.Bytes = l.bytes
	return true
}

// evict makes the ring keep to its bounds with the packet that comes.
func (l *lane) evict(pkt *media.Packet, bounds *Play) {
	room := uint64(max(bounds.RingMaxBytes-len(pkt.Payload), 0))
	for l.tail < l.head {
		oldest := l.at(l.tail)
		tooOld := pkt.Arrival.Sub(oldest.pkt.Arrival) > bounds.RingMaxAge
		full := l.head-l.tail == uint64(len(l.slots)) && 2*len(l.slots) > bounds.RingMaxPackets
		if !tooOld && !full && l.bytes-oldest.bytes <= room {
			return
		}
		l.gone = max(l.gone, oldest.pkt.Seq)
		oldest.pkt = nil
		l.tail++
	}
}

// grow makes room for one more packet. The ring begins small, for most streams are, and doubles.
func (l *lane) grow(limit int) {
	if l.head-l.tail < uint64(len(l.slots)) {
		return
	}
	n := minSlots
	for n*2 <= limit && n <= len(l.slots) {
		n *= 2
	}
	old := *l
	l.slots, l.index = make([]slot, n), make([]uint64, n)
	for pos := l.tail; pos < l.head; pos++ {
		s := *old.at(pos)
		*l.at(pos) = s
		l.index[s.pkt.Seq&uint64(n-1)] = pos // of two that want the place, the newer comes last: push refuses it otherwise
	}
}
