package cert

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func files(t *testing.T) Files {
	dir := t.TempDir()
	return Files{Key: filepath.Join(dir, "conf", "a.key"), Cert: filepath.Join(dir, "conf", "a.crt")}
}

func logged() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}

func open(t *testing.T, f Files, log *slog.Logger, hosts ...string) *Source {
	t.Helper()
	s, err := Open(f, hosts, log)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func leaf(t *testing.T, s *Source) *x509.Certificate {
	t.Helper()
	c, err := s.Certificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestSelfSigned makes a certificate for the hosts, keeps it, and finds it again.
func TestSelfSigned(t *testing.T) {
	f := files(t)
	log, text := logged()
	made := open(t, f, log, "localhost", "192.0.2.1", "2001:db8::1")
	x := leaf(t, made)
	for _, host := range []string{"localhost", "192.0.2.1", "2001:db8::1"} {
		if err := x.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(text.String(), made.Fingerprint()) || strings.Count(made.Fingerprint(), ":") != 31 {
		t.Errorf("the fingerprint %s is not told:\n%s", made.Fingerprint(), text)
	}
	if info, err := os.Stat(f.Key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key is open to others: %v %v", info.Mode(), err)
	}
	if again := open(t, f, log); again.Fingerprint() != made.Fingerprint() {
		t.Error("another certificate after a restart")
	}
}

// TestNotKept goes on with a certificate that can't be written, and leaves no half of it behind.
func TestNotKept(t *testing.T) {
	f := files(t)
	dangling := filepath.Join(t.TempDir(), "dangling")
	if err := os.Symlink("gone", dangling); err != nil {
		t.Fatal(err)
	}
	f.Cert = filepath.Join(dangling, "a.crt") // no folder is there, and none can be made
	log, text := logged()
	s := open(t, f, log)
	if leaf(t, s) == nil || !strings.Contains(text.String(), "can't be kept") {
		t.Errorf("log: %s", text)
	}
	if _, err := os.Stat(f.Key); err == nil {
		t.Error("a key without its certificate is left")
	}
}

// TestBadFiles names the file at fault.
func TestBadFiles(t *testing.T) {
	f := files(t)
	log, _ := logged()
	open(t, f, log)
	whole, err := os.ReadFile(f.Cert)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(f.Cert)
	if _, err := Open(f, nil, log); err == nil || !strings.Contains(err.Error(), f.Cert) {
		t.Errorf("a key alone: %v", err)
	}
	for _, text := range []string{"", "garbage", string(whole[:len(whole)/2])} {
		os.WriteFile(f.Cert, []byte(text), 0o600)
		if _, err := Open(f, nil, log); err == nil || !strings.Contains(err.Error(), f.Cert) {
			t.Errorf("certificate %q: %v", text, err)
		}
	}
}

// TestReload takes up changed files, and keeps what it has when they are no good.
func TestReload(t *testing.T) {
	f, other := files(t), files(t)
	log, text := logged()
	open(t, f, log)
	second := open(t, other, log)
	synctest.Test(t, func(t *testing.T) {
		s := open(t, f, log)
		first := s.Fingerprint()
		copyFile(t, other.Key, f.Key) // half of the change: the pair does not match
		time.Sleep(2 * lookInterval)
		leaf(t, s)
		leaf(t, s)
		if s.Fingerprint() != first || strings.Count(text.String(), "can't be used") != 1 {
			t.Errorf("half a change: %s\n%s", s.Fingerprint(), text)
		}
		copyFile(t, other.Cert, f.Cert)
		leaf(t, s)
		if s.Fingerprint() != first {
			t.Error("the files are looked at more than once a second")
		}
		time.Sleep(2 * lookInterval)
		leaf(t, s)
		if s.Fingerprint() != second.Fingerprint() {
			t.Error("the change was not taken up")
		}
		os.Remove(f.Key)
		time.Sleep(2 * lookInterval)
		leaf(t, s)
		if s.Fingerprint() != second.Fingerprint() {
			t.Error("a certificate was lost with its file")
		}
	})
}

// copyFile copies a file and gives it an age of its own, which a coarse clock might not.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
	past := time.Unix(1_700_000_000+int64(len(to)), 0)
	if err := os.Chtimes(to, past, past); err != nil {
		t.Fatal(err)
	}
}
