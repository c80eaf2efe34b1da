package bench

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"oneport/ice"
)

// ClientOptions say how a client behaves. The zero value plays over TCP and counts.
type ClientOptions struct {
	Role   Role
	Net    string // "tcp" (default) or "udp"
	Bearer string // token, if the server wants one
	SRTP   string // the only profile to offer, "gcm" or "cm80"; "": both
	GRO    bool   // take runs of datagrams from the kernel as one (UDP_GRO), where it can

	Verify  bool                               // decrypt, check stamps, measure latency, send receiver reports
	OnRTP   func(Header, []byte, time.Time)    // each decrypted packet; the payload is valid during the call
	OnRTCP  func(packet []byte, at time.Time)  // each decrypted compound packet
	OnState func(network string, lost error)   // a path was lost
	Edit    func(offer string) (edited string) // for odd offers

	ReceiveBuffer int           // SO_RCVBUF, set before connecting; 0: the system's
	Tick          time.Duration // between keepalives and reports; default 1 s if packets are decrypted, else 2.5 s
	CheckTimeout  time.Duration // to connect and to be answered, each candidate, and when the session is deleted; default 3 s

	run    uint32 // see verifier
	shared *shared
}

// The callbacks of ClientOptions run on the goroutine that reads. OnRTP and OnRTCP hold the receiver: they must not block,
// and may call Cut, Stall and the Send functions only.

// shared is what the clients of one process may have in common.
type shared struct {
	http     *http.Client
	identity *identity
	buffers  sync.Pool // of *[]byte, for reading
}

// bufferSize has room for a run of datagrams behind what is there already.
const bufferSize = 128 << 10

func newShared() (*shared, error) {
	id, err := newIdentity()
	if err != nil {
		return nil, err
	}
	s := &shared{http: newHTTP(), identity: id}
	s.buffers.New = func() any { b := make([]byte, bufferSize); return &b }
	return s, nil
}

// Client is one WHIP or WHEP session, made to cost next to nothing per packet: it reads clear headers, and decrypts only
// on demand. It has one goroutine per open connection, and two more of pion's if the server insisted on being the DTLS client.
type Client struct {
	// Set once, before the first connection.
	opt      ClientOptions
	host     string // of the URL
	shared   *shared
	ssrc     [2]uint32 // of audio and video, when publishing
	posted   time.Time // when joining began
	resource *resource
	answer   *answer
	checks   *checks
	pipe     *pipe

	links links
	rx    receiver
	tx    sender
}

// Dial offers a session to a WHIP or WHEP URL, connects to the server and runs the DTLS handshake.
// The client lives until Close or Kill, not until ctx ends.
func Dial(ctx context.Context, to string, opt ClientOptions) (*Client, error) {
	c, err := newClient(to, opt)
	if err != nil {
		return nil, err
	}
	if err := c.join(ctx, to); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func newClient(to string, opt ClientOptions) (*Client, error) {
	if opt.Net == "" {
		opt.Net = "tcp"
	}
	if opt.Net != "tcp" && opt.Net != "udp" {
		return nil, fmt.Errorf("net: %q is neither tcp nor udp", opt.Net)
	}
	u, err := url.Parse(to)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	c := &Client{opt: opt, host: u.Hostname(), shared: opt.shared, links: links{network: opt.Net, closed: make(chan struct{})}}
	if c.shared == nil {
		if c.shared, err = newShared(); err != nil {
			return nil, err
		}
	}
	decrypt := opt.Verify || opt.OnRTP != nil || opt.OnRTCP != nil
	if c.opt.Tick == 0 {
		c.opt.Tick = 2500 * time.Millisecond
		if decrypt {
			c.opt.Tick = time.Second
		}
	}
	if c.opt.CheckTimeout == 0 {
		c.opt.CheckTimeout = 3 * time.Second
	}
	c.rx.decrypt, c.rx.check.run, c.rx.started = decrypt, opt.run, make(chan struct{})
	c.ssrc = [2]uint32{uint32(random()) | 1, uint32(random()) | 2}
	c.pipe = newPipe(c.send)
	return c, nil
}

// join does what stands between a URL and media.
func (c *Client) join(ctx context.Context, to string) error {
	local := ice.NewCredentials(rand.Reader)
	text := offer{c.opt.Role, random() >> 2, local.Ufrag, local.Pwd, c.shared.identity.fingerprint, c.ssrc[0], c.ssrc[1]}.String()
	if c.opt.Edit != nil {
		text = c.opt.Edit(text)
	}
	c.posted = time.Now()
	var err error
	if c.resource, err = post(ctx, c.shared.http, to, c.opt.Bearer, text); err != nil {
		return err
	}
	if c.answer, err = parseAnswer(c.resource.answer); err != nil {
		return err
	}
	remote := ice.Credentials{Ufrag: c.answer.ufrag, Pwd: c.answer.pwd}
	c.checks = &checks{local: local, remote: remote, waiting: make(map[transaction]chan<- error)}
	if err := c.connect(ctx, c.opt.Net); err != nil {
		return err
	}
	assoc, err := handshake(ctx, c.shared.identity, c.answer, c.opt.SRTP, c.pipe)
	if err != nil {
		return err
	}
	c.tx.open(assoc)
	c.secured(assoc)
	return nil
}

// connect opens a path over the network and nominates it; the old path, if open, is still read.
func (c *Client) connect(ctx context.Context, network string) error {
	candidates, err := c.answer.dialable(network, c.host)
	if err != nil {
		return err
	}
	for _, candidate := range candidates {
		if err = c.try(ctx, candidate); err == nil || ctx.Err() != nil {
			break
		}
		err = fmt.Errorf("connect: %s: %w", candidate, err)
	}
	return err
}

func (c *Client) try(ctx context.Context, to candidate) error {
	p, err := c.dial(ctx, to)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.opt.CheckTimeout)
	defer cancel()
	if err := c.checks.run(ctx, p); err != nil {
		p.conn.Close()
		return err
	}
	c.links.nominate(p)
	return nil
}

// tick runs on a path's reader every Tick.
func (c *Client) tick(p *path, now time.Time) {
	current := c.links.path()
	if p.cut.Load() || c.checks == nil {
		return
	}
	_, request := c.checks.request(p.network, p == current)
	_ = p.write(request) // a broken connection shows when it is read
	if c.opt.Role == Play && c.rx.decrypt && p == current {
		c.report(now)
	}
}

// JoinTime is the time from the POST to the first media packet; 0 if none has come.
func (c *Client) JoinTime() time.Duration {
	c.rx.Lock()
	defer c.rx.Unlock()
	if !c.rx.media {
		return 0
	}
	return c.rx.began.Sub(c.posted)
}

func random() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}
