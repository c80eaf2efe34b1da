// Package ice is the server's end of ICE: a lite agent that answers connectivity checks.
package ice

import (
	"encoding/binary"
	"io"
	"net/netip"
)

// Transport is what carries a candidate pair's packets.
type Transport uint8

const (
	UDP Transport = iota
	TCP
)

// String is the transport as candidate lines write it.
func (t Transport) String() string {
	if t == TCP {
		return "tcp"
	}
	return "udp"
}

// Path is a way between the client and the server. Two paths are the same if they are equal.
type Path struct {
	Transport Transport
	Local     netip.AddrPort
	Remote    netip.AddrPort

	// Conn tells TCP connections apart: a client may dial again from the same port. It is 0 for UDP.
	Conn uint64
}

// Credentials are one side's half of an ICE session (RFC 8445 section 5.3).
type Credentials struct {
	Ufrag string
	Pwd   string
}

const (
	ufragLength = 8
	pwdLength   = 32
	alphabet    = "0123456789abcdefghijklmnopqrstuvwxyz"
)

// NewCredentials draws a ufrag of 8 and a password of 32 characters out of [0-9a-z], about 165 bits in the password.
// It panics if rand fails: there is no session without randomness.
func NewCredentials(rand io.Reader) Credentials {
	return Credentials{Ufrag: randomText(rand, ufragLength), Pwd: randomText(rand, pwdLength)}
}

// randomText spends four bytes on each character, which makes the remainder's bias less than 1 in 10^8.
func randomText(rand io.Reader, n int) string {
	raw := make([]byte, 4*n)
	if _, err := io.ReadFull(rand, raw); err != nil {
		panic("ice: no randomness for credentials: " + err.Error())
	}
	text := make([]byte, n)
	for i := range text {
		text[i] = alphabet[binary.BigEndian.Uint32(raw[4*i:])%uint32(len(alphabet))]
	}
	return string(text)
}
