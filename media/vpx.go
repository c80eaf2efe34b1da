package media

// Coded takes the payload descriptor off an RTP payload of VP8 or VP9.
func Coded(c Codec, payload []byte) (coded []byte, ok bool) {
	var d vpx
	switch c {
	case VP8:
		d, ok = parseVP8(payload)
	case VP9:
		d, ok = parseVP9(payload)
	}
	return d.frame, ok
}

// vp9Level is the lowest level of VP9 for pictures of so many luma samples at 60 a second, ten times its number.
func vp9Level(samples int) byte {
	for _, l := range []struct {
		samples int
		level   byte
	}{{36864, 20}, {73728, 21}, {122880, 30}, {245760, 30}, {552960, 31}, {983040, 40}, {2228224, 41}, {8912896, 51}} {
		if samples <= l.samples {
			return l.level
		}
	}
	return 61
}

// VP9Config builds a VPCodecConfigurationRecord (VP codec ISO media file format binding) of a keyframe's uncompressed
// header (VP9 bitstream specification, section 6.2), or nil if that is malformed. The level is one that takes
// pictures of that size at 60 a second: a player that checks whether it can decode a stream takes none for more than it can.
func VP9Config(frame []byte) []byte {
	const syncCode, sRGB = 0x498342, 7
	r := bitReader{b: frame, raw: true}
	marker := r.bits(2)
	profile := r.bits(1) | r.bits(1)<<1
	if profile == 3 {
		r.bits(1) // reserved_zero
	}
	notKey := r.bits(2) // show_existing_frame, frame_type
	r.bits(2)           // show_frame, error_resilient_mode
	sync := r.bits(24)
	depth := uint32(8)
	if profile >= 2 {
		depth = 10 + 2*r.bits(1)
	}
	chroma, fullRange := uint32(1), uint32(0) // 4:2:0, colocated
	if space := r.bits(3); space == sRGB {
		chroma, fullRange = 3, 1
	} else {
		fullRange = r.bits(1)
		if profile&1 == 1 {
			chroma = 3 - r.bits(1) - r.bits(1) // 4:4:4; 4:2:2; what else there is counts as that
			chroma = max(chroma, 2)
		}
	}
	if r.short || marker != 2 || notKey != 0 || sync != syncCode {
		return nil
	}
	if profile&1 == 1 {
		r.bits(1) // reserved_zero
	}
	level := vp9Level((int(r.bits(16)) + 1) * (int(r.bits(16)) + 1))
	if r.short {
		return nil
	}
	const unspecified = 2 // primaries, transfer and matrix
	return []byte{1, 0, 0, 0, byte(profile), level, byte(depth<<4 | chroma<<1 | fullRange), unspecified, unspecified, unspecified, 0, 0}
}
