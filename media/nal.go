package media

import (
	"encoding/binary"
	"errors"
	"iter"
)

var errNAL = errors.New("media: a NAL unit is longer than what holds it")

// NALs iterates over the NAL units of a frame's data, each behind a 4-byte length. It ends at one that is cut short.
func NALs(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for nal, err := range SplitNALs(data, 4) {
			if err != nil || !yield(nal) {
				return
			}
		}
	}
}

// SplitNALs iterates over NAL units that stand behind a length of size bytes (1 to 4) each, as ISO/IEC 14496-15 has them.
// Empty ones are left out; one that is cut short is an error, which ends the iteration.
func SplitNALs(data []byte, size int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for len(data) > 0 {
			if len(data) < size {
				yield(nil, errNAL)
				return
			}
			n := uint64(0)
			for _, c := range data[:size] {
				n = n<<8 | uint64(c)
			}
			data = data[size:]
			if n > uint64(len(data)) {
				yield(nil, errNAL)
				return
			}
			nal := data[:n:n]
			data = data[n:]
			if n > 0 && !yield(nal, nil) {
				return
			}
		}
	}
}

// AppendNAL appends a NAL unit behind its length in four bytes.
func AppendNAL(dst, nal []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(nal)))
	return append(dst, nal...)
}

// AnnexB iterates over the NAL units of a byte stream. What comes before the first start code is left out.
func AnnexB(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		_, b, found := cutStartCode(b)
		for found {
			var nal []byte
			nal, b, found = cutStartCode(b)
			for len(nal) > 0 && nal[len(nal)-1] == 0 { // trailing_zero_8bits, or the first byte of a longer start code
				nal = nal[:len(nal)-1]
			}
			if len(nal) > 0 && !yield(nal[:len(nal):len(nal)]) {
				return
			}
		}
	}
}

// cutStartCode slices b around the first three-byte start code.
func cutStartCode(b []byte) (before, after []byte, found bool) {
	zeros := 0
	for i, c := range b {
		if c == 1 && zeros >= 2 {
			return b[:i-2], b[i+1:], true
		}
		zeros++
		if c != 0 {
			zeros = 0
		}
	}
	return b, nil, false
}

// NALType is the type of a NAL unit of H264 or H265 that is not empty.
func NALType(c Codec, nal []byte) byte {
	if c == H265 {
		return nal[0] >> 1 & 0x3f
	}
	return nal[0] & 0x1f
}

// NALClass is what a NAL unit is for.
type NALClass uint8

const (
	OtherNAL     NALClass = iota
	PictureNAL            // a slice
	KeyNAL                // a slice of a picture at which a decoder can begin
	ParameterNAL          // a video, sequence or picture parameter set
	DelimiterNAL          // an access unit delimiter or filler data, which say nothing
	SEINAL                // supplemental enhancement information
)

// ClassifyNAL says what a NAL unit of H264 or H265 is for.
func ClassifyNAL(c Codec, nal []byte) NALClass {
	if len(nal) == 0 {
		return OtherNAL
	}
	if c == H265 {
		return classifyH265(NALType(c, nal))
	}
	return classifyH264(NALType(c, nal))
}

func classifyH264(typ byte) NALClass {
	const partitionC, filler = 4, 12
	switch {
	case typ == h264IDR:
		return KeyNAL
	case typ >= h264Slice && typ <= partitionC:
		return PictureNAL
	case typ == h264SPS, typ == h264PPS:
		return ParameterNAL
	case typ == h264SEI:
		return SEINAL
	case typ == h264AUD, typ == filler:
		return DelimiterNAL
	}
	return OtherNAL
}

// IsRecoveryPoint reports whether an SEI NAL unit of H264 says that a decoder can begin at its picture (ITU-T H.264, section
// D.2.8), as encoders with open groups of pictures say it in place of sending an IDR picture. Where pictures are right only
// some way behind it, it can't.
func IsRecoveryPoint(nal []byte) bool {
	message := recoveryPoint(nal[1:])
	return len(message) > 0 && message[0]&0x80 != 0 // recovery_frame_cnt, an Exp-Golomb number, is 0
}

// recoveryPoint finds the message of that type among those of an SEI NAL unit, whose header was taken off.
func recoveryPoint(b []byte) (message []byte) {
	const recoveryPoint = 6
	for len(b) > 2 {
		var typ, size int
		typ, b = seiNumber(b)
		size, b = seiNumber(b)
		if size > len(b) {
			return nil
		}
		if typ == recoveryPoint && size > 0 {
			return b[:size]
		}
		b = b[size:]
	}
	return nil
}

// seiNumber reads a payload's type or size (section 7.3.2.3.1).
func seiNumber(b []byte) (n int, rest []byte) {
	for len(b) > 0 && b[0] == 0xff {
		n, b = n+0xff, b[1:]
	}
	if len(b) == 0 {
		return n, nil
	}
	return n + int(b[0]), b[1:]
}

func classifyH265(typ byte) NALClass {
	const filler, suffixSEI = 38, 40
	switch {
	case typ >= h265FirstIRAP && typ <= h265LastIRAP:
		return KeyNAL
	case typ <= h265LastVCL:
		return PictureNAL
	case typ == h265VPS, typ == h265SPS, typ == h265PPS:
		return ParameterNAL
	case typ == h265PrefixSEI, typ == suffixSEI:
		return SEINAL
	case typ == h265AUD, typ == filler:
		return DelimiterNAL
	}
	return OtherNAL
}
