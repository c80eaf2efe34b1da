package server

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"oneport/cert"
	"oneport/config"
	"oneport/port"
	"oneport/port/porttest"
)

// authority is a certificate authority on the loopback: pebble, Let's Encrypt's own for tests.
type authority struct {
	directory string // its URL
	root      string // file of the certificate of its HTTPS
	roots     *x509.CertPool
}

// newAuthority starts one that looks for proofs at the given ports of 127.0.0.1, whatever the name, and whose certificates
// hold as long as told.
func newAuthority(t *testing.T, httpPort, tlsPort int, validity time.Duration) *authority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	silent := stdlog.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(silent, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: uint64(validity / time.Second)}})
	validator := va.New(silent, httpPort, tlsPort, true, nameServer(t), store)
	front := wfe.New(silent, store, validator, issuer, []string{"pebble.test"}, true, false, 1, 1)
	server := httptest.NewTLSServer(front.Handler())
	t.Cleanup(server.Close)
	a := &authority{directory: server.URL + wfe.DirectoryPath, root: filepath.Join(t.TempDir(), "root.pem"), roots: x509.NewCertPool()}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(a.root, text, 0o600); err != nil {
		t.Fatal(err)
	}
	a.roots.AddCert(issuer.GetRootCert(0).Cert)
	return a
}

// nameServer says of every name that it is 127.0.0.1.
func nameServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		if q := r.Question[0]; q.Qtype == dns.TypeA {
			m.Answer = append(m.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(127, 0, 0, 1)})
		}
		w.WriteMsg(m)
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.ActivateAndServe()
	}()
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	return listener.Addr().String()
}

// ordering is a configuration that gets certificates for live.example.test from an authority; it serves HTTPS on one port and
// HTTP on another.
func ordering(t *testing.T, a *authority, httpPort, tlsPort int) *Config {
	dir := t.TempDir()
	return configure(t, strings.NewReplacer("HTTPPORT", strconv.Itoa(httpPort), "TLSPORT", strconv.Itoa(tlsPort),
		"DIRECTORY", a.directory, "DIR", dir, "ROOT", a.root).Replace(`
		http_server { enabled on; listen 127.0.0.1:HTTPPORT; https { enabled on; listen 127.0.0.1:TLSPORT; cert DIR/a.crt; key DIR/a.key; } }
		http_api { enabled on; listen 127.0.0.1:HTTPPORT; }
		acme { enabled on; domains Live.example.test other.example.test; email who@example.test; cache DIR/acme; directory DIRECTORY; root ROOT; }`))
}

// greet makes a TLS connection that asks for a name and trusts the authority alone.
func greet(a *authority, port int, name string) (*tls.Conn, error) {
	return tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), &tls.Config{ServerName: name, RootCAs: a.roots})
}

// portNumber is a free port as a number.
func portNumber(t *testing.T) int {
	n, err := strconv.Atoi(porttest.Free(t))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// trusted waits until a name has a certificate of the authority, and returns it.
func trusted(t *testing.T, a *authority, port int, name string) (leaf *x509.Certificate) {
	t.Helper()
	until(t, "a certificate for "+name, func() bool {
		conn, err := greet(a, port, name)
		if err != nil {
			return false
		}
		defer conn.Close()
		leaf = conn.ConnectionState().PeerCertificates[0]
		return true
	})
	return leaf
}

// A certificate comes by TLS-ALPN-01 where the authority reaches only the TLS port, and by HTTP-01 where it reaches only the
// plain one. It is there again after a restart, without another order, and kept for its owner's eyes.
func TestACME(t *testing.T) {
	for _, way := range []string{cert.ByTLS, cert.ByHTTP} {
		t.Run(way, func(t *testing.T) {
			ours, tlsOurs, nowhere := portNumber(t), portNumber(t), portNumber(t)
			a := newAuthority(t, nowhere, tlsOurs, time.Hour)
			if way == cert.ByHTTP {
				a = newAuthority(t, ours, nowhere, time.Hour)
			}
			c := ordering(t, a, ours, tlsOurs)
			s, err := Open(c, logTo(t))
			if err != nil {
				t.Fatal(err)
			}
			first := trusted(t, a, tlsOurs, "live.example.test")
			trusted(t, a, tlsOurs, "OTHER.example.test")
			for _, name := range []string{"unknown.example.test", ""} {
				if _, err := greet(a, tlsOurs, name); err == nil {
					t.Errorf("%q has a certificate of the authority", name)
				}
			}
			s.Close()
			ownersAlone(t, c.ACME.Cache)
			c.ACME.Domains = c.ACME.Domains[:1]
			open(t, c)
			if again := trusted(t, a, tlsOurs, "live.example.test"); !again.Equal(first) {
				t.Error("another certificate was ordered")
			}
		})
	}
}

// ownersAlone sees that nobody else can read what is in a folder.
func ownersAlone(t *testing.T, folder string) {
	t.Helper()
	files := 0
	err := filepath.Walk(folder, func(name string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v", name, info.Mode())
		}
		if info.Mode().IsRegular() {
			files++
		}
		return nil
	})
	if err != nil || files != 3 { // the account's key and two certificates
		t.Errorf("%d files are kept (%v)", files, err)
	}
}

