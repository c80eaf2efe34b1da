package server

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"oneport/dtls"
	"oneport/ice"
)

// wire is a link without a socket: what the server sends waits to be taken.
type wire struct {
	id ice.Path

	mu     sync.Mutex
	out    [][]byte
	stuck  bool // full
	closed bool
	left   func() // is called by close, where there is one
}

func (w *wire) path() ice.Path     { return w.id }
func (w *wire) send(frames []byte) { w.insist(frames) }
func (w *wire) insist(frames []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.closed && len(frames) > 0 {
		frame, rest, err := ice.NextFrame(frames)
		if err != nil || frame == nil {
			panic("the server sends a broken frame")
		}
		w.out = append(w.out, append([]byte(nil), frame...))
		frames = rest
	}
}

func (w *wire) full() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stuck || w.closed
}

func (w *wire) close(goodbye []byte) {
	if w.left != nil {
		w.left()
	}
	w.insist(goodbye)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
}

func (w *wire) closing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

func (w *wire) take() [][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.out
	w.out = nil
	return out
}

// fakeClient is a WebRTC client inside a synctest bubble. It moves only when the test says so.
type fakeClient struct {
	t             *testing.T
	server        *Server
	location      string
	local, remote ice.Credentials
	sess          *session
	wire          *wire
	dtls          *dtls.Conn
	seal          *srtp.Context
	open          *srtp.Context
	seq           uint16
	media         []rtp.Packet // decrypted, as far as it came
	reports       int          // RTCP datagrams that came
	asked         int          // how often a keyframe was asked for
	clocks        []clockReport
	goodbye       error // the association's end
}

// clockReport is a sender report, and how many packets of media had come before it.
type clockReport struct {
	*rtcp.SenderReport
	after int
}

var clientCertificate = sync.OnceValues(func() (*dtls.Certificate, error) { return dtls.NewCertificate(dtls.ECDSA) })

// offered is a client after its POST, and the answer to that; edits are pairs of what to replace in the offer by what.
func offered(t *testing.T, s *Server, endpoint, query string, edits ...string) (*fakeClient, *http.Response) {
	t.Helper()
	certificate, err := clientCertificate()
	if err != nil {
		t.Fatal(err)
	}
	c := &fakeClient{t: t, server: s, local: ice.NewCredentials(rand.Reader)}
	f := certificate.Fingerprint()
	direction := "sendonly"
	if endpoint == "whep" {
		direction = "recvonly"
	}
	offer := fmt.Sprintf(offerTemplate, c.local.Ufrag, c.local.Pwd, f.Hash, f.Value, direction, direction)
	offer = strings.NewReplacer(edits...).Replace(offer)
	res := local(s, http.MethodPost, "/rtc/v1/"+endpoint+"/?"+query, offer, sdpType)
	if res.StatusCode != http.StatusCreated {
		return nil, res
	}
	c.location = res.Header.Get("Location")
	c.remote.Ufrag, c.remote.Pwd = credentialsOf(text(t, res))
	u, _ := url.Parse(c.location)
	c.sess = s.sessions.byKey(u.Query().Get("session"))
	if c.sess == nil {
		t.Fatalf("no session of %s", c.location)
	}
	c.dtls, err = dtls.NewClient(dtls.Config{
		Certificate: certificate, RemoteFingerprint: s.certificate.Fingerprint(),
	})
	if err != nil {
		t.Fatal(err)
	}
	c.wire = newWire(ice.TCP, 1)
	return c, res
}

const offerTemplate = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n" +
	"a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s %s\r\na=setup:active\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=%s\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=%s\r\na=rtcp-mux\r\na=rtpmap:102 H264/90000\r\n" +
	"a=rtcp-fb:102 nack\r\na=rtcp-fb:102 nack pli\r\na=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\n"

// newWire is a link from a port of the client's.
func newWire(transport ice.Transport, port uint16) *wire {
	w := &wire{id: ice.Path{
		Transport: transport,
		Local:     netip.MustParseAddrPort("203.0.113.1:8080"),
		Remote:    netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port),
	}}
	if transport == ice.TCP {
		w.id.Conn = uint64(port)
	}
	return w
}

// joined is a client with a path and keys.
func joined(t *testing.T, s *Server, endpoint, query string, edits ...string) *fakeClient {
	t.Helper()
	c, res := offered(t, s, endpoint, query, edits...)
	if c == nil {
		t.Fatalf("%s: %s", res.Status, text(t, res))
	}
	c.check(c.wire)
	c.handshake()
	return c
}

// check sends a Binding request that nominates.
func (c *fakeClient) check(w *wire) bool {
	var id [12]byte
	rand.Read(id[:])
	request := ice.AppendRequest(nil, id, c.local, c.remote, 1<<24, true)
	return c.sess.receive(time.Now(), w, request)
}

