package cert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// account opens an account for a.test at an authority that answers as the handler does.
func account(t *testing.T, answer http.HandlerFunc) (*Account, *lockedBuffer) {
	t.Helper()
	server := httptest.NewTLSServer(answer)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	root := filepath.Join(dir, "root.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(root, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	a, err := OpenAccount(ACME{Domains: []string{"A.test", "a.test"}, Cache: dir, Directory: server.URL + "/dir", Root: root},
		slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if len(a.names) != 1 {
		t.Errorf("%d names of one", len(a.names))
	}
	return a, &log
}

// running runs an account until the test ends, which it must let it.
func running(t *testing.T, a *Account) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.Run(ctx, ByTLS, ByHTTP)
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Error("the account goes on")
		}
	})
}

// An authority that is out of order, or lies, is a complaint with advice, never more.
func TestBadAuthority(t *testing.T) {
	problem := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Replay-Nonce", "n")
			w.Header().Set("Retry-After", "86400")
			if r.URL.Path == "/dir" {
				fmt.Fprintf(w, `{"newNonce":"https://%s/n","newAccount":"https://%s/a","newOrder":"https://%s/o"}`, r.Host, r.Host, r.Host)
				return
			}
			w.WriteHeader(status)
			fmt.Fprint(w, text)
		}
	}
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		want   []string
	}{
		{"no directory", http.NotFound, []string{"404", "the authority refuses", "again_in=20m0s"}},
		{"no JSON", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, []string{"reach https://127.0.0.1", "again_in=10s"}},
		{"an empty directory", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") }, []string{"again_in=10s"}},
		{"limited", problem(429, `{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many registrations"}`),
			[]string{"too many registrations", "given enough for now", "again_in=24h0m0s"}},
		{"forbidden", problem(403, `{"type":"urn:ietf:params:acme:error:unauthorized","detail":"`+strings.Repeat("x", 5000)+`"}`),
			[]string{"register: 403 ", "x…", "again_in=20m0s"}},
		{"no account", problem(201, `garbage`), []string{"again_in=10s"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, log := account(t, test.answer)
			running(t, a)
			for end := time.Now().Add(20 * time.Second); !strings.Contains(log.String(), "no certificate was given"); time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("no complaint: %s", log)
				}
			}
			for _, want := range append(test.want, "domain=a.test", "that of key and cert") {
				if !strings.Contains(log.String(), want) {
					t.Errorf("the log does not say %q:\n%s", want, log)
				}
			}
			if len(log.String()) > 3000 || strings.Contains(log.String(), "PRIVATE") {
				t.Errorf("%d bytes of log", len(log.String()))
			}
			if a.Certificate(&tls.ClientHelloInfo{ServerName: "a.test"}) != nil {
				t.Error("there is a certificate")
			}
		})
	}
}

// An authority that says nothing does not keep the account from ending; what running waits for proves it.
func TestSilentAuthority(t *testing.T) {
	asked, over := make(chan struct{}), make(chan struct{})
	var once sync.Once
	a, log := account(t, func(http.ResponseWriter, *http.Request) {
		once.Do(func() { close(asked) })
		<-over
	})
	t.Cleanup(func() { close(over) })
	running(t, a)
	<-asked
	if log.String() != "" {
		t.Errorf("log: %s", log)
	}
}

// How long orders that fail are apart.
func TestPatience(t *testing.T) {
	unproved := &acme.AuthorizationError{}
	limit := func(after string) error {
		return &acme.Error{StatusCode: 429, ProblemType: "urn:ietf:params:acme:error:rateLimited", Header: http.Header{"Retry-After": {after}}}
	}
	for _, test := range []struct {
		err      error
		failures int
		want     time.Duration
	}{
		{errors.New("no route"), 0, 10 * time.Second},
		{errors.New("no route"), 3, 80 * time.Second},
		{errors.New("no route"), 1000, 20 * time.Minute},
		{&acme.Error{StatusCode: 503}, 0, 10 * time.Second},
		{&acme.Error{StatusCode: 400}, 0, 20 * time.Minute},
		{&acme.OrderError{}, 1, 40 * time.Minute},
		{errors.Join(unproved, unproved), 0, 20 * time.Minute},
		{unproved, 1000, 6 * time.Hour},
		{limit("60"), 0, 20 * time.Minute},
		{fmt.Errorf("in short: %w", limit("7200")), 0, 2 * time.Hour},
		{limit("99999999"), 0, 7 * 24 * time.Hour},
		{limit("-5"), 0, 20 * time.Minute},
		{limit("garbage"), 0, 20 * time.Minute},
	} {
		if got := patience(test.err, test.failures); got != test.want {
			t.Errorf("%v, %d failures: %v, want %v", test.err, test.failures, got, test.want)
		}
	}
}