// A certificate is renewed while connections made with the old one go on.
func TestACMERenewal(t *testing.T) {
	ours, tlsOurs := portNumber(t), portNumber(t)
	a := newAuthority(t, ours, tlsOurs, 6*time.Second)
	open(t, ordering(t, a, ours, tlsOurs))
	first := trusted(t, a, tlsOurs, "live.example.test")
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{ServerName: "live.example.test", InsecureSkipVerify: true}, MaxConnsPerHost: 1, // the same connection
	}}
	defer client.CloseIdleConnections()
	get := func() *x509.Certificate {
		res, err := client.Get("https://127.0.0.1:" + strconv.Itoa(tlsOurs) + "/players/whip.html")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		io.Copy(io.Discard, res.Body)
		return res.TLS.PeerCertificates[0]
	}
	old := get()
	until(t, "a renewal", func() bool { return !trusted(t, a, tlsOurs, "live.example.test").Equal(first) })
	if !get().Equal(old) {
		t.Error("the connection was lost with the renewal")
	}
}

// Until a certificate is there, and where none is given, the files' one is served, and the log says why and what to do.
func TestACMERefused(t *testing.T) {
	ours, tlsOurs, nowhere := portNumber(t), portNumber(t), portNumber(t)
	a := newAuthority(t, nowhere, nowhere, time.Hour)
	w := &lateLog{}
	log, text := slog.New(slog.NewTextHandler(w, nil)), w.text
	s, err := Open(ordering(t, a, ours, tlsOurs), log)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	until(t, "two complaints", func() bool { return strings.Count(text(), "acme: no certificate was given") == 2 })
	for _, want := range []string{"domain=live.example.test", "tls-alpn-01: ", "http-01: ", "connection refused", "port 443 or 80", "again_in", "that of key and cert"} {
		if !strings.Contains(text(), want) {
			t.Errorf("the log does not say %q:\n%s", want, text())
		}
	}
	conn, err := tls.Dial("tcp", s.ports[len(s.ports)-1].Addr().String(), &tls.Config{ServerName: "live.example.test", InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	for _, path := range []string{"nothing", "", "../../../etc/passwd"} {
		if res := call(t, "GET", "http://127.0.0.1:"+strconv.Itoa(ours)+cert.ChallengePath+path, ""); res.StatusCode < 400 {
			t.Errorf("%q: %s", path, res.Status)
		}
	}
}

// Who asks for a proof gets one or nothing, and who asks for something else besides gets none.
func TestACMEProofAlone(t *testing.T) {
	ours, tlsOurs, nowhere := portNumber(t), portNumber(t), portNumber(t)
	open(t, ordering(t, newAuthority(t, nowhere, nowhere, time.Hour), ours, tlsOurs))
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(tlsOurs))
	for _, protocols := range [][]string{{cert.ALPN}, {cert.ALPN, "other"}} {
		if _, err := tls.Dial("tcp", address, &tls.Config{ServerName: "unknown.example.test", InsecureSkipVerify: true, NextProtos: protocols}); err == nil {
			t.Errorf("%v: an unknown name was proved", protocols)
		}
	}
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{cert.ALPN, "h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if said := conn.ConnectionState().NegotiatedProtocol; said != "h2" {
		t.Errorf("%q is spoken", said)
	}
}

// While an order runs its proof is seen, and the connection ends there.
func TestACMEProof(t *testing.T) {
	s := open(t, secured(t, "a"))
	s.acme = new(cert.Account)
	config, err := s.tlsConfig(&portPlan{secure: httpPlan{pages: true}})
	if err != nil {
		t.Fatal(err)
	}
	proof, err := s.certificateOf(s.config.HTTPServer.HTTPS.Files)
	if err != nil {
		t.Fatal(err)
	}
	proving, _ := config.GetConfigForClient(&tls.ClientHelloInfo{SupportedProtos: []string{cert.ALPN}})
	proving.GetCertificate = proof.Certificate // any will do
	here, there := net.Pipe()
	go s.serveTLS(&port.Conn{Conn: there}, config, insideTLS{})
	conn := tls.Client(here, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{cert.ALPN}})
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if err := conn.Handshake(); err != nil || conn.ConnectionState().NegotiatedProtocol != cert.ALPN {
		t.Fatalf("%v, %q", err, conn.ConnectionState().NegotiatedProtocol)
	}
	if n, err := conn.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		t.Errorf("something is spoken inside: %d bytes, %v", n, err)
	}
}

