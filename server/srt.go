package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"oneport/config"
	"oneport/media"
	"oneport/port"
	"oneport/srt"
	"oneport/stream"
	"oneport/ts"
)

// VhostSRT are a virtual host's settings for SRT.
type VhostSRT struct {
	Enabled bool `conf:"enabled" default:"off" doc:"Whether this virtual host takes publishers and players by SRT."`
	ToRTMP  bool `conf:"srt_to_rtmp" default:"on" doc:"Let what is published by SRT be played by everything else too; off: by SRT alone."`
}

var (
	errSRTOff     = errors.New("srt.enabled is off for this virtual host")
	errNotFromSRT = statusError{http.StatusNotAcceptable, "the stream is published by SRT, and srt.srt_to_rtmp is off for this virtual host"}
)

// openSRT listens for SRT.
func (s *Server) openSRT() error {
	addr, err := parseListen(s.config.SRT.Listen)
	if err != nil {
		return fmt.Errorf("srt_server.listen: %w", err)
	}
	local := listenText(addr)
	s.srt, err = srt.Listen(local, s.config.SRT, srt.Handlers{
		Control: exclusive,
		Handle:  func(r *srt.Request) { s.serveSRT(r, local) },
		Fault:   func(p any) { s.stats.strangers.Add(1); s.log.Debug("srt: a handshake can't be read", "panic", p) },
	})
	if err != nil {
		return port.ListenError("UDP", local, withVariable("srt_server.listen"), err)
	}
	return nil
}

// serveSRT is an SRT client, from its request to its end.
func (s *Server) serveSRT(r *srt.Request, local string) {
	s.survive(s.log, "srt: a client's session", func() { s.handleSRT(r, local) })
}

// handleSRT is serveSRT but for its faults.
func (s *Server) handleSRT(r *srt.Request, local string) {
	if !s.places.take() {
		s.refuseSRT(r, srt.Resource{}, srt.Overload, errNoPlace)
		return
	}
	defer s.places.give()
	if reason, err := r.Admit(); err != nil {
		s.refuseSRT(r, srt.Resource{}, reason, err)
		return
	}
	resource, err := r.Resource()
	if err != nil {
		s.refuseSRT(r, resource, srt.BadRequest, err)
		return
	}
	name := stream.Name{Vhost: resource.Vhost, App: resource.App, Stream: resource.Stream}
	if name.Vhost == "" {
		name.Vhost = config.DefaultVhost
	}
	vhost := s.config.Vhosts.Find(name.Vhost)
	if vhost == nil || !vhost.Settings.SRT.Enabled {
		s.refuseSRT(r, resource, srt.Forbidden, errSRTOff)
		return
	}
	from := origin{
		kind: "srt-play", ip: hostOf(r.Remote()), local: local, remote: r.Remote(), udp: true,
		tcURL: "srt://" + name.Vhost + "/" + name.App,
	}
	if resource.Publish {
		from.kind = "srt-publish"
		s.publishSRT(r, resource, name, from)
		return
	}
	s.playSRT(r, resource, name, from)
}

// refuseSRT answers no, and says so: few clients can tell why.
func (s *Server) refuseSRT(r *srt.Request, resource srt.Resource, reason srt.Reason, why error) {
	r.Refuse(reason)
	s.stats.refused.Add(1)
	s.crowd.Info("client refused", "stream", fmt.Sprintf("%.100s/%.100s", resource.App, resource.Stream), "remote", r.Remote(),
		"publish", resource.Publish, "transport", "srt", "why", why)
}

// publishSRT takes a publisher's frames until it ends.
func (s *Server) publishSRT(r *srt.Request, resource srt.Resource, name stream.Name, from origin) {
	i, err := s.publishFrames(name, from)
	if err != nil {
		r.Refuse(srtRefusal(err))
		return
	}
	reason := errPanic
	defer func() { i.end(reason) }()
	conn, err := r.Accept()
	if err != nil {
		reason = err
		return
	}
	defer conn.Close()
	defer context.AfterFunc(i.ctx, conn.Close)()
	p := srtPublisher{ingest: i, conn: conn}
	reason = p.run()
	if i.ctx.Err() != nil {
		reason = context.Cause(i.ctx)
	}
}

// srtPublisher makes frames of what a publisher sends.
type srtPublisher struct {
	*ingest
	conn   *srt.Conn
	reader ts.Reader
	frames []*media.Frame
	stats  ts.Stats // of the reader, as they were told
}

