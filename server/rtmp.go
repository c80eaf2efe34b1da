package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"oneport/flv"
	"oneport/port"
	"oneport/rtmp"
	"oneport/stream"
)

const (
	// requestDeadline is how long an RTMP client may take from its first byte until it publishes or plays.
	requestDeadline = 10 * time.Second
	// ackSize is after how many bytes RTMP clients are to say that they came: SRS's out_ack_size.
	ackSize = 2_500_000
)

// rtmpConn is the connection of an RTMP client, by TCP or inside TLS. A write waits for the client, but not for ever.
type rtmpConn struct {
	*port.Conn
	patience atomic.Int64 // of a write
	greeting bool         // used by the goroutine that reads
}

// Read has the kernel acknowledge each piece of a greeting at once. A client that leaves Nagle's algorithm on, as ffmpeg does, sends
// the next one only then, and a kernel that waits for something to send with it costs 40 ms each time.
func (c *rtmpConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.greeting {
		acknowledge(tcpBelow(c.Conn))
	}
	return n, err
}

func (c *rtmpConn) Write(b []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(time.Duration(c.patience.Load())))
	if c.patience.Load() == 0 { // perhaps since just before the line above
		return 0, os.ErrDeadlineExceeded
	}
	return c.Conn.Write(b)
}

// allow changes how long writes may wait from now on.
func (c *rtmpConn) allow(patience time.Duration) {
	c.patience.Store(int64(patience))
	c.SetWriteDeadline(time.Now().Add(patience))
}

// halfClose ends what the client is sent, and gives it a while to end its own part: with unread bytes the kernel would throw
// away what it was told last.
func (c *rtmpConn) halfClose() {
	c.SetReadDeadline(time.Now().Add(farewell))
	if half, ok := c.Conn.Conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}

// finish closes it in good order.
func (c *rtmpConn) finish() {
	c.halfClose()
	io.Copy(io.Discard, io.LimitReader(c.Conn, 1<<20))
	c.Close()
}

// serveRTMP is an RTMP client's connection, from its first byte to its end.
func (s *Server) serveRTMP(c *port.Conn) {
	conn := &rtmpConn{Conn: c}
	defer conn.Close()
	session, request := s.greet(conn)
	if request == nil {
		return
	}
	defer s.places.give()
	name := stream.Name{Vhost: request.Vhost, App: request.App, Stream: request.Stream}
	from := origin{
		ip: hostOf(c.RemoteAddr().String()), local: c.LocalAddr().String(), remote: c.RemoteAddr().String(),
		pageURL: request.PageURL, tcURL: request.TCURL,
	}
	if request.Publish {
		from.kind = "fmle-publish"
		s.publishRTMP(conn, session, name, from)
		return
	}
	from.kind = "rtmp-play"
	s.playRTMP(conn, session, name, from)
}

// greet answers a client until it says what it wants, and takes a place for it. There is no request if it never says that, or
// if there is no place.
func (s *Server) greet(c *rtmpConn) (*rtmp.Session, *rtmp.Request) {
	defer s.newcomers.leave(s.newcomers.enter(c.Conn))
	c.allow(requestDeadline)
	c.SetReadDeadline(time.Now().Add(requestDeadline))
	c.greeting = true
	session, err := rtmp.Accept(c, rtmp.Config{ChunkSize: s.config.rtmpChunkSize(), AckSize: ackSize})
	var request *rtmp.Request
	if err == nil {
		request, err = session.Request()
	}
	if err != nil {
		s.stats.strangers.Add(1)
		s.log.Debug("an RTMP client ends before it publishes or plays", "remote", c.RemoteAddr().String(), "why", err)
		return nil, nil
	}
	if !s.places.take() {
		s.stats.refused.Add(1)
		s.log.Debug("client refused", "remote", c.RemoteAddr().String(), "why", errNoPlace)
		c.allow(farewell)
		session.Refuse(rtmpRefusal(request.Publish, errNoPlace), errNoPlace.Error())
		c.finish()
		return nil, nil
	}
	c.greeting = false
	c.SetReadDeadline(time.Time{})
	c.allow(writePatience)
	return session, request
}

// publishRTMP takes a publisher's frames until it ends.
func (s *Server) publishRTMP(c *rtmpConn, session *rtmp.Session, name stream.Name, from origin) {
	i, err := s.publishFrames(name, from)
	if err != nil {
		session.Refuse(rtmpRefusal(true, err), err.Error())
		c.finish()
		return
	}
	stop := context.AfterFunc(i.ctx, func() { c.Close() })
	defer stop()
	reason := errPanic
	defer func() { i.end(reason) }()
	p := rtmpPublisher{ingest: i, conn: c, session: session}
	reason = p.run()
	if i.ctx.Err() != nil {
		reason = context.Cause(i.ctx)
	}
}

