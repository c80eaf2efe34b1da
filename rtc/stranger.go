package rtc

import (
	"fmt"
	"time"
)

// sourceSilence is how long a track's source must have been silent, and another one heard, before that is taken for its
// successor. A sender changes its SSRC when another has the same (RFC 3550 section 8.2), and some send another than they told.
const sourceSilence = time.Second

// stranger is a source that nobody told of and that sends what can only belong to a track. Of several one is looked at.
type stranger struct {
	ssrc         uint32
	since, heard time.Time
}

// meet takes note of a stranger's packet.
func (s *stranger) meet(now time.Time, ssrc uint32) {
	if ssrc != s.ssrc && now.Sub(s.heard) >= sourceSilence {
		*s = stranger{ssrc: ssrc, since: now}
	}
	if ssrc == s.ssrc {
		s.heard = now
	}
}

// owns says whether a packet's source is the track's, which may change. The payload type has told the track, and what names
// another m-line all the same is not believed.
func (in *inbound) owns(now time.Time, kind *payloadType, plain []byte, fixed int) bool {
	r, h := in.receivers[kind.track.Kind], &in.header
	switch {
	case r.ssrc == 0:
		r.ssrc = h.SSRC // an offer without a=ssrc lines: the first to come is the track's
	case r.ssrc == h.SSRC:
	case !kind.named(plain, fixed) || !in.succeeds(now, r):
		return false
	default:
		r.follow(now, h.SSRC, h.SequenceNumber, h.Timestamp, kind.format.ClockRate)
	}
	r.heard = now
	return true
}

// named says whether a packet's mid (RFC 9143 section 15), if it has one, is the track's.
func (k *payloadType) named(plain []byte, fixed int) bool {
	named := true
	if k.track.MidExt != 0 {
		eachExtension(plain, fixed, func(id uint8, data []byte) {
			named = named && (id != k.track.MidExt || string(data) == k.track.Mid)
		})
	}
	return named
}

// succeeds says whether the source of the packet at hand takes the place of the track's. It is told once a track.
func (in *inbound) succeeds(now time.Time, r *receiver) bool {
	s := &r.stranger
	s.meet(now, in.header.SSRC)
	if s.ssrc != in.header.SSRC || now.Sub(s.since) < sourceSilence {
		return false
	}
	silent := now.Sub(r.heard) >= sourceSilence
	if !r.told {
		r.told = true
		in.notice = fmt.Sprintf("%v comes from SSRC %d beside SSRC %d, and is left out", r.kind, s.ssrc, r.ssrc)
		if silent {
			in.notice = fmt.Sprintf("%v comes from SSRC %d now, SSRC %d is silent", r.kind, s.ssrc, r.ssrc)
		}
	}
	return silent
}

// follow makes the receiver one of another source, of which the first packet is there. For the stream it is the same: its
// numbers go on above those of the source before, but for one that tells decoders of what they have missed, and its time by
// when the packets arrived.
func (r *receiver) follow(now time.Time, ssrc uint32, seq uint16, timestamp, clockRate uint32) {
	old := *r
	old.missing.reset()
	*r = receiver{kind: old.kind, ssrc: ssrc, nack: old.nack, told: old.told, missing: missing{lost: old.missing.lost}}
	if r.pastRTX = old.rtxSSRC; r.pastRTX == 0 {
		r.pastRTX = old.pastRTX
	}
	if !old.started {
		return
	}
	r.floor = firstOf(seq)
	r.ahead = old.highest + old.ahead + 2 - r.floor
	gone := uint32(int64(now.Sub(old.arrived)/time.Microsecond) * int64(clockRate) / 1e6)
	r.shift = old.timestamp + gone - timestamp
	r.damage = r.floor - 1
}

// resends says whether an SSRC is that by which the track's source sends again. If nobody told, it is the first to come. That of
// a source before never is: its packets tell numbers that are not this source's (RFC 4588 section 4).
func (r *receiver) resends(ssrc uint32) bool {
	if r.rtxSSRC == 0 && ssrc != r.pastRTX {
		r.rtxSSRC = ssrc
	}
	return ssrc == r.rtxSSRC
}

// firstOf is the extended number of a source's first packet. What overtook it may have a lower one, which is no less than 0.
func firstOf(seq uint16) uint64 { return 1<<16 | uint64(seq) }