func (c *fakeClient) handshake() {
	c.t.Helper()
	c.dtls.Start()
	for range 200 {
		synctest.Wait()
		c.pump()
		if _, ok := c.dtls.Keys(); ok && c.sess.started.Load() {
			break
		}
		time.Sleep(time.Millisecond)
	}
	keys, ok := c.dtls.Keys()
	if !ok {
		c.t.Fatalf("no keys: %v, %v", c.dtls.State(), c.dtls.Err())
	}
	var err error
	profile := srtp.ProtectionProfile(keys.Profile)
	if c.seal, err = srtp.CreateContext(keys.LocalKey, keys.LocalSalt, profile); err == nil {
		c.open, err = srtp.CreateContext(keys.RemoteKey, keys.RemoteSalt, profile)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// pump carries DTLS to and fro and takes what else has come.
func (c *fakeClient) pump() {
	c.t.Helper()
	for _, b := range c.dtls.Outgoing() {
		c.sess.receive(time.Now(), c.wire, b)
	}
	synctest.Wait()
	for _, b := range c.wire.take() {
		switch {
		case b[0] < 4:
		case dtls.IsDTLS(b):
			c.dtls.Receive(b)
		case c.open == nil:
		case b[1] >= 192 && b[1] < 224:
			c.reports++
			c.listen(b)
		default:
			var h rtp.Header
			plain, err := c.open.DecryptRTP(nil, b, &h)
			if err != nil {
				c.t.Errorf("a packet that can't be decrypted: %v", err)
				continue
			}
			c.media = append(c.media, rtp.Packet{Header: h, Payload: plain[h.MarshalSize():]})
		}
	}
	c.goodbye = c.dtls.Err()
}

// listen reads a datagram of RTCP.
func (c *fakeClient) listen(b []byte) {
	c.t.Helper()
	plain, err := c.open.DecryptRTCP(nil, b, nil)
	if err != nil {
		c.t.Errorf("a report that can't be decrypted: %v", err)
		return
	}
	list, err := rtcp.Unmarshal(plain)
	if err != nil {
		c.t.Errorf("a report that can't be read: %v", err)
	}
	for _, p := range list {
		switch p := p.(type) {
		case *rtcp.PictureLossIndication:
			c.asked++
		case *rtcp.SenderReport:
			c.clocks = append(c.clocks, clockReport{p, len(c.media)})
		}
	}
}

// live keeps the client in contact for a while, a check each second.
func (c *fakeClient) live(d time.Duration) {
	c.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		c.check(c.wire)
		c.pump()
		time.Sleep(min(time.Second, time.Until(end)))
	}
}

// sendFrame sends a picture of one packet, which carries a number.
func (c *fakeClient) sendFrame(number uint32, key bool) {
	c.t.Helper()
	payload := []byte{0x41, 0x80}
	if key {
		payload[0] = 0x65
	}
	payload = binary.BigEndian.AppendUint32(payload, number)
	c.sendRTP(102, 7, number*3600, payload)
}

func (c *fakeClient) sendRTP(pt uint8, ssrc, timestamp uint32, payload []byte) {
	c.t.Helper()
	c.seq++
	h := rtp.Header{Version: 2, Marker: true, PayloadType: pt, SequenceNumber: c.seq, Timestamp: timestamp, SSRC: ssrc}
	plain, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		c.t.Fatal(err)
	}
	sealed, err := c.seal.EncryptRTP(nil, plain, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.sess.receive(time.Now(), c.wire, sealed)
}

// sendRTCP sends a report.
func (c *fakeClient) sendRTCP(p rtcp.Packet) {
	c.t.Helper()
	plain, err := rtcp.Marshal([]rtcp.Packet{p})
	if err != nil {
		c.t.Fatal(err)
	}
	sealed, err := c.seal.EncryptRTCP(nil, plain, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.sess.receive(time.Now(), c.wire, sealed)
}

// frames are the numbers of the pictures that came.
func (c *fakeClient) frames() (numbers []uint32, keys int) {
	for _, p := range c.media {
		if p.PayloadType != 102 || len(p.Payload) != 6 {
			continue
		}
		numbers = append(numbers, binary.BigEndian.Uint32(p.Payload[2:]))
		if p.Payload[0] == 0x65 {
			keys++
		}
	}
	return numbers, keys
}

func (c *fakeClient) over() bool {
	select {
	case <-c.sess.ended:
		return true
	default:
		return false
	}
}

// udpTable is a UDP port without a socket, on the address that a wire has.
func udpTable(s *Server, w *wire) *udpPort {
	return &udpPort{server: s, local: w.id.Local, bound: make(map[ice.Path]*session)}
}

func pathsOf(u *udpPort) []ice.Path { return slices.Collect(maps.Keys(u.bound)) }
