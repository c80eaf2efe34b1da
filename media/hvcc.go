package media

import (
	"encoding/binary"
	"errors"
)

var errHEVCConfig = errors.New("media: the HEVCDecoderConfigurationRecord is malformed")

// h265Sequence is what a sequence parameter set of H265 says up to the bit depths (ITU-T H.265, section 7.3.2.2.1).
type h265Sequence struct {
	id                    uint32
	layers, nested        uint32 // sps_max_sub_layers_minus1, sps_temporal_id_nesting_flag
	general               uint32 // profile space, tier, profile
	compatibility         uint32
	constraints           uint64 // 48 bits
	level                 uint32
	chroma                uint32
	lumaDepth, colorDepth uint32 // less 8
}

func readH265Sequence(nal []byte) (s h265Sequence, ok bool) {
	r := bitReader{b: nal[2:]}
	r.bits(4) // sps_video_parameter_set_id
	s.layers, s.nested = r.bits(3), r.bits(1)
	copied := r // the reader is a value: the levels are read twice, once for their numbers
	s.general, s.compatibility = copied.bits(8), copied.bits(32)
	s.constraints = uint64(copied.bits(16))<<32 | uint64(copied.bits(32))
	s.level = copied.bits(8)
	h265ProfileTierLevel(&r, s.layers)
	s.id = r.golomb()
	s.chroma = r.golomb()
	if s.chroma == 3 {
		r.bits(1) // separate_colour_plane_flag
	}
	r.golomb() // pic_width_in_luma_samples
	r.golomb() // pic_height_in_luma_samples
	r.crop()
	s.lumaDepth, s.colorDepth = r.golomb(), r.golomb()
	return s, !r.short && s.id < 16
}

// hevcConfig builds an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, section 8.3.3.1) for 4-byte lengths.
func (p *ParameterSets) hevcConfig() []byte {
	s, ok := readH265Sequence(p.SPS[0])
	if !ok || len(p.VPS) == 0 {
		return nil
	}
	b := []byte{1, byte(s.general)}
	b = binary.BigEndian.AppendUint32(b, s.compatibility)
	b = binary.BigEndian.AppendUint16(b, uint16(s.constraints>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(s.constraints))
	b = append(b, byte(s.level), 0xf0, 0, 0xfc) // min_spatial_segmentation_idc and parallelismType are not known
	b = append(b, 0xfc|byte(s.chroma&3), 0xf8|byte(s.lumaDepth&7), 0xf8|byte(s.colorDepth&7))
	b = append(b, 0, 0) // avgFrameRate is not known
	b = append(b, byte(s.layers+1)<<3|byte(s.nested)<<2|3, 3)
	for i, sets := range [][][]byte{p.VPS, p.SPS, p.PPS} {
		b = append(b, 0x80|byte(h265VPS+i), 0, byte(len(sets))) // array_completeness
		b = appendSets(b, sets)
	}
	return b
}

func readHEVCConfig(b []byte) (p ParameterSets, lengthSize int, err error) {
	const head = 22 // bytes before numOfArrays
	if len(b) <= head || b[0] != 1 {
		return p, 0, errHEVCConfig
	}
	lengthSize = int(b[head-1]&3) + 1
	r := byteReader{b: b[head:]}
	for range r.next() {
		r.skip(1) // array_completeness, NAL_unit_type
		count := int(r.next())<<8 | int(r.next())
		for i := 0; i < count && !r.short; i++ {
			r.putSet(&p, H265)
		}
	}
	if r.short || len(p.VPS) == 0 {
		return p, 0, errHEVCConfig
	}
	return p, lengthSize, nil
}
