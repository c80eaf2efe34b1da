package server

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"oneport/config"
	"oneport/ice"
	"oneport/media"
	"oneport/rtc"
	"oneport/sdp"
	"oneport/stream"
)

// joinRequest is what WHIP, WHEP and SRS's JSON API have in common: a client that wants to publish or play.
type joinRequest struct {
	ctx     context.Context
	publish bool
	name    stream.Name
	offer   []byte
	query   url.Values
	apiHost string // the host the client called the API by, for candidates
	local   bool   // the client called it by a name of the loopback
	ip      string
	from    netip.Addr
	bearer  string
	pageURL string
	tcURL   string

	candidates []string // what the answer tells of the server's addresses
}

// Why a join is refused, where no lower package says it.
var (
	errNoVhost     = errors.New("no such virtual host")
	errRTCDisabled = errors.New("WebRTC is off for this virtual host (rtc.enabled)")
	errRTCOff      = errors.New("WebRTC is off on this server (rtc_server.enabled)")
	errNoTransport = errors.New("WebRTC has no transport here: rtc_server.protocol asks for one that is off")
	errStopping    = errors.New("the server is stopping")
)

// join makes a session and returns it with the answer. Nothing is left behind when it fails.
func (s *Server) join(req *joinRequest) (*session, []byte, error) {
	sess, answer, err := s.tryJoin(req)
	if err != nil {
		s.stats.refused.Add(1)
		s.crowd.Info("client refused", "stream", fmt.Sprintf("%.200s", req.name), "ip", req.ip, "publish", req.publish, "why", err)
	}
	return sess, answer, err
}

// tellWhenFree says when to ask again for a stream that is busy. Who holds it may be the same publisher before it came back:
// its page was closed before the answer came, or its goodbye was lost.
func tellWhenFree(w http.ResponseWriter, err error) {
	var busy *stream.BusyError
	if errors.As(err, &busy) {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(busy.Silence.Seconds()))))
	}
}

func (s *Server) tryJoin(req *joinRequest) (*session, []byte, error) {
	if !s.config.RTC.Enabled {
		return nil, nil, errRTCOff
	}
	vhost := s.config.Vhosts.Find(req.name.Vhost)
	if vhost == nil {
		return nil, nil, fmt.Errorf("%w: %.*s", errNoVhost, maxName, req.name.Vhost)
	}
	if !vhost.Settings.RTC.Enabled {
		return nil, nil, errRTCDisabled
	}
	if err := checkName(req.name); err != nil {
		return nil, nil, err
	}
	req.name = stream.Name{Vhost: vhost.Name, App: strings.Clone(req.name.App), Stream: strings.Clone(req.name.Stream)}
	if len(req.bearer) > maxBearer {
		return nil, nil, errLongBearer
	}
	if err := s.sessions.vacancy(req.from); err != nil {
		return nil, nil, err
	}
	offer, err := sdp.ParseOffer(req.offer)
	if err != nil {
		return nil, nil, err
	}
	local := ice.NewCredentials(rand.Reader)
	hub := s.hubs[vhost.Name]
	answer, text, err := s.answer(req, offer, local, hub)
	if err != nil {
		return nil, nil, err
	}
	sess, err := s.newSession(req, &vhost.Settings.RTC, answer, local)
	if err != nil {
		return nil, nil, err
	}
	if err := s.enter(sess, hub); err != nil {
		return nil, nil, err
	}
	return sess, text, nil
}

// answer negotiates.
func (s *Server) answer(req *joinRequest, offer *sdp.Offer, local ice.Credentials, hub *stream.Hub) (*sdp.Session, []byte, error) {
	var err error
	if req.candidates, err = s.candidates(req.ctx, req.query, req.apiHost, req.local); err != nil {
		return nil, nil, err
	}
	if len(req.candidates) == 0 {
		return nil, nil, errNoTransport
	}
	l := sdp.Local{
		ID:          randomUint64() >> 2,
		Credentials: sdp.Credentials(local),
		Fingerprint: sdp.Fingerprint(s.certificate.Fingerprint()),
		Candidates:  req.candidates,
		Stream:      req.name.App + "/" + req.name.Stream,
		Cname:       randomText(16),
	}
	if !req.publish {
		if l.Live, err = s.formats(hub, req.name); err != nil {
			return nil, nil, err
		}
		for k := range l.Sources {
			l.Sources[k] = sdp.Source{SSRC: randomSSRC(), RTX: randomSSRC()}
		}
		return sdp.AnswerPlay(offer, l)
	}
	if l.VideoCodec, err = codecAsked(req.query, media.Video, "codec", "vcodec"); err != nil {
		return nil, nil, err
	}
	if l.AudioCodec, err = codecAsked(req.query, media.Audio, "acodec"); err != nil {
		return nil, nil, err
	}
	return sdp.AnswerPublish(offer, l)
}

// codecAsked reads a codec from the query; 0 where none is asked for.
func codecAsked(query url.Values, kind media.Kind, names ...string) (media.Codec, error) {
	for _, name := range names {
		v := query.Get(name)
		if v == "" {
			continue
		}
		c, err := sdp.CodecNamed(v)
		if err == nil && c.Kind() != kind {
			err = fmt.Errorf("%w: %s=%s is no %s codec", sdp.ErrMalformed, name, v, kind)
		}
		return c, err
	}
	return 0, nil
}