// rtmpPublisher makes frames of what a publisher sends.
type rtmpPublisher struct {
	*ingest
	conn    *rtmpConn
	session *rtmp.Session
	reader  flv.Reader
	counted uint64 // bytes
	warned  map[string]bool
}

func (p *rtmpPublisher) run() error {
	if err := p.session.PermitPublish(); err != nil {
		return err
	}
	patience := p.conf.Publish.FirstPacket
	for {
		now := time.Now()
		p.conn.SetReadDeadline(now.Add(patience))
		tag, err := p.session.ReadTag()
		p.heard(int(p.session.Received() - p.counted))
		p.counted = p.session.Received()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("rtmp: no message came for %v", patience)
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return errGone
		case err != nil:
			return err
		}
		p.take(tag)
		patience = p.conf.Publish.Normal
	}
}

// take makes a frame of a tag, or counts why it can't.
func (p *rtmpPublisher) take(tag flv.Tag) {
	f, err := p.reader.Read(time.Now(), tag)
	if err != nil {
		p.rejected.Add(1)
		p.warn("some of what the publisher sends is left out", err)
	}
	if jumps := p.reader.Stats().Jumps; jumps > p.rebased.Load() {
		p.rebased.Store(jumps)
		p.warn("the publisher's clock jumped and was put right", nil)
	}
	if f != nil {
		p.push(f)
	}
}

// maxWarnings bounds what is remembered of the faults that were told.
const maxWarnings = 16

// warn logs each fault once.
func (p *rtmpPublisher) warn(what string, err error) {
	if p.warned == nil {
		p.warned = make(map[string]bool)
	}
	key := fmt.Sprint(what, err)
	if p.warned[key] || len(p.warned) >= maxWarnings {
		return
	}
	p.warned[key] = true
	if err == nil {
		p.log.Warn(what)
		return
	}
	p.log.Warn(what, "why", err)
}

// playRTMP plays a stream until it or the client ends. A stream that is not live is waited for.
func (s *Server) playRTMP(c *rtmpConn, session *rtmp.Session, name stream.Name, from origin) {
	out := &rtmpSink{server: s, conn: c, session: session, left: make(chan struct{})}
	v, conf, err := s.watchAnywhere(name, from)
	if err != nil {
		s.stats.refused.Add(1)
		s.log.Debug("viewer refused", "stream", fmt.Sprintf("%.200s", name), "ip", from.ip, "why", err)
		out.refuse(err)
		c.finish()
		return
	}
	if tcp := tcpBelow(c.Conn); tcp != nil {
		if raw, err := tcp.SyscallConn(); err == nil {
			limitUnsent(raw, unsentFrames)
		}
	}
	s.tasks.Go(out.listen)
	p := newPlayer(v, rtmp.Muxer{Session: session}, out, conf)
	err = p.play()
	if refusal := (statusError{}); p.refused(err) || errors.As(err, &refusal) {
		s.stats.refused.Add(1)
	}
	c.halfClose()
	<-out.left
}

// watchAnywhere is watch in whatever virtual host the client called.
func (s *Server) watchAnywhere(name stream.Name, from origin) (*viewer, *VhostConf, error) {
	vhost := s.config.Vhosts.Find(name.Vhost)
	if vhost == nil {
		return nil, nil, fmt.Errorf("%w: %.100s", errNoVhost, name.Vhost)
	}
	name.Vhost = vhost.Name
	v, err := s.watch(name, from)
	return v, &vhost.Settings, err
}

// rtmpSink is an RTMP player's connection.
type rtmpSink struct {
	server   *Server
	conn     *rtmpConn
	session  *rtmp.Session
	answered bool
	left     chan struct{}
}

// listen reads what the player says until it goes.
func (k *rtmpSink) listen() {
	defer close(k.left)
	k.server.survive(k.server.log, "rtmp: listening to a player", func() { k.session.Listen() })
}

func (k *rtmpSink) begun() bool           { return k.answered }
func (k *rtmpSink) gone() <-chan struct{} { return k.left }

func (k *rtmpSink) begin() error {
	if k.answered {
		return nil
	}
	k.answered = true
	return k.session.PermitPlay()
}

func (k *rtmpSink) write(b []byte) error {
	_, err := k.conn.Write(b)
	return err
}

func (k *rtmpSink) hurry() { k.conn.allow(0) }

// end tells the player why. One that waits has been answered, and is refused all the same what it can't be given.
func (k *rtmpSink) end(reason error) {
	k.conn.allow(farewell)
	if refusal := (statusError{}); !k.answered || errors.As(reason, &refusal) {
		k.refuse(reason)
		return
	}
	k.conn.Write(k.session.AppendEnd(nil, reason.Error()))
}

// refuse says that there will be nothing to play.
func (k *rtmpSink) refuse(reason error) {
	k.session.Refuse(rtmpRefusal(false, reason), reason.Error())
}
