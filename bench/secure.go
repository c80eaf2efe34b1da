package bench

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1" // #nosec: some servers still sign their fingerprint so
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/srtp/v3"
)

// identity is a DTLS certificate and its fingerprint. Clients of one process may share it.
type identity struct {
	certificate tls.Certificate
	fingerprint string
}

func newIdentity() (*identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	certificate, err := selfsign.SelfSign(key)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	fingerprint, err := fingerprintOf("sha-256", certificate.Certificate[0])
	return &identity{certificate, fingerprint}, err
}

// fingerprintOf hashes a certificate and writes the hash as SDP does (RFC 8122 §5).
func fingerprintOf(hash string, certificate []byte) (string, error) {
	var sum []byte
	switch hash {
	case "sha-1":
		h := sha1.Sum(certificate)
		sum = h[:]
	case "sha-256":
		h := sha256.Sum256(certificate)
		sum = h[:]
	case "sha-384":
		h := sha512.Sum384(certificate)
		sum = h[:]
	case "sha-512":
		h := sha512.Sum512(certificate)
		sum = h[:]
	default:
		return "", fmt.Errorf("dtls: fingerprint of unknown hash %q", hash)
	}
	return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":"), nil
}

// pipe is the net.PacketConn that pion's DTLS believes to be a socket: datagrams come in by deliver, and go out by send.
// At most 64 datagrams wait to be read; more are dropped, as a network would.
type pipe struct {
	send func([]byte) error
	in   chan []byte
	done chan struct{}

	mu      sync.Mutex
	once    sync.Once
	expired chan struct{} // closed while the read deadline is in the past
	muted   bool          // keep what is written in last, send nothing
	last    []byte
}

func newPipe(send func([]byte) error) *pipe {
	return &pipe{send: send, in: make(chan []byte, 64), done: make(chan struct{}), expired: make(chan struct{})}
}

func (p *pipe) deliver(b []byte) {
	select {
	case p.in <- append([]byte(nil), b...):
	default:
	}
}

func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	p.mu.Lock()
	expired := p.expired
	p.mu.Unlock()
	select {
	case datagram := <-p.in:
		return copy(b, datagram), pipeAddr{}, nil
	case <-expired:
		return 0, nil, os.ErrDeadlineExceeded
	case <-p.done:
		return 0, nil, net.ErrClosed
	}
}

func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	p.mu.Lock()
	muted := p.muted
	if muted {
		p.last = append(p.last[:0], b...)
	}
	p.mu.Unlock()
	if muted {
		return len(b), nil
	}
	// A datagram without a path is a lost datagram: DTLS repeats it.
	_ = p.send(b)
	return len(b), nil
}

// SetReadDeadline knows two deadlines, passed and none: pion asks for no others.
func (p *pipe) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.expired:
		p.expired = make(chan struct{})
	default:
	}
	if !t.IsZero() && !t.After(time.Now()) {
		close(p.expired)
	}
	return nil
}

func (p *pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipe) SetWriteDeadline(time.Time) error { return nil }
func (p *pipe) SetDeadline(t time.Time) error    { return p.SetReadDeadline(t) }
func (p *pipe) LocalAddr() net.Addr              { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "udp" }
func (pipeAddr) String() string  { return "dtls" }

// association is a DTLS association after its handshake.
type association struct {
	profile     string
	send, recv  *srtp.Context
	closeNotify []byte     // the record to send to end it in the way of RFC 5246 §7.2.1
	server      *dtls.Conn // kept, with its goroutines, when the server was the DTLS client: it may repeat its last flight
}

func (a *association) close() {
	if a.server != nil {
		_ = a.server.Close()
	}
}

// profiles are offered in this order; AES-GCM costs a fraction of the other. See ClientOptions.SRTP.
func profiles(only string) []dtls.SRTPProtectionProfile {
	switch only {
	case "gcm":
		return []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM}
	case "cm80":
		return []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80}
	}
	return []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80}
}

// handshake runs DTLS over the pipe in the role the answer leaves us.
func handshake(ctx context.Context, id *identity, a *answer, srtpOnly string, p *pipe) (*association, error) {
	conn, err := newDTLS(id, a, srtpOnly, p)
	if err != nil {
		return nil, fmt.Errorf("dtls: %w", err)
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("dtls: handshake: %w", err)
	}
	assoc, err := export(conn, !a.active)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	if a.active {
		assoc.server = conn
		return assoc, nil
	}
	// As the client we have the server's last flight, so nothing is left to repeat: pion's goroutines can go.
	// Closing makes it write a close_notify, which is kept for Hangup.
	p.mu.Lock()
	p.muted = true
	p.mu.Unlock()
	_ = conn.Close()
	p.mu.Lock()
	assoc.closeNotify = p.last
	p.mu.Unlock()
	return assoc, nil
}

func newDTLS(id *identity, a *answer, srtpOnly string, p *pipe) (*dtls.Conn, error) {
	verify := func(certificates [][]byte, _ [][]*x509.Certificate) error {
		if len(certificates) == 0 {
			return errors.New("the server has no certificate")
		}
		got, err := fingerprintOf(a.hash, certificates[0])
		if err == nil && got != a.fingerprint {
			err = errors.New("the server's certificate does not match the answer's fingerprint")
		}
		return err
	}
	shared := []dtls.Option{
		dtls.WithCertificates(id.certificate),
		dtls.WithInsecureSkipVerify(true), // verified by the fingerprint instead
		dtls.WithVerifyPeerCertificate(verify),
		dtls.WithSRTPProtectionProfiles(profiles(srtpOnly)...),
		dtls.WithExtendedMasterSecret(dtls.RequestExtendedMasterSecret),
		dtls.WithFlightInterval(250 * time.Millisecond),
	}
	if a.active {
		options := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert)}
		for _, o := range shared {
			options = append(options, o)
		}
		return dtls.ServerWithOptions(p, pipeAddr{}, options...)
	}
	var options []dtls.ClientOption
	for _, o := range shared {
		options = append(options, o)
	}
	return dtls.ClientWithOptions(p, pipeAddr{}, options...)
}

// export makes the SRTP contexts of both directions.
func export(conn *dtls.Conn, client bool) (*association, error) {
	selected, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return nil, errors.New("dtls: the server chose no SRTP profile")
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return nil, errors.New("dtls: no state after the handshake")
	}
	config := srtp.Config{Profile: srtp.ProtectionProfile(selected)}
	if err := config.ExtractSessionKeysFromDTLS(&state, client); err != nil {
		return nil, fmt.Errorf("dtls: keys: %w", err)
	}
	k := config.Keys
	send, err := srtp.CreateContext(k.LocalMasterKey, k.LocalMasterSalt, config.Profile)
	if err != nil {
		return nil, fmt.Errorf("srtp: %w", err)
	}
	recv, err := srtp.CreateContext(k.RemoteMasterKey, k.RemoteMasterSalt, config.Profile)
	if err != nil {
		return nil, fmt.Errorf("srtp: %w", err)
	}
	return &association{profile: profileName(selected), send: send, recv: recv}, nil
}

func profileName(p dtls.SRTPProtectionProfile) string {
	switch p {
	case dtls.SRTP_AEAD_AES_128_GCM:
		return "AEAD_AES_128_GCM"
	case dtls.SRTP_AES128_CM_HMAC_SHA1_80:
		return "AES_CM_128_HMAC_SHA1_80"
	}
	return fmt.Sprintf("SRTP profile %d", p)
}
