package dtls

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/logging"
)

// maxAdmitted bounds the bytes that one handshake may be fed, and with them the memory and the time that a
// flood can cost: a real handshake has 3-5 KB, and a dozen repetitions of it within the timeout.
const maxAdmitted = 128 << 10

// overhead is what DTLS adds to a handshake fragment at most: the record, the message and the protection.
const (
	overhead = headerLen + msgHeaderLen + nonceLen + tagLen
	minMTU   = 256
)

// handshake is a negotiation that may yet begin, or runs on a goroutine of its own. Afterwards it is forgotten.
type handshake struct {
	config   Config
	remote   digest
	client   bool
	pipe     *pipe
	cancel   context.CancelFunc
	admitted int      // bytes fed so far, at most maxAdmitted
	last     [][]byte // the server's last flight, until there are keys; the library sends it once
}

// established is what remains of a handshake that went well.
type established struct {
	protection protection
	keys       Keys
	last       []byte // the server's last flight, for a client that did not get it
	err        error  // set if the peer closed the association at once
}

// guarded is run, with a panic as an error.
func (h *handshake) guarded(ctx context.Context) (e *established, err error) {
	defer func() {
		if p := recover(); p != nil {
			e, err = nil, &Fault{Panic: p, Stack: debug.Stack()}
		}
	}()
	return h.run(ctx)
}

// run negotiates until the handshake is complete, has failed or ctx ends.
func (h *handshake) run(ctx context.Context) (*established, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, h.config.Timeout, ErrTimeout)
	defer cancel()
	conn, err := h.conn()
	if err != nil {
		return nil, fmt.Errorf("dtls: %w", err)
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, explain(ctx, err)
	}
	if err := h.quiesce(ctx, conn); err != nil {
		_ = conn.Close() // Its close_notify goes nowhere after cut.
		return nil, err
	}
	return h.take(conn)
}

// explain turns the library's error into a sentence for the log.
func explain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if errors.Is(err, ErrFingerprint) {
		return ErrFingerprint
	}
	return fmt.Errorf("dtls: %w", err)
}

func (h *handshake) conn() (*dtls.Conn, error) {
	options := []dtls.Option{
		dtls.WithCertificates(h.config.Certificate.tls),
		dtls.WithCipherSuites(
			dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		),
		dtls.WithSRTPProtectionProfiles(profiles(h.config.Profiles)...),
		dtls.WithFlightInterval(h.config.RetransmitInterval),
		dtls.WithMTU(h.config.MTU - overhead),
		dtls.WithInsecureSkipVerify(true), // Nobody signed it; the fingerprint is what counts.
		dtls.WithVerifyPeerCertificate(h.verify),
		dtls.WithLoggerFactory(&logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}),
	}
	if h.client {
		client := make([]dtls.ClientOption, len(options))
		for i, o := range options {
			client[i] = o
		}
		return dtls.ClientWithOptions(h.pipe, addr{}, client...)
	}
	server := []dtls.ServerOption{
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithInsecureSkipVerifyHello(true), // ICE has verified the path, so the cookie's round trip is spared.
	}
	for _, o := range options {
		server = append(server, o)
	}
	return dtls.ServerWithOptions(h.pipe, addr{}, server...)
}

func profiles(in []Profile) []dtls.SRTPProtectionProfile {
	out := make([]dtls.SRTPProtectionProfile, len(in))
	for i, p := range in {
		out[i] = dtls.SRTPProtectionProfile(p)
	}
	return out
}

// verify is called once the peer has proved that it has the certificate's private key.
func (h *handshake) verify(certificates [][]byte, _ [][]*x509.Certificate) error {
	if len(certificates) == 0 || !h.remote.matches(certificates[0]) {
		return ErrFingerprint
	}
	return nil
}

