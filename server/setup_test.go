package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"oneport/config"
	"oneport/port/porttest"
)

// TestMain finds what is left running, but for the certificate authority of the tests, which can't be ended.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		code = leaks(
			goleak.IgnoreTopFunction("github.com/letsencrypt/pebble/v2/va.VAImpl.processTasks"),
			// The SRT library's client, which only tests use, leaves its reader behind when nobody has answered it.
			goleak.IgnoreAnyFunction("github.com/datarhei/gosrt.DialWithContext.func1"))
	}
	os.Exit(code)
}

// leaks waits for the end of all goroutines, for which goleak alone has half a second.
func leaks(ignored ...goleak.Option) (code int) {
	for end := time.Now().Add(patience); ; {
		err := goleak.Find(ignored...)
		if err == nil {
			return 0
		}
		if time.Now().After(end) {
			fmt.Fprintln(os.Stderr, "left running:", err)
			return 1
		}
	}
}

// patience is far more than anything here takes, also on a machine that has a tenth of a processor to spare.
const patience = 3 * time.Minute

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// allOnOne is a configuration with every service on one port of the loopback.
const allOnOne = `
http_api { enabled on; listen 127.0.0.1:PORT; }
http_server { enabled on; listen 127.0.0.1:PORT; }
rtc_server { enabled on; listen 127.0.0.1:PORT; protocol all; candidate 127.0.0.1; api_as_candidates off;
	tcp { enabled on; listen 127.0.0.1:PORT; } }
vhost __defaultVhost__ { rtc { enabled on; } }
`

// configure reads a configuration, in which each PORT… word becomes a free port of its own.
func configure(t *testing.T, text string, environ ...string) *Config {
	t.Helper()
	for _, word := range []string{"PORT1", "PORT2", "PORT3", "PORT4", "PORT"} {
		if strings.Contains(text, word) {
			text = strings.ReplaceAll(text, word, porttest.Free(t))
		}
	}
	var c Config
	if _, err := config.Load(config.Input{Source: config.Source{Path: "test", Text: []byte(text)}, Environ: environ}, &c); err != nil {
		t.Fatal(err)
	}
	return &c
}

// open starts a server that the test's end closes.
func open(t *testing.T, c *Config) *Server {
	t.Helper()
	s, err := Open(c, logTo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// offline starts a server without any port: what would come from the network is handed to it by the test, so that it runs
// in a synctest bubble. It is told that it listens on 8080.
func offline(t *testing.T, c *Config) *Server {
	t.Helper()
	s, err := start(c, logTo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.rtcTCPPort = 8080
	return s
}

// logTo shows the server's log if the test fails.
func logTo(t *testing.T) *slog.Logger {
	w := &lateLog{}
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if t.Failed() {
			t.Logf("the server's log:\n%s", w.tail())
		}
	})
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type lateLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lateLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lateLog) tail() []byte {
	b := l.buf.Bytes()
	return b[max(0, len(b)-8<<10):]
}

func (l *lateLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// base is the URL of a server's first port.
func base(s *Server) string { return "http://" + s.ports[0].Addr().String() }

// call is one HTTP request on a connection of its own; headers are "Name: value".
func call(t *testing.T, method, url, body string, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	setHeaders(req, headers)
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

// site is what a server's port serves that has everything on it.
func site(s *Server) http.Handler {
	return s.httpServer(httpPlan{api: true, pages: true}, "").Handler
}

// local is call with no network in between.
func local(s *Server, method, target, body string, headers ...string) *http.Response {
	return ask(site(s), method, target, body, headers...)
}

func ask(site http.Handler, method, target, body string, headers ...string) *http.Response {
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	setHeaders(req, headers)
	w := httptest.NewRecorder()
	site.ServeHTTP(w, req)
	return w.Result()
}

func setHeaders(req *http.Request, headers []string) {
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// offerFile is a recorded offer.
func offerFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "sdp", "testdata", name+".offer.sdp"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const sdpType = "Content-Type: application/sdp"

// post sends an offer and demands a session.
func post(t *testing.T, url, offer string, headers ...string) *http.Response {
	t.Helper()
	res := call(t, http.MethodPost, url, offer, append(headers, sdpType)...)
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("POST %s: %s: %s", url, res.Status, text(t, res))
	}
	return res
}

// nothingLeft demands that neither the tables nor the hubs hold anything.
func nothingLeft(t *testing.T, s *Server) {
	t.Helper()
	if left := leftovers(s); left != "" {
		t.Error("left behind: " + left)
	}
}

func leftovers(s *Server) string {
	var left []string
	s.sessions.mu.RLock()
	for name, n := range map[string]int{
		"ids": len(s.sessions.ids), "keys": len(s.sessions.keys), "ufrags": len(s.sessions.ufrags), "addresses": len(s.sessions.from),
	} {
		if n > 0 {
			left = append(left, fmt.Sprintf("%d %s", n, name))
		}
	}
	s.sessions.mu.RUnlock()
	if n := len(s.viewers.all()); n > 0 {
		left = append(left, fmt.Sprintf("%d viewers by HTTP", n))
	}
	if n := len(s.ingests.all()); n > 0 {
		left = append(left, fmt.Sprintf("%d publishers of frames", n))
	}
	if n := len(s.segmenters.list()); n > 0 {
		left = append(left, fmt.Sprintf("%d segmenters", n))
	}
	if n := s.places.taken.Load(); n != 0 {
		left = append(left, fmt.Sprintf("%d places", n))
	}
	s.timers.mu.Lock()
	if n := len(s.timers.heap); n > 0 {
		left = append(left, fmt.Sprintf("%d timers", n))
	}
	s.timers.mu.Unlock()
	for name, hub := range s.hubs {
		if n := len(hub.Streams()); n > 0 {
			left = append(left, fmt.Sprintf("%d streams of %s", n, name))
		}
	}
	for _, w := range s.writers {
		w.mu.Lock()
		if n := len(w.viewers) + len(w.later); n > 0 {
			left = append(left, fmt.Sprintf("%d entries of a writer", n))
		}
		w.mu.Unlock()
	}
	if s.udp != nil {
		s.udp.mu.RLock()
		if n := len(s.udp.bound); n > 0 {
			left = append(left, fmt.Sprintf("%d UDP addresses", n))
		}
		s.udp.mu.RUnlock()
	}
	return strings.Join(left, ", ")
}

// within is a context that ends long after the test should have.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// dial opens a TCP connection to a server's first port.
func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.ports[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
