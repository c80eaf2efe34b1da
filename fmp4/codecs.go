package fmp4

import (
	"fmt"
	"math/bits"
	"strings"

	"oneport/media"
)

// CodecName is the format as the codecs parameter has it (RFC 6381), empty where that is not known.
func CodecName(f *media.FrameFormat) string {
	c := f.Config
	switch {
	case f.Codec == media.H264 && len(c) >= 4:
		return fmt.Sprintf("avc1.%02x%02x%02x", c[1], c[2], c[3])
	case f.Codec == media.H265 && len(c) >= 13:
		return hevcName(c)
	case f.Codec == media.AV1 && len(c) >= 3:
		tier, depth := "M", 8
		if c[2]&0x80 != 0 {
			tier = "H"
		}
		if c[2]&0x40 != 0 {
			depth = 10 + int(c[2]>>5&1)*2
		}
		return fmt.Sprintf("av01.%d.%02d%s.%02d", c[1]>>5, c[1]&0x1f, tier, depth)
	case f.Codec == media.VP9 && len(c) >= 7:
		return fmt.Sprintf("vp09.%02d.%02d.%02d", c[4], max(c[5], 10), c[6]>>4)
	case f.Codec == media.AAC && len(c) >= 2:
		object := int(c[0] >> 3)
		if object == 31 {
			object = 32 + int(c[0]&7)<<3 + int(c[1]>>5)
		}
		return fmt.Sprintf("mp4a.40.%d", object)
	case f.Codec == media.Opus:
		return "opus"
	}
	return ""
}

// hevcName is that of an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, annex E.3).
func hevcName(c []byte) string {
	var b strings.Builder
	b.WriteString("hvc1.")
	if space := c[1] >> 6; space > 0 {
		b.WriteByte('A' + space - 1)
	}
	compatible := bits.Reverse32(uint32(c[2])<<24 | uint32(c[3])<<16 | uint32(c[4])<<8 | uint32(c[5]))
	tier := "L"
	if c[1]&0x20 != 0 {
		tier = "H"
	}
	fmt.Fprintf(&b, "%d.%X.%s%d", c[1]&0x1f, compatible, tier, c[12])
	last := 11
	for last >= 6 && c[last] == 0 {
		last--
	}
	for i := 6; i <= last; i++ {
		fmt.Fprintf(&b, ".%X", c[i])
	}
	return b.String()
}
