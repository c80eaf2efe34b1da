package rtc

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"hash"

	"oneport/dtls"
)

// maxTag is the longest authentication tag that a sealer appends.
const maxTag = 16

// sealer encrypts outgoing RTP packets in place. The index is the caller's extended sequence number, of which the packet
// holds the low 16 bits: nothing is estimated, so law 9 holds by what the caller numbers alone.
//
// pion's srtp does the same, but reads every header anew, looks its SSRC up in a map, and for AES-CM encrypts block by
// block: for a packet that goes to many viewers that is half of the cost. It still opens what comes in, and all RTCP.
type sealer interface {
	// seal encrypts packet behind its header and returns it with the tag appended. packet has room for maxTag more.
	seal(packet []byte, header int, ssrc uint32, index uint64) []byte
}

// Labels of the key derivation (RFC 3711 section 4.3.2).
const (
	labelEncryption     = 0x00
	labelAuthentication = 0x01
	labelSalt           = 0x02
)

// newSealer makes the sealer of a profile from the local master key and salt.
func newSealer(keys dtls.Keys) (sealer, error) {
	master, err := aes.NewCipher(keys.LocalKey)
	if err != nil {
		return nil, fmt.Errorf("rtc: outbound master key: %w", err)
	}
	derive := func(label byte, n int) []byte { return derived(master, keys.LocalSalt, label, n) }
	block, err := aes.NewCipher(derive(labelEncryption, len(keys.LocalKey)))
	if err != nil {
		return nil, fmt.Errorf("rtc: outbound session key: %w", err)
	}
	switch keys.Profile {
	case dtls.AEADAES128GCM, dtls.AEADAES256GCM:
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("rtc: outbound GCM: %w", err)
		}
		return &gcmSealer{aead: aead, salt: [12]byte(derive(labelSalt, 12))}, nil
	case dtls.AES128CMHMACSHA1_80:
		s := &cmSealer{block: block, mac: hmac.New(sha1.New, derive(labelAuthentication, 20))}
		copy(s.salt[:], derive(labelSalt, 14))
		return s, nil
	}
	return nil, fmt.Errorf("rtc: %v can't be sealed", keys.Profile)
}

// derived is AES-CM as a pseudo-random function (RFC 3711 section 4.3.3), with a key derivation rate of zero.
func derived(master cipher.Block, salt []byte, label byte, n int) []byte {
	var x [aes.BlockSize]byte
	copy(x[:14], salt)
	x[7] ^= label
	out := make([]byte, n)
	cipher.NewCTR(master, x[:]).XORKeyStream(out, out)
	return out
}

// gcmSealer is AEAD_AES_GCM (RFC 7714 section 8).
type gcmSealer struct {
	aead  cipher.AEAD
	salt  [12]byte
	nonce [12]byte // here because what is given to an interface would be allocated anew each time
}

func (s *gcmSealer) seal(packet []byte, header int, ssrc uint32, index uint64) []byte {
	s.nonce = s.salt
	binary.BigEndian.PutUint32(s.nonce[2:], binary.BigEndian.Uint32(s.salt[2:])^ssrc)
	binary.BigEndian.PutUint32(s.nonce[6:], binary.BigEndian.Uint32(s.salt[6:])^uint32(index>>16))
	binary.BigEndian.PutUint16(s.nonce[10:], binary.BigEndian.Uint16(s.salt[10:])^uint16(index))
	return s.aead.Seal(packet[:header], s.nonce[:], packet[header:], packet[:header])
}

// cmSealer is AES_CM_128_HMAC_SHA1_80 (RFC 3711 sections 4.1.1 and 4.2).
type cmSealer struct {
	block cipher.Block
	mac   hash.Hash
	salt  [aes.BlockSize]byte // the last two bytes are zero: they count blocks
	iv    [aes.BlockSize]byte
	roc   [4]byte
	sum   [sha1.Size]byte
}

func (s *cmSealer) seal(packet []byte, header int, ssrc uint32, index uint64) []byte {
	const tag = 10
	s.iv = s.salt
	binary.BigEndian.PutUint32(s.iv[4:], binary.BigEndian.Uint32(s.salt[4:])^ssrc)
	binary.BigEndian.PutUint32(s.iv[8:], binary.BigEndian.Uint32(s.salt[8:])^uint32(index>>16))
	binary.BigEndian.PutUint16(s.iv[12:], binary.BigEndian.Uint16(s.salt[12:])^uint16(index))
	// The one allocation here, the library's copy of the key schedule, still makes this 1.7 times as fast as encrypting
	// block by block without any.
	cipher.NewCTR(s.block, s.iv[:]).XORKeyStream(packet[header:], packet[header:])
	binary.BigEndian.PutUint32(s.roc[:], uint32(index>>16))
	s.mac.Reset()
	s.mac.Write(packet)
	s.mac.Write(s.roc[:])
	return append(packet, s.mac.Sum(s.sum[:0])[:tag]...)
}
