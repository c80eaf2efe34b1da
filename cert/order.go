package cert

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"time"

	"golang.org/x/crypto/acme"
)

// Bounds of what is asked of a certificate authority.
const (
	requestDeadline = 30 * time.Second
	orderDeadline   = 5 * time.Minute
	mostRetries     = 6
	firstRetry      = 250 * time.Millisecond
)

// retry is how long to wait before a request is made again that the authority could not serve, or whose nonce was stale. A
// limit is not tried again here: the whole order is, later.
func retry(n int, _ *http.Request, res *http.Response) time.Duration {
	if n > mostRetries || res.StatusCode == http.StatusTooManyRequests {
		return -1
	}
	return firstRetry << (n - 1)
}

// obtain orders a certificate, proving the name in one way after the other, and puts it to use.
func (a *Account) obtain(ctx context.Context, domain string) (c *tls.Certificate, way string, err error) {
	ctx, cancel := context.WithTimeout(ctx, orderDeadline)
	defer cancel()
	if err := a.register(ctx); err != nil {
		return nil, "", err
	}
	var failed []error
	for i, way := range a.ways {
		c, err := a.order(ctx, domain, way)
		if err == nil {
			a.ways = slices.Insert(slices.Delete(slices.Clone(a.ways), i, i+1), 0, way) // it will work next time too
			return c, way, a.use(domain, c)
		}
		failed = append(failed, fmt.Errorf("%s: %w", way, err))
		if _, unproved := errors.AsType[*acme.AuthorizationError](err); !unproved {
			break // another way would fail alike, and count as one more try
		}
	}
	a.registered = false // the authority may have forgotten us
	return nil, "", errors.Join(failed...)
}

// register makes the account known to the authority, or finds that it is.
func (a *Account) register(ctx context.Context) error {
	if a.registered {
		return nil
	}
	account := new(acme.Account)
	if a.settings.Email != "" {
		account.Contact = []string{"mailto:" + a.settings.Email}
	}
	_, err := a.client.Register(ctx, account, acme.AcceptTOS)
	if err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
		return fmt.Errorf("register: %w", err)
	}
	a.registered = true
	return nil
}

// order gets a certificate with a key of its own.
func (a *Account) order(ctx context.Context, domain, way string) (*tls.Certificate, error) {
	order, err := a.client.AuthorizeOrder(ctx, acme.DomainIDs(domain))
	if err != nil {
		return nil, err
	}
	for _, url := range order.AuthzURLs {
		if err := a.prove(ctx, domain, way, url); err != nil {
			return nil, err
		}
	}
	if order, err = a.client.WaitOrder(ctx, order.URI); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: commonName(domain)}, DNSNames: []string{domain},
	}, key)
	if err != nil {
		return nil, err
	}
	chain, _, err := a.client.CreateCertFromOrder(ctx, order, request, true)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf}
	if !key.PublicKey.Equal(leaf.PublicKey) {
		return nil, errors.New("the certificate is for another key")
	}
	return c, usable(leaf, domain)
}

// commonName is a name as the subject of a request, which takes no longer one than this.
func commonName(domain string) string {
	if len(domain) > 64 {
		return ""
	}
	return domain
}

// usable says why a certificate is no good for a name now.
func usable(leaf *x509.Certificate, domain string) error {
	switch now := time.Now(); {
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate holds only from %s: see whether the clock is right", leaf.NotBefore)
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate has expired at %s", leaf.NotAfter)
	}
	return leaf.VerifyHostname(domain)
}

// prove satisfies one authorization of an order.
func (a *Account) prove(ctx context.Context, domain, way, url string) error {
	authorization, err := a.client.GetAuthorization(ctx, url)
	if err != nil || authorization.Status == acme.StatusValid {
		return err
	}
	i := slices.IndexFunc(authorization.Challenges, func(c *acme.Challenge) bool { return c.Type == way })
	if i < 0 {
		return &acme.AuthorizationError{URI: url, Errors: []error{errors.New("the authority does not offer it")}}
	}
	challenge := authorization.Challenges[i]
	hide, err := a.show(domain, challenge)
	if err != nil {
		return err
	}
	defer hide()
	if _, err := a.client.Accept(ctx, challenge); err != nil {
		return err
	}
	_, err = a.client.WaitAuthorization(ctx, url)
	return err
}

// show puts the proof of a challenge where the authority will look for it.
func (a *Account) show(domain string, challenge *acme.Challenge) (hide func(), err error) {
	if challenge.Type == ByTLS {
		proof, err := a.client.TLSALPN01ChallengeCert(challenge.Token, domain)
		if err != nil {
			return nil, err
		}
		return put(a, a.proofs, domain, &proof), nil
	}
	answer, err := a.client.HTTP01ChallengeResponse(challenge.Token)
	if err != nil {
		return nil, err
	}
	return put(a, a.answers, a.client.HTTP01ChallengePath(challenge.Token), answer), nil
}

// put holds a value in a map of the account until it is taken out again.
func put[V any](a *Account, m map[string]V, key string, v V) (remove func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m[key] = v
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(m, key)
	}
}

// renewal is when a certificate is to be replaced: with a third of its life left, a little earlier for some, so that not all
// the servers in the world ask at once.
func renewal(leaf *x509.Certificate) time.Time {
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	return leaf.NotAfter.Add(-life/3 - mathrand.N(max(life/30, 1)))
}

// nextOrder is the renewal of a certificate that has just come: not at once, even if it came late in its life.
func nextOrder(leaf *x509.Certificate) time.Time {
	soonest := time.Now().Add(time.Until(leaf.NotAfter) / 3)
	if due := renewal(leaf); due.After(soonest) {
		return due
	}
	return soonest
}
