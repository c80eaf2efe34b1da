package rtc

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"go.uber.org/goleak"

	"oneport/dtls"
	"oneport/ice"
	"oneport/media"
	"oneport/sdp"
)

// TestMain proves over all tests that no goroutine outlives its peer.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What the tests' viewers and publishers are told.
const (
	audioSSRC  = 1001
	videoSSRC  = 2001
	rtxSSRC    = 2002
	reportSSRC = 9000
	cname      = "cname4711"
)

var (
	udpPath = ice.Path{Transport: ice.UDP, Local: netip.MustParseAddrPort("192.0.2.1:8080"), Remote: netip.MustParseAddrPort("198.51.100.7:50000")}
	tcpPath = ice.Path{Transport: ice.TCP, Local: netip.MustParseAddrPort("192.0.2.1:8080"), Remote: netip.MustParseAddrPort("198.51.100.7:50001"), Conn: 1}
)

func credentials() ice.Credentials { return ice.NewCredentials(rand.Reader) }

func certify(t testing.TB) *dtls.Certificate {
	t.Helper()
	c, err := dtls.NewCertificate(dtls.ECDSA)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// negotiate answers a recorded offer to publish or to play.
func negotiate(t testing.TB, name string, publish bool) *sdp.Session {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "sdp", "testdata", name+".offer.sdp"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := sdp.ParseOffer(text)
	if err != nil {
		t.Fatal(err)
	}
	answer := sdp.AnswerPlay
	if publish {
		answer = sdp.AnswerPublish
	}
	s, _, err := answer(o, sdp.Local{
		Stream:  "live/livestream",
		Sources: [media.Kinds]sdp.Source{media.Audio: {SSRC: audioSSRC}, media.Video: {SSRC: videoSSRC, RTX: rtxSSRC}},
		Cname:   cname,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func publisher(t testing.TB) *sdp.Session { return negotiate(t, "chromium-publish-VP8", true) }
func viewer(t testing.TB) *sdp.Session    { return negotiate(t, "chromium-play-default", false) }

// client is what is at the other end of a call.
type client struct {
	local, remote ice.Credentials
	dtls          *dtls.Conn
	enc, dec      *srtp.Context
	keys          dtls.Keys
	reachable     bool // a check was answered
	checks        uint64
}

// request makes a connectivity check.
func (c *client) request(nominate bool) (tx [12]byte, msg []byte) {
	c.checks++
	binary.BigEndian.PutUint64(tx[:], c.checks)
	return tx, ice.AppendRequest(nil, tx, c.local, c.remote, 1<<24, nominate)
}

// call is a server's peer and a client with a network between. Until the keys are there the time is the synctest bubble's;
// afterwards the test moves it by hand.
type call struct {
	t       testing.TB
	now     time.Time
	path    ice.Path
	net     *network
	session *sdp.Session
	server  ice.Credentials
	peer    *Peer
	out     *Outbound
	client  *client
	closed  error
	ufrags  []string
	asked   int // keyframes that a viewer asked for
	timings []Timing
}

// bubble runs a test on a call whose handshake is done, over a perfect network.
func bubble(t *testing.T, session func(testing.TB) *sdp.Session, path ice.Path, test func(t *testing.T, c *call)) {
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, session(t), path, perfect(), nil)
		c.handshake()
		test(t, c)
	})
}

// dial makes both ends. Profiles are what the client offers, nil for all.
func dial(t testing.TB, session *sdp.Session, path ice.Path, net *network, profiles []dtls.Profile) *call {
	t.Helper()
	mine, theirs := certify(t), certify(t)
	c := &call{t: t, now: time.Now(), path: path, net: net, session: session, server: credentials()}
	c.client = &client{local: credentials(), remote: c.server}
	session.Remote, session.Fingerprint = sdp.Credentials(c.client.local), sdp.Fingerprint(theirs.Fingerprint())
	var err error
	c.peer, err = NewPeer(c.now, Config{
		Session: session, Local: c.server, Certificate: mine, Cname: cname, SSRC: reportSSRC,
		Random: func() uint16 { return 0x7ff0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	end := dtls.NewClient
	if session.Active {
		end = dtls.NewServer
	}
	c.client.dtls, err = end(dtls.Config{Certificate: theirs, RemoteFingerprint: mine.Fingerprint(), Profiles: profiles})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.peer.Close(); c.client.dtls.Destroy(); c.client.dtls.Wait() })
	return c
}

// handshake carries checks and DTLS until both ends have keys.
func (c *call) handshake() {
	c.t.Helper()
	for ms := 0; ms < 30_000 && (c.out == nil || c.client.enc == nil); ms++ {
		c.step(ms%50 == 0)
		c.key()
	}
	if c.out == nil || c.client.enc == nil {
		c.t.Fatalf("no keys after 30 s: the peer says %v, the client %v", c.closed, c.client.dtls.Err())
	}
}

// step carries what there is to carry, and a check if asked to, for a millisecond of the bubble's time.
func (c *call) step(check bool) {
	if check {
		_, msg := c.client.request(true)
		c.net.send(c.now, toServer, msg)
	}
	for _, b := range c.client.dtls.Outgoing() {
		c.net.send(c.now, toServer, b)
	}
	c.take(c.peer.Service(c.now))
	for _, b := range c.net.arrived(c.now, toServer) {
		c.take(c.peer.Receive(c.now, c.path, b))
	}
	for _, b := range c.net.arrived(c.now, toClient) {
		c.hear(b)
	}
	time.Sleep(time.Millisecond)
	c.now = time.Now()
}

// hear is what the client does with a datagram of the handshake.
func (c *call) hear(b []byte) {
	if Classify(b) == DTLS {
		c.client.dtls.Receive(b)
		return
	}
	var tx [12]byte
	copy(tx[:], b[8:])
	if err := ice.CheckResponse(b, tx, c.server.Pwd); err != nil {
		c.t.Fatalf("a check is answered with %v", err)
	}
	if !c.client.reachable {
		c.client.reachable = true
		c.client.dtls.Start()
	}
}

// key makes the client's contexts as soon as it has keys.
func (c *call) key() {
	keys, ok := c.client.dtls.Keys()
	if !ok || c.client.enc != nil {
		return
	}
	c.client.keys = keys
	c.client.enc = srtpContext(c.t, keys.Profile, keys.LocalKey, keys.LocalSalt)
	c.client.dec = srtpContext(c.t, keys.Profile, keys.RemoteKey, keys.RemoteSalt)
}

func srtpContext(t testing.TB, p dtls.Profile, key, salt []byte) *srtp.Context {
	t.Helper()
	ctx, err := srtp.CreateContext(key, salt, srtp.ProtectionProfile(p))
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// take notes what the peer said, and sends what it wants sent.
func (c *call) take(ev Events) Events {
	if ev.Reply != nil {
		c.net.send(c.now, toClient, ev.Reply)
	}
	for _, b := range frames(c.t, ev.Frames) {
		c.net.send(c.now, toClient, b)
	}
	if ev.Outbound != nil {
		if c.out != nil {
			c.t.Error("the outbound half was handed over twice")
		}
		c.out = ev.Outbound
	}
	if ev.Closed != nil {
		c.closed = ev.Closed
	}
	if ev.Ufrags != nil {
		c.ufrags = ev.Ufrags
	}
	if ev.Keyframe {
		c.asked++
	}
	c.timings = append(c.timings, ev.Timings...)
	return ev
}

// frames splits RFC 4571 frames, as a client on TCP does.
func frames(t testing.TB, b []byte) (list [][]byte) {
	t.Helper()
	for len(b) > 0 {
		frame, rest, err := ice.NextFrame(b)
		if err != nil || frame == nil {
			t.Fatalf("no frame in % x: %v", b[:min(len(b), 16)], err)
		}
		list, b = append(list, frame), rest
	}
	return list
}

// check sends a connectivity check by a path, at once.
func (c *call) check(path ice.Path, nominate bool) Events {
	c.t.Helper()
	tx, msg := c.client.request(nominate)
	ev := c.take(c.peer.Receive(c.now, path, msg))
	if err := ice.CheckResponse(ev.Reply, tx, c.client.remote.Pwd); err != nil {
		c.t.Fatal(err)
	}
	return ev
}

// sealRTP encrypts a packet as the client.
func (c *call) sealRTP(p *rtp.Packet) []byte {
	c.t.Helper()
	p.Version = 2
	plain, err := p.Marshal()
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := c.client.enc.EncryptRTP(nil, plain, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

// sealRTCP encrypts a compound packet as the client.
func (c *call) sealRTCP(packets ...rtcp.Packet) []byte {
	c.t.Helper()
	plain, err := rtcp.Marshal(packets)
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := c.client.enc.EncryptRTCP(nil, plain, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

// receive brings a datagram to the peer, at once. It proves that the peer keeps nothing of it.
func (c *call) receive(b []byte) Events {
	lent := bytes.Clone(b)
	ev := c.take(c.peer.Receive(c.now, c.path, lent))
	for i := range lent {
		lent[i] = 0xee
	}
	return ev
}

func (c *call) sendRTP(p *rtp.Packet) Events        { return c.receive(c.sealRTP(p)) }
func (c *call) sendRTCP(list ...rtcp.Packet) Events { return c.receive(c.sealRTCP(list...)) }

// told decrypts and parses, as the client, the reports that the peer has for it.
func (c *call) told(ev Events) (list []rtcp.Packet) {
	c.t.Helper()
	for _, compound := range ev.Feedback {
		list = append(list, c.openRTCP(c.out.AppendRTCP(nil, compound))...)
	}
	return list
}

func (c *call) openRTCP(b []byte) (list []rtcp.Packet) {
	c.t.Helper()
	for _, frame := range frames(c.t, b) {
		plain, err := c.client.dec.DecryptRTCP(nil, frame, nil)
		if err != nil {
			c.t.Fatal(err)
		}
		packets, err := rtcp.Unmarshal(plain)
		if err != nil {
			c.t.Fatal(err)
		}
		list = append(list, packets...)
	}
	return list
}

// wait moves the time on and serves the peer at each of its deadlines. It returns what the client is told.
func (c *call) wait(d time.Duration) (list []rtcp.Packet) {
	c.t.Helper()
	end := c.now.Add(d)
	for steps := 0; ; steps++ {
		ev := c.take(c.peer.Service(c.now))
		list = append(list, c.told(ev)...)
		if ev.Closed != nil || ev.Deadline.IsZero() || ev.Deadline.After(end) {
			break
		}
		if steps > 100_000 {
			c.t.Fatal("the deadline never comes to rest")
		}
		c.now = later(c.now, ev.Deadline)
	}
	c.now = end
	return list
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// of picks the reports of one type.
func of[T rtcp.Packet](list []rtcp.Packet) (picked []T) {
	for _, p := range list {
		if x, ok := p.(T); ok {
			picked = append(picked, x)
		}
	}
	return picked
}
