package media

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// ParameterSets are what a decoder of H264 or H265 must know before the first picture. At most maxSets of a kind are kept,
// each of at most maxSetSize bytes: encoders send one of each, of less than a hundred.
type ParameterSets struct {
	VPS [][]byte // of H265 alone
	SPS [][]byte
	PPS [][]byte

	ids [3][]uint32 // of the sets above, so that taking one in is cheap whatever comes
}

const (
	maxSets    = 16
	maxSetSize = 4 << 10
)

var errNoSets = errors.New("media: parameter sets are missing")

// Put takes a parameter set in, in place of the one with the same number, or of the oldest where there is no room, and reports
// whether anything changed. What is no parameter set, or none that can be believed, changes nothing. The bytes are copied.
func (p *ParameterSets) Put(c Codec, nal []byte) (changed bool) {
	list, ids := p.list(c, nal)
	if list == nil || len(nal) > maxSetSize {
		return false
	}
	id, ok := setID(c, nal)
	if !ok {
		return false
	}
	i := slices.Index(*ids, id)
	switch {
	case i >= 0 && bytes.Equal((*list)[i], nal):
		return false
	case i >= 0:
		(*list)[i] = bytes.Clone(nal)
		return true
	case len(*ids) == maxSets:
		*list, *ids = slices.Delete(*list, 0, 1), slices.Delete(*ids, 0, 1)
	}
	*list, *ids = append(*list, bytes.Clone(nal)), append(*ids, id)
	return true
}

// list is where a parameter set belongs, and the numbers of those there.
func (p *ParameterSets) list(c Codec, nal []byte) (list *[][]byte, ids *[]uint32) {
	if ClassifyNAL(c, nal) != ParameterNAL {
		return nil, nil
	}
	switch NALType(c, nal) {
	case h265VPS:
		return &p.VPS, &p.ids[0]
	case h264SPS, h265SPS:
		return &p.SPS, &p.ids[1]
	}
	return &p.PPS, &p.ids[2]
}

// setID reads the number of a parameter set.
func setID(c Codec, nal []byte) (id uint32, ok bool) {
	if len(nal) < 4 {
		return 0, false
	}
	var r bitReader
	switch NALType(c, nal) {
	case h264SPS:
		r = bitReader{b: nal[4:]} // after profile_idc, constraint flags and level_idc
		id = r.golomb()
	case h264PPS:
		r = bitReader{b: nal[1:]}
		id = r.golomb()
	case h265VPS:
		r = bitReader{b: nal[2:]}
		id = r.bits(4)
	case h265SPS:
		var s h265Sequence
		s, ok = readH265Sequence(nal)
		return s.id, ok
	default:
		r = bitReader{b: nal[2:]}
		id = r.golomb()
	}
	return id, !r.short && id < 256
}

// All lists the sets in the order in which a decoder wants them.
func (p *ParameterSets) All() [][]byte { return slices.Concat(p.VPS, p.SPS, p.PPS) }

// Config builds the decoder configuration record of H264 or H265, or nil while sets are missing.
func (p *ParameterSets) Config(c Codec) []byte {
	if len(p.SPS) == 0 || len(p.PPS) == 0 {
		return nil
	}
	if c == H265 {
		return p.hevcConfig()
	}
	return p.avcConfig()
}

// ReadParameterSets takes the parameter sets out of a decoder configuration record, with the size of the lengths that the
// frames' NAL units stand behind.
func ReadParameterSets(c Codec, config []byte) (p ParameterSets, lengthSize int, err error) {
	switch c {
	case H264:
		p, lengthSize, err = readAVCConfig(config)
	case H265:
		p, lengthSize, err = readHEVCConfig(config)
	default:
		return p, 0, fmt.Errorf("media: %v has no parameter sets", c)
	}
	if err == nil && (len(p.SPS) == 0 || len(p.PPS) == 0) {
		err = errNoSets
	}
	return p, lengthSize, err
}
