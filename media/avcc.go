package media

import (
	"encoding/binary"
	"errors"
)

var errAVCConfig = errors.New("media: the AVCDecoderConfigurationRecord is malformed")

// avcConfig builds an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, section 5.3.3.1) for 4-byte lengths.
func (p *ParameterSets) avcConfig() []byte {
	sps := p.SPS[0]
	b := []byte{1, sps[1], sps[2], sps[3], 0xfc | 3, 0xe0 | byte(len(p.SPS))}
	b = appendSets(b, p.SPS)
	b = append(b, byte(len(p.PPS)))
	b = appendSets(b, p.PPS)
	switch sps[1] {
	case 66, 77, 88: // baseline, main, extended: the record ends here
		return b
	}
	r := bitReader{b: sps[4:]}
	r.golomb() // seq_parameter_set_id
	chroma := r.golomb()
	if chroma == 3 {
		r.bits(1) // separate_colour_plane_flag
	}
	luma, depth := r.golomb(), r.golomb()
	return append(b, 0xfc|byte(chroma&3), 0xf8|byte(luma&7), 0xf8|byte(depth&7), 0)
}

func appendSets(b []byte, sets [][]byte) []byte {
	for _, set := range sets {
		b = binary.BigEndian.AppendUint16(b, uint16(len(set)))
		b = append(b, set...)
	}
	return b
}

// readAVCConfig leaves out what follows the picture parameter sets: it can be had from the sequence parameter set.
func readAVCConfig(b []byte) (p ParameterSets, lengthSize int, err error) {
	if len(b) < 7 || b[0] != 1 {
		return p, 0, errAVCConfig
	}
	lengthSize = int(b[4]&3) + 1
	r := byteReader{b: b[5:]}
	for range r.next() & 0x1f {
		r.putSet(&p, H264)
	}
	for range r.next() {
		r.putSet(&p, H264)
	}
	if r.short {
		return p, 0, errAVCConfig
	}
	return p, lengthSize, nil
}

// putSet takes a parameter set behind its length in two bytes.
func (r *byteReader) putSet(p *ParameterSets, c Codec) {
	n := int(r.next())<<8 | int(r.next())
	set := r.take(n)
	if !r.short {
		p.Put(c, set)
	}
}
