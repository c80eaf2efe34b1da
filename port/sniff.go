package port

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Kind is what a connection speaks, as far as its first bytes tell.
type Kind uint8

const (
	Unknown   Kind = iota
	HTTP           // HTTP/1, or the preface of HTTP/2
	TLS            // a TLS handshake record
	PseudoTLS      // the fixed hello of Chromium's "ssltcp" candidates, with RTC to follow
	Proxy          // a PROXY protocol header of version 1 or 2, with anything to follow
	RTC            // STUN, DTLS or SRTP in the framing of RFC 4571; unverified
	RTMP           // C0 and C1
	Kinds          // the number of kinds
)

var kindNames = [Kinds]string{"unknown", "HTTP", "TLS", "pseudo-TLS", "PROXY protocol", "RTC", "RTMP"}

func (k Kind) String() string {
	if k < Kinds {
		return kindNames[k]
	}
	return "no kind"
}

const (
	pseudoTLS = "\x80\x46\x01\x03\x01"
	proxyV1   = "PROXY "
	proxyV2   = "\r\n\r\n\x00\r\nQUIT\n"

	maxFrame   = 1500 // the longest RFC 4571 frame that is taken for RTC
	stunCookie = "\x21\x12\xA4\x42"
)

// Sniff tells what a connection speaks by its first bytes. While they are too few it asks for more; at most twelve are
// ever needed. What is decided stays so whatever follows.
func Sniff(b []byte) (kind Kind, needMore bool) {
	if len(b) == 0 {
		return Unknown, true
	}
	switch first := b[0]; {
	case first == 0x16:
		return decide(TLS, b, "\x16\x03")
	case first == pseudoTLS[0]:
		return decide(PseudoTLS, b, pseudoTLS)
	case first == proxyV2[0]:
		return decide(Proxy, b, proxyV2)
	case 'A' <= first && first <= 'Z':
		return sniffText(b)
	case first == 0x03:
		return sniffRTMP(b)
	case first <= maxFrame>>8:
		return sniffRTC(b)
	}
	return Unknown, false
}

// decide is for a kind with a fixed beginning.
func decide(kind Kind, b []byte, beginning string) (Kind, bool) {
	if n := min(len(b), len(beginning)); string(b[:n]) != beginning[:n] {
		return Unknown, false
	}
	if len(b) < len(beginning) {
		return Unknown, true
	}
	return kind, false
}

// sniffText tells a PROXY header from a method of HTTP, such as PROPFIND.
func sniffText(b []byte) (Kind, bool) {
	kind, needMore := decide(Proxy, b, proxyV1)
	if kind == Unknown && !needMore {
		return HTTP, false
	}
	return kind, needMore
}

// sniffRTC looks behind the length of RFC 4571 for the packets of RFC 7983: STUN, which has its cookie in a fixed place,
// DTLS, SRTP and SRTCP.
func sniffRTC(b []byte) (Kind, bool) {
	const packet, cookieAt = 2, 6
	if len(b) <= packet {
		return Unknown, true
	}
	if length := binary.BigEndian.Uint16(b); length == 0 || length > maxFrame {
		return Unknown, false
	}
	switch first := b[packet]; {
	case first < 4:
		if len(b) < cookieAt {
			return Unknown, true
		}
		return decide(RTC, b[cookieAt:], stunCookie)
	case 20 <= first && first < 64, 128 <= first && first < 192:
		return RTC, false
	}
	return Unknown, false
}

// sniffRTMP tells RTMP, whose version byte is 3, from an RTC frame of 768 to 1023 bytes. C1 has a time in the bytes 1 to 4
// of the stream, which say nothing, and in the bytes 5 to 8 zeros or the client's version. A DTLS record has zeros there
// as well, those of its epoch, and is known by its own version, 1.x written as FE xx.
func sniffRTMP(b []byte) (Kind, bool) {
	const version, end = 5, 9
	if len(b) < end {
		return Unknown, true
	}
	isDTLS := 20 <= b[2] && b[2] < 64 && b[3] == 0xFE
	if !isDTLS && isRTMPVersion(b[version:end]) {
		return RTMP, false
	}
	return sniffRTC(b)
}

// isRTMPVersion knows zero, which most clients send, and what Flash's imitators send: FFmpeg, librtmp, and librtmp and
// others that do the handshake with digests.
func isRTMPVersion(b []byte) bool {
	known := [][]byte{{0, 0, 0, 0}, {9, 0, 124, 2}, {10, 0, 45, 2}, {128, 0, 3, 2}, {128, 0, 7, 2}}
	return slices.ContainsFunc(known, func(v []byte) bool { return bytes.Equal(v, b) })
}
