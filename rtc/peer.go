package rtc

import (
	"errors"
	"time"

	"github.com/pion/rtcp"

	"oneport/dtls"
	"oneport/ice"
	"oneport/media"
	"oneport/sdp"
)

// Config is what a Peer is made of.
type Config struct {
	Session     *sdp.Session
	Local       ice.Credentials
	ICE         ice.Config
	Certificate *dtls.Certificate
	Cname       string
	SSRC        uint32        // of our reports
	Random      func() uint16 // first sequence numbers
	Wake        func()        // called from any goroutine when Service has work; must not block
}

// Timing is what a publisher's sender report says of a track's clock, in the server's time.
type Timing struct {
	Kind media.Kind
	media.Timing
}

// Events is what an input led to. Everything in it belongs to the caller.
type Events struct {
	Reply    []byte        // a STUN answer, to send back on the very path the input came by; not framed
	Frames   []byte        // RFC 4571 frames (DTLS) for the selected path
	Feedback [][]byte      // compound RTCP, for Outbound.AppendRTCP and the selected path
	Packet   *media.Packet // from a publisher, to be pushed
	Timings  []Timing      // from a publisher
	Nacks    []Nack        // from a viewer
	Keyframe bool          // a viewer asks for a keyframe, or surely will
	Verified bool          // the datagram authenticated: its source may be believed
	Moved    bool          // the selected path changed
	Outbound *Outbound     // set once, when the handshake is done
	Ufrags   []string      // set when an ICE restart is complete: the ufrags that are valid from now on
	Notice   string        // what the log is to say of a publisher's packets
	Closed   error         // the session is over, and why
	Deadline time.Time     // when Service has work again by time alone; zero: never

	asked int
}

func (ev *Events) feedback(compound []byte) {
	if len(compound) > 0 {
		ev.Feedback = append(ev.Feedback, compound)
	}
}

func (ev *Events) marshal(packets ...rtcp.Packet) {
	if b, err := rtcp.Marshal(packets); err == nil {
		ev.feedback(b)
	}
}

// Peer is the inbound half of a session, with its ICE agent and its one DTLS association.
type Peer struct {
	config   Config
	agent    *ice.Agent
	dtls     *dtls.Conn
	in       *inbound
	feedback feedback
	path     ice.Path  // the selected one, or the last that was
	checked  time.Time // when the first verified check came; zero: never
	keyed    bool
	over     bool
}

// helloTimeout is how long after its first verified check a client may take to begin the DTLS handshake, which has a time-out of
// its own. Until then checks alone would keep a session for ever.
const helloTimeout = 30 * time.Second

// ErrNoHello says that a client was content with ICE.
var ErrNoHello = errors.New("rtc: no DTLS handshake began within 30 s of the first connectivity check")

// NewPeer makes a peer from a negotiated session. Nothing runs before the first datagram.
func NewPeer(now time.Time, c Config) (*Peer, error) {
	begin := dtls.NewServer
	if c.Session.Active {
		begin = dtls.NewClient
	}
	association, err := begin(dtls.Config{
		Certificate:       c.Certificate,
		RemoteFingerprint: dtls.Fingerprint(c.Session.Fingerprint),
		Wake:              c.Wake,
	})
	if err != nil {
		return nil, err
	}
	return &Peer{
		config:   c,
		agent:    ice.NewAgent(now, c.Local, ice.Credentials(c.Session.Remote), c.ICE),
		dtls:     association,
		in:       newInbound(c.Session),
		feedback: feedback{ssrc: c.SSRC, cname: c.Cname},
	}, nil
}

// Receive takes one datagram that came by a path. The datagram is not kept.
func (p *Peer) Receive(now time.Time, path ice.Path, b []byte) (ev Events) {
	if p.over {
		return ev
	}
	switch Classify(b) {
	case STUN:
		p.receiveSTUN(now, path, b, &ev)
	case DTLS:
		if !p.agent.Knows(path) {
			p.in.stats.DTLSDropped++
		} else if p.dtls.Receive(b) {
			p.authenticated(now, path, &ev)
		}
	case RTP:
		var authentic bool
		if ev.Packet, authentic = p.in.receiveRTP(now, b); authentic {
			p.authenticated(now, path, &ev)
			p.feedback.arm(now, p.in)
		}
		ev.Notice, p.in.notice = p.in.notice, ""
	case RTCP:
		if p.in.receiveRTCP(now, b, &ev) {
			p.authenticated(now, path, &ev)
		}
	default:
		p.in.stats.Rejected++
	}
	p.service(now, &ev)
	return ev
}

func (p *Peer) receiveSTUN(now time.Time, path ice.Path, b []byte, ev *Events) {
	reply, verdict := p.agent.Receive(now, path, b)
	ev.Reply, ev.Verified = reply, verdict.Verified
	if verdict.Verified && p.checked.IsZero() {
		p.checked = now
	}
	if verdict.Moved {
		p.moved(now, ev)
	}
	if verdict.Restarted {
		ev.Ufrags = p.agent.Ufrags()
	}
	if verdict.Err != nil {
		p.in.stats.Rejected++
	}
}

// authenticated notes that SRTP or SRTCP of the peer came by path: only the holder of the keys can have sent it.
func (p *Peer) authenticated(now time.Time, path ice.Path, ev *Events) {
	ev.Verified = true
	if p.agent.Authenticated(now, path) {
		p.moved(now, ev)
	}
}