// A certificate is renewed with a third of its life left, and one that came late not at once.
func TestRenewal(t *testing.T) {
	now := time.Now()
	for _, test := range []struct{ from, to, least, most time.Duration }{
		{0, 90 * 24 * time.Hour, 56 * 24 * time.Hour, 60 * 24 * time.Hour},
		{-time.Hour, 6*24*time.Hour - time.Hour, 90 * time.Hour, 96 * time.Hour},
		{-300 * time.Hour, 30 * time.Hour, 9 * time.Hour, 10 * time.Hour},
	} {
		leaf := &x509.Certificate{NotBefore: now.Add(test.from), NotAfter: now.Add(test.to)}
		if in := time.Until(nextOrder(leaf)); in < test.least || in > test.most {
			t.Errorf("%v to %v: renewed in %v", test.from, test.to, in)
		}
	}
	if !renewal(&x509.Certificate{NotBefore: now.Add(-3 * time.Hour), NotAfter: now.Add(time.Minute)}).Before(now) {
		t.Error("a kept certificate about to expire is not due")
	}
	if renewal(&x509.Certificate{NotBefore: now, NotAfter: now}).After(now) { // no life at all
		t.Error("a certificate without life is not due")
	}
}

// What is kept is used if it is good for the name now, else ordered anew; an account's key that is none stops the start.
func TestKept(t *testing.T) {
	a, log := account(t, http.NotFound)
	reopen := func() *Account {
		t.Helper()
		again, err := OpenAccount(a.settings, a.log)
		if err != nil {
			t.Fatal(err)
		}
		return again
	}
	hello := &tls.ClientHelloInfo{ServerName: "A.test"}
	keep := func(name string, made time.Time) {
		t.Helper()
		certPEM, keyPEM, err := selfSigned([]string{name}, made)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(a.file("a.test"), append(keyPEM, certPEM...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keep("a.test", time.Now())
	if c := reopen().Certificate(hello); c == nil || c.Leaf.VerifyHostname("a.test") != nil {
		t.Error("what is kept is not used")
	}
	for what, spoil := range map[string]func(){
		"of another name": func() { keep("b.test", time.Now()) },
		"expired":         func() { keep("a.test", time.Now().Add(-lifetime-time.Hour)) },
		"of the future":   func() { keep("a.test", time.Now().Add(48*time.Hour)) },
		"garbage":         func() { os.WriteFile(a.file("a.test"), []byte("garbage"), 0o600) },
	} {
		spoil()
		before := len(log.String())
		again := reopen()
		if again.Certificate(hello) != nil || !again.names[0].due.IsZero() {
			t.Errorf("%s: it is used", what)
		}
		if !strings.Contains(log.String()[before:], a.file("a.test")) {
			t.Errorf("%s: the log says %s", what, log.String()[before:])
		}
	}
	for _, text := range []string{"garbage", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		key := filepath.Join(a.folder, accountKey)
		os.WriteFile(key, []byte(text), 0o600)
		if _, err := OpenAccount(a.settings, a.log); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A certificate that expires in use, because no new one comes, gives way to the files'.
func TestExpired(t *testing.T) {
	a, _ := account(t, http.NotFound)
	a.current["a.test"] = &tls.Certificate{Leaf: &x509.Certificate{NotAfter: time.Now().Add(-time.Second)}}
	if a.Certificate(&tls.ClientHelloInfo{ServerName: "a.test"}) != nil {
		t.Error("an expired certificate is served")
	}
}

// Certificates of one directory are not taken for another's.
func TestFolders(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "conf")
	cache := filepath.Join(conf, "acme")
	seen := make(map[string]bool)
	for _, directory := range []string{
		"https://acme-v02.api.letsencrypt.org/directory", "https://acme-staging-v02.api.letsencrypt.org/directory",
		"https://ca.test/acme/a/directory", "https://ca.test/acme/b/directory", "https://../../../x",
	} {
		folder, _, err := openFolder(cache, directory)
		if err != nil || filepath.Dir(folder) != cache || seen[folder] {
			t.Errorf("%s: %s, %v", directory, folder, err)
		}
		seen[folder] = true
	}
	for folder, want := range map[string]os.FileMode{conf: 0o755, cache: 0o700} {
		if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", folder, info.Mode(), err)
		}
	}
}
