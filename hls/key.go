package hls

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"io"
)

// key encrypts segments (AES-128, RFC 8216 section 4.3.2.4). The initialization vector is the segment's number, which is
// what players take where the playlist says none; so no two segments share one.
type key struct {
	name  string
	value [16]byte
}

// rotateKey takes a new key when the present one has been used for as many segments as it is to be.
func (m *Muxer) rotateKey() {
	if m.opts.KeyEvery <= 0 {
		return
	}
	if m.key != nil && m.keyUses < m.opts.KeyEvery {
		m.keyUses++
		return
	}
	k := &key{name: m.opts.Names.expand(numbered(m.opts.Names.Key), m.opts.Names.number(m.cur.Number), m.run.clock(m.cur.Start), 0)}
	if _, err := io.ReadFull(m.opts.Rand, k.value[:]); err != nil {
		panic("hls: no randomness: " + err.Error()) // as crypto/rand itself does
	}
	old := m.key
	m.key, m.keyUses = k, 1
	if old != nil && !m.uses(func(s *Segment) bool { return s.key == old }, nil) {
		m.remove(old.name)
	}
	m.add(k.name, TypeKey, m.run.clock(m.cur.Start), k.value[:])
}

// seal encrypts a complete segment, if it has a key.
func (m *Muxer) seal(s *Segment) {
	if s.key == nil {
		return
	}
	var plain []byte
	for _, p := range content(s.parts, kindAll) {
		plain = append(plain, p...)
	}
	padding := aes.BlockSize - len(plain)%aes.BlockSize // PKCS #7
	for range padding {
		plain = append(plain, byte(padding))
	}
	block, err := aes.NewCipher(s.key.value[:])
	if err != nil {
		panic(err) // the length is right
	}
	var iv [aes.BlockSize]byte
	binary.BigEndian.PutUint64(iv[8:], s.Number)
	cipher.NewCBCEncrypter(block, iv[:]).CryptBlocks(plain, plain)
	m.hold(s, len(plain)-s.held)
	s.sizes[kindAll] = len(plain)
	s.parts = []*part{{start: s.Start, end: s.End, independent: s.Independent, chunks: []chunk{{kindAll, plain}}}}
}
