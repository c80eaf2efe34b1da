package server

import (
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"oneport/ice"
	"oneport/media"
	"oneport/rtc"
	"oneport/sdp"
	"oneport/stream"
)

// Why a session ends, where no lower package says it.
var (
	errKicked   = errors.New("closed through the API")
	errDeleted  = errors.New("the client ended it")
	errReplaced = errors.New("another publisher took its place after it had gone silent")
	errShutdown = errors.New("the server is stopping")
	errPanic    = errors.New("a fault of the server, which the log tells")
)

// session is one WebRTC client: its peer, its links, and its place in a stream.
//
// Two locks part the directions: in for the peer and the links, out for the outbound half and the reader. Neither is held
// together with the other, nor while anything is written.
type session struct {
	server *Server
	log    *slog.Logger
	info   sessionInfo // set when it is made, read by anyone
	timer  timerEntry  // owned by the timers
	ufrags []string    // owned by the table of sessions

	in    sync.Mutex
	peer  *rtc.Peer
	links map[ice.Path]link
	udp   []ice.Path // UDP paths bound to this session
	etag  string
	local ice.Credentials // the newest
	over  bool

	out       sync.Mutex
	outbound  *rtc.Outbound
	reporting bool // sender reports have been scheduled

	current     atomic.Pointer[linkBox]            // the selected link; nil: no path
	reader      *stream.Reader                     // a viewer's
	writer      *writer                            // a viewer's
	pace        pace                               // a viewer's, owned by its writer's goroutine
	publication atomic.Pointer[stream.Publication] // a publisher's; the stream may call the session before it is known here

	queued       atomic.Bool // a viewer's, that waits for a stream that nobody publishes
	wantKeyframe atomic.Bool
	started      atomic.Bool
	oversized    atomic.Bool // a publisher's packets are too large for datagrams, which was said
	ending       sync.Once
	ended        chan struct{}
}

// linkBox makes an interface fit an atomic pointer.
type linkBox struct{ link }

// sessionInfo is what is known of a session from its POST on.
type sessionInfo struct {
	identity
	key     string // "ours:theirs", the ufrags: SRS's session id
	token   string // of the Location, for DELETE and PATCH
	bearer  string // kept with the session, for whoever authorises later
	from    netip.Addr
	session *sdp.Session
	timeout time.Duration // of silence, after which it is over

	candidates []string // told in the answer; an ICE restart tells them again
}

func (s *session) entry() *timerEntry { return &s.timer }

func (s *session) link() link {
	if b := s.current.Load(); b != nil {
		return b.link
	}
	return nil
}

// receive takes a datagram that came by l. It says whether the datagram authenticated.
func (s *session) receive(now time.Time, l link, b []byte) (authentic bool) {
	s.survive(func() {
		ev := s.hear(now, l, b)
		if ev.Reply != nil {
			l.insist(ice.AppendFrame(nil, ev.Reply))
		}
		s.handle(now, &ev)
		authentic = ev.Verified
	})
	return authentic
}

// hear gives the peer a datagram.
func (s *session) hear(now time.Time, l link, b []byte) rtc.Events {
	s.in.Lock()
	defer s.in.Unlock()
	if l.closing() {
		return rtc.Events{} // it was evicted: a check would bring it back, and have a live one closed in its place
	}
	ev := s.peer.Receive(now, l.path(), b)
	if ev.Verified {
		s.plug(l)
	}
	s.settle(&ev)
	if len(ev.Ufrags) > 0 {
		s.server.sessions.rename(s, ev.Ufrags)
	}
	return ev
}

// survive does what the client's bytes reach, and those of the stream that it plays: a panic costs this session and no other. It
// is called with no lock held, for it ends the session then.
func (s *session) survive(work func()) {
	if !s.server.survive(s.log, "a session", work) {
		s.close(errPanic)
	}
}

// service does what is due by time. It is called by the timers.
func (s *session) service(now time.Time) (next time.Time) {
	s.survive(func() { next = s.attend(now) })
	return next
}

// attend is service but for its faults.
func (s *session) attend(now time.Time) time.Time {
	ev := s.tick(now)
	s.handle(now, &ev)
	if s.reader == nil {
		return ev.Deadline
	}
	if expired, reason := s.reader.Expired(now); expired {
		s.close(errors.New(reason))
	}
	s.checkRefused()
	return earliest(now.Add(waitLook), earliest(ev.Deadline, s.report(now)))
}

