package ice

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Sizes and constants of RFC 8489 section 5.
const (
	headerSize  = 20
	cookie      = 0x2112A442
	txOffset    = 8
	attrHeader  = 4
	maxUsername = 508
	maxUnknown  = 8 // unknown attributes told in one error reply
)

// Message types: the method Binding in the four classes (RFC 8489 section 5).
const (
	bindingRequest    = 0x0001
	bindingIndication = 0x0011
	bindingSuccess    = 0x0101
	bindingError      = 0x0111
)

// Attribute types (RFC 8489 section 18.3, RFC 8445 section 16.1).
const (
	attrMappedAddress     = 0x0001
	attrUsername          = 0x0006
	attrIntegrity         = 0x0008
	attrErrorCode         = 0x0009
	attrUnknownAttributes = 0x000A
	attrRealm             = 0x0014
	attrNonce             = 0x0015
	attrIntegritySHA256   = 0x001C
	attrPasswordAlgorithm = 0x001D
	attrUserhash          = 0x001E
	attrXORMappedAddress  = 0x0020
	attrPriority          = 0x0024
	attrUseCandidate      = 0x0025
	attrOptional          = 0x8000 // from here on a receiver may ignore what it does not know
	attrFingerprint       = 0x8028
	attrControlled        = 0x8029
	attrControlling       = 0x802A
)

const (
	integritySize   = 20
	fingerprintSize = 4
	fingerprintXOR  = 0x5354554E
)

// What can be wrong with a message, for the caller's counters. Nothing is kept of a message that has any of them.
var (
	ErrMalformed   = errors.New("ice: not a well-formed STUN message")
	ErrFingerprint = errors.New("ice: STUN fingerprint does not match")
	ErrUfrag       = errors.New("ice: STUN username is not of this session")
	ErrIntegrity   = errors.New("ice: STUN message integrity is missing or wrong")
	ErrUnexpected  = errors.New("ice: STUN message is neither a Binding request nor an indication")
	ErrUnsupported = errors.New("ice: Binding request demands an attribute that is not understood")
	ErrRole        = errors.New("ice: Binding request comes from a controlled agent")
)

// message is a parsed STUN message; its slices share the received bytes. It holds only what the server needs, and nothing
// that stands behind MESSAGE-INTEGRITY, which would be unprotected (RFC 8489 section 14.5).
type message struct {
	raw           []byte
	kind          uint16
	username      []byte
	errorCode     []byte
	priority      uint32
	nominate      bool // USE-CANDIDATE
	controlled    bool // ICE-CONTROLLED
	fingerprinted bool
	integrity     int // where MESSAGE-INTEGRITY begins; 0: there is none
	unknown       [maxUnknown]uint16
	unknowns      int
}

// IsSTUN tells STUN from DTLS, RTP and RTCP (RFC 7983), by the header alone.
func IsSTUN(b []byte) bool {
	return len(b) >= headerSize && b[0] < 4 && binary.BigEndian.Uint32(b[4:]) == cookie
}

// LocalUfrag gives the server's ufrag out of a Binding request's USERNAME. Nothing of it is verified: it serves to find
// the agent that can verify it.
func LocalUfrag(msg []byte) (string, bool) {
	m, err := parse(msg)
	if err != nil || m.kind != bindingRequest && m.kind != bindingIndication {
		return "", false
	}
	ufrag, ok := m.localUfrag()
	return string(ufrag), ok
}

// localUfrag is the part of USERNAME before the colon: the receiver's (RFC 8445 section 7.2.2).
func (m *message) localUfrag() ([]byte, bool) {
	ufrag, _, found := bytes.Cut(m.username, []byte{':'})
	return ufrag, found && len(ufrag) > 0
}

// transaction is the message's transaction ID.
func (m *message) transaction() []byte { return m.raw[txOffset:headerSize] }

// parse reads a message without copying or allocating. A FINGERPRINT is checked if there is one.
func parse(b []byte) (m message, err error) {
	if !IsSTUN(b) || len(b)%4 != 0 || int(binary.BigEndian.Uint16(b[2:])) != len(b)-headerSize {
		return message{}, ErrMalformed
	}
	m.raw = b
	m.kind = binary.BigEndian.Uint16(b)
	for at := headerSize; at < len(b); {
		// The message and every attribute begin on 4 bytes, so an attribute that fits does so with its padding.
		end := at + attrHeader + int(binary.BigEndian.Uint16(b[at+2:]))
		if end > len(b) || m.fingerprinted {
			return message{}, ErrMalformed
		}
		if err := m.attribute(at, b[at+attrHeader:end]); err != nil {
			return message{}, err
		}
		at = (end + 3) &^ 3
	}
	return m, nil
}

// attribute takes in the attribute that begins at the given offset. Of several of one type the first counts.
func (m *message) attribute(at int, value []byte) error {
	kind := binary.BigEndian.Uint16(m.raw[at:])
	if kind == attrFingerprint {
		m.fingerprinted = true
		return checkFingerprint(m.raw[:at], value)
	}
	if m.integrity != 0 {
		return nil
	}
	switch kind {
	case attrIntegrity:
		m.integrity = at
		return wantSize(value, integritySize)
	case attrUsername:
		if m.username == nil && len(value) <= maxUsername {
			m.username = value
		}
	case attrPriority:
		if len(value) != 4 {
			return ErrMalformed
		}
		m.priority = binary.BigEndian.Uint32(value)
	case attrUseCandidate:
		m.nominate = true
	case attrControlled:
		m.controlled = true
		return wantSize(value, 8)
	case attrControlling:
		return wantSize(value, 8)
	case attrErrorCode:
		m.errorCode = value
	default:
		m.stranger(kind)
	}
	return nil
}

// stranger notes an attribute that must be understood and is not.
func (m *message) stranger(kind uint16) {
	switch kind {
	case attrMappedAddress, attrUnknownAttributes, attrRealm, attrNonce, attrIntegritySHA256,
		attrPasswordAlgorithm, attrUserhash, attrXORMappedAddress:
		return
	}
	if kind < attrOptional && m.unknowns < maxUnknown {
		m.unknown[m.unknowns] = kind
		m.unknowns++
	}
}

func wantSize(value []byte, n int) error {
	if len(value) != n {
		return ErrMalformed
	}
	return nil
}

// checkFingerprint compares FINGERPRINT with the bytes before it (RFC 8489 section 14.7).
func checkFingerprint(before, value []byte) error {
	if len(value) != fingerprintSize {
		return ErrMalformed
	}
	if binary.BigEndian.Uint32(value) != crc32.ChecksumIEEE(before)^fingerprintXOR {
		return ErrFingerprint
	}
	return nil
}
