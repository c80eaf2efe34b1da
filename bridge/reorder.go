package bridge

import (
	"slices"
	"time"

	"oneport/media"
)

const (
	maxWait    = 200 * time.Millisecond // for a missing packet, from the arrival of the first that follows it
	maxWaiting = 4096                   // packets that wait for it
)

// reorder puts the packets of a track in the order of their numbers. What it waits for is given up after maxWait, or when
// maxWaiting packets are there that follow it, and is counted as lost.
type reorder struct {
	waiting []*media.Packet // by ascending number
	next    uint64          // the number to come, 0 before the first packet
	blocked time.Time       // since when the number to come is waited for
	skipped bool            // the number to come does not continue what was given
	counted ReorderStats
}

// ReorderStats counts what a track's packets were like.
type ReorderStats struct {
	Packets    uint64
	Reordered  uint64 // came after one that follows them, in time
	Lost       uint64 // did not come in time
	Late       uint64 // came after they had been given up; left out
	Duplicates uint64 // were there already; left out
}

func (r *reorder) push(pkt *media.Packet) {
	r.counted.Packets++
	if r.next == 0 {
		r.next = pkt.Seq
	}
	if pkt.Seq < r.next {
		r.counted.Late++
		return
	}
	i := len(r.waiting)
	for i > 0 && r.waiting[i-1].Seq > pkt.Seq {
		i--
	}
	if i > 0 && r.waiting[i-1].Seq == pkt.Seq {
		r.counted.Duplicates++
		return
	}
	if len(r.waiting) == 0 {
		r.blocked = pkt.Arrival
	}
	if i < len(r.waiting) {
		r.counted.Reordered++
	}
	r.waiting = slices.Insert(r.waiting, i, pkt)
}

// begin gives up all packets below first: they will not come, and none is waited for.
func (r *reorder) begin(first uint64) {
	if first <= r.next {
		return
	}
	r.skipped = r.next > 0
	r.next = first
	for len(r.waiting) > 0 && r.waiting[0].Seq < first {
		r.waiting[0] = nil
		r.waiting = r.waiting[1:]
		r.counted.Late++
	}
}

// pop takes the next packet if it is there, or if what is missing before it has been waited for long enough: then gap is
// true.
func (r *reorder) pop(now time.Time) (pkt *media.Packet, gap bool) {
	if len(r.waiting) == 0 {
		return nil, false
	}
	pkt = r.waiting[0]
	if gap = pkt.Seq != r.next; gap {
		if len(r.waiting) < maxWaiting && now.Before(r.blocked.Add(maxWait)) {
			return nil, false
		}
		r.counted.Lost += pkt.Seq - r.next
	}
	r.waiting[0] = nil
	r.waiting = r.waiting[1:]
	gap, r.skipped = gap || r.skipped, false
	r.next = pkt.Seq + 1
	if len(r.waiting) > 0 {
		r.blocked = r.waiting[0].Arrival
	}
	return pkt, gap
}

// deadline is when a missing packet is given up, zero if none is.
func (r *reorder) deadline() time.Time {
	if len(r.waiting) == 0 {
		return time.Time{}
	}
	return r.blocked.Add(maxWait)
}
