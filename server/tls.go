package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"time"

	"oneport/cert"
	"oneport/port"
)

// handshakeDeadline is how long a client may take from its first byte to the end of the TLS handshake.
const handshakeDeadline = 10 * time.Second

// tlsConfig is what a port needs to serve h inside TLS. Sections that share a port but not a certificate are told apart by
// the name that the client asks for.
func (s *Server) tlsConfig(h httpPlan) (*tls.Config, error) {
	var sources []*cert.Source
	for _, section := range []struct {
		on    bool
		name  string
		files cert.Files
	}{
		{h.pages, "http_server.https", s.config.HTTPServer.HTTPS.Files},
		{h.api, "http_api.https", s.config.HTTPAPI.HTTPS.Files},
	} {
		if !section.on {
			continue
		}
		source, err := s.certificateOf(section.files)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", section.name, err)
		}
		sources = append(sources, source)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: choose(sources)}
	if s.acme != nil {
		s.ordered(config)
	}
	return config, nil
}

// choose takes the first certificate that the client can use.
func choose(sources []*cert.Source) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		for _, source := range sources {
			if c, err := source.Certificate(hello); err == nil && hello.SupportsCertificate(c) == nil {
				return c, nil
			}
		}
		return sources[0].Certificate(hello) // better a wrong name than no answer
	}
}

// certificateOf opens files once, whoever asks for them.
func (s *Server) certificateOf(f cert.Files) (*cert.Source, error) {
	if source := s.certs[f]; source != nil {
		return source, nil
	}
	source, err := cert.Open(f, s.ownNames(), s.log)
	if err != nil {
		return nil, err
	}
	s.certs[f] = source
	return source, nil
}

// Secure says where the pages are served by HTTPS, and the SHA-256 fingerprint of their certificate by which a person can
// know it; false if they are not.
func (s *Server) Secure() (listen, fingerprint string, ok bool) {
	source := s.certs[s.config.HTTPServer.HTTPS.Files]
	if !s.config.HTTPServer.HTTPS.Enabled || source == nil {
		return "", "", false
	}
	_, pages := s.config.httpsListens()
	return pages[0], source.Fingerprint(), true
}

// ownNames are the names and addresses that this machine is likely to be called by.
func (s *Server) ownNames() []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if name, err := os.Hostname(); err == nil {
		names = append(names, name)
	}
	if c := s.config.RTC.Candidate; c != "*" && c != "" {
		names = append(names, hostOf(c))
	}
	for _, a := range s.interfaceAddrs() {
		names = append(names, a.String())
	}
	return names
}

// serveTLS is a connection from its ClientHello to the HTTP inside. What is inside gets the *tls.Conn itself: HTTP/2 and the
// TLS state of requests depend on it.
func (s *Server) serveTLS(c *port.Conn, config *tls.Config, inside *port.Listener) {
	secure := tls.Server(c, config)
	c.SetDeadline(time.Now().Add(handshakeDeadline))
	if err := secure.HandshakeContext(context.Background()); err != nil {
		s.log.Debug("tls: handshake failed", "remote", c.RemoteAddr().String(), "err", err)
		c.Close()
		return
	}
	if secure.ConnectionState().NegotiatedProtocol == cert.ALPN { // the authority has seen its proof
		secure.Close()
		return
	}
	c.SetDeadline(time.Time{})
	inside.Give(secure)
}
