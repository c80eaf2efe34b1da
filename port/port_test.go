package port

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record keeps a log as lines of text.
type record struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(b)
}

func (r *record) log() *slog.Logger { return slog.New(slog.NewTextHandler(r, nil)) }

// count says how many lines hold the text.
func (r *record) count(text string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(r.buf.String(), text)
}

func open(t *testing.T, handlers map[Kind]func(*Conn), o Options) *Port {
	t.Helper()
	p, err := Open("127.0.0.1:0", handlers, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func dial(t *testing.T, p *Port) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func echo(c *Conn) {
	defer c.Close()
	io.Copy(c, c)
}

// talk sends a text to an echo and wants it back, its first bytes included.
func talk(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Fatalf("sent %q, got %q, %v", text, got, err)
	}
}

// ended waits for the end of a connection from the server's side.
func ended(t *testing.T, c net.Conn) {
	t.Helper()
	if b, err := io.ReadAll(c); err != nil || len(b) > 0 {
		t.Errorf("the connection ended with %q, %v", b, err)
	}
}

func TestKindsReachTheirHandlers(t *testing.T) {
	seen := make(chan Kind, 1)
	handlers := make(map[Kind]func(*Conn))
	for _, kind := range []Kind{HTTP, TLS, PseudoTLS, Proxy, RTC, RTMP} {
		handlers[kind] = func(c *Conn) { seen <- kind; echo(c) }
	}
	p := open(t, handlers, Options{})
	for _, test := range sniffs {
		if test.kind == Unknown {
			continue
		}
		c := dial(t, p)
		talk(t, c, test.b)
		if got := <-seen; got != test.kind {
			t.Errorf("%s went to the handler of %v", test.name, got)
		}
		c.Close()
	}
}

// TestBadConnections opens 200 of each bad sort, and has a good one get through while they hang.
func TestBadConnections(t *testing.T) {
	const each = 200
	p := open(t, map[Kind]func(*Conn){HTTP: echo}, Options{Deadline: 2 * time.Second})
	var silent []net.Conn
	for range each {
		silent = append(silent, dial(t, p))
		oneByte := dial(t, p)
		io.WriteString(oneByte, "\x16")
		silent = append(silent, oneByte)
		io.WriteString(dial(t, p), "garbage\r\n")
		dial(t, p).Close()
	}
	good := dial(t, p)
	talk(t, good, "GET / HTTP/1.1\r\n\r\n")
	for _, c := range silent {
		ended(t, c)
	}
	talk(t, good, "and on it goes, long after the deadline of the first bytes")
	p.Close()
	s := p.Stats()
	if s.Timeouts != 2*each || s.Kinds[Unknown] != each || s.Gone != each || s.Kinds[HTTP] != 1 || s.Accepted != 4*each+1 || s.Displaced != 0 {
		t.Errorf("%+v", s)
	}
	if s.Sniffing != 0 || s.Serving != 0 {
		t.Errorf("connections left over: %+v", s)
	}
}

func TestCrowdIsDisplaced(t *testing.T) {
	p := open(t, map[Kind]func(*Conn){HTTP: echo}, Options{MaxSniffing: 3})
	var crowd []net.Conn
	for range 5 {
		crowd = append(crowd, dial(t, p))
	}
	talk(t, dial(t, p), "GET /") // displaces the third
	for _, c := range crowd[:3] {
		ended(t, c)
	}
	talk(t, crowd[3], "GET /")
	talk(t, crowd[4], "GET /")
	p.Close()
	if s := p.Stats(); s.Displaced != 3 || s.Gone != 0 || s.Kinds[HTTP] != 3 {
		t.Errorf("%+v", s)
	}
}

func TestNoHandler(t *testing.T) {
	var lines record
	p := open(t, map[Kind]func(*Conn){HTTP: echo}, Options{Log: lines.log()})
	for range 3 {
		c := dial(t, p)
		io.WriteString(c, "\x16\x03\x01"+strings.Repeat("x", 5000))
		ended(t, c) // and not by a reset
		c.Close()
	}
	garbage := dial(t, p)
	io.WriteString(garbage, "*")
	io.ReadAll(garbage)
	p.Close()
	if s := p.Stats(); s.Unserved != 3 || s.Kinds[TLS] != 3 || s.Kinds[Unknown] != 1 {
		t.Errorf("%+v", s)
	}
	if n := lines.count("speaks TLS, which is not configured on this port"); n != 1 || lines.count("level=") != 1 {
		t.Errorf("%d lines about TLS in %s", n, lines.buf.String())
	}
}

func TestPanic(t *testing.T) {
	var lines record
	p := open(t, map[Kind]func(*Conn){HTTP: echo, RTMP: func(*Conn) { panic("at the disco") }}, Options{Log: lines.log()})
	good := dial(t, p)
	talk(t, good, "GET /")
	bad := dial(t, p)
	io.WriteString(bad, strings.Repeat("\x03\x00\x00", 1)+strings.Repeat("\x00", 6))
	ended(t, bad)
	talk(t, good, "still here")
	talk(t, dial(t, p), "GET /")
	p.Close()
	if s := p.Stats(); s.Panics != 1 || lines.count("at the disco") != 1 {
		t.Errorf("%+v, %s", s, lines.buf.String())
	}
}

// TestCloseWaits has every sort of connection open when the port closes.
func TestCloseWaits(t *testing.T) {
	inHandler, done := make(chan bool, 1), false
	p := open(t, map[Kind]func(*Conn){HTTP: func(c *Conn) {
		inHandler <- true
		echo(c)
		done = true // seen by the race detector, if Close did not wait
	}}, Options{})
	silent, served := dial(t, p), dial(t, p)
	talk(t, served, "GET /")
	<-inHandler
	p.Close()
	if !done {
		t.Error("Close did not wait for the handler")
	}
	ended(t, silent)
	ended(t, served)
	p.Close()
	p.Stop()
	if c, err := net.Dial("tcp", p.Addr().String()); err == nil {
		c.Close()
		t.Error("the port still listens")
	}
}

func TestStopLeavesWhatIsOpen(t *testing.T) {
	p := open(t, map[Kind]func(*Conn){HTTP: echo}, Options{})
	c := dial(t, p)
	talk(t, c, "GET /")
	p.Stop()
	talk(t, c, "after the stop")
	if c, err := net.Dial("tcp", p.Addr().String()); err == nil {
		c.Close()
		t.Error("the port still listens")
	}
}

func TestRawConnection(t *testing.T) {
	raw := make(chan *net.TCPConn, 1)
	p := open(t, map[Kind]func(*Conn){HTTP: func(c *Conn) { raw <- c.TCP(); echo(c) }}, Options{})
	talk(t, dial(t, p), "GET /")
	tcp := <-raw
	if tcp == nil {
		t.Fatal("no raw connection")
	}
	if (&Conn{}).TCP() != nil {
		t.Error("a TCP connection out of nothing")
	}
}

func TestOpenErrors(t *testing.T) {
	p := open(t, nil, Options{})
	addr := p.Addr().String()
	_, err := Open(addr, nil, Options{Setting: "http_server.listen"})
	want := "port: TCP " + addr + " is in use by another program: stop it, or choose another port with http_server.listen"
	if err == nil || err.Error() != want || !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v", err)
	}
	for _, test := range []struct {
		addr, setting string
		cause         error
		want          string
	}{
		{":8080", "", syscall.EADDRINUSE, "port: TCP 8080 is in use by another program: stop it, or choose another port"},
		{":80", "listen", syscall.EACCES, "port: TCP 80 is not permitted to this user: choose a port from 1024 up with listen, or give the program the right to bind it"},
		{"192.0.2.1:80", "listen", syscall.EADDRNOTAVAIL, "port: TCP 192.0.2.1:80 is not an address of this machine: choose another with listen"},
		{":x", "listen", errors.New("unknown port"), "port: can't listen on TCP x, set by listen: unknown port"},
	} {
		if err := ListenError("TCP", test.addr, test.setting, test.cause); err.Error() != test.want || !errors.Is(err, test.cause) {
			t.Errorf("%v", err)
		}
	}
}
