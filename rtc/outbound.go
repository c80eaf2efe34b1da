package rtc

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"

	"oneport/dtls"
	"oneport/ice"
	"oneport/media"
	"oneport/sdp"
)

const (
	// reportInterval is how often sender reports go out.
	reportInterval = time.Second
	// maxPacket is what an Ethernet frame holds beside the headers of IPv6 and UDP. Larger packets, as a publisher may send
	// over TCP, go to viewers over TCP alone: as datagrams they would be refused by the kernel with all that share their write.
	maxPacket = 1500 - 40 - 8
	// safePayload fits a datagram whatever extensions come with it, or nearly.
	safePayload = 1200
)

// OutStats counts what went out, for the API and the metrics.
type OutStats struct {
	Packets, Bytes uint64 // RTP, retransmissions included; bytes as on the wire without framing
	Resent         uint64
	Withheld       uint64 // asked for again and not sent: over the budget, or more at once than the queue holds
	Refused        uint64 // in a format the viewer did not offer, or too late for their run
	Oversized      uint64 // would not fit a datagram, or a frame of TCP
}

// Outbound is the sending half of a peer: it turns items and reports into encrypted datagrams. All its output is appended
// to dst as RFC 4571 frames, ready for TCP; for UDP the length fields are the datagrams' borders.
//
// It is not safe for concurrent use.
type Outbound struct {
	sealer  sealer        // of RTP
	srtp    *srtp.Context // of RTCP alone
	cname   string
	rtcp    uint32 // SSRC of reports
	senders [media.Kinds]*sender
	report  time.Time // when the next sender reports are due; zero: nothing sent yet
	largest int       // sealed packet that fits the path
	asked   []wanted  // to be sent again, oldest first
	budget  budget

	Stats OutStats
}

// newOutbound makes the outbound half from the keys of a finished handshake.
func newOutbound(session *sdp.Session, keys dtls.Keys, cname string, ssrc uint32, random func() uint16) (*Outbound, error) {
	ctx, err := srtp.CreateContext(keys.LocalKey, keys.LocalSalt, srtp.ProtectionProfile(keys.Profile))
	if err != nil {
		return nil, fmt.Errorf("rtc: outbound keys: %w", err)
	}
	sealer, err := newSealer(keys)
	if err != nil {
		return nil, err
	}
	o := &Outbound{sealer: sealer, srtp: ctx, cname: cname, rtcp: ssrc, largest: maxPacket}
	if session.Publish {
		return o, nil
	}
	if err := distinct(session); err != nil {
		return nil, err
	}
	for kind, track := range [media.Kinds]*sdp.Track{media.Audio: session.Audio, media.Video: session.Video} {
		if track != nil {
			o.senders[kind] = newSender(track, random(), random())
		}
	}
	return o, nil
}

// distinct refuses SSRCs that are told for two things: their packets would share keystreams (law 9 in docs/design.md).
func distinct(session *sdp.Session) error {
	seen := make(map[uint32]bool)
	for _, track := range session.Tracks() {
		for _, ssrc := range []uint32{track.SSRC, track.RTXSSRC} {
			if ssrc != 0 && seen[ssrc] {
				return fmt.Errorf("rtc: outbound: SSRC %d stands for two tracks", ssrc)
			}
			seen[ssrc] = true
		}
	}
	return nil
}

// Over says what carries that which is appended from now on.
func (o *Outbound) Over(t ice.Transport) {
	o.largest = maxPacket
	if t == ice.TCP {
		o.largest = ice.MaxFrame
	}
}

// FitsDatagram says whether a packet may be sent over UDP, if its viewer takes all the header extensions that it has.
func FitsDatagram(p *media.Packet) bool {
	if len(p.Payload) <= safePayload {
		return true
	}
	h := outHeader{midExt: 1, mid: "0", mixed: true, extIDs: &[media.Extensions]uint8{2, 3, 4, 5}, ext: &p.Ext}
	var room [maxPacket]byte // holds whatever can be appended, so that nothing is allocated
	return len(h.append(room[:0]))+len(p.Payload)+maxTag <= maxPacket
}

// Append encrypts a batch of items. Items the viewer can't take (no such track, format not offered, too large) are
// counted and left out. It allocates nothing when dst has room.
func (o *Outbound) Append(now time.Time, dst []byte, items []media.Item) []byte {
	for i := range items {
		it := &items[i]
		s := o.senders[it.Kind()]
		if s == nil {
			o.Stats.Refused++
			continue
		}
		s.interrupt(it.Break)
		if !s.choose(it.Format) {
			o.Stats.Refused++
			continue
		}
		out, ok := s.number(it)
		if !ok {
			o.Stats.Refused++
			continue
		}
		h := s.header(it.Packet, out)
		if dst, ok = o.seal(dst, &h, out, nil, it.Payload); ok {
			s.sent(it.Packet, out)
		}
	}
	if o.report.IsZero() && len(items) > 0 {
		o.report, o.budget.since = now, now
	}
	return dst
}

// seal writes one packet in place and encrypts it there: header, prefix (RTX's original sequence number), payload. The
// index is the extended number whose low bits the header has. What would not fit the path is left out.
func (o *Outbound) seal(dst []byte, h *outHeader, index uint64, prefix, payload []byte) (_ []byte, ok bool) {
	at := len(dst)
	dst = h.append(append(dst, 0, 0))
	header := len(dst) - at - 2
	if header+len(prefix)+len(payload)+maxTag > o.largest {
		o.Stats.Oversized++
		return dst[:at], false
	}
	dst = slices.Grow(append(append(dst, prefix...), payload...), maxTag)
	sealed := o.sealer.seal(dst[at+2:], header, h.ssrc, index)
	binary.BigEndian.PutUint16(dst[at:], uint16(len(sealed)))
	o.Stats.Packets++
	o.Stats.Bytes += uint64(len(sealed))
	return dst[:at+2+len(sealed)], true
}

// AppendRTCP encrypts one compound packet of reports.
func (o *Outbound) AppendRTCP(dst, compound []byte) []byte {
	if len(compound) == 0 {
		return dst
	}
	sealed, err := o.srtp.EncryptRTCP(nil, compound, nil)
	if err != nil || len(sealed) > maxPacket {
		return dst
	}
	return ice.AppendFrame(dst, sealed)
}

// Deadline is when AppendReports is due; zero while there is nothing to report.
func (o *Outbound) Deadline() time.Time { return o.report }

// AppendReports appends the sender reports (RFC 3550 section 6.4.1) that are due, by which a viewer keeps sound and
// picture together. A track whose timing is not known yet has none.
func (o *Outbound) AppendReports(now time.Time, dst []byte, timing func(media.Kind) (media.Timing, bool)) []byte {
	if o.report.IsZero() || now.Before(o.report) {
		return dst
	}
	o.report = now.Add(reportInterval)
	for kind, s := range o.senders {
		if s == nil || !s.started {
			continue
		}
		t, ok := timing(media.Kind(kind))
		if !ok {
			continue
		}
		compound, err := rtcp.Marshal([]rtcp.Packet{
			&rtcp.SenderReport{
				SSRC: s.track.SSRC, NTPTime: ntp(now), RTPTime: s.timestampAt(now, t),
				PacketCount: s.packets, OctetCount: s.octets,
			},
			&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
				Source: s.track.SSRC,
				Items:  []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: o.cname}},
			}}},
		})
		if err == nil {
			dst = o.AppendRTCP(dst, compound)
		}
	}
	return dst
}

func (s *sender) kind() media.Kind { return s.track.Kind }
