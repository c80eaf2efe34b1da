package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"oneport/port"
)

// writePatience is how long a viewer may take none of what it is sent.
const writePatience = 30 * time.Second

// newSink is what the request asks for: a WebSocket, or the response's body in a container.
func (s *Server) newSink(w http.ResponseWriter, r *http.Request, c container) sink {
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		k := &socketSink{w: w, r: r, anyOrigin: s.config.HTTPServer.Crossdomain, done: r.Context()}
		k.stop, k.hurryUp = context.WithCancel(context.Background())
		return k
	}
	b := &bodySink{w: w, r: r, container: c, control: http.NewResponseController(w), corks: &s.buffers}
	if c, _ := r.Context().Value(connection{}).(net.Conn); r.ProtoMajor == 1 {
		b.conn = portBelow(c)
	}
	b.control.SetReadDeadline(time.Time{}) // the bounds of a request and of an ordinary response would end this one
	b.control.SetWriteDeadline(time.Time{})
	return b
}

// bodySink is the body of an HTTP response.
type bodySink struct {
	w         http.ResponseWriter
	r         *http.Request
	container container
	control   *http.ResponseController
	conn      *port.Conn // to be corked while a write is made of pieces; nil where others use it too
	corks     *playBuffers
	answered  atomic.Bool
	hurried   atomic.Bool
}

func (b *bodySink) begun() bool           { return b.answered.Load() }
func (b *bodySink) gone() <-chan struct{} { return b.r.Context().Done() }

func (b *bodySink) hurry() {
	b.hurried.Store(true)
	if b.answered.Load() { // or else nothing is being written, and HTTP/2 would reset a stream that is still to be refused
		b.control.SetWriteDeadline(time.Now())
	}
}

func (b *bodySink) begin() error {
	if b.answered.Swap(true) {
		return nil
	}
	b.container.headers(b.w)
	b.w.WriteHeader(http.StatusOK)
	if err := b.patient(); err != nil {
		return err
	}
	defer b.relax()
	return b.control.Flush()
}

// patient gives what is written next its time, if there is any left.
func (b *bodySink) patient() error {
	b.control.SetWriteDeadline(time.Now().Add(writePatience))
	if b.hurried.Load() { // perhaps since just before the line above
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (b *bodySink) write(p []byte) error {
	if err := b.patient(); err != nil {
		return err
	}
	if b.conn == nil {
		return b.pass(p)
	}
	b.conn.Cork(b.corks.get())
	err := b.pass(p)
	buf, failed := b.conn.Uncork()
	b.corks.put(buf)
	return errors.Join(err, failed)
}

// pass gives bytes to the response, to the last one.
func (b *bodySink) pass(p []byte) error {
	if _, err := b.w.Write(p); err != nil {
		return err
	}
	if err := b.control.Flush(); err != nil {
		return err
	}
	b.relax()
	return nil
}

// relax takes the deadline away between two writes: HTTP/2 resets a stream by it, also one that has nothing to write.
func (b *bodySink) relax() {
	if !b.hurried.Load() {
		b.control.SetWriteDeadline(time.Time{})
	}
}

// end leaves the last flush its time, which is package http's to do; the next request sets a deadline of its own.
func (b *bodySink) end(error) { b.control.SetWriteDeadline(time.Now().Add(writePatience)) }

// socketSink is a WebSocket: the bytes go in binary messages.
type socketSink struct {
	w         http.ResponseWriter
	r         *http.Request
	anyOrigin bool // pages of other sites may open it
	answered  bool // also if the handshake failed, which package websocket tells the client
	conn      *websocket.Conn
	done      context.Context // ends when the client has gone
	stop      context.Context // ends when there is no time left
	hurryUp   context.CancelFunc
}

func (s *socketSink) begun() bool           { return s.answered }
func (s *socketSink) gone() <-chan struct{} { return s.done.Done() }
func (s *socketSink) hurry()                { s.hurryUp() }

func (s *socketSink) begin() error {
	if s.conn != nil {
		return nil
	}
	s.answered = true
	conn, err := websocket.Accept(s.w, s.r, &websocket.AcceptOptions{InsecureSkipVerify: s.anyOrigin})
	if err != nil {
		return err
	}
	s.conn = conn
	s.done = conn.CloseRead(context.Background()) // a player has nothing to say
	return nil
}

func (s *socketSink) write(p []byte) error {
	ctx, cancel := context.WithTimeout(s.stop, writePatience)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageBinary, p)
}

// end tells the client why, unless it is in a hurry.
func (s *socketSink) end(reason error) {
	defer s.hurryUp()
	if s.conn == nil {
		return
	}
	if s.stop.Err() != nil {
		s.conn.CloseNow()
		return
	}
	if c, ok := s.r.Context().Value(connection{}).(net.Conn); ok {
		c.SetDeadline(time.Now().Add(farewell)) // the library would wait 5 s for an answer
	}
	const most = 120 // bytes of a reason in a close frame (RFC 6455 section 5.5)
	text := reason.Error()
	s.conn.Close(websocket.StatusNormalClosure, strings.ToValidUTF8(text[:min(len(text), most)], ""))
}
