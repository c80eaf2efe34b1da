package media

import "encoding/binary"

// Inspect tells from an RTP payload's headers whether it begins a frame, and whether it makes its frame one that a decoder can
// begin at. It never believes more than the bytes say: what is cut short is neither.
func Inspect(c Codec, payload []byte) (start, key bool) {
	if c.Kind() == Audio {
		return true, false
	}
	switch c {
	case H264:
		return inspectH264(payload)
	case H265:
		return inspectH265(payload)
	case VP8:
		d, ok := parseVP8(payload)
		return ok && d.start, ok && d.key
	case VP9:
		d, ok := parseVP9(payload)
		return ok && d.start, ok && d.key
	case AV1:
		return inspectAV1(payload)
	}
	return false, false
}

// NAL unit types of H.264 (table 7-1) and of its RTP payload format (RFC 6184, section 5.2).
const (
	h264Slice      = 1
	h264PartitionA = 2
	h264IDR        = 5
	h264SEI        = 6
	h264SPS        = 7
	h264PPS        = 8
	h264AUD        = 9
	h264STAPA      = 24
	h264FUA        = 28
)

func inspectH264(b []byte) (start, key bool) {
	if len(b) < 2 {
		return false, false
	}
	switch b[0] & 0x1f {
	case h264STAPA:
		for nal, rest := nextNAL(b[1:]); nal != nil; nal, rest = nextNAL(rest) {
			s, k := h264NAL(nal[0]&0x1f, nal[1:])
			start, key = start || s, key || k
		}
		return start, key
	case h264FUA: // FU indicator, FU header (S, E, R, type), fragment
		if b[1]&0x80 == 0 {
			return false, false
		}
		return h264NAL(b[1]&0x1f, b[2:])
	}
	return h264NAL(b[0]&0x1f, b[1:])
}

// h264NAL judges a NAL unit by its type and the bytes after its header. Parameter sets make no keyframe, for any picture may
// bring them; a recovery point does, for encoders that refresh the picture bit by bit never send another.
func h264NAL(typ byte, body []byte) (start, key bool) {
	switch typ {
	case h264Slice, h264PartitionA, h264IDR:
		// A slice begins with first_mb_in_slice, an Exp-Golomb number: 0 is a single bit, set.
		return len(body) > 0 && body[0]&0x80 != 0, typ == h264IDR
	case h264SEI:
		return true, len(recoveryPoint(body)) > 0
	case h264SPS, h264PPS, h264AUD:
		return true, false
	}
	return false, false
}

// nextNAL takes a NAL unit of at least one byte off an aggregation packet, each after its size in two bytes.
func nextNAL(b []byte) (nal, rest []byte) {
	if len(b) < 2 {
		return nil, nil
	}
	n := int(binary.BigEndian.Uint16(b))
	if n == 0 || n > len(b)-2 {
		return nil, nil
	}
	return b[2 : 2+n], b[2+n:]
}

// NAL unit types of H.265 (table 7-1) and of its RTP payload format (RFC 7798, section 4.4).
const (
	h265FirstIRAP = 16 // BLA_W_LP
	h265LastIRAP  = 21 // CRA_NUT
	h265LastVCL   = 31
	h265VPS       = 32
	h265SPS       = 33
	h265PPS       = 34
	h265AUD       = 35
	h265PrefixSEI = 39
	h265AP        = 48
	h265FU        = 49
)

func inspectH265(b []byte) (start, key bool) {
	if len(b) < 3 {
		return false, false
	}
	switch typ := b[0] >> 1 & 0x3f; typ {
	case h265AP:
		for nal, rest := nextNAL(b[2:]); nal != nil; nal, rest = nextNAL(rest) {
			s, k := h265NAL(nal[0]>>1&0x3f, nal[min(2, len(nal)):])
			start, key = start || s, key || k
		}
		return start, key
	case h265FU: // payload header of two bytes, FU header (S, E, type), fragment
		if b[2]&0x80 == 0 {
			return false, false
		}
		return h265NAL(b[2]&0x3f, b[3:])
	default:
		return h265NAL(typ, b[2:])
	}
}

// h265NAL judges a NAL unit by its type and the bytes after its header, as h264NAL does.
func h265NAL(typ byte, body []byte) (start, key bool) {
	switch {
	case typ <= h265LastVCL:
		// A slice segment begins with first_slice_segment_in_pic_flag.
		return len(body) > 0 && body[0]&0x80 != 0, typ >= h265FirstIRAP && typ <= h265LastIRAP
	case typ == h265PrefixSEI:
		return true, len(recoveryPoint(body)) > 0
	case typ == h265VPS, typ == h265SPS, typ == h265PPS, typ == h265AUD:
		return true, false
	}
	return false, false
}

// vpx is what VP8's and VP9's payload descriptors say that matters here.
type vpx struct {
	start, key    bool
	width, height int    // of the scalability structure, 0 if it says nothing
	frame         []byte // the coded bytes after the descriptor
}

// parseVP8 reads a payload descriptor (RFC 7741, section 4.2) and the P bit of the payload header (section 4.3).
func parseVP8(b []byte) (d vpx, ok bool) {
	r := byteReader{b: b}
	first := r.next()
	if first&0x80 != 0 { // X: I, L, T, K
		ext := r.next()
		if ext&0x80 != 0 && r.next()&0x80 != 0 { // PictureID, of 15 bits with M
			r.skip(1)
		}
		if ext&0x40 != 0 { // TL0PICIDX
			r.skip(1)
		}
		if ext&0x30 != 0 { // TID, Y, KEYIDX
			r.skip(1)
		}
	}
	d.start = first&0x10 != 0 && first&0x07 == 0 // S, and the partition index is 0
	d.frame = r.b
	if r.short || len(d.frame) == 0 {
		return vpx{}, false
	}
	d.key = d.start && d.frame[0]&1 == 0
	return d, true
}

// parseVP9 reads a payload descriptor (RFC 9628, section 4.2): I, P, L, F, B, E, V, Z.
func parseVP9(b []byte) (d vpx, ok bool) {
	r := byteReader{b: b}
	first := r.next()
	predicted, flexible := first&0x40 != 0, first&0x10 != 0
	if first&0x80 != 0 && r.next()&0x80 != 0 { // picture ID, of 15 bits with M
		r.skip(1)
	}
	var sid byte
	if first&0x20 != 0 { // TID, U, SID, D
		sid = r.next() >> 1 & 7
		if !flexible { // TL0PICIDX
			r.skip(1)
		}
	}
	if flexible && predicted { // at most three P_DIFF, each says whether another follows
		for i := 0; i < 3 && r.next()&1 != 0; i++ {
		}
	}
	if first&0x02 != 0 {
		d.width, d.height = vp9Structure(&r)
	}
	d.start = first&0x08 != 0 && sid == 0
	d.key = d.start && !predicted
	d.frame = r.b
	if r.short || len(d.frame) == 0 {
		return vpx{}, false
	}
	return d, true
}

// vp9Structure reads a scalability structure (RFC 9628, section 4.2.1) and returns the size of its highest layer.
func vp9Structure(r *byteReader) (width, height int) {
	head := r.next() // N_S of 3 bits, Y, G
	if head&0x10 != 0 {
		for range head>>5 + 1 {
			width = int(r.next())<<8 | int(r.next())
			height = int(r.next())<<8 | int(r.next())
		}
	}
	if head&0x08 != 0 {
		for range r.next() { // N_G pictures: TID, U, R of 2 bits, then R times P_DIFF
			r.skip(int(r.next() >> 2 & 3))
		}
	}
	return width, height
}
