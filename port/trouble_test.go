package port

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// script is a listener whose Accept gives what the test sends.
type script struct {
	results chan any // net.Conn or error
	closed  chan struct{}
}

func newScript() *script { return &script{results: make(chan any), closed: make(chan struct{})} }

func (s *script) Accept() (net.Conn, error) {
	select {
	case result := <-s.results:
		if c, ok := result.(net.Conn); ok {
			return c, nil
		}
		return nil, result.(error)
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *script) Close() error   { close(s.closed); return nil }
func (s *script) Addr() net.Addr { return address{} }

// connect gives the client's end of a connection that the port accepts.
func (s *script) connect() net.Conn {
	client, server := net.Pipe()
	s.results <- server
	return client
}

// TestAcceptErrors is the limit of file descriptors: the loop pauses, longer and longer, and goes on; the pause behind what
// made room is a short one. It logs twice.
func TestAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines record
		listener := newScript()
		p := Serve(listener, map[Kind]func(*Conn){HTTP: echo}, Options{Log: lines.log(), Deadline: time.Minute})
		silent := listener.connect()
		begin := time.Now()
		for i := range 10 {
			listener.results <- []error{syscall.EMFILE, syscall.ENFILE, errors.New("something new")}[i%3]
		}
		last := listener.connect() // after the pauses of 5, 10, 20, … 640 ms; room is made; 5 and 10 ms
		if paused := time.Since(begin); paused != 1290*time.Millisecond {
			t.Errorf("paused %v", paused)
		}
		talk(t, last, "GET /")
		ended(t, silent) // it made room
		time.Sleep(calm) // of the bubble's time
		talk(t, listener.connect(), "GET /")
		if n := lines.count("level="); n != 2 || lines.count("can't accept") != 1 || lines.count("accepting connections again") != 1 {
			t.Errorf("%d lines: %s", n, lines.buf.String())
		}
		p.Close()
		if s := p.Stats(); s.AcceptErrors != 10 || s.Accepted != 3 || s.Displaced != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// TestNoRoom is the same limit where nobody can be closed: the pauses grow up to a second.
func TestNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newScript()
		asked := 0
		p := Serve(listener, map[Kind]func(*Conn){HTTP: echo}, Options{MakeRoom: func(before time.Time) bool {
			if asked++; !before.Equal(time.Now().Add(-time.Second)) {
				t.Errorf("room is asked for from those before %v", time.Since(before))
			}
			return false
		}})
		begin := time.Now()
		for range 10 {
			listener.results <- syscall.EMFILE
		}
		talk(t, listener.connect(), "GET /") // after the pauses of 5, 10, 20, … 640 ms, 1 s and 1 s
		if paused := time.Since(begin); paused != 3275*time.Millisecond || asked != 10 {
			t.Errorf("paused %v, room was asked for %d times", paused, asked)
		}
		p.Close()
	})
}

// TestRoom is closed for in the order of age, and only what is a second old.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newScript()
		p := Serve(listener, nil, Options{Deadline: time.Minute})
		old := make([]net.Conn, Room+1)
		for i := range old {
			old[i] = listener.connect()
			time.Sleep(time.Millisecond)
		}
		time.Sleep(slow)
		young := listener.connect()
		listener.results <- syscall.EMFILE
		synctest.Wait()
		for _, c := range old[:Room] {
			ended(t, c)
		}
		if s := p.Stats(); s.Displaced != Room || s.Sniffing != 2 {
			t.Errorf("%+v", s)
		}
		listener.results <- syscall.EMFILE
		ended(t, old[Room])
		listener.results <- syscall.EMFILE
		synctest.Wait()
		if s := p.Stats(); s.Displaced != Room+1 || s.Sniffing != 1 {
			t.Errorf("%+v", s)
		}
		young.Close()
		p.Close()
	})
}

// TestAcceptErrorsInTurnWithSuccess must not log for every connection.
func TestAcceptErrorsInTurnWithSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines record
		listener := newScript()
		p := Serve(listener, map[Kind]func(*Conn){HTTP: echo}, Options{Log: lines.log()})
		for range 100 {
			listener.results <- syscall.EMFILE
			c := listener.connect()
			talk(t, c, "GET /")
			c.Close()
		}
		time.Sleep(calm) // of the bubble's time
		talk(t, listener.connect(), "GET /")
		if n := lines.count("level="); n != 2 {
			t.Errorf("%d lines", n)
		}
		p.Close()
	})
}

func TestStopEndsAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newScript()
		p := Serve(listener, nil, Options{})
		listener.results <- syscall.EMFILE
		begin := time.Now()
		p.Close()
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("Close waited %v", waited)
		}
	})
}

// TestAcceptedWhileClosing is a connection that comes when Close has closed all others.
func TestAcceptedWhileClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newScript()
		p := Serve(listener, map[Kind]func(*Conn){HTTP: echo}, Options{})
		p.closeAll()
		begin := time.Now()
		ended(t, listener.connect())
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("closed after %v", waited)
		}
		p.Close()
	})
}

// TestSlowSender sends byte by byte: the kind is found and nothing is lost.
func TestSlowSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newScript()
		p := Serve(listener, map[Kind]func(*Conn){RTMP: echo}, Options{})
		c := listener.connect()
		hello := "\x03\x01\x02\x03\x04\x00\x00\x00\x00"
		for i := range len(hello) {
			time.Sleep(time.Second)
			io.WriteString(c, hello[i:i+1])
		}
		got := make([]byte, len(hello))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != hello {
			t.Errorf("got %q, %v", got, err)
		}
		time.Sleep(time.Hour)
		talk(t, c, "the deadline is gone")
		p.Close()
	})
}

// TestTooSlowSender is cut off at the deadline, however busy it looks.
func TestTooSlowSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newScript()
		p := Serve(listener, map[Kind]func(*Conn){Proxy: echo}, Options{})
		c := listener.connect()
		begin := time.Now()
		for i := range 4 {
			time.Sleep(2 * time.Second)
			io.WriteString(c, proxyV2[i:i+1])
		}
		ended(t, c)
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("cut off after %v", took)
		}
		p.Close()
		if s := p.Stats(); s.Timeouts != 1 {
			t.Errorf("%+v", s)
		}
	})
}
