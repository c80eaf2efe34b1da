package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// codec is one that pion offers, and what its payloads begin with: enough for anyone to tell a keyframe.
type codec struct {
	name       string
	params     webrtc.RTPCodecParameters
	key, delta string
}

func (c *codec) kind() webrtc.RTPCodecType {
	if strings.HasPrefix(c.params.MimeType, "video/") {
		return webrtc.RTPCodecTypeVideo
	}
	return webrtc.RTPCodecTypeAudio
}

func videoCodec(name, mime, fmtp string, pt webrtc.PayloadType, key, delta string) *codec {
	feedback := []webrtc.RTCPFeedback{{Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	return &codec{name, webrtc.RTPCodecParameters{PayloadType: pt, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: mime, ClockRate: 90000, SDPFmtpLine: fmtp, RTCPFeedback: feedback}}, key, delta}
}

func audioCodec(name, mime string, pt webrtc.PayloadType, clock uint32, channels uint16, fmtp string) *codec {
	return &codec{name, webrtc.RTPCodecParameters{PayloadType: pt, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: mime, ClockRate: clock, Channels: channels, SDPFmtpLine: fmtp}}, "\xfc", "\xfc"}
}

func h264() *codec {
	return videoCodec("h264", webrtc.MimeTypeH264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", 106, "\x65\x88", "\x61\x9a")
}
func h265() *codec {
	return videoCodec("h265", webrtc.MimeTypeH265, "", 116, "\x26\x01\x80", "\x02\x01\x80")
}
func vp8() *codec { return videoCodec("vp8", webrtc.MimeTypeVP8, "", 96, "\x10\x00", "\x10\x01") }
func vp9() *codec {
	return videoCodec("vp9", webrtc.MimeTypeVP9, "profile-id=0", 98, "\x0c\x82", "\x4c\x86")
}
func av1() *codec { return videoCodec("av1", webrtc.MimeTypeAV1, "", 45, "\x18\x0a", "\x10\x32") }
func opus() *codec {
	return audioCodec("opus", webrtc.MimeTypeOpus, 111, 48000, 2, "minptime=10;useinbandfec=1")
}
func pcmu() *codec { return audioCodec("pcmu", webrtc.MimeTypePCMU, 0, 8000, 0, "") }
func pcma() *codec { return audioCodec("pcma", webrtc.MimeTypePCMA, 8, 8000, 0, "") }

// payload makes the n-th payload of a track: codec's header, number, and something to alter.
func (c *codec) payload(n uint64, key bool, size int) []byte {
	head := c.delta
	if key {
		head = c.key
	}
	b := binary.BigEndian.AppendUint64([]byte(head), n)
	for i := len(b); i < size; i++ {
		b = append(b, byte(n)+byte(i)*7)
	}
	return b
}

// number reads what payload wrote.
func (c *codec) number(payload []byte) (n uint64, key, ok bool) {
	if len(payload) < len(c.key)+8 {
		return 0, false, false
	}
	n = binary.BigEndian.Uint64(payload[len(c.key):])
	key = strings.HasPrefix(string(payload), c.key)
	return n, key, bytes.Equal(payload, c.payload(n, key, len(payload)))
}

// pionOptions say what a pion client is able to do.
type pionOptions struct {
	network  string // "tcp" or "udp"
	codecs   []*codec
	profiles []dtls.SRTPProtectionProfile

	interceptors *interceptor.Registry // nil for pion's own
}

// pion is a PeerConnection with a WHIP or WHEP session.
type pion struct {
	t        testing.TB
	pc       *webrtc.PeerConnection
	location string
	answer   string
	codecs   []*codec
	tracks   map[*codec]*webrtc.TrackLocalStaticRTP

	mu       sync.Mutex
	received map[webrtc.RTPCodecType][]*rtp.Packet
	resent   []*rtp.Packet // that came as RTX
	ssrcs    map[webrtc.RTPCodecType]uint32
	reports  map[webrtc.RTPCodecType][]*rtcp.SenderReport
	changed  chan struct{} // closed and replaced when the state of the connection changes
}

func newPion(t testing.TB, o pionOptions) *pion {
	t.Helper()
	var engine webrtc.MediaEngine
	for _, c := range o.codecs {
		must(t, engine.RegisterCodec(c.params, c.kind()))
		if c.kind() == webrtc.RTPCodecTypeVideo {
			must(t, engine.RegisterCodec(rtxFor(c), c.kind()))
		}
	}
	var setting webrtc.SettingEngine
	networkType := webrtc.NetworkTypeUDP4
	if o.network == "tcp" {
		networkType = webrtc.NetworkTypeTCP4
	}
	setting.SetNetworkTypes([]webrtc.NetworkType{networkType})
	setting.SetIncludeLoopbackCandidate(true)
	setting.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	setting.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if o.profiles != nil {
		setting.SetSRTPProtectionProfiles(o.profiles...)
	}
	options := []func(*webrtc.API){webrtc.WithMediaEngine(&engine), webrtc.WithSettingEngine(setting)}
	if o.interceptors != nil {
		options = append(options, webrtc.WithInterceptorRegistry(o.interceptors))
	}
	api := webrtc.NewAPI(options...)
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	must(t, err)
	t.Cleanup(func() { _ = pc.Close() })
	p := &pion{
		t: t, pc: pc, codecs: o.codecs, tracks: map[*codec]*webrtc.TrackLocalStaticRTP{},
		received: map[webrtc.RTPCodecType][]*rtp.Packet{}, ssrcs: map[webrtc.RTPCodecType]uint32{}, changed: make(chan struct{}),
		reports: map[webrtc.RTPCodecType][]*rtcp.SenderReport{},
	}
	pc.OnConnectionStateChange(p.stateChanged)
	return p
}

// rtxFor is the retransmission format of a codec; its payload type is the next.
func rtxFor(c *codec) webrtc.RTPCodecParameters {
	return webrtc.RTPCodecParameters{PayloadType: c.params.PayloadType + 1, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: "apt=" + strconv.Itoa(int(c.params.PayloadType))}}
}

