// Package sdp is the offer and the answer: it reads what a WebRTC client offers and writes what oneport answers, as plain values.
package sdp

import (
	"errors"
	"fmt"
)

// The two ways an offer is refused. Every error of this package wraps one of them; the text says the reason.
var (
	// ErrMalformed: the text breaks a rule of SDP, of WebRTC or of this server, and no codec would mend it.
	ErrMalformed = errors.New("sdp: malformed")
	// ErrNotAcceptable: the text is sound, but holds nothing that this server, or this stream, could carry.
	ErrNotAcceptable = errors.New("sdp: not acceptable")
)

// Bounds on what an offer may hold; real ones have at most a few m-lines and a few hundred lines.
const (
	MaxOffer    = 256 << 10 // bytes
	maxLines    = 8192
	maxMedia    = 32
	maxFormats  = 128
	maxSources  = 64
	maxMid      = 32
	maxShown    = 64 // bytes of a client's text that an error repeats
	minUfrag    = 4  // RFC 8839, section 5.4
	minPwd      = 22
	maxUfragPwd = 256
)

// refusal is a reason with the kind of failure it is.
type refusal struct {
	kind error
	text string
}

func (r *refusal) Error() string { return "sdp: " + r.text }
func (r *refusal) Unwrap() error { return r.kind }

func malformed(format string, args ...any) error {
	return &refusal{ErrMalformed, fmt.Sprintf(format, args...)}
}

func notAcceptable(format string, args ...any) error {
	return &refusal{ErrNotAcceptable, fmt.Sprintf(format, args...)}
}

// shown cuts a client's text to what an error may repeat.
func shown(s string) string {
	if len(s) > maxShown {
		s = s[:maxShown] + "…"
	}
	return s
}

// Credentials are one side's ICE user name fragment and password.
type Credentials struct{ Ufrag, Pwd string }

// Fingerprint is a certificate's digest as SDP writes it: Hash in lower case ("sha-256"), Value as upper-case hex pairs
// with colons.
type Fingerprint struct{ Hash, Value string }

// Transport is what ICE and DTLS must know of the other side.
type Transport struct {
	Credentials
	Fingerprint Fingerprint
	Setup       string // RFC 8842: actpass, active or passive, or empty where the offer says nothing
}

// Direction is who may send in an m-line, seen from the side that wrote it.
type Direction uint8

const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

var directionNames = [...]string{SendRecv: "sendrecv", SendOnly: "sendonly", RecvOnly: "recvonly", Inactive: "inactive"}

func (d Direction) String() string { return directionNames[d&3] }

func parseDirection(s string) (Direction, bool) {
	for d, name := range directionNames {
		if s == name {
			return Direction(d), true
		}
	}
	return SendRecv, false
}

// sends and receives tell whether the writer's media may flow that way.
func (d Direction) sends() bool    { return d == SendRecv || d == SendOnly }
func (d Direction) receives() bool { return d == SendRecv || d == RecvOnly }

// mirrored is the same flow seen from the other side.
func (d Direction) mirrored() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	default:
		return d
	}
}
