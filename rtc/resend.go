package rtc

import (
	"encoding/binary"
	"time"

	"oneport/media"
)

// A viewer may ask for packets again as often as it likes, and each four bytes of a NACK name 17 of them. What it gets is
// bounded by three things, so that it costs nobody else anything: a packet goes out once a round trip at most, all of them
// within a budget of bytes, and from a queue that the caller empties with what else it sends.
const (
	// minResendPause is for how long a packet that was asked for again is not taken up once more, where the round trip is
	// shorter or not known; maxResendPause where a viewer says that it is longer.
	minResendPause = 20 * time.Millisecond
	maxResendPause = time.Second
	// maxAsked bounds the queue; what finds no room is counted as withheld, and the viewer asks for it again.
	maxAsked = 256
	// budgetInterval is the time over which bytes are budgeted: budgetFloor of them, and half of what the viewer was sent
	// for the first time in this interval and in the one before.
	budgetInterval = time.Second
	budgetFloor    = 64 << 10
	// recentSlots is how many packets of a track are remembered as asked for. Two whose numbers are so far apart share a
	// place, which the later one gets: the first may then be sent again too soon, within the budget.
	recentSlots = 512
)

// wanted is a packet that is to be sent again.
type wanted struct {
	sender *sender
	out    uint64
}

// recent remembers when packets of a track were last asked for, by outgoing number. Viewers that lose nothing have none.
type recent [recentSlots]struct{ number, at uint32 } // the low bits of the number and of a time in milliseconds

// note says whether a packet may be taken up at now, and remembers that it is.
func (r *recent) note(now time.Time, out uint64, pause time.Duration) bool {
	slot, at := &r[out%recentSlots], uint32(now.UnixMilli())
	if slot.number == uint32(out) && at-slot.at < uint32(pause/time.Millisecond) {
		return false
	}
	slot.number, slot.at = uint32(out), at
	return true
}

// budget is what may be sent again, in bytes.
type budget struct {
	since  time.Time // when the present interval began
	media  uint64    // bytes sent for the first time until then
	before uint64    // what the interval before carried of them
	spent  uint64    // bytes sent again in this interval
	all    uint64    // and ever
}

// left is what may still be sent again, when media bytes have been sent for the first time. A longer time without looking
// counts by its mean.
func (b *budget) left(now time.Time, media uint64) int64 {
	if elapsed := now.Sub(b.since); elapsed >= budgetInterval {
		b.before = uint64(float64(media-b.media) * budgetInterval.Seconds() / elapsed.Seconds())
		b.since, b.media, b.spent = now, media, 0
	}
	return budgetFloor + int64(b.before+media-b.media)/2 - int64(b.spent)
}

func (b *budget) spend(n int) {
	b.spent += uint64(n)
	b.all += uint64(n)
}

// Ask takes note of what a viewer asks for again, and says whether Resend has something to send.
func (o *Outbound) Ask(now time.Time, ask Nack) bool {
	s := o.senderOf(ask.SSRC)
	if s == nil {
		return false
	}
	pause := min(max(ask.RTT, minResendPause), maxResendPause)
	for _, seq := range ask.Seqs {
		out := extend(s.highest, seq)
		if _, ok := s.lookup(out); !ok {
			continue
		}
		if s.recent == nil {
			s.recent = new(recent)
		}
		switch {
		case !s.recent.note(now, out, pause):
		case len(o.asked) == maxAsked:
			o.Stats.Withheld++
		default:
			o.asked = append(o.asked, wanted{s, out})
		}
	}
	return len(o.asked) > 0
}

// Resend appends at most most of the packets that were asked for, as RTX (RFC 4588) where it was negotiated, else as the
// identical packets, and returns how many. find gives the publisher's packet, or nil when it is gone. What exceeds the budget
// is forgotten and counted: a viewer that still wants it asks again.
func (o *Outbound) Resend(now time.Time, dst []byte, most int, find func(media.Kind, uint64) *media.Packet) (_ []byte, sent int) {
	for len(o.asked) > 0 && sent < most {
		next := o.asked[0]
		o.asked = o.asked[1:]
		at := len(dst)
		if dst = o.again(now, dst, next, find); len(dst) > at {
			sent++
		}
	}
	if len(o.asked) == 0 {
		o.asked = nil // most viewers never ask again
	}
	return dst, sent
}

// again appends one packet, if it may and can be sent again.
func (o *Outbound) again(now time.Time, dst []byte, a wanted, find func(media.Kind, uint64) *media.Packet) []byte {
	s, out := a.sender, a.out
	in, ok := s.lookup(out)
	if !ok {
		return dst // another publication has begun
	}
	p := find(s.kind(), in)
	if p == nil || !s.choose(p.Format) {
		return dst
	}
	if o.budget.left(now, o.Stats.Bytes-o.budget.all) <= 0 {
		o.Stats.Withheld++
		return dst
	}
	h := s.header(p, out)
	var osn []byte
	if s.rtxPT != 0 && s.track.RTXSSRC != 0 {
		osn = binary.BigEndian.AppendUint16(nil, h.seq)
		out = s.rtxNext
		s.rtxNext++
		h.pt, h.ssrc, h.seq = s.rtxPT, s.track.RTXSSRC, uint16(out)
	}
	at := len(dst)
	if dst, ok = o.seal(dst, &h, out, osn, p.Payload); ok {
		o.Stats.Resent++
		o.budget.spend(len(dst) - at - 2)
	}
	return dst
}

func (o *Outbound) senderOf(ssrc uint32) *sender {
	for _, s := range o.senders {
		if s != nil && s.track.SSRC == ssrc {
			return s
		}
	}
	return nil
}