// tick tells the peer what time it is, and that a keyframe is wanted.
func (s *session) tick(now time.Time) rtc.Events {
	s.in.Lock()
	defer s.in.Unlock()
	ev := s.peer.Service(now)
	if s.wantKeyframe.Swap(false) {
		ask := s.peer.RequestKeyframe()
		ev.Feedback = append(ev.Feedback, ask.Feedback...)
	}
	s.settle(&ev)
	return ev
}

// waitLook is how often a viewer is looked at that may have waited long enough for a publisher.
const waitLook = 5 * time.Second

// plug remembers a link that a verified packet came by, and makes room when a client opens too many. Called locked.
func (s *session) plug(l link) {
	if _, known := s.links[l.path()]; known || s.over {
		return
	}
	s.links[l.path()] = l
	for id := range s.links { // UDP addresses that the agent gave up
		if id.Transport == ice.UDP && !s.peer.Knows(id) {
			delete(s.links, id)
		}
	}
	for old, over := s.peer.Evict(); over; old, over = s.peer.Evict() {
		if o := s.links[old]; o != nil {
			delete(s.links, old)
			o.close(nil)
		}
	}
}

// unplug tells that a connection is gone. The session waits for the client to come back.
func (s *session) unplug(l link) {
	now := time.Now()
	s.survive(func() {
		ev := s.lose(now, l)
		s.handle(now, &ev)
	})
}

// lose tells the peer that a link is gone.
func (s *session) lose(now time.Time, l link) rtc.Events {
	s.in.Lock()
	defer s.in.Unlock()
	delete(s.links, l.path())
	ev := s.peer.Lost(now, l.path())
	s.settle(&ev)
	if b := s.current.Load(); b != nil && b.link == l {
		s.current.Store(nil)
		ev.Moved = !s.over // to nowhere
	}
	return ev
}

// settle follows the peer to the path it selected. Called locked.
func (s *session) settle(ev *rtc.Events) {
	if !ev.Moved && s.current.Load() != nil {
		return
	}
	path, ok := s.peer.Selected()
	l := s.links[path]
	if !ok || l == nil {
		s.current.Store(nil)
		return
	}
	if b := s.current.Load(); b == nil || b.link.path() != path {
		s.current.Store(&linkBox{l})
		ev.Moved = true
	}
}

// handle carries out what an input led to. It is called with no lock held.
func (s *session) handle(now time.Time, ev *rtc.Events) {
	l := s.link()
	if l != nil && len(ev.Frames) > 0 {
		l.insist(ev.Frames)
	}
	if ev.Outbound != nil {
		s.out.Lock()
		s.outbound = ev.Outbound
		s.out.Unlock()
		s.begin()
	}
	if len(ev.Feedback) > 0 || len(ev.Nacks) > 0 || ev.Keyframe {
		s.answer(now, l, ev)
	}
	if p := s.publication.Load(); p != nil {
		if ev.Packet != nil {
			s.measure(ev.Packet)
			p.Push(ev.Packet)
		}
		for _, t := range ev.Timings {
			p.SetTiming(t.Kind, t.Timing)
		}
	}
	if s.writer != nil && (ev.Moved || ev.Outbound != nil) {
		s.writer.serveSoon(s)
	}
	if ev.Notice != "" {
		s.log.Warn("a publisher sends from another source", "stream", s.info.name.String(), "what", ev.Notice)
	}
	if ev.Closed != nil {
		s.close(s.unmask(ev.Closed))
		return
	}
	if ev.Moved {
		s.moved(l)
	}
	s.server.timers.schedule(s, ev.Deadline)
}

// measure warns of a publisher whose packets viewers over UDP can't be sent. It says so once.
func (s *session) measure(p *media.Packet) {
	if s.server.udp == nil || s.oversized.Load() || rtc.FitsDatagram(p) || s.oversized.Swap(true) {
		return
	}
	s.log.Warn("the publisher sends packets too large for datagrams, which viewers over UDP do not get: set its MTU to 1200",
		"stream", s.info.name.String(), "kind", p.Kind().String(), "payload_bytes", len(p.Payload))
}

// answer sends feedback to a publisher, and has the writer send a viewer what it asks for again: at no other pace than the
// stream, and not from here, where others wait for the datagrams behind this one.
func (s *session) answer(now time.Time, l link, ev *rtc.Events) {
	frames, again := s.reply(now, l, ev)
	if l != nil && len(frames) > 0 {
		l.insist(frames)
	}
	if again {
		s.writer.serveSoon(s)
	}
}