// newSession makes a session that nobody knows yet.
func (s *Server) newSession(req *joinRequest, vhost *VhostRTC, answer *sdp.Session, local ice.Credentials) (*session, error) {
	id := randomText(8)
	sess := &session{
		server: s,
		log:    s.log.With("session", id),
		links:  make(map[ice.Path]link),
		local:  local,
		ended:  make(chan struct{}),
		info: sessionInfo{
			identity: identity{
				origin: origin{kind: "rtc-play", ip: req.ip, pageURL: req.pageURL, tcURL: req.tcURL},
				id:     id, name: req.name, publish: req.publish, created: time.Now(),
			},
			key: local.Ufrag + ":" + answer.Remote.Ufrag, token: randomText(9), bearer: req.bearer,
			from: req.from, session: answer, timeout: vhost.Timeout, candidates: req.candidates,
		},
	}
	if req.publish {
		sess.info.kind = "rtc-publish"
	}
	sess.etag = randomText(12)
	peer, err := rtc.NewPeer(sess.info.created, rtc.Config{
		Session: answer, Local: local, ICE: vhost.Config, Certificate: s.certificate,
		Cname: cnameOf(answer), SSRC: randomSSRC(), Random: func() uint16 { return uint16(randomUint64()) }, Wake: sess.wake,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", sdp.ErrMalformed, err)
	}
	sess.peer = peer
	return sess, nil
}

// enter gives the session its place in the stream and then makes it known, so that nobody finds it half made.
func (s *Server) enter(sess *session, hub *stream.Hub) error {
	now := sess.info.created
	if err := sess.attach(hub, now); err != nil {
		return err
	}
	if err := s.sessions.add(sess, sess.local.Ufrag); err != nil {
		sess.leave()
		if sess.reader != nil {
			sess.reader.Close()
		}
		s.timers.forget(sess)
		return err
	}
	sess.log.Debug("session offered", "stream", sess.info.name.String(), "role", sess.info.role(), "ip", sess.info.ip)
	s.stats.joined.Add(1)
	s.timers.schedule(sess, now) // learns its deadlines
	return nil
}

// attach publishes or subscribes.
func (s *session) attach(hub *stream.Hub, now time.Time) (err error) {
	if s.info.publish {
		p, err := hub.Publish(now, s.info.name, s)
		s.publication.Store(p)
		return err
	}
	if err = s.queue(hub); err != nil {
		return err
	}
	s.writer = s.server.nextWriter()
	if s.reader, err = hub.Subscribe(now, s.info.name, s.writer); err != nil {
		s.unqueue()
		return err
	}
	s.reader.Accept(func(f media.Format) bool {
		t := s.info.track(f.Codec.Kind())
		if t == nil {
			return true // not wanted is not refused
		}
		_, ok := t.Choose(f)
		return ok
	})
	s.writer.add(s)
	return nil
}

func (i *sessionInfo) track(k media.Kind) *sdp.Track {
	if k == media.Audio {
		return i.session.Audio
	}
	return i.session.Video
}

// checkRefused ends a viewer that can't be given what the stream has now.
func (s *session) checkRefused() {
	for k := range media.Kinds {
		if f, refused := s.reader.Refused(k); refused {
			if err := s.info.session.Without(f); err != nil {
				s.refuse(err)
				return
			}
		}
	}
	switch {
	case s.reader.Broken():
		s.refuse(errPanic)
	case s.reader.Unbridged():
		s.refuse(errUnbridged)
	case s.server.onlyBySRT(s.info.name):
		s.refuse(errNotFromSRT)
	}
}

func (s *session) refuse(reason error) {
	s.server.tasks.Go(func() { s.close(reason) })
}

// cnameOf is the canonical name the answer told a viewer; a publisher is told none and gets a random one.
func cnameOf(answer *sdp.Session) string {
	for _, t := range answer.Tracks() {
		if t.Cname != "" {
			return t.Cname
		}
	}
	return randomText(16)
}

// codecsOf names what was agreed on, for the log.
func codecsOf(answer *sdp.Session) string {
	var names []string
	seen := map[media.Codec]bool{}
	for _, t := range answer.Tracks() {
		for _, c := range t.Codecs {
			if !seen[c.Format.Codec] {
				seen[c.Format.Codec] = true
				names = append(names, c.Format.Codec.String())
			}
		}
	}
	return strings.Join(names, ",")
}

// vhostAsked is the name of the virtual host that a request is for, as SRS reads it: vhost, else domain, else the Host header.
func vhostAsked(r *http.Request, query url.Values) string {
	return firstOf(query.Get("vhost"), query.Get("domain"), hostOf(r.Host), config.DefaultVhost)
}

// nameOf reads the stream's name from a WHIP or WHEP request.
func nameOf(r *http.Request, query url.Values) stream.Name {
	return stream.Name{
		Vhost:  vhostAsked(r, query),
		App:    firstOf(query.Get("app"), "live"),
		Stream: firstOf(query.Get("stream"), "livestream"),
	}
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func randomUint64() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}

// randomSSRC is never 0, which means none here.
func randomSSRC() uint32 { return uint32(randomUint64())>>1 + 1 }

// randomText is n characters of [a-z2-7], five bits each; n is at most 26.
func randomText(n int) string { return strings.ToLower(rand.Text()[:n]) }
