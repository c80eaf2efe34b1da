package server

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oneport/bench"
)

// secured is a configuration with everything on PORT1, plain and inside TLS, and certificate files in a folder of its own.
func secured(t *testing.T, apiCert string) *Config {
	dir := t.TempDir()
	files := func(name string) string {
		return "cert " + filepath.Join(dir, name+".crt") + "; key " + filepath.Join(dir, name+".key") + ";"
	}
	return configure(t, `
		http_server { enabled on; listen 127.0.0.1:PORT1; https { enabled on; listen shared; `+files("a")+` } }
		http_api { enabled on; listen 127.0.0.1:PORT1; https { enabled on; listen 127.0.0.1:PORT1; `+files(apiCert)+` } }
		rtc_server { enabled on; listen 127.0.0.1:PORT4; protocol tcp; candidate 127.0.0.1; tcp { enabled on; listen 127.0.0.1:PORT1; } }
		vhost __defaultVhost__ { rtc { enabled on; } }`)
}

// browser is an HTTPS client that takes any certificate and speaks HTTP/2 if asked to.
func browser(t *testing.T, http2 bool) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: http2}
	if !http2 {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{} // no ALPN
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// One port carries http, https with and without HTTP/2, and media, the media in the clear beside TLS.
func TestTLSOnTheSamePort(t *testing.T) {
	t.Parallel()
	s := open(t, secured(t, "a"))
	addr := s.ports[0].Addr().String()
	if len(s.ports) != 1 || len(s.certs) != 1 {
		t.Fatalf("%d ports, %d certificates", len(s.ports), len(s.certs))
	}
	probe(t, s, addr, httpPlan{api: true, pages: true}, true)
	for _, http2 := range []bool{true, false} {
		for _, path := range []string{"/players/whip.html", "/api/v1/versions"} {
			res, err := browser(t, http2).Get("https://" + addr + path)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode != 200 || res.TLS == nil || (res.ProtoMajor == 2) != http2 {
				t.Errorf("%s: %s over %s", path, res.Status, res.Proto)
			}
		}
	}
	publish(t, s, "beside", bench.ClientOptions{Net: "tcp"}, bench.SourceOptions{KBPS: 300})
	viewer := play(t, s, "beside", bench.ClientOptions{Net: "tcp", Verify: true})
	until(t, "packets", func() bool { return viewer.Stats().Checked > 50 })
}

// WHIP works inside TLS, and the media that follows goes to the same port in the clear.
func TestWHIPByHTTPS(t *testing.T) {
	s := open(t, secured(t, "a"))
	addr := s.ports[0].Addr().String()
	res, err := browser(t, true).Post("https://"+addr+"/rtc/v1/whip/?stream=s", typeSDP, strings.NewReader(offerFile(t, "chromium-publish-default")))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body)
	_, port, _ := net.SplitHostPort(addr)
	if res.StatusCode != http.StatusCreated || !strings.Contains(string(answer), " 127.0.0.1 "+port+" typ host tcptype passive") {
		t.Errorf("%s\n%s", res.Status, answer)
	}
}

// Two sections on one port keep their certificates apart by name, and a hello that ends half-way or is none is closed.
func TestTLSOddities(t *testing.T) {
	t.Parallel()
	s := open(t, secured(t, "b"))
	addr := s.ports[0].Addr().String()
	if len(s.certs) != 2 {
		t.Fatalf("%d certificates", len(s.certs))
	}
	for _, hello := range []string{"\x16\x03\x01\x00\x05hello", "\x16\x03\x01\xff\xff", "\x16\x03\x03\x00\x00"} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Write([]byte(hello))
		conn.(*net.TCPConn).CloseWrite()
		conn.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, conn); err != nil && os.IsTimeout(err) {
			t.Errorf("%q is waited for", hello)
		}
	}
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11})
	if err == nil {
		conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

// A certificate that can't be used stops the start with the section's name.
func TestBadCertificate(t *testing.T) {
	c := secured(t, "a")
	if err := os.WriteFile(c.HTTPServer.HTTPS.Cert, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.HTTPServer.HTTPS.Key, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(c, logTo(t))
	if err == nil {
		s.Close()
		t.Fatal("it starts")
	}
	if !strings.Contains(err.Error(), "http_server.https") || !strings.Contains(err.Error(), c.HTTPServer.HTTPS.Cert) {
		t.Error(err)
	}
}

// Where HTTPS listens: SRS's defaults, and what sharing means.
func TestHTTPSListens(t *testing.T) {
	const sections = "http_api { enabled on; listen API; https { enabled on; A } } http_server { enabled on; listen PAGES; https { enabled on; P } }"
	for _, test := range []struct{ api, pages, a, p, wantAPI, wantPages string }{
		{"1", "1", "", "", "[8088]", "[8088]"},
		{"1", "1", "", "listen 2;", "[2]", "[2]"},
		{"1", "3", "", "listen 2;", "[1990]", "[2]"},
		{"1", "1", "listen 4;", "listen 2;", "[4]", "[2]"},
		{"1", "1", "listen shared;", "listen shared;", "[1]", "[1]"},
		{"1", "3", "listen shared;", "listen shared;", "[1]", "[3]"},
		{"1", "1", "listen 4;", "listen shared;", "[4]", "[1 4]"}, // the announced recipe on the built-in configuration
		{"1", "1", "listen shared;", "listen 4;", "[1 4]", "[4]"},
		{"1", "1", "", "listen shared;", "[1]", "[1]"},
	} {
		text := strings.NewReplacer("API", test.api, "PAGES", test.pages, "A }", test.a+" }", "P }", test.p+" }").Replace(sections)
		api, pages := configure(t, text).httpsListens()
		if fmt.Sprint(api) != test.wantAPI || fmt.Sprint(pages) != test.wantPages {
			t.Errorf("%+v: API %v, pages %v", test, api, pages)
		}
	}
}