// deadPath is how long a client's silence on a path lets expect that it got nothing by it either. A viewer reports once a second.
const deadPath = 1500 * time.Millisecond

// moved follows the agent to another path. What a viewer was sent over a path that had died is lost, and its own request for
// a keyframe would take that path too as long as its browser holds on to it, which Chromium does for a second.
func (p *Peer) moved(now time.Time, ev *Events) {
	ev.Moved = true
	p.feedback.pathMoved = now
	left := p.path
	p.path, _ = p.agent.Selected()
	for _, pair := range p.agent.Pairs() {
		if pair.Path == left && now.Sub(pair.LastSeen) > deadPath && p.keyed && !p.config.Session.Publish {
			ev.Keyframe = true
		}
	}
}

// Service does what is due by time or by the handshake's own goroutines. It may be called at any time.
func (p *Peer) Service(now time.Time) (ev Events) {
	if !p.over {
		p.service(now, &ev)
	}
	return ev
}

func (p *Peer) service(now time.Time, ev *Events) {
	if p.agent.Tick(now) {
		p.moved(now, ev)
	}
	p.serviceDTLS(ev)
	if ev.Closed == nil {
		ev.Closed = p.agent.Expired(now)
	}
	hello := p.helloDeadline()
	if ev.Closed == nil && !hello.IsZero() && !now.Before(hello) {
		ev.Closed = ErrNoHello
	}
	if ev.Closed != nil {
		p.over = true
		return
	}
	path, ok := p.agent.Selected()
	p.feedback.due(now, p.in, ok && path.Transport == ice.UDP, ev)
	ev.Deadline = earliest(earliest(p.agent.Deadline(), hello), p.feedback.deadline(p.in))
}

// helloDeadline is when the handshake must have begun; zero: no check came yet, or it has.
func (p *Peer) helloDeadline() time.Time {
	if p.keyed || p.checked.IsZero() || p.dtls.State() != dtls.New {
		return time.Time{}
	}
	return p.checked.Add(helloTimeout)
}

// serviceDTLS carries the handshake on, and hands over the outbound half when it is done.
func (p *Peer) serviceDTLS(ev *Events) {
	if _, ok := p.agent.Selected(); ok {
		if p.config.Session.Active && !p.keyed {
			p.dtls.Start()
		}
		for _, record := range p.dtls.Outgoing() {
			ev.Frames = ice.AppendFrame(ev.Frames, record)
		}
	}
	if err := p.dtls.Err(); err != nil {
		ev.Closed = err
		return
	}
	if p.keyed {
		return
	}
	keys, ok := p.dtls.Keys()
	if !ok {
		return
	}
	p.keyed = true
	out, err := newOutbound(p.config.Session, keys, p.config.Cname, p.config.SSRC, p.config.Random)
	if err == nil {
		err = p.in.key(keys)
	}
	ev.Outbound, ev.Closed = out, err
}

// RequestKeyframe asks the publisher for a keyframe.
func (p *Peer) RequestKeyframe() (ev Events) {
	if p.keyed && !p.over {
		p.feedback.keyframe(p.in, &ev)
	}
	return ev
}

// Lost tells that a path is no more: its connection was closed.
func (p *Peer) Lost(now time.Time, path ice.Path) (ev Events) {
	if p.agent.Lost(path) {
		p.moved(now, &ev)
	}
	return ev
}

// Restart gives the session new ICE credentials (RFC 9725 section 4.3.3). The old ones hold until the new pair is nominated.
func (p *Peer) Restart(now time.Time, local, remote ice.Credentials) {
	p.agent.Restart(now, local, remote)
}

// Close ends the association and returns its close_notify, framed, for the selected path.
func (p *Peer) Close() (frames []byte) {
	p.over = true
	p.dtls.Close()
	for _, record := range p.dtls.Outgoing() {
		frames = ice.AppendFrame(frames, record)
	}
	p.dtls.Destroy()
	return frames
}

// Wait returns when no goroutine of the handshake is left; after Close that is soon.
func (p *Peer) Wait() { p.dtls.Wait() }

// Selected is the path that media takes now.
func (p *Peer) Selected() (ice.Path, bool) { return p.agent.Selected() }

// Knows says whether a verified check has come by a path that is not given up.
func (p *Peer) Knows(path ice.Path) bool { return p.agent.Knows(path) }

// Evict is the connection that has to go because the client has opened too many, one at a call.
func (p *Peer) Evict() (path ice.Path, over bool) { return p.agent.Evict() }

// Ufrags are those of ours that the client may use now: two while an ICE restart is not complete.
func (p *Peer) Ufrags() []string { return p.agent.Ufrags() }

// Remote are the client's newest credentials.
func (p *Peer) Remote() ice.Credentials { return p.agent.Remote() }

// Stats counts what came in, and gives the last round trip time, 0 before the first.
func (p *Peer) Stats() (InStats, time.Duration) {
	s, d := p.in.stats, p.dtls.Stats()
	s.DTLSDropped += d.Ignored + d.ReceiveDropped + d.OutgoingDropped
	for _, r := range p.in.receivers {
		if r != nil {
			s.Lost += r.missing.lost
		}
	}
	return s, p.in.rtt
}

// Profile is the SRTP protection profile in use; false before the handshake is done.
func (p *Peer) Profile() (dtls.Profile, bool) {
	keys, ok := p.dtls.Keys()
	return keys.Profile, ok
}
