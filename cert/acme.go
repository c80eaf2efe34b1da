package cert

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
)

// ACME says which names get their certificate from a certificate authority (RFC 8555).
type ACME struct {
	Enabled   bool     `conf:"enabled" default:"off" doc:"Whether certificates are ordered from a certificate authority and renewed; switching it on accepts the authority's terms. It must reach this server by each name on port 443 (HTTPS) or 80 (HTTP)."`
	Domains   []string `conf:"domains" doc:"The names that get a certificate. Clients that ask for another one, or for none, get that of key and cert."`
	Email     string   `conf:"email" doc:"Where the authority may write to about the certificates; it may be left out."`
	Cache     string   `conf:"cache" default:"./conf/acme" doc:"Folder where the certificates are kept, with their keys and the account's."`
	Directory string   `conf:"directory" default:"https://acme-v02.api.letsencrypt.org/directory" doc:"URL of the authority's directory. To try things out without limits: https://acme-staging-v02.api.letsencrypt.org/directory."`
	Root      string   `conf:"root" doc:"File of the root certificates (PEM) by which the directory itself is trusted. Default: those of the system."`
}

// Check finds settings that no certificate can come from.
func (a ACME) Check() error {
	if !a.Enabled {
		return nil
	}
	if len(a.Domains) == 0 {
		return errors.New("domains must name what the certificates are for, as in: domains live.example.com")
	}
	for _, domain := range a.Domains {
		if err := checkDomain(domain); err != nil {
			return fmt.Errorf("domains: %w", err)
		}
	}
	if u, err := url.Parse(a.Directory); err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return fmt.Errorf("directory is %q: it must be an https:// URL", a.Directory)
	}
	if a.Email != "" {
		if address, err := mail.ParseAddress(a.Email); err != nil || address.Address != a.Email {
			return fmt.Errorf("email is %q: it must be one plain address", a.Email)
		}
	}
	return nil
}

// checkDomain says why there can't be a certificate for a name. What it lets pass is also fit to be a file's name.
func checkDomain(name string) error {
	if _, err := netip.ParseAddr(name); err == nil {
		return fmt.Errorf("%s is an address: only names get a certificate", name)
	}
	if strings.Contains(name, "*") {
		return fmt.Errorf("%s is a wildcard, which would have to be proved by DNS: list the names one by one", name)
	}
	for label := range strings.SplitSeq(strings.ToLower(name), ".") {
		strange := strings.IndexFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
		})
		switch {
		case strange >= 0:
			return fmt.Errorf("%q is no host name: it can hold letters, digits, - and dots; write others as xn--", name)
		case label == "" || len(label) > 63 || len(name) > 253 || label[0] == '-':
			return fmt.Errorf("%q is no host name", name)
		}
	}
	return nil
}

// The ways to prove that a name is ours.
const (
	ByTLS  = "tls-alpn-01" // RFC 8737, on port 443
	ByHTTP = "http-01"     // RFC 8555 section 8.3, on port 80
)

// ALPN is the protocol that a certificate authority asks for when it looks for a proof. Nothing is spoken inside.
const ALPN = acme.ALPNProto

// ChallengePath is where a certificate authority looks for proofs by HTTP; Account is the handler.
const ChallengePath = "/.well-known/acme-challenge/"

// Account is ours at a certificate authority: it orders a certificate for each name, keeps and renews them, and shows the
// proofs that the authority asks for. It is safe for concurrent use; nobody waits for the authority but Run.
type Account struct {
	settings ACME
	log      *slog.Logger
	folder   string
	client   *acme.Client

	// Of Run alone.
	names      []*name
	ways       []string // to prove a name, the most promising first
	registered bool

	mu      sync.RWMutex
	current map[string]*tls.Certificate // by name
	proofs  map[string]*tls.Certificate // ByTLS: by name, while an order runs
	answers map[string]string           // ByHTTP: by path, while an order runs
}

// name is one for which there is to be a certificate.
type name struct {
	domain   string
	due      time.Time // for the next order
	failures int       // in a row
}

