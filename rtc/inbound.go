package rtc

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"oneport/dtls"
	"oneport/media"
	"oneport/sdp"
)

// replayWindow is how many packets back a late one is still believed new (RFC 3711 section 3.3.2).
const replayWindow = 1024

// InStats counts what came in, for the API and the metrics.
type InStats struct {
	Packets, Bytes uint64 // RTP that authenticated
	Lost           uint64 // given up
	Recovered      uint64 // by RTX
	Rejected       uint64 // broken, replayed, of a wrong key
	Unknown        uint64 // of an SSRC or payload type nobody announced
	DTLSDropped    uint64 // datagrams of DTLS: by a path without a verified check, unexpected, forged, or one too many for a queue
}

// inbound decrypts a publisher's packets and keeps one receiver per track. For a viewer it only decrypts RTCP.
type inbound struct {
	srtp      *srtp.Context
	session   *sdp.Session
	header    rtp.Header // reused by the decryption
	receivers [media.Kinds]*receiver
	formats   [128]*payloadType
	twcc      *twcc

	rtpSources, rtcpSources sources

	rtt    time.Duration
	clock  wallClock
	stats  InStats
	notice string // for the log
}

// payloadType is what the answer said of a payload type.
type payloadType struct {
	track  *sdp.Track
	format media.Format
	rtx    bool // carries retransmissions of the payload type apt
	apt    uint8
}

func newInbound(session *sdp.Session) *inbound {
	in := &inbound{session: session, rtpSources: make(sources), rtcpSources: make(sources)}
	if !session.Publish {
		return in
	}
	for _, track := range []*sdp.Track{session.Audio, session.Video} {
		if track == nil {
			continue
		}
		r := newReceiver(track)
		in.receivers[track.Kind] = r
		in.rtpSources.announce(r.ssrc, r.rtxSSRC)
		for _, c := range track.Codecs {
			in.formats[c.PT&127] = &payloadType{track: track, format: c.Format}
			if c.RTX != 0 {
				in.formats[c.RTX&127] = &payloadType{track: track, rtx: true, apt: c.PT}
			}
		}
		if track.TransportCCExt != 0 && in.twcc == nil {
			in.twcc = &twcc{}
		}
	}
	return in
}

func (in *inbound) key(keys dtls.Keys) error {
	ctx, err := srtp.CreateContext(keys.RemoteKey, keys.RemoteSalt, srtp.ProtectionProfile(keys.Profile),
		srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return fmt.Errorf("rtc: inbound keys: %w", err)
	}
	in.srtp = ctx
	return nil
}

// receiveRTP decrypts one packet. authentic is true when its tag verified; p is nil when there is nothing to forward.
func (in *inbound) receiveRTP(now time.Time, b []byte) (p *media.Packet, authentic bool) {
	if in.srtp == nil || !in.session.Publish {
		in.stats.Unknown++
		return nil, false
	}
	if !in.rtpSources.admit(ssrcAt(b, 8)) {
		in.stats.Unknown++
		return nil, false
	}
	plain, err := in.srtp.DecryptRTP(nil, b, &in.header)
	if err != nil {
		in.stats.Rejected++
		return nil, false
	}
	in.rtpSources.add(in.header.SSRC)
	in.stats.Packets++
	in.stats.Bytes += uint64(len(b))
	fixed := 12 + 4*int(plain[0]&15)
	body, ok := payloadOf(plain, fixed)
	if !ok {
		in.stats.Rejected++
		return nil, true
	}
	return in.route(now, plain, fixed, body), true
}

// payloadOf cuts header extensions and padding off (RFC 3550 section 5.1).
func payloadOf(plain []byte, fixed int) ([]byte, bool) {
	at := fixed
	if plain[0]&0x10 != 0 {
		if len(plain) < fixed+4 {
			return nil, false
		}
		at = fixed + 4 + 4*int(binary.BigEndian.Uint16(plain[fixed+2:]))
	}
	end := len(plain)
	if plain[0]&0x20 != 0 && end > at {
		end -= int(plain[end-1])
	}
	if at > end {
		return nil, false
	}
	return plain[at:end:end], true
}

// route gives a decrypted packet to its track's receiver, unwrapping RTX, and makes it ready to be shared.
func (in *inbound) route(now time.Time, plain []byte, fixed int, body []byte) *media.Packet {
	ssrc, seq := in.header.SSRC, in.header.SequenceNumber
	kind := in.formats[in.header.PayloadType&127]
	if kind == nil {
		in.stats.Unknown++
		return nil
	}
	in.recordTransport(now, plain, fixed, kind.track)
	r, rtx := in.receivers[kind.track.Kind], kind.rtx
	if rtx {
		// RFC 4588 section 4; padding probes have no payload at all.
		if len(body) < 2 || !r.started || !r.resends(ssrc) {
			return nil
		}
		seq, body = binary.BigEndian.Uint16(body), body[2:]
		if kind = in.formats[kind.apt&127]; kind == nil {
			return nil
		}
	} else if !in.owns(now, kind, plain, fixed) {
		in.stats.Unknown++
		return nil
	}
	ext, fresh := r.accept(now, seq)
	if !fresh {
		return nil
	}
	if rtx {
		r.recovered++
		in.stats.Recovered++
	} else {
		r.interarrival(now, in.header.Timestamp, kind.format.ClockRate)
	}
	p := &media.Packet{
		Arrival: now, Format: &kind.format, Seq: ext + r.ahead, Timestamp: in.header.Timestamp + r.shift, Marker: in.header.Marker, Payload: body,
	}
	if ext == r.highest {
		r.timestamp = p.Timestamp
	}
	if p.Start, p.Key = media.Inspect(kind.format.Codec, body); p.Key {
		r.key = max(r.key, ext)
	}
	for i, id := range kind.track.Ext {
		if id != 0 {
			in.forward(p, plain, fixed, media.Extension(i), id)
		}
	}
	return p
}

// recordTransport notes the transport-wide sequence number, which retransmissions and padding carry too.
func (in *inbound) recordTransport(now time.Time, plain []byte, fixed int, track *sdp.Track) {
	if in.twcc == nil || track.TransportCCExt == 0 {
		return
	}
	eachExtension(plain, fixed, func(id uint8, data []byte) {
		if id == track.TransportCCExt && len(data) >= 2 {
			in.twcc.record(now, binary.BigEndian.Uint16(data))
		}
	})
}

func (in *inbound) forward(p *media.Packet, plain []byte, fixed int, ext media.Extension, want uint8) {
	eachExtension(plain, fixed, func(id uint8, data []byte) {
		if id == want {
			p.Ext[ext] = data
		}
	})
}

func newReceiver(track *sdp.Track) *receiver {
	r := &receiver{kind: track.Kind}
	if len(track.Sources) > 0 {
		r.ssrc, r.rtxSSRC = track.Sources[0].SSRC, track.Sources[0].RTX
	}
	for _, c := range track.Codecs {
		r.nack = r.nack || c.NACK
	}
	return r
}
