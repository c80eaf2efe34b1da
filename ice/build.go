package ice

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"net/netip"
)

// key computes MESSAGE-INTEGRITY under one password (RFC 8489 section 14.5). It keeps the HMAC's state and its scratch
// space, so that a check costs no allocation.
type key struct {
	mac    hash.Hash
	header [headerSize]byte
	sum    [integritySize]byte
}

func newKey(pwd string) key { return key{mac: hmac.New(sha1.New, []byte(pwd))} }

// sign gives the HMAC of a message up to MESSAGE-INTEGRITY, counting that attribute in the header's length, as the RFC
// wants whatever follows it. The result is good until the next call.
func (k *key) sign(before []byte) []byte {
	copy(k.header[:], before)
	binary.BigEndian.PutUint16(k.header[2:], uint16(len(before)-headerSize+attrHeader+integritySize))
	k.mac.Reset()
	k.mac.Write(k.header[:])
	k.mac.Write(before[headerSize:])
	return k.mac.Sum(k.sum[:0])
}

// verifies says in constant time whether the message was made by someone who knows the password.
func (k *key) verifies(m *message) bool {
	if m.integrity == 0 {
		return false
	}
	claimed := m.raw[m.integrity+attrHeader:][:integritySize]
	return subtle.ConstantTimeCompare(k.sign(m.raw[:m.integrity]), claimed) == 1
}

// builder writes one STUN message behind whatever out holds already.
type builder struct {
	out   []byte
	start int
}

func newBuilder(dst []byte, kind uint16, tx []byte) *builder {
	b := &builder{out: dst, start: len(dst)}
	b.out = binary.BigEndian.AppendUint16(b.out, kind)
	b.out = binary.BigEndian.AppendUint16(b.out, 0)
	b.out = binary.BigEndian.AppendUint32(b.out, cookie)
	b.out = append(b.out, tx...)
	return b
}

// attribute appends an attribute, its padding, and keeps the header's length right.
func (b *builder) attribute(kind uint16, value []byte) {
	b.out = binary.BigEndian.AppendUint16(b.out, kind)
	b.out = binary.BigEndian.AppendUint16(b.out, uint16(len(value)))
	b.out = append(b.out, value...)
	for (len(b.out)-b.start)%4 != 0 {
		b.out = append(b.out, 0)
	}
	b.setLength(len(b.out) - b.start - headerSize)
}

func (b *builder) setLength(n int) { binary.BigEndian.PutUint16(b.out[b.start+2:], uint16(n)) }

// finish seals the message with MESSAGE-INTEGRITY and FINGERPRINT.
func (b *builder) finish(k *key) []byte {
	b.attribute(attrIntegrity, k.sign(b.out[b.start:]))
	b.setLength(len(b.out) - b.start - headerSize + attrHeader + fingerprintSize)
	sum := crc32.ChecksumIEEE(b.out[b.start:]) ^ fingerprintXOR
	b.attribute(attrFingerprint, binary.BigEndian.AppendUint32(nil, sum))
	return b.out
}

// appendXORAddress writes the value of XOR-MAPPED-ADDRESS (RFC 8489 section 14.2).
func appendXORAddress(dst []byte, addr netip.AddrPort, tx []byte) []byte {
	const familyIPv4, familyIPv6 = 1, 2
	ip := addr.Addr().Unmap()
	family := byte(familyIPv6)
	if ip.Is4() {
		family = familyIPv4
	}
	dst = append(dst, 0, family)
	dst = binary.BigEndian.AppendUint16(dst, addr.Port()^(cookie>>16))
	mask := append(binary.BigEndian.AppendUint32(nil, cookie), tx...)
	for i, octet := range ip.AsSlice() {
		dst = append(dst, octet^mask[i])
	}
	return dst
}

// successReply answers a verified check (RFC 8445 section 7.3.1).
func successReply(k *key, m *message, from netip.AddrPort) []byte {
	b := newBuilder(make([]byte, 0, 96), bindingSuccess, m.transaction())
	b.attribute(attrXORMappedAddress, appendXORAddress(nil, from, m.transaction()))
	return b.finish(k)
}

// errorReply refuses a check that is authentic. Unknown attributes are named in it if there are any.
func errorReply(k *key, m *message, code int, reason string) []byte {
	b := newBuilder(make([]byte, 0, 128), bindingError, m.transaction())
	b.attribute(attrErrorCode, append([]byte{0, 0, byte(code / 100), byte(code % 100)}, reason...))
	if m.unknowns > 0 {
		var list []byte
		for _, kind := range m.unknown[:m.unknowns] {
			list = binary.BigEndian.AppendUint16(list, kind)
		}
		b.attribute(attrUnknownAttributes, list)
	}
	return b.finish(k)
}
