package server

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"oneport/ice"
	"oneport/port"
)

const (
	// strangerDeadline is how long a TCP connection may speak without a valid Binding request.
	strangerDeadline = 10 * time.Second
	// strangerChecks is how many STUN messages a connection may send up to its first valid Binding request: each may cost a look
	// for its session and a digest. Media is passed over: Firefox redials with SRTP first, and checks seconds later.
	strangerChecks = 64
	// idleDeadline ends a connection that says nothing: a live client sends a check every few seconds. Where a session may be
	// silent for longer, its connections may for idleGrace more than that.
	idleDeadline = 45 * time.Second
	idleGrace    = 15 * time.Second
	// deadDeadline ends a connection whose client has taken nothing for so long.
	deadDeadline = 15 * time.Second
	// farewell is how long a connection that we end may take to end on the client's side.
	farewell = 500 * time.Millisecond
	// maxInsisted bounds the feedback queued behind a full connection; more is dropped and counted.
	maxInsisted = 32 << 10
	// readBuffer is what one read of a connection takes at most. It must hold a whole frame.
	readBuffer = 4096
)

// tcpLink is one TCP connection of a session. What does not fit the socket's buffer is kept, at most the rest of one batch
// and a bounded amount of feedback, and flushed by a goroutine that lives only as long as there is a rest.
type tcpLink struct {
	id   ice.Path
	conn net.Conn
	sock *socket
	drop *atomic.Uint64 // feedback that found no room
	wake func()         // called when a full link has room again
	dead time.Duration  // ends a connection whose client has taken nothing for so long
	last time.Duration  // how long the client may take to end its side when we have ended ours
	idle time.Duration  // ends one whose client has said nothing for so long; set once its session is known

	mu      sync.Mutex
	rest    []byte // encrypted frames not written yet; the first may be half-written
	half    int    // bytes of rest that belong to a frame whose beginning is written
	insists int    // bytes of rest added by insist
	heard   bool   // a reader lives, which calls end at its own
	parting bool   // tasks waits for that reader
	closed  bool
	// flushing: a flush goroutine lives. There is never a second one: it would hold the socket while it waits for mu.
	flushing bool
	tasks    *sync.WaitGroup
}

func (l *tcpLink) path() ice.Path { return l.id }

func (l *tcpLink) full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.rest) > 0 || l.closed
}

func (l *tcpLink) send(frames []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
	case len(l.rest) == 0:
		l.write(frames)
	default: // feedback came in between; a batch that is encrypted is sent whole
		l.rest = append(l.rest, frames...)
	}
}

func (l *tcpLink) insist(frames []byte) {
	if len(frames) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
	case len(l.rest) == 0:
		l.write(frames)
	case l.insists+len(frames) <= maxInsisted:
		l.rest = append(l.rest, frames...)
		l.insists += len(frames)
	default:
		l.drop.Add(1)
	}
}

// write puts frames on the wire as far as they go and keeps the rest. Called locked, with no rest.
func (l *tcpLink) write(frames []byte) {
	n, err := l.sock.tryWrite(frames)
	if err != nil {
		l.closed = true
		l.conn.Close() // the reader notices and ends the link
		return
	}
	if n < len(frames) {
		l.rest = append(l.rest[:0], frames[n:]...)
		l.half = frameEnd(frames, 0, n) - n
		l.insists = 0
		if !l.flushing {
			l.flushing = true
			l.tasks.Go(l.flush)
		}
	}
}

// flush waits until the rest is written, or the client has taken nothing for too long.
func (l *tcpLink) flush() {
	for {
		l.mu.Lock()
		if !l.closed {
			l.conn.SetWriteDeadline(time.Now().Add(l.dead))
		}
		l.mu.Unlock()
		err := l.sock.waitWrite(l.drain)
		l.mu.Lock()
		if err != nil {
			l.closed, l.flushing = true, false
			l.rest = nil
			l.mu.Unlock()
			l.conn.Close()
			return
		}
		done := len(l.rest) == 0
		if done {
			l.flushed()
		}
		l.mu.Unlock()
		if done {
			l.wake()
			return
		}
	}
}

// flushed is what follows when the rest is out. Called locked.
func (l *tcpLink) flushed() {
	l.flushing = false
	if l.closed {
		l.sock.closeWrite()
		return
	}
	l.conn.SetWriteDeadline(time.Time{})
}

// drain writes what the socket takes now and says whether anything went: each progress earns a new deadline.
func (l *tcpLink) drain(write func([]byte) (int, error)) (progress bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.rest) > 0 {
		n, err := write(l.rest)
		if err != nil {
			return progress, err
		}
		if n == 0 {
			return progress, nil
		}
		progress = true
		l.half = frameEnd(l.rest, l.half, n) - n
		l.rest = l.rest[n:]
	}
	l.rest = nil
	return true, nil
}

