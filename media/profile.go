package media

import (
	"encoding/hex"
	"strconv"
)

// ProfileLevel is the profile of a stream of packets by its name in H264, by its number elsewhere, and the level where the format
// says one; empty where it says nothing.
func (f Format) ProfileLevel() (profile, level string) {
	id, err := hex.DecodeString(f.Profile)
	if f.Codec != H264 || err != nil || len(id) != 3 {
		return f.Profile, ""
	}
	names := map[byte]string{0x42: "Baseline", 0x4d: "Main", 0x58: "Extended", 0x64: "High", 0xf4: "High444"}
	return names[id[0]], tenths(int(id[2]))
}

// ProfileLevel is the profile by its name and the level by its number, as the decoder configuration has them; empty where it says
// nothing.
func (f *FrameFormat) ProfileLevel() (profile, level string) {
	c := f.Config
	switch {
	case f.Codec == H264 && len(c) >= 4: // ISO/IEC 14496-15, section 5.3.3.1
		return Format{Codec: H264, Profile: hex.EncodeToString(c[1:4])}.ProfileLevel()
	case f.Codec == H265 && len(c) >= 13: // section 8.3.3.1
		return nameAt(c[1]&0x1f, "", "Main", "Main10", "MainStillPicture", "Rext"), tenths(int(c[12]) / 3)
	case f.Codec == AV1 && len(c) >= 2: // AV1 in ISO BMFF, section 2.3.3; seq_level_idx of AV1, annex A.3
		index := int(c[1] & 0x1f)
		return nameAt(c[1]>>5, "Main", "High", "Professional"), tenths((2+index/4)*10 + index%4)
	case f.Codec == AAC && len(c) >= 1: // ISO/IEC 14496-3, section 1.6.2.1
		return nameAt(c[0]>>3, "", "Main", "LC", "", "", "HE"), ""
	}
	return "", ""
}

// nameAt is the name of a number, empty if it has none.
func nameAt(i byte, names ...string) string {
	if int(i) < len(names) {
		return names[i]
	}
	return ""
}

// tenths writes a number of tenths: 31 is "3.1", 40 is "4".
func tenths(n int) string { return strconv.FormatFloat(float64(n)/10, 'f', -1, 64) }