// reply makes what answer sends, and says whether there is something to be sent again.
func (s *session) reply(now time.Time, l link, ev *rtc.Events) (frames []byte, again bool) {
	s.out.Lock()
	defer s.out.Unlock()
	if s.outbound != nil && l != nil {
		for _, compound := range ev.Feedback {
			frames = s.outbound.AppendRTCP(frames, compound)
		}
		if s.reader != nil {
			for _, ask := range ev.Nacks {
				again = s.outbound.Ask(now, ask) || again
			}
		}
	}
	if ev.Keyframe && s.reader != nil {
		s.reader.RequestKeyframe(now)
	}
	return frames, again
}

// report sends a viewer the sender reports that are due, and returns when the next are.
func (s *session) report(now time.Time) time.Time {
	frames, next := s.reports(now)
	if l := s.link(); l != nil && len(frames) > 0 {
		l.insist(frames)
	}
	return next
}

// reports makes what report sends.
func (s *session) reports(now time.Time) (frames []byte, next time.Time) {
	s.out.Lock()
	defer s.out.Unlock()
	if s.outbound == nil {
		return nil, time.Time{}
	}
	frames = s.outbound.AppendReports(now, nil, s.reader.Timing)
	return frames, s.outbound.Deadline()
}

// roomAgain is called by a full link that has been written out.
func (s *session) roomAgain() {
	if s.writer != nil {
		s.writer.serveSoon(s)
	}
}

// wake is called by the handshake's goroutine.
func (s *session) wake() { s.server.timers.schedule(s, time.Now()) }

// RequestKeyframe asks the publisher for a keyframe; it is the stream that calls it.
func (s *session) RequestKeyframe() {
	s.wantKeyframe.Store(true)
	s.wake()
}

// Alive says for how long a publisher still has a way to send. That it does send, the stream knows.
func (s *session) Alive(now time.Time) time.Duration {
	if s.link() != nil {
		return stream.Forever
	}
	return publisherGrace - now.Sub(s.info.created)
}

// publisherGrace is how long a publisher may take from its POST to its first path.
const publisherGrace = 3 * time.Second

// Replaced ends a publisher whose place another took.
func (s *session) Replaced() { s.server.tasks.Go(func() { s.close(errReplaced) }) }

// bound and unbound keep the list of UDP paths whose packets come to this session. It is as short as the agent's: the paths
// that the agent gave up are returned. A session that is over takes none.
func (s *session) bound(p ice.Path) (given []ice.Path, ok bool) {
	s.in.Lock()
	defer s.in.Unlock()
	if s.over {
		return nil, false
	}
	s.udp = slices.DeleteFunc(s.udp, func(old ice.Path) bool {
		gone := !s.peer.Knows(old)
		if gone {
			given = append(given, old)
		}
		return gone
	})
	s.udp = append(s.udp, p)
	return given, true
}

func (s *session) unbound(p ice.Path) {
	s.in.Lock()
	defer s.in.Unlock()
	s.udp = slices.DeleteFunc(s.udp, func(old ice.Path) bool { return old == p })
}

// saying is the log for what a session does. Anybody can have one that never starts.
func (s *session) saying() *slog.Logger {
	if s.started.Load() {
		return s.log
	}
	return s.server.crowd.With("session", s.info.id)
}

// begin logs that keys are there.
func (s *session) begin() {
	s.started.Store(true)
	s.in.Lock()
	profile, _ := s.peer.Profile()
	path, _ := s.peer.Selected()
	s.in.Unlock()
	s.log.Info("session started", "stream", s.info.name.String(), "role", s.info.role(), "transport", path.Transport.String(),
		"remote", path.Remote.String(), "codecs", codecsOf(s.info.session), "srtp", profile.String())
}

func (s *session) moved(l link) {
	switch {
	case !s.started.Load():
	case l == nil:
		s.log.Info("session has lost its path and waits for the client to come back")
	default:
		s.log.Info("session moved", "transport", l.path().Transport.String(), "remote", l.path().Remote.String())
	}
}

// queue counts a viewer among those that wait, if there is nothing to play.
func (s *session) queue(hub *stream.Hub) error {
	if hub.Live(s.info.name) {
		return nil
	}
	if err := s.server.rtcQueue.take(s.info.from); err != nil {
		return err
	}
	s.queued.Store(true)
	return nil
}

func (s *session) unqueue() {
	if s.queued.Load() && s.queued.Swap(false) {
		s.server.rtcQueue.give(s.info.from)
	}
}

// earliest is the earlier of two times, of which a zero one means never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
