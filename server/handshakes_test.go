package server

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"oneport/bench"
	"oneport/cert"
	"oneport/port"
)

// clientHello is what a client says first.
func clientHello(t *testing.T) []byte {
	t.Helper()
	here, there := net.Pipe()
	defer there.Close()
	go func() {
		tls.Client(here, &tls.Config{InsecureSkipVerify: true}).Handshake()
		here.Close()
	}()
	b := make([]byte, 16<<10)
	n, err := there.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// A handshake that stands still, or goes on by a byte now and then, is over after its deadline.
func TestSlowHandshake(t *testing.T) {
	config := secured(t, "a")
	said := clientHello(t)
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, config)
		secure, err := s.tlsConfig(&portPlan{secure: httpPlan{pages: true}})
		if err != nil {
			t.Fatal(err)
		}
		for name, pause := range map[string]time.Duration{"half a hello": time.Hour, "byte by byte": 100 * time.Millisecond} {
			here, there := net.Pipe()
			over := make(chan struct{})
			go func() {
				defer close(over)
				defer here.Close()
				for i := range said {
					if _, err := here.Write(said[i : i+1]); err != nil {
						return
					}
					if i > len(said)/2 || pause < time.Second {
						time.Sleep(pause)
					}
				}
			}()
			began := time.Now()
			s.serveTLS(&port.Conn{Conn: there}, secure, insideTLS{})
			if took := time.Since(began); took != handshakeDeadline {
				t.Errorf("%s: it ends after %v", name, took)
			}
			<-over
		}
		if n := s.stats.tlsFailed.Load(); n != 2 || s.handshakes.count() != 0 {
			t.Errorf("%d failures counted, %d handshakes left", n, s.handshakes.count())
		}
	})
}

// Whoever begins a handshake that never ends is displaced by others, a client gets through, and nothing is left at the end.
func TestManyHandshakes(t *testing.T) {
	s, err := Open(secured(t, "a"), logTo(t))
	if err != nil {
		t.Fatal(err)
	}
	s.handshakes.most = 50
	addr := s.ports[0].Addr().String()
	said := clientHello(t)
	for range 200 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Write(said[:len(said)-1])
	}
	until(t, "the crowd", func() bool { return s.handshakes.displaced.Load() == 150 })
	if res, err := browser(t, true).Get("https://" + addr + "/api/v1/versions"); err != nil || res.StatusCode != 200 {
		t.Errorf("a client among them: %v", err)
	}
	body := text(t, call(t, "GET", base(s)+"/metrics", ""))
	if !strings.Contains(body, "oneport_tls_handshakes_displaced_total 151\n") {
		t.Error("the metrics don't count it")
	}
	began := time.Now()
	s.Close()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("Close took %v with handshakes under way", took)
	}
}

