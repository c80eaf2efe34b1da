package dtls

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// KeyType is the kind of key a certificate is made for.
type KeyType uint8

const (
	ECDSA KeyType = iota // P-256, what browsers use themselves
	RSA                  // 2048 bits, for peers that know nothing else
)

// Certificate is a self-signed certificate with its private key. Peers trust it by its fingerprint alone.
type Certificate struct {
	tls         tls.Certificate
	fingerprint Fingerprint
}

// NewCertificate makes a certificate that is valid for a year; a server makes one each time it starts.
func NewCertificate(t KeyType) (*Certificate, error) {
	key, err := newKey(t)
	if err != nil {
		return nil, fmt.Errorf("dtls: certificate key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, fmt.Errorf("dtls: certificate serial: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "oneport"},
		NotBefore:    now.Add(-24 * time.Hour), // Clocks differ.
		NotAfter:     now.Add(365 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("dtls: certificate: %w", err)
	}
	sum := sha256.Sum256(der)
	return &Certificate{
		tls:         tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		fingerprint: Fingerprint{Hash: "sha-256", Value: colons(sum[:])},
	}, nil
}

func newKey(t KeyType) (crypto.Signer, error) {
	switch t {
	case ECDSA:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RSA:
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return nil, fmt.Errorf("key type %d is unknown", t)
}

// Fingerprint is the sha-256 fingerprint for the SDP.
func (c *Certificate) Fingerprint() Fingerprint { return c.fingerprint }

// Fingerprint names a certificate in SDP (RFC 8122 section 5): a hash function and upper-case hexadecimal bytes
// with colons between them.
type Fingerprint struct{ Hash, Value string }

// String is the value of the SDP attribute a=fingerprint.
func (f Fingerprint) String() string { return f.Hash + " " + f.Value }

// digest is a parsed Fingerprint.
type digest struct {
	hash func([]byte) []byte
	want []byte
}

// parse reads a fingerprint; hash functions that RFC 8122 deprecates are refused.
func (f Fingerprint) parse() (digest, error) {
	d := digest{}
	size := 0
	switch strings.ToLower(f.Hash) {
	case "sha-256":
		size, d.hash = sha256.Size, func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
	case "sha-384":
		size, d.hash = sha512.Size384, func(b []byte) []byte { s := sha512.Sum384(b); return s[:] }
	case "sha-512":
		size, d.hash = sha512.Size, func(b []byte) []byte { s := sha512.Sum512(b); return s[:] }
	default:
		return digest{}, fmt.Errorf("dtls: fingerprint: hash function %q is not supported", f.Hash)
	}
	if len(f.Value) != 3*size-1 {
		return digest{}, fmt.Errorf("dtls: fingerprint: %d characters are not a %s value", len(f.Value), f.Hash)
	}
	for i := 0; i < len(f.Value); i += 3 {
		b, err := hex.DecodeString(f.Value[i : i+2])
		if err != nil || i+2 < len(f.Value) && f.Value[i+2] != ':' {
			return digest{}, fmt.Errorf("dtls: fingerprint: %q is not hexadecimal with colons", f.Value)
		}
		d.want = append(d.want, b...)
	}
	return d, nil
}

// matches compares in constant time.
func (d digest) matches(der []byte) bool {
	return subtle.ConstantTimeCompare(d.hash(der), d.want) == 1
}

func colons(b []byte) string {
	s := strings.Builder{}
	for i, v := range b {
		if i > 0 {
			s.WriteByte(':')
		}
		fmt.Fprintf(&s, "%02X", v)
	}
	return s.String()
}
