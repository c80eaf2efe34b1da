package rtc

import (
	"encoding/binary"

	"oneport/media"
)

// Header extension profiles (RFC 8285 section 4).
const (
	oneByteProfile = 0xBEDE
	twoByteProfile = 0x1000
)

// eachExtension finds the header extensions of an RTP packet whose fixed header, CSRCs included, is fixed bytes long, and
// calls each with their id and data. Broken extensions end the walk: what a bad length hides is not believed.
func eachExtension(packet []byte, fixed int, each func(id uint8, data []byte)) {
	if packet[0]&0x10 == 0 || len(packet) < fixed+4 {
		return
	}
	profile := binary.BigEndian.Uint16(packet[fixed:])
	end := fixed + 4 + 4*int(binary.BigEndian.Uint16(packet[fixed+2:]))
	if end > len(packet) {
		return
	}
	b := packet[fixed+4 : end]
	switch {
	case profile == oneByteProfile:
		oneByteExtensions(b, each)
	case profile&0xfff0 == twoByteProfile:
		twoByteExtensions(b, each)
	}
}

func oneByteExtensions(b []byte, each func(uint8, []byte)) {
	for len(b) > 0 {
		id, n := b[0]>>4, int(b[0]&15)+1
		if b[0] == 0 { // padding
			b = b[1:]
			continue
		}
		if id == 15 || n >= len(b) {
			return
		}
		each(id, b[1:1+n:1+n])
		b = b[1+n:]
	}
}

func twoByteExtensions(b []byte, each func(uint8, []byte)) {
	for len(b) > 1 {
		if b[0] == 0 { // padding
			b = b[1:]
			continue
		}
		n := int(b[1])
		if 2+n > len(b) {
			return
		}
		each(b[0], b[2:2+n:2+n])
		b = b[2+n:]
	}
}

// outHeader is what a viewer's packet header is made of.
type outHeader struct {
	marker    bool
	pt        uint8
	seq       uint16
	timestamp uint32
	ssrc      uint32
	midExt    uint8 // 0: none
	mid       string
	mixed     bool                     // two-byte extensions may stand beside one-byte ones
	extIDs    *[media.Extensions]uint8 // 0: not negotiated
	ext       *[media.Extensions][]byte
}

// append writes the RTP header (RFC 3550 section 5.1) with its extensions (RFC 8285). The same input gives the same
// bytes: a retransmission must be identical to what was sent.
func (h *outHeader) append(dst []byte) []byte {
	at := len(dst)
	marker := h.pt
	if h.marker {
		marker |= 0x80
	}
	dst = append(dst, 0x80, marker)
	dst = binary.BigEndian.AppendUint16(dst, h.seq)
	dst = binary.BigEndian.AppendUint32(dst, h.timestamp)
	dst = binary.BigEndian.AppendUint32(dst, h.ssrc)
	twoByte, any := h.extensionForm()
	if !any {
		return dst
	}
	dst[at] |= 0x10
	profile := uint16(oneByteProfile)
	if twoByte {
		profile = twoByteProfile
	}
	dst = binary.BigEndian.AppendUint16(dst, profile)
	dst = append(dst, 0, 0) // length in words, filled in below
	body := len(dst)
	if h.carries(h.midExt, len(h.mid)) {
		dst = appendExtensionHead(dst, twoByte, h.midExt, len(h.mid))
		dst = append(dst, h.mid...)
	}
	for i, data := range h.ext {
		if h.carries(h.extIDs[i], len(data)) {
			dst = appendExtensionHead(dst, twoByte, h.extIDs[i], len(data))
			dst = append(dst, data...)
		}
	}
	for (len(dst)-body)%4 != 0 {
		dst = append(dst, 0)
	}
	binary.BigEndian.PutUint16(dst[body-2:], uint16((len(dst)-body)/4))
	return dst
}

// carries says whether an extension of n bytes is written. One over 16 bytes needs the two-byte form, which a viewer that
// did not agree to it need not take (RFC 8285 section 6).
func (h *outHeader) carries(id uint8, n int) bool {
	return id != 0 && n > 0 && (n <= 16 || h.mixed && n <= 255)
}

// extensionForm says whether there is any extension to write and whether one of them needs the two-byte form: an id over
// 14, or data longer than 16 bytes.
func (h *outHeader) extensionForm() (twoByte, any bool) {
	if h.carries(h.midExt, len(h.mid)) {
		any, twoByte = true, h.midExt > 14 || len(h.mid) > 16
	}
	for i, data := range h.ext {
		if h.carries(h.extIDs[i], len(data)) {
			any = true
			twoByte = twoByte || h.extIDs[i] > 14 || len(data) > 16
		}
	}
	return twoByte, any
}

func appendExtensionHead(dst []byte, twoByte bool, id uint8, n int) []byte {
	if twoByte {
		return append(dst, id, uint8(n))
	}
	return append(dst, id<<4|uint8(n-1))
}
