package rtc

import (
	"encoding/binary"
	"time"
)

const (
	// twccInterval is how often a publisher hears what arrived. A browser's estimator wants 50 to 250 ms.
	twccInterval = 50 * time.Millisecond
	// twccWindow bounds how many transport-wide sequence numbers may lie between two feedbacks; a publisher that leaps
	// further starts anew, and what was not reported of the old numbers is forgotten.
	twccWindow = 2048
	// twccMaxReport keeps one feedback within a datagram: status chunks and deltas of so many packets fit 1,200 bytes.
	twccMaxReport = 400
	// twccTick is the unit of receive deltas, and twccReference that of the reference time.
	twccTick      = 250 * time.Microsecond
	twccReference = 64 * time.Millisecond
)

// twcc records when packets with a transport-wide sequence number arrived and writes the feedback of
// draft-holmer-rmcat-transport-wide-cc-extensions-01, from which a publisher estimates its bandwidth.
type twcc struct {
	origin  time.Time // what reference times count from
	started bool
	next    uint64 // the first sequence number not reported yet, extended
	highest uint64
	arrived [twccWindow]time.Time // by extended sequence number; zero: did not arrive
	pending int                   // arrivals in [next, highest]
	count   uint8                 // feedback packet count
	due     time.Time
}

// record notes that seq arrived now.
func (t *twcc) record(now time.Time, seq uint16) {
	if !t.started {
		t.started, t.origin = true, now.Add(-twccReference)
		t.next = 1<<16 | uint64(seq)
		t.highest = t.next
	}
	ext := extend(t.highest, seq)
	switch {
	case ext < t.next: // reported as lost already; a later report can't take that back
		return
	case ext >= t.next+twccWindow:
		t.forget()
		t.next, t.highest = ext, ext
	case ext > t.highest:
		t.highest = ext
	}
	if slot := &t.arrived[ext%twccWindow]; slot.IsZero() {
		*slot = now
		t.pending++
	}
	if t.due.IsZero() {
		t.due = now.Add(twccInterval)
	}
}

func (t *twcc) forget() {
	clear(t.arrived[:])
	t.pending = 0
}

// appendFeedback appends one RTCP transport feedback packet for what arrived since the last one, and is to be called
// until it appends nothing.
func (t *twcc) appendFeedback(dst []byte, sender, mediaSSRC uint32) []byte {
	t.due = time.Time{}
	if t.pending == 0 {
		return dst
	}
	first := t.next
	for t.arrived[first%twccWindow].IsZero() && first < t.highest && t.highest-first >= twccMaxReport {
		first++ // a long silence before the first arrival need not be told
	}
	last := min(t.highest, first+twccMaxReport-1)
	for t.arrived[last%twccWindow].IsZero() && last > first {
		last-- // trailing losses may still arrive: they belong to the next report
	}
	at := len(dst)
	dst = append(dst, 0x80|15, 205, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, sender)
	dst = binary.BigEndian.AppendUint32(dst, mediaSSRC)
	dst = binary.BigEndian.AppendUint16(dst, uint16(first))
	dst = binary.BigEndian.AppendUint16(dst, uint16(last-first+1))
	reference := t.reference(first, last)
	dst = append(dst, byte(reference>>16), byte(reference>>8), byte(reference), t.count)
	t.count++
	var deltas []byte
	dst, deltas = t.appendStatuses(dst, first, last, t.origin.Add(reference*twccReference))
	dst = append(dst, deltas...)
	pad := (4 - (len(dst)-at)%4) % 4
	for i := range pad {
		dst[at] |= 0x20
		dst = append(dst, 0)
		if i == pad-1 {
			dst[len(dst)-1] = byte(pad)
		}
	}
	binary.BigEndian.PutUint16(dst[at+2:], uint16((len(dst)-at)/4-1))
	t.next = last + 1
	return dst
}

// reference is the time of the first arrival in [first, last], in units of 64 ms since the origin. Of it 24 bits are written,
// which is 12 days; the publisher unwraps them.
func (t *twcc) reference(first, last uint64) time.Duration {
	for seq := first; seq <= last; seq++ {
		if at := t.arrived[seq%twccWindow]; !at.IsZero() {
			return at.Sub(t.origin) / twccReference
		}
	}
	return 0
}

// Packet status symbols.
const (
	notReceived = iota
	smallDelta  // one byte, 0 to 63.75 ms
	largeDelta  // two bytes, signed
)

// appendStatuses appends the packet status chunks of [first, last], returns the receive deltas beside them, and clears
// what it has told.
func (t *twcc) appendStatuses(dst []byte, first, last uint64, previous time.Time) (chunks, deltas []byte) {
	symbols := make([]uint8, 0, last-first+1)
	for seq := first; seq <= last; seq++ {
		slot := &t.arrived[seq%twccWindow]
		if slot.IsZero() {
			symbols = append(symbols, notReceived)
			continue
		}
		ticks := slot.Sub(previous) / twccTick
		ticks = max(min(ticks, 32767), -32768)
		previous = previous.Add(ticks * twccTick)
		if ticks >= 0 && ticks <= 255 {
			symbols = append(symbols, smallDelta)
			deltas = append(deltas, byte(ticks))
		} else {
			symbols = append(symbols, largeDelta)
			deltas = binary.BigEndian.AppendUint16(deltas, uint16(int16(ticks)))
		}
		*slot = time.Time{}
		t.pending--
	}
	return appendChunks(dst, symbols), deltas
}

// appendChunks packs symbols into run length chunks where seven or more are equal, else into two-bit status vectors.
func appendChunks(dst []byte, symbols []uint8) []byte {
	for len(symbols) > 0 {
		run := 1
		for run < len(symbols) && run < 8191 && symbols[run] == symbols[0] {
			run++
		}
		if run >= 7 || run == len(symbols) {
			dst = binary.BigEndian.AppendUint16(dst, uint16(symbols[0])<<13|uint16(run))
			symbols = symbols[run:]
			continue
		}
		chunk := uint16(0xC000)
		n := min(7, len(symbols))
		for i, s := range symbols[:n] {
			chunk |= uint16(s) << (12 - 2*i)
		}
		dst = binary.BigEndian.AppendUint16(dst, chunk)
		symbols = symbols[n:]
	}
	return dst
}

// extend is the extended sequence number nearest to highest whose low 16 bits are seq.
func extend(highest uint64, seq uint16) uint64 {
	return highest + uint64(int64(int16(seq-uint16(highest))))
}
