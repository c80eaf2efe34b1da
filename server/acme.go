package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"

	"oneport/cert"
)

// openAccount opens what is kept of the account at a certificate authority, if there is to be one.
func (s *Server) openAccount() (err error) {
	if !s.config.ACME.Enabled {
		return nil
	}
	if s.acme, err = cert.OpenAccount(s.config.ACME, s.log); err != nil {
		return fmt.Errorf("acme: %w", err)
	}
	return nil
}

// ordered lets the account's certificates come before the others of a port. The authority has a handshake of its own: nobody
// else gets a proof, and nothing is spoken inside.
func (s *Server) ordered(config *tls.Config) {
	proving := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{cert.ALPN}, GetCertificate: s.acme.Proof}
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if cert.AsksProof(hello) {
			return proving, nil
		}
		return nil, nil // as for everybody
	}
	others := config.GetCertificate
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if c := s.acme.Certificate(hello); c != nil && hello.SupportsCertificate(c) == nil {
			return c, nil
		}
		return others(hello)
	}
}

// orderCertificates begins to order, now that the authority can reach the ports, and goes on until the server is closed.
func (s *Server) orderCertificates(plan []*portPlan) {
	if s.acme == nil {
		return
	}
	ways := waysOfProof(plan)
	ctx, cancel := context.WithCancel(context.Background())
	s.tasks.Go(func() {
		<-s.stop
		cancel()
	})
	s.tasks.Go(func() { s.acme.Run(ctx, ways...) })
}

// waysOfProof are those that the ports allow. The authority comes to 443 and 80; where neither is ours something in between may
// lead to us, so both are tried, TLS first.
func waysOfProof(plan []*portPlan) (ways []string) {
	listens := func(port uint16, on func(*portPlan) bool) bool {
		return slices.ContainsFunc(plan, func(p *portPlan) bool { return on(p) && (port == 0 || p.addr.Port() == port) })
	}
	plain := func(p *portPlan) bool { return p.plain.any() }
	secure := func(p *portPlan) bool { return p.secure.any() || p.rtmps }
	if listens(0, secure) {
		ways = append(ways, cert.ByTLS)
	}
	if listens(0, plain) {
		ways = append(ways, cert.ByHTTP)
	}
	if listens(80, plain) && !listens(443, secure) {
		slices.Reverse(ways)
	}
	return ways
}
