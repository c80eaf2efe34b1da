// Package cert is the certificate of the TLS ports: read from files that may change while it is in use, or made here once and kept.
package cert

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// Files say where a certificate and its key are.
type Files struct {
	Key  string `conf:"key" default:"./conf/server.key" doc:"File of the private key (PEM). If neither file exists, a self-signed certificate is made and kept there."`
	Cert string `conf:"cert" default:"./conf/server.crt" doc:"File of the certificate with its chain (PEM). A change on disk is taken up without a restart."`
}

// lookInterval is how often the files are looked at, at most: a renewed certificate is in use a moment later.
const lookInterval = time.Second

// Source gives the certificate of two files, always their newest that can be used. It is safe for concurrent use.
type Source struct {
	files Files
	log   *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	stamp   stamp // of what current was read from
	looked  time.Time
	failed  stamp // what could not be used, and was logged once
}

// stamp tells one state of the files from another.
type stamp struct {
	key, cert         time.Time
	keySize, certSize int64
}

// Open reads the certificate. If neither file exists it makes one for hosts, which browsers warn of, and keeps it in the files;
// where they can't be written it lives as long as the process. One file without the other, or files that can't be used,
// are an error.
func Open(f Files, hosts []string, log *slog.Logger) (*Source, error) {
	s := &Source{files: f, log: log, looked: time.Now()}
	if f.missing() {
		return s, s.make(hosts)
	}
	state, err := f.stamp()
	if err != nil {
		return nil, fmt.Errorf("cert: %w", err)
	}
	if s.current, err = f.load(); err != nil {
		return nil, fmt.Errorf("cert: %s with %s: %w", f.Cert, f.Key, err)
	}
	s.stamp = state
	return s, nil
}

// Check finds what Open would find wrong with the files, and makes none.
func Check(f Files) error {
	if f.missing() {
		return nil
	}
	if _, err := f.load(); err != nil {
		return fmt.Errorf("cert: %s with %s: %w", f.Cert, f.Key, err)
	}
	return nil
}

// missing says that neither file exists.
func (f Files) missing() bool {
	_, keyErr := os.Stat(f.Key)
	_, certErr := os.Stat(f.Cert)
	return errors.Is(keyErr, fs.ErrNotExist) && errors.Is(certErr, fs.ErrNotExist)
}

// make makes a self-signed certificate and keeps it.
func (s *Source) make(hosts []string) error {
	certPEM, keyPEM, err := selfSigned(hosts, time.Now())
	if err != nil {
		return fmt.Errorf("cert: %w", err)
	}
	made, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return fmt.Errorf("cert: %w", err)
	}
	s.current = &made
	if err := s.files.keep(certPEM, keyPEM); err != nil {
		s.log.Warn("the self-signed certificate can't be kept and will be another after a restart", "err", err)
		return nil
	}
	s.stamp, _ = s.files.stamp()
	s.log.Info("made a self-signed certificate", "cert", s.files.Cert, "key", s.files.Key, "fingerprint", s.Fingerprint())
	return nil
}

// Certificate is the one to use now. It is meant for tls.Config.GetCertificate.
func (s *Source) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.looked) >= lookInterval {
		s.looked = now
		s.look()
	}
	return s.current, nil
}

// look takes up files that have changed. What can't be used is logged once and the certificate at hand stays in use. Called
// locked.
func (s *Source) look() {
	state, err := s.files.stamp()
	if err != nil || state == s.stamp || state == s.failed {
		return
	}
	changed, err := s.files.load()
	if err != nil {
		s.failed = state
		s.log.Error("the changed certificate can't be used, the old one stays in use", "cert", s.files.Cert, "err", err)
		return
	}
	s.current, s.stamp = changed, state
	s.log.Info("the certificate has changed", "cert", s.files.Cert, "fingerprint", fingerprint(changed))
}

// Fingerprint is the SHA-256 fingerprint of the certificate in use, as browsers show it.
func (s *Source) Fingerprint() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fingerprint(s.current)
}

func fingerprint(c *tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	var b strings.Builder
	for i, v := range sum {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(strings.ToUpper(hex.EncodeToString([]byte{v})))
	}
	return b.String()
}

func (f Files) load() (*tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, err
	}
	return &c, nil
}

func (f Files) stamp() (stamp, error) {
	key, err := os.Stat(f.Key)
	if err != nil {
		return stamp{}, err
	}
	cert, err := os.Stat(f.Cert)
	if err != nil {
		return stamp{}, err
	}
	return stamp{key.ModTime(), cert.ModTime(), key.Size(), cert.Size()}, nil
}
