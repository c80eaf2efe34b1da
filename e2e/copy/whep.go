package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media/samplebuilder"
)

// formats are what is asked for: H264 and Opus, as browsers have them, and HEVC, which few of them have.
func formats() []webrtc.RTPCodecParameters {
	const h264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	return []webrtc.RTPCodecParameters{
		{PayloadType: 116, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH265, ClockRate: 90000, RTCPFeedback: feedback}},
		{PayloadType: 106, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: h264, RTCPFeedback: feedback}},
		{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}},
	}
}

// arrived is a packet, or why there will be no more.
type arrived struct {
	mime   string
	packet *rtp.Packet
	err    error
}

// playWHEP plays by WebRTC. Lost packets are not asked for again: there is no loss here.
func playWHEP(ctx context.Context, from string, out *matroska) error {
	pc, err := connect()
	if err != nil {
		return err
	}
	defer pc.Close()
	packets := make(chan arrived, 256)
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := t.ReadRTP()
			packets <- arrived{t.Codec().MimeType, p, err}
			if err != nil {
				return
			}
		}
	})
	if err := exchange(ctx, pc, from); err != nil {
		return err
	}
	return collect(ctx, packets, out)
}

func connect() (*webrtc.PeerConnection, error) {
	var engine webrtc.MediaEngine
	kinds := []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio}
	for _, p := range formats() {
		kind := kinds[0]
		if strings.HasPrefix(p.MimeType, "audio") {
			kind = kinds[1]
		}
		if err := engine.RegisterCodec(p, kind); err != nil {
			return nil, err
		}
	}
	var setting webrtc.SettingEngine
	setting.SetIncludeLoopbackCandidate(true)
	setting.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	setting.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(&engine), webrtc.WithSettingEngine(setting)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	for _, kind := range kinds {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			return nil, err
		}
	}
	return pc, nil
}

func exchange(ctx context.Context, pc *webrtc.PeerConnection, to string) error {
	offer, err := pc.CreateOffer(nil)
	if err == nil {
		err = pc.SetLocalDescription(offer)
	}
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(offer.SDP))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/sdp")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		return refusal(res, nil)
	}
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	return pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)})
}

// collector puts the packets of both tracks together to frames.
type collector struct {
	out    *matroska
	kinds  map[string]*receiver // by codec of RTP
	held   []arrived            // until it is known which tracks there are
	first  time.Time            // when the first packet came
	opened bool
}

type receiver struct {
	track   byte
	clock   time.Duration
	builder *samplebuilder.SampleBuilder
	first   uint32
	base    time.Duration // when the first came
}

// oneKind is after how long a stream of which only one kind has come is taken to have no other.
const oneKind = 3 * time.Second

// collect writes what comes until there is enough of it.
func collect(ctx context.Context, packets <-chan arrived, out *matroska) error {
	c := &collector{out: out, kinds: make(map[string]*receiver)}
	for {
		select {
		case p := <-packets:
			if p.err != nil {
				return p.err
			}
			if err := c.take(p); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *collector) take(p arrived) error {
	now := time.Now()
	if c.first.IsZero() {
		c.first = now
	}
	if c.kinds[p.mime] == nil {
		if c.opened {
			return nil
		}
		c.kinds[p.mime] = c.receive(p, now.Sub(c.first))
	}
	c.held = append(c.held, p)
	if !c.opened && len(c.kinds) < 2 && now.Sub(c.first) < oneKind {
		return nil
	}
	c.opened = true
	for _, held := range c.held {
		if err := c.kinds[held.mime].take(held.packet, c.out); err != nil {
			return err
		}
	}
	c.held = c.held[:0]
	return nil
}

// receive makes ready for a track whose first packet this is.
func (c *collector) receive(p arrived, base time.Duration) *receiver {
	r := &receiver{track: videoTrack, clock: 90000, first: p.packet.Timestamp, base: base}
	var depacketizer rtp.Depacketizer
	switch p.mime {
	case webrtc.MimeTypeH264:
		c.out.video("V_MPEG4/ISO/AVC", nil)
		depacketizer = &codecs.H264Packet{}
	case webrtc.MimeTypeH265:
		c.out.video("V_MPEGH/ISO/HEVC", nil)
		depacketizer = &codecs.H265Depacketizer{}
	default:
		c.out.audio("A_OPUS", []byte(opusHead), 48000, 2)
		r.track, r.clock, depacketizer = audioTrack, 48000, &codecs.OpusPacket{}
	}
	r.builder = samplebuilder.New(1000, depacketizer, uint32(r.clock))
	return r
}

// opusHead is the identification of RFC 7845 for two channels.
const opusHead = "OpusHead\x01\x02\x00\x00\x80\xbb\x00\x00\x00\x00\x00"

func (r *receiver) take(p *rtp.Packet, out *matroska) error {
	r.builder.Push(p)
	for s := r.builder.Pop(); s != nil; s = r.builder.Pop() {
		at := r.base + time.Duration(int32(s.PacketTimestamp-r.first))*time.Second/r.clock
		if err := out.frame(r.track, at, s.Data); err != nil {
			return err
		}
	}
	return nil
}
