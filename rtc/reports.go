package rtc

import (
	"time"

	"github.com/pion/rtcp"

	"oneport/media"
)

// Nack is a viewer's request for packets, by outgoing sequence numbers.
type Nack struct {
	SSRC uint32
	Seqs []uint16
	RTT  time.Duration // of the viewer; 0: not known yet
}

// maxNack bounds the packets one RTCP datagram may ask for: an answer is never much larger than what a viewer lost.
const maxNack = 256

// receiveRTCP decrypts a compound packet and adds what it says to ev.
func (in *inbound) receiveRTCP(now time.Time, b []byte, ev *Events) (authentic bool) {
	if in.srtp == nil {
		in.stats.Unknown++
		return false
	}
	sender := ssrcAt(b, 4)
	if !in.rtcpSources.admit(sender) {
		in.stats.Unknown++
		return false
	}
	plain, err := in.srtp.DecryptRTCP(nil, b, nil)
	if err != nil {
		in.stats.Rejected++
		return false
	}
	in.rtcpSources.add(sender)
	in.reports(now, plain, ev)
	return true
}

// reports goes through a compound packet (RFC 3550 section 6.1). Broken bounds end the walk.
func (in *inbound) reports(now time.Time, compound []byte, ev *Events) {
	for len(compound) > 0 {
		var h rtcp.Header
		err := h.Unmarshal(compound)
		end := 4 * (int(h.Length) + 1)
		if err != nil || end > len(compound) {
			in.stats.Rejected++
			return
		}
		if p := understood(&h); p == nil {
			// What means nothing here is not parsed: some reports of a few bytes unfold to megabytes.
		} else if p.Unmarshal(compound[:end:end]) == nil {
			in.handle(now, p, ev)
		} else {
			in.stats.Rejected++
		}
		compound = compound[end:]
	}
}

// understood is an empty report of the header's type, nil if handle has no use for it.
func understood(h *rtcp.Header) rtcp.Packet {
	switch {
	case h.Type == rtcp.TypeSenderReport:
		return new(rtcp.SenderReport)
	case h.Type == rtcp.TypeReceiverReport:
		return new(rtcp.ReceiverReport)
	case h.Type == rtcp.TypeExtendedReport:
		return new(rtcp.ExtendedReport)
	case h.Type == rtcp.TypeTransportSpecificFeedback && h.Count == rtcp.FormatTLN:
		return new(rtcp.TransportLayerNack)
	case h.Type == rtcp.TypePayloadSpecificFeedback && h.Count == rtcp.FormatPLI:
		return new(rtcp.PictureLossIndication)
	case h.Type == rtcp.TypePayloadSpecificFeedback && h.Count == rtcp.FormatFIR:
		return new(rtcp.FullIntraRequest)
	default:
		return nil
	}
}

func (in *inbound) handle(now time.Time, p rtcp.Packet, ev *Events) {
	switch p := p.(type) {
	case *rtcp.SenderReport:
		in.senderReport(now, p, ev)
	case *rtcp.ReceiverReport:
		in.receptions(now, p.Reports)
	case *rtcp.ExtendedReport:
		in.extended(now, p)
	case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
		ev.Keyframe = ev.Keyframe || !in.session.Publish
	case *rtcp.TransportLayerNack:
		in.nacked(p, ev)
	}
}

// senderReport pins the track's clock, and remembers the report for the next reception block.
func (in *inbound) senderReport(now time.Time, sr *rtcp.SenderReport, ev *Events) {
	for _, r := range in.receivers {
		if r != nil && r.ssrc == sr.SSRC {
			r.senderReport(now, sr.NTPTime)
			at := now // of a sender without a clock, which says 0
			if sr.NTPTime != 0 {
				at = in.clock.ours(now, fromNTP(sr.NTPTime))
			}
			ev.Timings = append(ev.Timings, Timing{r.kind, media.Timing{RTP: sr.RTPTime + r.shift, At: at}})
		}
	}
	in.receptions(now, sr.Reports)
}

// wallClock maps a publisher's wall clock to ours. It is one for all tracks, so that differences between them stay the
// publisher's own. It follows a drift so slowly that no ear notices, and begins anew when the publisher's clock leaps.
type wallClock struct {
	known bool
	ahead time.Duration // how far our clock is ahead of theirs, the reports' way included
}

const (
	maxClockError = 2 * time.Second
	maxClockSlew  = time.Millisecond // a report
)

func (c *wallClock) ours(now, theirs time.Time) time.Time {
	ahead := now.Sub(theirs)
	switch off := ahead - c.ahead; {
	case !c.known, off.Abs() > maxClockError:
		c.known, c.ahead = true, ahead
	default:
		c.ahead += min(max(off/64, -maxClockSlew), maxClockSlew)
	}
	return now.Add(c.ahead - ahead)
}

func (in *inbound) receptions(now time.Time, blocks []rtcp.ReceptionReport) {
	for _, b := range blocks {
		if d, ok := roundTrip(now, b.LastSenderReport, b.Delay); ok {
			in.rtt = d
		}
	}
}

// extended takes the round trip from the answer to our receiver reference time (RFC 3611 section 4.5).
func (in *inbound) extended(now time.Time, xr *rtcp.ExtendedReport) {
	for _, block := range xr.Reports {
		dlrr, ok := block.(*rtcp.DLRRReportBlock)
		if !ok {
			continue
		}
		for _, r := range dlrr.Reports {
			if d, ok := roundTrip(now, r.LastRR, r.DLRR); ok {
				in.rtt = d
			}
		}
	}
}

func (in *inbound) nacked(p *rtcp.TransportLayerNack, ev *Events) {
	if in.session.Publish {
		return
	}
	ask := Nack{SSRC: p.MediaSSRC, RTT: in.rtt}
	for i := range p.Nacks {
		p.Nacks[i].Range(func(seq uint16) bool {
			if ev.asked == maxNack {
				return false
			}
			ev.asked++
			ask.Seqs = append(ask.Seqs, seq)
			return true
		})
	}
	if len(ask.Seqs) > 0 {
		ev.Nacks = append(ev.Nacks, ask)
	}
}