// stateChanged wakes whoever awaits a state. Which it was is not taken from pion's word: it tells every change on a goroutine
// of its own, so they come in any order.
func (p *pion) stateChanged(webrtc.PeerConnectionState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.changed)
	p.changed = make(chan struct{})
}

// await waits for a state of the connection.
func (p *pion) await(want webrtc.PeerConnectionState, within time.Duration) {
	p.t.Helper()
	limit := time.After(within)
	for {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		state := p.pc.ConnectionState()
		if state == want {
			return
		}
		select {
		case <-changed:
		case <-limit:
			p.t.Fatalf("pion is %v, not %v within %v", state, want, within)
		}
	}
}

// publish offers a track of each codec and waits for the connection.
func publishPion(t testing.TB, s *server, stream string, o pionOptions) *pion {
	t.Helper()
	p := newPion(t, o)
	query := ""
	for _, c := range o.codecs {
		track, err := webrtc.NewTrackLocalStaticRTP(c.params.RTPCodecCapability, c.name, "e2e")
		must(t, err)
		_, err = p.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		must(t, err)
		p.tracks[c] = track
		if c.kind() == webrtc.RTPCodecTypeVideo {
			query += "&codec=" + c.name
		} else {
			query += "&acodec=" + c.name
		}
	}
	p.join(s.endpoint("whip", stream) + query)
	p.await(webrtc.PeerConnectionStateConnected, joinLimit)
	return p
}

// playPion offers to receive both kinds, and waits for the connection.
func playPion(t testing.TB, s *server, stream string, o pionOptions) *pion {
	t.Helper()
	p := newPion(t, o)
	kinds := map[webrtc.RTPCodecType]bool{}
	for _, c := range o.codecs {
		kinds[c.kind()] = true
	}
	for kind := range kinds {
		_, err := p.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		must(t, err)
	}
	p.pc.OnTrack(p.read)
	p.join(s.endpoint("whep", stream))
	p.await(webrtc.PeerConnectionStateConnected, joinLimit)
	return p
}

// joinLimit is ten times what a join over loopback takes with pion, which looks for its next pair every 200 ms.
const joinLimit = 10 * time.Second

func (p *pion) join(url string) {
	p.t.Helper()
	offer, err := p.pc.CreateOffer(nil)
	must(p.t, err)
	must(p.t, p.pc.SetLocalDescription(offer))
	status, header, answer := post(p.t, url, offer.SDP)
	if status != http.StatusCreated {
		p.t.Fatalf("POST %s: %d %s", url, status, answer)
	}
	p.location, p.answer = header.Get("Location"), answer
	must(p.t, p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
}

// read collects what a track brings until it ends.
func (p *pion) read(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	go p.readReports(track.Kind(), receiver)
	p.mu.Lock()
	p.ssrcs[track.Kind()] = uint32(track.SSRC())
	p.mu.Unlock()
	for {
		packet, attributes, err := track.ReadRTP()
		if err != nil {
			return
		}
		p.mu.Lock()
		if attributes.Get(webrtc.AttributeRtxPayloadType) != nil {
			p.resent = append(p.resent, packet)
		} else {
			p.received[track.Kind()] = append(p.received[track.Kind()], packet)
		}
		p.mu.Unlock()
	}
}

// readReports collects the sender reports of a track.
func (p *pion) readReports(kind webrtc.RTPCodecType, receiver *webrtc.RTPReceiver) {
	for {
		packets, _, err := receiver.ReadRTCP()
		if err != nil {
			return
		}
		p.mu.Lock()
		for _, packet := range packets {
			if sr, ok := packet.(*rtcp.SenderReport); ok && sr.SSRC == p.ssrcs[kind] {
				p.reports[kind] = append(p.reports[kind], sr)
			}
		}
		p.mu.Unlock()
	}
}

func (p *pion) packets(kind webrtc.RTPCodecType) []*rtp.Packet {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.received[kind][:len(p.received[kind]):len(p.received[kind])]
}

// send writes the n-th packet of a track, whose timestamps advance by step.
func (p *pion) send(c *codec, n uint64, key bool, size int, step uint32) []byte {
	p.t.Helper()
	payload := c.payload(n, key, size)
	must(p.t, p.tracks[c].WriteRTP(&rtp.Packet{
		Header:  rtp.Header{Version: 2, Marker: true, SequenceNumber: uint16(65500 + n), Timestamp: 1<<32 - 9000 + uint32(n)*step},
		Payload: payload,
	}))
	return payload
}

// post sends an offer and gives what came back.
func post(t testing.TB, url, offer string) (status int, header http.Header, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(offer))
	must(t, err)
	req.Header.Set("Content-Type", "application/sdp")
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, res.Header, string(text)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