// OpenAccount reads what is kept of an account, or begins one. It asks nothing of the authority; Run does.
func OpenAccount(settings ACME, log *slog.Logger) (*Account, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if err := trust(transport, settings.Root); err != nil {
		return nil, fmt.Errorf("cert: root: %w", err)
	}
	folder, key, err := openFolder(settings.Cache, settings.Directory)
	if err != nil {
		return nil, fmt.Errorf("cert: cache: %w", err)
	}
	a := &Account{
		settings: settings, log: log, folder: folder,
		client: &acme.Client{
			Key: key, DirectoryURL: settings.Directory, UserAgent: "oneport", RetryBackoff: retry,
			HTTPClient: &http.Client{Transport: transport, Timeout: requestDeadline},
		},
		current: make(map[string]*tls.Certificate),
		proofs:  make(map[string]*tls.Certificate),
		answers: make(map[string]string),
	}
	for _, domain := range settings.Domains {
		domain = strings.ToLower(domain)
		if slices.ContainsFunc(a.names, func(n *name) bool { return n.domain == domain }) {
			continue
		}
		n := &name{domain: domain}
		a.names = append(a.names, n)
		if kept := a.kept(domain); kept != nil {
			a.current[domain] = kept
			n.due = renewal(kept.Leaf)
		}
	}
	return a, nil
}

// Certificate is that of the name which the client asks for; nil if there is none (yet).
func (a *Account) Certificate(hello *tls.ClientHelloInfo) *tls.Certificate {
	a.mu.RLock()
	c := a.current[strings.ToLower(hello.ServerName)]
	a.mu.RUnlock()
	if c == nil || time.Now().After(c.Leaf.NotAfter) {
		return nil
	}
	return c
}

// AsksProof tells a certificate authority, that wants to see a proof, from a client.
func AsksProof(hello *tls.ClientHelloInfo) bool {
	return len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == ALPN
}

// Proof is the certificate by which a name is proved to be ours (RFC 8737).
func (a *Account) Proof(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if c := a.proofs[strings.ToLower(hello.ServerName)]; c != nil {
		return c, nil
	}
	return nil, errors.New("cert: nothing is to be proved for this name")
}

// ServeHTTP gives the proofs by HTTP.
func (a *Account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.RLock()
	answer := a.answers[r.URL.Path]
	a.mu.RUnlock()
	if answer == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write([]byte(answer))
}

// Run orders what is missing and renews what is about to expire until ctx ends. The ways to prove a name come in the order
// in which they are to be tried.
func (a *Account) Run(ctx context.Context, ways ...string) {
	defer a.client.HTTPClient.CloseIdleConnections()
	a.ways = ways
	for {
		a.round(ctx)
		next := slices.MinFunc(a.names, func(x, y *name) int { return x.due.Compare(y.due) })
		timer := time.NewTimer(min(time.Until(next.due), longestSleep))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// longestSleep bounds what a clock that was set, or a machine that slept, can delay a renewal.
const longestSleep = time.Hour

// round orders for every name that is due.
func (a *Account) round(ctx context.Context) {
	for _, n := range a.names {
		if ctx.Err() != nil || time.Now().Before(n.due) {
			continue
		}
		c, way, err := a.obtain(ctx, n.domain)
		switch {
		case err == nil:
			n.failures, n.due = 0, nextOrder(c.Leaf)
			a.log.Info("acme: a certificate has come", "domain", n.domain, "proved", way, "expires", c.Leaf.NotAfter, "renewal", n.due)
		case ctx.Err() == nil:
			wait := patience(err, n.failures)
			n.failures, n.due = n.failures+1, time.Now().Add(wait)
			a.complain(n.domain, err, wait)
		}
	}
}

// complain says what is wrong and what can be done about it. It is called once an order, which patience makes rare.
func (a *Account) complain(domain string, err error, wait time.Duration) {
	inUse := "that of key and cert, of which browsers may warn"
	if c := a.Certificate(&tls.ClientHelloInfo{ServerName: domain}); c != nil {
		inUse = "the old one, until " + c.Leaf.NotAfter.Format(time.RFC3339)
	}
	a.log.Error("acme: no certificate was given", "domain", domain, "err", bounded(err.Error()), "in_use", inUse,
		"advice", a.advice(domain, err), "again_in", wait.Round(time.Second))
}

// bounded keeps a certificate authority's text from filling the log.
func bounded(text string) string {
	const most = 1000
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
