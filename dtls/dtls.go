// Package dtls makes a DTLS library that wants a socket look like one that takes bytes and gives bytes, and yields SRTP keys.
//
// An association is a Conn. Datagrams go in by Receive and come out of Outgoing; where they travel, and whether
// the path changes half way, is the caller's business. The handshake is pion's and needs goroutines and timers:
// they exist from the first datagram to the last of the handshake and no longer. From then on the Conn is plain
// data of a few hundred bytes, which answers a repeated last flight, verifies alerts and writes its own
// close_notify without any goroutine.
//
// DTLS 1.2 with TLS_ECDHE_{ECDSA,RSA}_WITH_AES_128_GCM_SHA256, which RFC 8827 section 6.5 demands of everyone.
package dtls

import (
	"errors"
	"fmt"
	"time"
)

// State is where an association stands. It only ever grows.
type State uint8

const (
	New         State = iota // No datagram has been received, nothing runs.
	Handshaking              // A goroutine negotiates.
	Connected                // Keys are there; nothing runs any more.
	Closed                   // Ended by Close, Destroy or the peer; Err tells who.
	Failed                   // The handshake went wrong; Err tells why.
)

func (s State) String() string {
	switch s {
	case New:
		return "new"
	case Handshaking:
		return "handshaking"
	case Connected:
		return "connected"
	case Closed:
		return "closed"
	case Failed:
		return "failed"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Errors that Err wraps and callers may want to tell apart. Everything else is for the log.
var (
	ErrPeerClosed  = errors.New("dtls: the peer closed the association")
	ErrFingerprint = errors.New("dtls: the peer's certificate does not have the fingerprint its SDP promised")
	ErrTimeout     = errors.New("dtls: the handshake was not finished in time")
	ErrFlood       = errors.New("dtls: the peer sent more than a handshake can need")
	ErrNoSRTP      = errors.New("dtls: the peer did not negotiate SRTP")
)

// Fault is a panic of the handshake's goroutine, which ended the association and nothing else. The library's own goroutines
// can't be guarded.
type Fault struct {
	Panic any
	Stack []byte
}

func (f *Fault) Error() string { return fmt.Sprintf("dtls: the handshake panicked: %v", f.Panic) }

// Profile is an SRTP protection profile by its IANA number (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
type Profile uint16

const (
	AES128CMHMACSHA1_80 Profile = 0x0001
	AEADAES128GCM       Profile = 0x0007
	AEADAES256GCM       Profile = 0x0008
)

// String is the profile's name in IANA's registry.
func (p Profile) String() string {
	switch p {
	case AES128CMHMACSHA1_80:
		return "SRTP_AES128_CM_HMAC_SHA1_80"
	case AEADAES128GCM:
		return "SRTP_AEAD_AES_128_GCM"
	case AEADAES256GCM:
		return "SRTP_AEAD_AES_256_GCM"
	}
	return fmt.Sprintf("SRTP profile %#04x", uint16(p))
}

// lengths of the master key and the master salt in bytes.
func (p Profile) lengths() (key, salt int, err error) {
	switch p {
	case AES128CMHMACSHA1_80:
		return 16, 14, nil
	case AEADAES128GCM:
		return 16, 12, nil
	case AEADAES256GCM:
		return 32, 12, nil
	}
	return 0, 0, fmt.Errorf("dtls: SRTP protection profile %#04x is unknown", uint16(p))
}

// Keys are the SRTP master keys of an association as RFC 5764 section 4.2 derives them. The local ones encrypt
// what this side sends, the remote ones decrypt what it receives, whichever role it had.
type Keys struct {
	Profile               Profile
	LocalKey, LocalSalt   []byte
	RemoteKey, RemoteSalt []byte
}

// Config is what an association is made from. Certificate and RemoteFingerprint are required.
type Config struct {
	Certificate       *Certificate
	RemoteFingerprint Fingerprint // from the peer's SDP

	// Profiles are the SRTP profiles to accept, preferred first; empty means AEAD_AES_128_GCM,
	// AEAD_AES_256_GCM, AES128_CM_HMAC_SHA1_80. The first costs a fraction of the last.
	Profiles []Profile

	// Wake says that Outgoing or State changed on the handshake's own goroutine. It is never called from
	// within a method of Conn, so it may take the lock that the caller holds around these; it must not block
	// on anything else. It may come once more after Close or Destroy. Nil is allowed.
	Wake func()

	Timeout            time.Duration // for the whole handshake, from its first datagram; 0 means 30 s
	RetransmitInterval time.Duration // of the first retransmission, doubling from there; 0 means 100 ms
	MTU                int           // the longest datagram to send, in bytes; 0 means 1200
}

func (c Config) withDefaults() Config {
	if len(c.Profiles) == 0 {
		c.Profiles = []Profile{AEADAES128GCM, AEADAES256GCM, AES128CMHMACSHA1_80}
	}
	if c.Wake == nil {
		c.Wake = func() {}
	}
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.RetransmitInterval <= 0 {
		c.RetransmitInterval = 100 * time.Millisecond
	}
	if c.MTU <= 0 {
		c.MTU = 1200
	}
	return c
}

func (c Config) check() error {
	if c.Certificate == nil {
		return errors.New("dtls: no certificate is configured")
	}
	if c.MTU < minMTU {
		return fmt.Errorf("dtls: an MTU of %d bytes is less than %d", c.MTU, minMTU)
	}
	for _, p := range c.Profiles {
		if _, _, err := p.lengths(); err != nil {
			return err
		}
	}
	return nil
}

// Stats count what a Conn did not pass on.
type Stats struct {
	Ignored         uint64 // datagrams that were no DTLS, came at the wrong time, or did not authenticate
	ReceiveDropped  uint64 // datagrams lost because the handshake was slower than they came
	OutgoingDropped uint64 // datagrams lost because Outgoing was not called for long
	Repeats         uint64 // times the last flight was sent again
}