// What is no TLS behind a hello, and a hello without an end, are closed at once; the server goes on.
func TestHandshakeGarbage(t *testing.T) {
	s := open(t, secured(t, "a"))
	said := clientHello(t)
	for name, bytes := range map[string][]byte{
		"garbage":        append(append([]byte(nil), said...), strings.Repeat("garbage", 100)...),
		"another hello":  append(append([]byte(nil), said...), said...),
		"a long message": []byte("\x16\x03\x01\x40\x00\x01\x00\xff\xf0" + strings.Repeat("x", 16380) + "\x16\x03\x01\x40\x00" + strings.Repeat("x", 16384)),
		"a huge one":     []byte("\x16\x03\x01\x40\x00\x01\xff\xff\xff" + strings.Repeat("x", 16380)),
		"empty records":  []byte(strings.Repeat("\x16\x03\x01\x00\x00", 100)),
		"an alert":       append([]byte("\x16\x03\x01\x00\x01\x01"), "\x15\x03\x01\x00\x02\x01\x00"...),
	} {
		conn := dial(t, s)
		conn.SetDeadline(time.Now().Add(handshakeDeadline / 2))
		conn.Write(bytes)
		if _, err := io.Copy(io.Discard, conn); os.IsTimeout(err) {
			t.Errorf("%s: it is waited for", name)
		}
	}
	conn, err := tls.Dial("tcp", s.ports[0].Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	conn.NetConn().Write([]byte("\x17\x03\x03\x00\x20" + strings.Repeat("x", 32))) // a record that nobody encrypted
	if _, err := io.Copy(io.Discard, conn); os.IsTimeout(err) {
		t.Error("garbage after the handshake is waited for")
	}
	res, err := browser(t, false).Get("https://" + s.ports[0].Addr().String() + "/api/v1/versions")
	if err != nil {
		t.Fatalf("afterwards: %v", err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %s", res.Status)
	}
}

// Files that change are served to who comes then, and who is there stays.
func TestCertificateReload(t *testing.T) {
	t.Parallel()
	c := secured(t, "a")
	s := open(t, c)
	addr := s.ports[0].Addr().String()
	there := browser(t, true)
	get := func(client *http.Client) (fingerprint string) {
		res, err := client.Get("https://" + addr + "/api/v1/versions")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		io.Copy(io.Discard, res.Body)
		return string(res.TLS.PeerCertificates[0].Signature)
	}
	old := get(there)
	dir := t.TempDir()
	made := cert.Files{Key: dir + "/key", Cert: dir + "/cert"}
	if _, err := cert.Open(made, []string{"localhost"}, logTo(t)); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{made.Key: c.HTTPServer.HTTPS.Key, made.Cert: c.HTTPServer.HTTPS.Cert} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the other certificate", func() bool { return get(browser(t, false)) != old })
	if get(there) != old {
		t.Error("the connection was lost")
	}
}

// withPlay is secured with streams by HTTP.
func withPlay(t *testing.T) *Config {
	c := secured(t, "a")
	for v := range c.Vhosts.All() {
		v.Settings.Remux.Enabled, v.Settings.RTC.ToRTMP = true, true
	}
	return c
}

// A WebSocket inside TLS carries a stream.
func TestFLVBySecureSocket(t *testing.T) {
	s := open(t, withPlay(t))
	f := feedPackets(t, s, "x")
	f.picture(&h264, true)
	f.picture(&h264, false)
	conn, _, err := websocket.Dial(within(t), "wss://"+s.ports[0].Addr().String()+"/live/x.flv", &websocket.DialOptions{HTTPClient: browser(t, false)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	kind, b, err := conn.Read(within(t))
	if err != nil || kind != websocket.MessageBinary || !strings.HasPrefix(string(b), "FLV\x01") {
		t.Errorf("%v, %v, %.10q", kind, err, b)
	}
	if v := s.viewers.all()[0]; !strings.HasPrefix(v.tcURL, "wss://") {
		t.Errorf("it came by %s", v.tcURL)
	}
}

// framer speaks HTTP/2 by hand.
type framer struct {
	*http2.Framer
	conn    *tls.Conn
	headers []byte
}

func newFramer(t *testing.T, s *Server, path string) *framer {
	t.Helper()
	addr := s.ports[0].Addr().String()
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	var headers strings.Builder
	encoder := hpack.NewEncoder(&headers)
	encoder.SetMaxDynamicTableSize(0) // so that the same bytes do for every request
	for _, field := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", addr}, {":path", path}} {
		encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1], Sensitive: true})
	}
	f := &framer{Framer: http2.NewFramer(conn, conn), conn: conn, headers: []byte(headers.String())}
	conn.Write([]byte(http2.ClientPreface))
	f.WriteSettings()
	return f
}

func (f *framer) request(stream uint32) error {
	return f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: f.headers, EndStream: true, EndHeaders: true})
}

// until reads frames up to one that is looked for.
func (f *framer) until(ok func(http2.Frame) bool) error {
	for {
		frame, err := f.ReadFrame()
		if err != nil || ok(frame) {
			return err
		}
	}
}