// frameEnd is where the frame ends that holds the last of the first n bytes of b, which has a border of frames at begin.
func frameEnd(b []byte, begin, n int) int {
	for begin < n {
		begin += 2 + int(binary.BigEndian.Uint16(b[begin:]))
	}
	return begin
}

// close says goodbye in order: a frame that is half-written is finished, whole ones that wait behind it give way to the last
// word, and then the connection is half closed. What the client still sends is read until it ends too, or until its time has
// passed: closing over unread bytes would reset the connection, and what was written would be lost. Who waits for tasks waits for
// that too.
func (l *tcpLink) close(goodbye []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.conn.SetDeadline(time.Now().Add(l.last))
	if len(l.rest) > 0 {
		l.rest = append(l.rest[:l.half], goodbye...)
	} else {
		l.write(goodbye)
	}
	l.closed = true
	if l.heard {
		l.parting = true
		l.tasks.Add(1)
	}
	if !l.flushing { // else that goes on to the end of the rest
		l.sock.closeWrite()
	}
}

// end is the reader's last act: it closes the connection, which nothing can be said on any more.
func (l *tcpLink) end() {
	l.conn.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard, l.closed = false, true
	if l.parting {
		l.parting = false
		l.tasks.Done()
	}
}

// closing is true from close on.
func (l *tcpLink) closing() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// listen gives the client the time until its next word; once the link is closed the deadline set then stays.
func (l *tcpLink) listen() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.conn.SetReadDeadline(time.Now().Add(l.idle))
	}
}

// serveRTC is the life of one TCP connection that speaks framed STUN: it routes by the first valid Binding request and then
// reads for its session until either ends.
func (s *Server) serveRTC(c *port.Conn) {
	defer c.Close()
	id := ice.Path{Transport: ice.TCP, Local: addrPort(c.LocalAddr()), Remote: addrPort(c.RemoteAddr()), Conn: s.connID.Add(1)}
	sock, err := newSocket(c.TCP())
	if err != nil {
		s.log.Warn("rtc: tcp connection has no socket to write to", "err", err)
		return
	}
	reader := frameReader{conn: c, buf: make([]byte, 0, readBuffer)}
	l := &tcpLink{id: id, conn: c, sock: sock, drop: &s.stats.feedbackDropped, dead: deadDeadline, last: farewell, tasks: &s.links, heard: true}
	defer l.end()
	sess := s.introduce(c, &reader, l)
	if sess == nil {
		s.stats.strangers.Add(1)
		return
	}
	defer sess.unplug(l)
	for {
		l.listen()
		frame, err := reader.next()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				sess.log.Debug("rtc: tcp connection ended", "remote", id.Remote, "err", err)
			}
			return
		}
		sess.receive(time.Now(), l, frame)
	}
}

// introduce reads until a valid Binding request says whose connection this is. Nothing is kept of what comes before.
func (s *Server) introduce(c net.Conn, reader *frameReader, l *tcpLink) *session {
	defer s.strangers.leave(s.strangers.enter(c))
	c.SetReadDeadline(time.Now().Add(strangerDeadline))
	for checks := 0; checks < strangerChecks; {
		frame, err := reader.next()
		if err != nil {
			return nil
		}
		if !ice.IsSTUN(frame) {
			s.stats.unrouted.Add(1)
			continue
		}
		checks++
		sess := s.sessionOf(frame)
		if sess == nil {
			s.stats.unrouted.Add(1)
			continue
		}
		l.wake, l.idle = sess.roomAgain, max(idleDeadline, sess.info.timeout+idleGrace)
		if sess.receive(time.Now(), l, frame) {
			return sess
		}
	}
	return nil
}

// sessionOf is the session that a check says it is for; nil if there is none.
func (s *Server) sessionOf(check []byte) *session {
	ufrag, ok := ice.LocalUfrag(check)
	if !ok {
		return nil
	}
	return s.sessions.byUfrag(ufrag)
}

// frameReader cuts a TCP stream into RFC 4571 frames.
type frameReader struct {
	conn net.Conn
	buf  []byte // what was read; its capacity bounds one read
	rest []byte // of buf, not yet returned
}

// next gives the next frame, valid until the call after.
func (r *frameReader) next() ([]byte, error) {
	for {
		frame, rest, err := ice.NextFrame(r.rest)
		if err != nil || frame != nil {
			r.rest = rest
			return frame, err
		}
		n := copy(r.buf[:cap(r.buf)], r.rest)
		m, err := r.conn.Read(r.buf[n:cap(r.buf)])
		if m == 0 && err != nil {
			return nil, err
		}
		r.rest = r.buf[:n+m]
	}
}

// addrPort is the plain form of a socket's address: IPv4 is never written as IPv6.
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		ap = a.AddrPort()
	case *net.UDPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
