package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/srtp/v3"
)

// identify gives the client a certificate, and its offer the fingerprint.
func (c *client) identify(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	certificate, err := selfsign.SelfSign(key)
	must(t, err)
	sum := sha256.Sum256(certificate.Certificate[0])
	c.fingerprint = strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":")
	return certificate
}

// handshake runs DTLS on a connection that the client has proved itself on.
func handshake(t testing.TB, w *wire, o ...dtls.ClientOption) (*dtls.Conn, error) {
	t.Helper()
	o = append(o, dtls.WithInsecureSkipVerify(true), dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM))
	conn, err := dtls.ClientWithOptions(w, w.RemoteAddr(), o...)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	must(t, w.SetReadDeadline(time.Time{}))
	ctx, cancel := context.WithTimeout(context.Background(), joinLimit)
	defer cancel()
	return conn, conn.HandshakeContext(ctx)
}

// secure joins, connects and shakes hands in good order, and gives the keys for what the client sends.
func (c *client) secure(t testing.TB, s *server, stream string) (*wire, *srtp.Context) {
	t.Helper()
	certificate := c.identify(t)
	c.join(t, s, stream)
	w := c.connect(t, s)
	conn, err := handshake(t, w, dtls.WithCertificates(certificate))
	must(t, err)
	state, ok := conn.ConnectionState()
	if !ok {
		t.Fatal("no state after the handshake")
	}
	config := srtp.Config{Profile: srtp.ProtectionProfileAeadAes128Gcm}
	must(t, config.ExtractSessionKeysFromDTLS(&state, true))
	keys, err := srtp.CreateContext(config.Keys.LocalMasterKey, config.Keys.LocalMasterSalt, config.Profile)
	must(t, err)
	return w, keys
}

// A client that is not who its offer says, or has nothing to show, gets no further than the handshake, and the log says why.
func TestImpostors(t *testing.T) {
	t.Parallel()
	s := start(t)
	before := s.footprint()
	for _, tc := range []struct {
		name    string
		options func(tls.Certificate) []dtls.ClientOption
		why     string
	}{
		{"other certificate", func(tls.Certificate) []dtls.ClientOption {
			return []dtls.ClientOption{dtls.WithCertificates(new(client).identify(t))}
		}, "fingerprint"},
		{"no certificate", func(tls.Certificate) []dtls.ClientOption { return nil }, "client verification"},
	} {
		c := handmade(false)
		certificate := c.identify(t)
		c.join(t, s, "impostor")
		w := c.connect(t, s)
		if _, err := handshake(t, w, tc.options(certificate)...); err == nil {
			t.Errorf("%s: the handshake went well", tc.name)
		}
		eventually(t, joinLimit, tc.name+": the log says why", func() bool {
			return len(s.log.find("msg", "session ended", "why", tc.why)) == 1
		})
	}
	s.checkRecovers(t, before, slack)
}

// hello is the first datagram of an honest handshake.
func hello(t testing.TB) []byte {
	t.Helper()
	sink := &recorder{first: make(chan []byte, 1)}
	conn, err := dtls.ClientWithOptions(sink, nil, dtls.WithInsecureSkipVerify(true),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM), dtls.WithCertificates(new(client).identify(t)))
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = conn.HandshakeContext(ctx)
	}()
	b := <-sink.first
	cancel()
	_ = conn.Close()
	<-done
	return b
}

// A handshake that stops half-way is given up, and so is one that never begins, though the client answers to ICE all the while.
func TestHalfHandshake(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		say func(*testing.T, *wire)
		why string
	}{
		"half-way": {func(t *testing.T, w *wire) { w.send(t, hello(t)) }, "handshake was not finished in time"},
		"no hello": {func(*testing.T, *wire) {}, "no DTLS handshake began"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			before := s.footprint()
			c := handmade(false)
			c.join(t, s, "half")
			w := c.connect(t, s)
			test.say(t, w)
			const handshakeLimit = 30 * time.Second
			ended := make(chan struct{})
			go c.keepChecking(w, ended)
			took := w.awaitEnd(t, handshakeLimit+slack)
			close(ended)
			t.Logf("given up after %v", took)
			eventually(t, joinLimit, "the log says why", func() bool {
				return len(s.log.find("msg", "session ended", "why", test.why)) == 1
			})
			s.checkRecovers(t, before, slack)
		})
	}
}

// keepChecking sends a check each two seconds.
func (c *client) keepChecking(w *wire, ended <-chan struct{}) {
	ticker := time.NewTicker(2 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_, _ = w.WriteTo(c.request(true), nil)
		case <-ended:
			return
		}
	}
}

// Hellos from strangers cost nothing; a session that floods its own handshake ends.
func TestHelloFlood(t *testing.T) {
	t.Parallel()
	s := start(t)
	before := s.footprint()
	first := hello(t)
	unrouted := s.metric("oneport_datagrams_unrouted_total")
	for range 100 {
		w := dialWire(t, s)
		w.send(t, handmade(false).request(true)) // of nobody
		for range 20 {
			w.send(t, first)
		}
		w.Close()
	}
	eventually(t, joinLimit, "strangers' hellos are counted", func() bool {
		return s.metric("oneport_datagrams_unrouted_total") >= unrouted+2000
	})
	c := handmade(false)
	c.join(t, s, "flood")
	w := c.connect(t, s)
	flood := bytes.Repeat(append([]byte{byte(len(first) >> 8), byte(len(first))}, first...), 2000)
	_, _ = w.Write(flood) // the server may close in the middle of it
	w.awaitEnd(t, joinLimit)
	eventually(t, joinLimit, "the log says why", func() bool {
		return len(s.log.find("msg", "session ended", "why", "more than a handshake can need")) == 1
	})
	s.checkRecovers(t, before, slack)
}
