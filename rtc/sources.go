package rtc

import "encoding/binary"

// maxSources is how many SSRCs are listened to. The SRTP library keeps state for each that authenticates.
const maxSources = 64

// sources are the SSRCs that were heard or announced, at most maxSources.
type sources map[uint32]struct{}

// admit says whether a packet of ssrc may be decrypted.
func (s sources) admit(ssrc uint32) bool {
	_, known := s[ssrc]
	return known || len(s) < maxSources
}

// add notes an SSRC whose packet authenticated.
func (s sources) add(ssrc uint32) { s[ssrc] = struct{}{} }

// announce notes the SSRCs that the offer tells, where it does.
func (s sources) announce(list ...uint32) {
	for _, ssrc := range list {
		if ssrc != 0 {
			s.add(ssrc)
		}
	}
}

// ssrcAt reads the SSRC of a packet that is not decrypted yet, 0 if it is cut short.
func ssrcAt(b []byte, at int) uint32 {
	if len(b) < at+4 {
		return 0
	}
	return binary.BigEndian.Uint32(b[at:])
}
