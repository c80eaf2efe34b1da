package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"time"

	"oneport/cert"
	"oneport/port"
)

// handshakeDeadline is how long a client may take from its first byte to the end of the TLS handshake.
const handshakeDeadline = 10 * time.Second

// tlsConfig is what a port needs to serve what it has inside TLS. Sections that share a port but not a certificate are told
// apart by the name that the client asks for.
func (s *Server) tlsConfig(p *portPlan) (*tls.Config, error) {
	var sources []*cert.Source
	for _, section := range s.config.certificates(p.secure.pages, p.secure.api, p.rtmps) {
		source, err := s.certificateOf(section.files)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", section.name, err)
		}
		sources = append(sources, source)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: choose(sources)}
	if p.secure.any() {
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	if s.acme != nil {
		s.ordered(config)
	}
	return config, nil
}

// certificate is the files that a section of the configuration names.
type certificate struct {
	name  string
	files cert.Files
}

// certificates are those of the sections that are served.
func (c *Config) certificates(pages, api, rtmps bool) (list []certificate) {
	if pages {
		list = append(list, certificate{"http_server.https", c.HTTPServer.HTTPS.Files})
	}
	if api {
		list = append(list, certificate{"http_api.https", c.HTTPAPI.HTTPS.Files})
	}
	if rtmps {
		list = append(list, certificate{"rtmps", c.RTMPS.Files})
	}
	return list
}

// CheckFiles finds certificates that could not be used. Those that the start would make may be missing.
func (c *Config) CheckFiles() error {
	for _, section := range c.certificates(c.HTTPServer.HTTPS.Enabled, c.HTTPAPI.HTTPS.Enabled, c.RTMPS.Enabled) {
		if err := cert.Check(section.files); err != nil {
			return fmt.Errorf("%s: %w", section.name, err)
		}
	}
	return nil
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
func (s *Server) Secure() (at netip.AddrPort, fingerprint string, ok bool) {
	source := s.certs[s.config.HTTPServer.HTTPS.Files]
	if !s.config.HTTPServer.HTTPS.Enabled || source == nil {
		return at, "", false
	}
	_, pages := s.config.httpsListens()
	at, err := parseListen(pages[0])
	return at, source.Fingerprint(), err == nil
}

// ownNames are the names and addresses that this machine is likely to be called by.
func (s *Server) ownNames() []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if name, err := os.Hostname(); err == nil {
		names = append(names, name)
	}
	if h, told, _ := s.config.RTC.told(); told {
		names = append(names, h.Addr)
	}
	for _, a := range s.interfaceAddrs() {
		names = append(names, a.String())
	}
	return names
}

// insideTLS is what a port serves inside TLS.
type insideTLS struct {
	http *port.Listener // nil: it does not
	rtmp bool
}

// serveTLS is a connection from its ClientHello to what is inside. HTTP gets the *tls.Conn itself where the client has said
// that it speaks it: HTTP/2 and the TLS state of requests depend on it. Clients of RTMPS say nothing.
func (s *Server) serveTLS(c *port.Conn, config *tls.Config, inside insideTLS) {
	limited := &hello{Conn: c, left: maxHello}
	secure := tls.Server(limited, config)
	c.SetDeadline(time.Now().Add(handshakeDeadline))
	newcomer := s.handshakes.enter(c)
	defer s.handshakes.leave(newcomer)
	if err := secure.HandshakeContext(context.Background()); err != nil {
		s.stats.tlsFailed.Add(1)
		s.log.Debug("tls: handshake failed", "remote", c.RemoteAddr().String(), "err", err)
		c.Close()
		return
	}
	limited.left = unlimited
	switch said := secure.ConnectionState().NegotiatedProtocol; {
	case said == cert.ALPN: // the authority has seen its proof
		secure.Close()
	case said == "" && inside.rtmp:
		s.sniffTLS(secure, inside, func() { s.handshakes.leave(newcomer) })
	case inside.http != nil:
		c.SetDeadline(time.Time{})
		inside.http.Give(secure)
	default:
		secure.Close()
	}
}

// sniffTLS tells RTMP from HTTP/1.1 by the first bytes inside TLS, and calls known when they have come.
func (s *Server) sniffTLS(secure *tls.Conn, inside insideTLS, known func()) {
	c := &port.Conn{Conn: secure}
	kind, err := c.Sniff()
	known()
	secure.SetDeadline(time.Time{})
	switch {
	case err == nil && kind == port.RTMP:
		s.serveRTMP(c)
	case err == nil && kind == port.HTTP && inside.http != nil:
		inside.http.Give(&sniffedTLS{c, secure})
	default:
		s.log.Debug("tls: what is inside is neither RTMP nor HTTP", "remote", c.RemoteAddr().String(), "err", err)
		s.stats.strangers.Add(1)
		secure.Close()
	}
}

// sniffedTLS is a connection of TLS whose first bytes were looked at.
type sniffedTLS struct {
	*port.Conn
	tls *tls.Conn
}

// secureConnection is the key of the TLS state in a request's context, where net/http can't know it.
type secureConnection struct{}

// tellTLS lets requests know that they came inside TLS, where the server that read them does not.
func tellTLS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if state, ok := r.Context().Value(secureConnection{}).(*tls.ConnectionState); ok && r.TLS == nil {
			r.TLS = state
		}
		next.ServeHTTP(w, r)
	})
}