// Settings that no certificate can come from stop the start with words.
func TestACMEBadSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ section, want string }{
		{"enabled on;", "acme.domains` must name"},
		{"enabled on; domains *.example.test;", "wildcard"},
		{"enabled on; domains 192.0.2.1;", "is an address"},
		{"enabled on; domains münchen.test;", "xn--"},
		{"enabled on; domains a..test;", "no host name"},
		{"enabled on; domains ../a;", "no host name"},
		{"enabled on; domains a.test; directory http://ca.test/;", "https://"},
		{"enabled on; domains a.test; email nobody;", "acme.email` is"},
		{"enabled on; domains a.test; cache " + file + ";", "acme: cert: cache"},
		{"enabled on; domains a.test; cache " + t.TempDir() + "; root " + file + ";", "holds no certificate"},
	} {
		err := startUp(t, "acme { "+test.section+" } http_server { enabled on; listen 127.0.0.1:PORT1; https { enabled on; listen shared; cert "+t.TempDir()+"/a; key "+t.TempDir()+"/b; } }")
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "acme") {
			t.Errorf("%s: %v", test.section, err)
		}
	}
	if err := startUp(t, "acme { enabled on; domains a.test; } http_server { enabled on; listen 127.0.0.1:PORT1; }"); err == nil || !strings.Contains(err.Error(), "https.enabled") {
		t.Errorf("without HTTPS: %v", err)
	}
}

// startUp loads a configuration and starts a server with it; the first that fails says why.
func startUp(t *testing.T, text string) error {
	t.Helper()
	var c Config
	in := config.Source{Path: "test", Text: []byte(strings.ReplaceAll(text, "PORT1", porttest.Free(t)))}
	if _, err := config.Load(config.Input{Source: in}, &c); err != nil {
		return err
	}
	s, err := Open(&c, logTo(t))
	if err == nil {
		s.Close()
	}
	return err
}

// Which way is tried first depends on the ports.
func TestWaysOfProof(t *testing.T) {
	for _, test := range []struct{ sections, want string }{
		{"listen 8080; https { enabled on; listen shared; }", "tls-alpn-01 http-01"},
		{"listen 80; https { enabled on; listen 443; }", "tls-alpn-01 http-01"},
		{"listen 80; https { enabled on; listen 8443; }", "http-01 tls-alpn-01"},
	} {
		c := configure(t, "http_server { enabled on; "+test.sections+" }")
		plan, err := (&Server{config: c}).plan()
		if got := strings.Join(waysOfProof(plan), " "); err != nil || got != test.want {
			t.Errorf("%s: %s (%v)", test.sections, got, err)
		}
	}
}