// packetRoom is more than an SRT packet can have.
const packetRoom = 1500

func (p *srtPublisher) run() error {
	buf := make([]byte, packetRoom)
	patience := p.conf.Publish.FirstPacket
	for {
		n, err := p.conn.Read(buf, patience)
		switch {
		case errors.Is(err, srt.ErrSilent):
			return fmt.Errorf("%w for %v", err, patience)
		case errors.Is(err, io.EOF):
			return errGone
		case err != nil:
			return err
		}
		p.heard(n)
		p.frames = p.reader.Read(time.Now(), p.frames[:0], buf[:n])
		for _, f := range p.frames {
			p.push(f)
		}
		clear(p.frames)
		p.tell()
		patience = p.conf.Publish.Normal
	}
}

// tell counts and logs what is wrong with the stream: each codec that is refused, and the first of each other fault.
func (p *srtPublisher) tell() {
	for _, err := range p.reader.Refused() {
		p.log.Warn("some of what the publisher sends is left out", "why", err)
	}
	now, before := p.reader.Stats(), p.stats
	if now == before {
		return
	}
	p.stats = now
	p.rejected.Store(now.Malformed + now.Missing)
	p.rebased.Store(now.Jumps)
	if now.Jumps > 0 && before.Jumps == 0 {
		p.log.Warn("the publisher's clock jumped and was put right")
	}
	if now.Malformed+now.Lost+now.Unsynced > 0 && before.Malformed+before.Lost+before.Unsynced == 0 {
		p.log.Warn("the publisher's transport stream is broken in places", "malformed", now.Malformed, "gaps", now.Lost, "out_of_sync", now.Unsynced)
	}
}

// playSRT plays a stream until it or the client ends. A stream that is not live is waited for.
func (s *Server) playSRT(r *srt.Request, resource srt.Resource, name stream.Name, from origin) {
	v, conf, err := s.watchAnywhere(name, from)
	if err != nil {
		s.refuseSRT(r, resource, srtRefusal(err), err)
		return
	}
	out := &srtSink{server: s, request: r, left: make(chan struct{}), late: make(chan struct{})}
	defer out.close()
	p := newPlayer(v, new(ts.Writer), out, conf)
	err = p.play()
	if !out.begun() {
		s.refuseSRT(r, resource, srtRefusal(err), err)
		return
	}
	<-out.left
}

// srtSink is an SRT player's connection. The request is accepted when there is something to say, so that it can be refused
// until then.
type srtSink struct {
	server  *Server
	request *srt.Request
	conn    *srt.Conn
	left    chan struct{} // closed when the player has gone
	late    chan struct{} // closed when no write may wait
	once    sync.Once
}

func (k *srtSink) begun() bool           { return k.conn != nil }
func (k *srtSink) gone() <-chan struct{} { return k.left }

func (k *srtSink) begin() (err error) {
	if k.conn != nil {
		return nil
	}
	conn, err := k.request.Accept()
	if err != nil {
		return err
	}
	k.conn = conn
	go k.listen()
	return nil
}

// listen waits for the player's end: it has nothing to say.
func (k *srtSink) listen() {
	defer close(k.left)
	defer k.hurry()
	buf := make([]byte, packetRoom)
	k.server.survive(k.server.log, "srt: listening to a player", func() {
		for {
			if _, err := k.conn.Read(buf, 0); err != nil {
				return
			}
		}
	})
}

func (k *srtSink) write(b []byte) error { return k.conn.Write(b, writePatience, k.late) }

func (k *srtSink) hurry() { k.once.Do(func() { close(k.late) }) }

// end closes the connection. There is no way to say why.
func (k *srtSink) end(error) { k.close() }

func (k *srtSink) close() {
	if k.conn != nil {
		k.conn.Close()
	}
}

// onlyBySRT says that a stream's publisher speaks SRT, and that nobody may play it who does not. The stream itself is asked:
// in the table of publishers one may still be missing, or be there that the stream has refused.
func (s *Server) onlyBySRT(name stream.Name) bool {
	v := s.config.Vhosts.Find(name.Vhost)
	if v == nil || v.Settings.SRT.ToRTMP {
		return false
	}
	i, ok := s.hubs[v.Name].Publisher(name).(*ingest)
	return ok && i.kind == "srt-publish"
}
