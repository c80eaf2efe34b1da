package ts

import (
	"encoding/binary"

	"oneport/media"
)

// crcPolynomial is that of the check sums of sections (ISO/IEC 13818-1, annex A).
const crcPolynomial = 0x04c11db7

func crc32(b []byte) uint32 {
	crc := ^uint32(0)
	for _, c := range b {
		crc ^= uint32(c) << 24
		for range 8 {
			carry := crc&(1<<31) != 0
			crc <<= 1
			if carry {
				crc ^= crcPolynomial
			}
		}
	}
	return crc
}

const (
	tablePAT = 0
	tablePMT = 2
)

// appendSection appends a table that is one section long, in a packet of its own.
func appendSection(dst []byte, t *track, table byte, id uint16, version byte, body []byte) []byte {
	size := 5 + len(body) + 4
	b := make([]byte, 0, packetSize)
	b = append(b, 0, table, 0xb0|byte(size>>8), byte(size)) // pointer_field, then the section
	b = binary.BigEndian.AppendUint16(b, id)
	b = append(b, 0xc1|version<<1, 0, 0) // current, number and last number
	b = append(b, body...)
	b = binary.BigEndian.AppendUint32(b, crc32(b[1:]))
	dst = appendHead(dst, t, true, adaptation{}, 0, true)
	dst = append(dst, b...)
	for n := packetSize - headSize - len(b); n > 0; n-- {
		dst = append(dst, 0xff)
	}
	return dst
}

const programNumber = 1

// patBody names the one program.
func patBody() []byte { return []byte{0, programNumber, 0xe0 | pmtPID>>8, pmtPID & 0xff} }

// pmtBody lists the program's streams.
func pmtBody(pcrPID uint16, formats [media.Kinds]*media.FrameFormat) []byte {
	b := []byte{0xe0 | byte(pcrPID>>8), byte(pcrPID), 0xf0, 0}
	if f := formats[media.Video]; f != nil {
		kind := byte(typeH264)
		if f.Codec == media.H265 {
			kind = typeH265
		}
		b = append(b, kind, 0xe0|videoPID>>8, videoPID&0xff, 0xf0, 0)
	}
	if f := formats[media.Audio]; f != nil && f.Codec == media.AAC {
		b = append(b, typeADTS, 0xe0|audioPID>>8, audioPID&0xff, 0xf0, 0)
	} else if f != nil {
		b = append(b, typePrivate, 0xe0|audioPID>>8, audioPID&0xff, 0xf0, 10)
		b = append(b, descriptorRegistration, 4, 'O', 'p', 'u', 's')
		b = append(b, descriptorExtension, 2, extensionOpus, byte(f.Channels))
	}
	return b
}

// Descriptors of Opus (ETSI TS 103 491 and the draft of Opus in MPEG-TS): who it is, and how many channels it has.
const (
	descriptorRegistration = 0x05
	descriptorExtension    = 0x7f
	extensionOpus          = 0x80
)
