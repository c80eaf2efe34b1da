package rtc

import (
	"slices"
	"time"

	"github.com/pion/rtcp"

	"oneport/media"
)

const (
	// receptionInterval is how often a publisher gets receiver reports.
	receptionInterval = time.Second
	// pathRepair is how long after a change of path a publisher on TCP is asked again for what got lost with the old path.
	pathRepair = 2 * time.Second
	// mendInterval is how often a publisher at most is asked for a keyframe because its packets got lost for good.
	mendInterval = 500 * time.Millisecond
	// maxPairs keeps a NACK of ours within a datagram, and within what its length field can say.
	maxPairs = 200
)

// feedback is the schedule of what a publisher is told.
type feedback struct {
	ssrc      uint32 // of our reports
	cname     string
	reception time.Time // when the next receiver reports are due; zero before the first packet
	nack      time.Time // when lost packets are looked for again; zero: none missing
	pathMoved time.Time
	mended    time.Time // when a keyframe was last asked for because of loss
	firSeq    uint8
}

// deadline is the next time due has work.
func (f *feedback) deadline(in *inbound) time.Time {
	at := earliest(f.reception, f.nack)
	if in.twcc != nil {
		at = earliest(at, in.twcc.due)
	}
	return at
}

// arm schedules what the packet that has just come makes necessary.
func (f *feedback) arm(now time.Time, in *inbound) {
	if f.reception.IsZero() {
		f.reception = now.Add(receptionInterval / 4)
	}
	if !f.nack.IsZero() {
		return
	}
	for _, r := range in.receivers {
		if r != nil && len(r.missing.gaps) > 0 {
			f.nack = now.Add(reorderTolerance)
		}
	}
}

// due appends the compound packets that are due to ev.
func (f *feedback) due(now time.Time, in *inbound, udp bool, ev *Events) {
	if in.twcc != nil && !in.twcc.due.IsZero() && !now.Before(in.twcc.due) {
		for in.twcc.pending > 0 {
			ev.feedback(in.twcc.appendFeedback(nil, f.ssrc, in.mediaSSRC()))
		}
		in.twcc.due = time.Time{}
	}
	if !f.nack.IsZero() && !now.Before(f.nack) {
		f.nack = time.Time{}
		f.askAgain(now, in, udp, ev)
	}
	f.mend(now, in, ev)
	if !f.reception.IsZero() && !now.Before(f.reception) {
		f.reception = now.Add(receptionInterval)
		f.appendReception(now, in, ev)
	}
}

// askAgain sends NACKs (RFC 4585 section 6.2.1). TCP loses nothing but what a dying path took with it.
func (f *feedback) askAgain(now time.Time, in *inbound, udp bool, ev *Events) {
	useful := udp || now.Sub(f.pathMoved) < pathRepair
	rtt := in.rtt
	if rtt == 0 {
		rtt = 100 * time.Millisecond
	}
	for _, r := range in.receivers {
		if r == nil || len(r.missing.gaps) == 0 {
			continue
		}
		seqs := r.missing.due(now, rtt)
		if r.nack && useful {
			for pairs := range slices.Chunk(rtcp.NackPairsFromSequenceNumbers(seqs), maxPairs) {
				ev.marshal(&rtcp.TransportLayerNack{SenderSSRC: f.ssrc, MediaSSRC: r.ssrc, Nacks: pairs})
			}
		}
		if len(r.missing.gaps) > 0 {
			f.nack = now.Add(nackInterval)
		}
	}
}

// mend asks for a keyframe when a picture has lost a packet for good. The viewers' decoders can do nothing without one, and a
// browser takes up to 3 s to say so.
func (f *feedback) mend(now time.Time, in *inbound, ev *Events) {
	r := in.receivers[media.Video]
	if r == nil || !r.damaged() || r.damage == r.mended || now.Sub(f.mended) < mendInterval {
		return
	}
	r.mended, f.mended = r.damage, now
	f.keyframe(in, ev)
}

// appendReception sends the receiver reports, with our reference time for the round trip (RFC 3611 section 4.4).
func (f *feedback) appendReception(now time.Time, in *inbound, ev *Events) {
	report := &rtcp.ReceiverReport{SSRC: f.ssrc}
	for _, r := range in.receivers {
		if r != nil && r.started {
			report.Reports = append(report.Reports, r.reception(now))
		}
	}
	ev.marshal(report,
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
			Source: f.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: f.cname}},
		}}},
		&rtcp.ExtendedReport{SenderSSRC: f.ssrc, Reports: []rtcp.ReportBlock{
			&rtcp.ReceiverReferenceTimeReportBlock{NTPTimestamp: ntp(now)},
		}})
}

// keyframe asks the publisher for a keyframe by what it offered: PLI (RFC 4585), else FIR (RFC 5104).
func (f *feedback) keyframe(in *inbound, ev *Events) {
	r := in.receivers[media.Video]
	if r == nil || r.ssrc == 0 {
		return
	}
	for _, c := range in.session.Video.Codecs {
		switch {
		case c.PLI:
			ev.marshal(&rtcp.PictureLossIndication{SenderSSRC: f.ssrc, MediaSSRC: r.ssrc})
			return
		case c.FIR:
			f.firSeq++
			ev.marshal(&rtcp.FullIntraRequest{SenderSSRC: f.ssrc, FIR: []rtcp.FIREntry{{SSRC: r.ssrc, SequenceNumber: f.firSeq}}})
			return
		}
	}
}

// mediaSSRC is the SSRC a transport-wide feedback names: any track's will do.
func (in *inbound) mediaSSRC() uint32 {
	for _, kind := range []media.Kind{media.Video, media.Audio} {
		if r := in.receivers[kind]; r != nil && r.ssrc != 0 {
			return r.ssrc
		}
	}
	return 0
}

// earliest is the earlier of two times, of which a zero one means never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