// quiesce ends the library's goroutines, which would otherwise idle for as long as the association lives. After
// cut nothing the library writes leaves any more, so that the sequence number that take reads is higher than any
// that was sent. The library's Close is not called, for it would write a close_notify; with its input at an end
// both its goroutines return. What they hand to Read has to be taken off them on their way.
func (h *handshake) quiesce(ctx context.Context, conn *dtls.Conn) error {
	h.pipe.cut()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for buf := make([]byte, 1); ; {
		if _, err := conn.Read(buf); errors.Is(err, io.EOF) {
			break
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	select {
	case <-h.pipe.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// take gets from the library what is needed to go on without it.
func (h *handshake) take(conn *dtls.Conn) (*established, error) {
	state, ok := conn.ConnectionState()
	if !ok {
		return nil, errors.New("dtls: the library has no state after the handshake")
	}
	profile, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return nil, ErrNoSRTP
	}
	keys, err := exportKeys(&state, Profile(profile), h.client)
	if err != nil {
		return nil, err
	}
	protection, err := exportProtection(&state, h.client)
	if err != nil {
		return nil, err
	}
	e := &established{protection: protection, keys: keys}
	last, shut := h.pipe.outcome()
	if shut {
		e.err = ErrPeerClosed
	}
	if !h.client {
		e.last = last
	}
	return e, nil
}

// exportKeys derives the SRTP keys: client key, server key, client salt, server salt (RFC 5764 section 4.2).
func exportKeys(state *dtls.State, profile Profile, client bool) (Keys, error) {
	key, salt, err := profile.lengths()
	if err != nil {
		return Keys{}, err
	}
	material, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*(key+salt))
	if err != nil {
		return Keys{}, fmt.Errorf("dtls: SRTP keys: %w", err)
	}
	cut := func(n int) []byte {
		part := material[:n:n]
		material = material[n:]
		return part
	}
	clientKey, serverKey, clientSalt, serverSalt := cut(key), cut(key), cut(salt), cut(salt)
	if client {
		return Keys{profile, clientKey, clientSalt, serverKey, serverSalt}, nil
	}
	return Keys{profile, serverKey, serverSalt, clientKey, clientSalt}, nil
}

// marshalled names the fields of the library's serialized state (a gob) that are needed to go on without it.
type marshalled struct {
	LocalEpoch                           uint16
	MasterSecret                         []byte
	LocalRandom, RemoteRandom            [32]byte
	SequenceNumber, RemoteSequenceNumber uint64
}

// exportProtection derives the record keys once more from the master secret (RFC 5246 section 6.3), because the
// library keeps them to itself.
func exportProtection(state *dtls.State, client bool) (protection, error) {
	raw, err := state.MarshalBinary()
	if err != nil {
		return protection{}, fmt.Errorf("dtls: state: %w", err)
	}
	m := marshalled{}
	if err := gob.NewDecoder(bytes.NewReader(raw)).Decode(&m); err != nil {
		return protection{}, fmt.Errorf("dtls: state: %w", err)
	}
	if len(m.MasterSecret) == 0 || m.LocalEpoch != 1 {
		return protection{}, errors.New("dtls: the library's state lacks the master secret")
	}
	clientRandom, serverRandom := m.RemoteRandom, m.LocalRandom
	if client {
		clientRandom, serverRandom = serverRandom, clientRandom
	}
	k, err := prf.GenerateEncryptionKeys(m.MasterSecret, clientRandom[:], serverRandom[:], 0, keyLen, ivLen, sha256.New)
	if err != nil {
		return protection{}, fmt.Errorf("dtls: record keys: %w", err)
	}
	p := protection{next: m.SequenceNumber, expect: m.RemoteSequenceNumber}
	byClient, byServer := &p.remote, &p.local
	if client {
		byClient, byServer = byServer, byClient
	}
	copy(byClient.key[:], k.ClientWriteKey)
	copy(byClient.iv[:], k.ClientWriteIV)
	copy(byServer.key[:], k.ServerWriteKey)
	copy(byServer.iv[:], k.ServerWriteIV)
	return p, nil
}