// One connection of HTTP/2 has a bounded number of viewers, each of which ends with the connection.
func TestManyStreams(t *testing.T) {
	s := open(t, withPlay(t))
	f := newFramer(t, s, "/live/nobody.flv")
	told := uint32(0)
	err := f.until(func(frame http2.Frame) bool {
		if settings, ok := frame.(*http2.SettingsFrame); ok && !settings.IsAck() {
			told, _ = settings.Value(http2.SettingMaxConcurrentStreams)
		}
		return told != 0
	})
	if err != nil || told != mostStreams {
		t.Fatalf("%d streams are allowed (%v)", told, err)
	}
	for i := range uint32(mostStreams + 1) {
		if err := f.request(2*i + 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.until(func(frame http2.Frame) bool { _, reset := frame.(*http2.RSTStreamFrame); return reset }); err != nil {
		t.Errorf("one stream too many: %v", err)
	}
	until(t, "the viewers", func() bool { return len(s.viewers.all()) == mostStreams })
	f.conn.Close()
	until(t, "the end of all", func() bool { return leftovers(s) == "" })
}

// Streams that are opened and reset at once (CVE-2023-44487) don't pile up: the connection is ended, or there are never more
// viewers than streams may be open.
func TestRapidReset(t *testing.T) {
	s := open(t, withPlay(t))
	f := newFramer(t, s, "/live/nobody.flv")
	go io.Copy(io.Discard, f.conn)
	most := 0
	for i := range uint32(5000) {
		if f.request(2*i+1) != nil || f.WriteRSTStream(2*i+1, http2.ErrCodeCancel) != nil {
			break
		}
		most = max(most, len(s.viewers.all()))
	}
	if most > mostStreams {
		t.Errorf("%d viewers at one time", most)
	}
	f.conn.Close()
	until(t, "the end of all", func() bool { return leftovers(s) == "" })
	publish(t, s, "x", bench.ClientOptions{Net: "tcp"}, bench.SourceOptions{KBPS: 300})
	watch(t, base(s)+"/live/x.flv").read(3)
}

// httpPipe is the server's HTTP over connections in memory, with a handler of the test's, and a client of it.
func httpPipe(t *testing.T, http2 bool, handler func(*Server) http.HandlerFunc) *http.Client {
	s := &Server{config: new(Config), log: slog.New(slog.DiscardHandler)}
	s.callers.fresh.most, s.callers.fresh.mostOfOne, s.callers.idle.most, s.callers.idle.mostOfOne = 9, 9, 9, 9
	listener := port.HTTPListener()
	server := s.httpServer(httpPlan{}, "")
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(!http2)
	server.Protocols.SetUnencryptedHTTP2(http2)
	server.Handler = handler(s)
	go server.Serve(listener)
	transport := &http.Transport{Protocols: server.Protocols, DialContext: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		listener.Give(there)
		return here, nil
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	return &http.Client{Transport: transport}
}

// A stream that has nothing to write for long is not ended for it, whether its viewer waits or plays, by either HTTP.
func TestQuietStream(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			client := httpPipe(t, http2, func(s *Server) http.HandlerFunc {
				return func(w http.ResponseWriter, r *http.Request) {
					sink := s.newSink(w, r, containers()[0])
					for range 3 {
						if err := sink.begin(); err != nil {
							t.Error(err)
						}
						time.Sleep(10 * time.Minute)
						if err := sink.write([]byte("x")); err != nil {
							t.Error(err)
						}
					}
					sink.end(nil)
				}
			})
			res, err := client.Get("http://x/")
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if b, err := io.ReadAll(res.Body); string(b) != "xxx" {
				t.Errorf("HTTP/2 %v: %q, %v", http2, b, err)
			}
		})
	}
}

// A page that the client does not take ends, and does not keep its goroutine for ever.
func TestUntakenResponse(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ended := make(chan time.Duration, 1)
			client := httpPipe(t, http2, func(*Server) http.HandlerFunc {
				return func(w http.ResponseWriter, _ *http.Request) {
					began := time.Now()
					var err error
					for err == nil {
						_, err = w.Write(make([]byte, 1<<20))
					}
					ended <- time.Since(began)
				}
			})
			res, err := client.Get("http://x/")
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if took := <-ended; took != answerDeadline {
				t.Errorf("HTTP/2 %v: it ends after %v", http2, took)
			}
		})
	}
}
