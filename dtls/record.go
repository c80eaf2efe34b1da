package dtls

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"iter"
)

// The parts of a DTLS 1.2 record (RFC 6347 section 4.1): type, version, epoch, sequence number, length.
const (
	headerLen = 13
	keyLen    = 16 // of AES_128
	ivLen     = 4  // the implicit part of the GCM nonce, RFC 5288 section 3
	nonceLen  = 8  // its explicit part, at the start of the protected fragment
	tagLen    = 16

	maxSequence = 1<<48 - 1
)

// Content types and the few values inside them that are looked at here (RFC 5246 section 6.2.1 and after).
const (
	typeChangeCipherSpec = 20
	typeAlert            = 21
	typeHandshake        = 22

	msgClientHello = 1
	msgFinished    = 20

	alertWarning     = 1
	alertFatal       = 2
	alertCloseNotify = 0

	msgHeaderLen = 12
	alertLen     = 2
	finishedLen  = msgHeaderLen + 12
)

// IsDTLS tells by the first byte whether a datagram is DTLS, where STUN and SRTP share the path (RFC 7983).
func IsDTLS(b []byte) bool { return len(b) > 0 && b[0] >= 20 && b[0] <= 63 }

// record is one whole record, header included, that has passed the checks of records.
type record []byte

func (r record) kind() byte       { return r[0] }
func (r record) epoch() uint16    { return binary.BigEndian.Uint16(r[3:]) }
func (r record) sequence() uint64 { return binary.BigEndian.Uint64(r[3:]) & maxSequence }
func (r record) fragment() []byte { return r[headerLen:] }

// records yields the records of a datagram and stops at the first that is malformed.
func records(b []byte) iter.Seq[record] {
	return func(yield func(record) bool) {
		for len(b) > 0 {
			n := recordLen(b)
			if n == 0 || !yield(record(b[:n])) {
				return
			}
			b = b[n:]
		}
	}
}

// recordLen is the length of the first record, header included, or 0 if it is not a whole record of DTLS 1.x.
func recordLen(b []byte) int {
	if len(b) <= headerLen || b[1] != 0xfe {
		return 0
	}
	n := headerLen + int(binary.BigEndian.Uint16(b[11:]))
	if n == headerLen || n > len(b) {
		return 0
	}
	return n
}

// admissible says whether a datagram may be shown to the handshake. RFC 6347 section 4.1.2.7 wants invalid
// records discarded silently, but pion gives up on some; and application data has no place here at all.
func admissible(b []byte) bool {
	n := 0
	for r := range records(b) {
		if !r.admissible() {
			return false
		}
		n += len(r)
	}
	return n > 0 && n == len(b)
}

func (r record) admissible() bool {
	switch size := len(r.fragment()); r.kind() {
	case typeChangeCipherSpec:
		return r.epoch() == 0 && size == 1 && r.fragment()[0] == 1
	case typeAlert:
		return r.epoch() == 0 && size == alertLen || r.epoch() == 1
	case typeHandshake:
		return r.epoch() == 0 && size >= msgHeaderLen || r.epoch() == 1
	}
	return false
}

// opensHandshake says whether a datagram carries (a fragment of) a ClientHello.
func opensHandshake(b []byte) bool {
	return admissible(b) && b[0] == typeHandshake && record(b).epoch() == 0 && b[headerLen] == msgClientHello
}

// direction is the key and the implicit nonce of what one side writes.
type direction struct {
	key [keyLen]byte
	iv  [ivLen]byte
}

// protection is the record layer of epoch 1 after the handshake (AEAD_AES_128_GCM, RFC 5288). Ciphers are made
// when they are needed, since an association needs one once or twice in its life.
type protection struct {
	local, remote direction
	next          uint64 // sequence number of the next record to seal; never used twice, for it is the nonce
	expect        uint64 // lowest sequence number that has not been seen
}

var errSequence = errors.New("dtls: record sequence numbers are used up")

// seal makes a record of epoch 1.
func (p *protection) seal(kind byte, fragment []byte) (record, error) {
	if p.next > maxSequence {
		return nil, errSequence
	}
	aead, err := p.local.aead()
	if err != nil {
		return nil, err
	}
	number := 1<<48 | p.next
	p.next++
	r := make([]byte, headerLen, headerLen+nonceLen+len(fragment)+tagLen)
	r[0], r[1], r[2] = kind, 0xfe, 0xfd
	binary.BigEndian.PutUint64(r[3:], number)
	binary.BigEndian.PutUint16(r[11:], uint16(nonceLen+len(fragment)+tagLen))
	explicit := binary.BigEndian.AppendUint64(nil, number)
	r = append(r, explicit...)
	return aead.Seal(r, p.local.nonce(explicit), fragment, additional(r, len(fragment))), nil
}

// open decrypts a record of epoch 1 whose plaintext must be size bytes long; fresh is false for one that has
// been seen, or is older than one that has been seen, and therefore proves nothing about where the peer is now.
func (p *protection) open(r record, size int) (fragment []byte, fresh, ok bool) {
	body := r.fragment()
	if r.epoch() != 1 || len(body) != nonceLen+size+tagLen {
		return nil, false, false
	}
	aead, err := p.remote.aead()
	if err != nil {
		return nil, false, false
	}
	fragment, err = aead.Open(nil, p.remote.nonce(body[:nonceLen]), body[nonceLen:], additional(r, size))
	if err != nil {
		return nil, false, false
	}
	fresh = r.sequence() >= p.expect
	if fresh {
		p.expect = r.sequence() + 1
	}
	return fragment, fresh, true
}

func (d *direction) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(d.key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (d *direction) nonce(explicit []byte) []byte {
	return append(append(make([]byte, 0, ivLen+nonceLen), d.iv[:]...), explicit...)
}

// additional is the additional data of RFC 5246 section 6.2.3.3: sequence number, type, version, length.
func additional(r record, size int) []byte {
	a := append(make([]byte, 0, headerLen), r[3:11]...)
	a = append(a, r[:3]...)
	return binary.BigEndian.AppendUint16(a, uint16(size))
}
