package bridge

import "oneport/media"

// maxLayers is how many spatial layers a picture of VP9 may have (RFC 9628, section 4.2).
const maxLayers = 8

// vpxAssembler puts pictures of VP8 and VP9 together. The spatial layers of VP9 become a superframe.
type vpxAssembler struct {
	codec         media.Codec
	data          []byte
	key           bool
	width, height int
	layers        []int // where in data each begins
}

func (a *vpxAssembler) add(b []byte) error {
	coded, ok := media.Coded(a.codec, b)
	if !ok {
		return errPayload
	}
	start, key := media.Inspect(a.codec, b)
	if start == (len(a.data) > 0) {
		return errFragment
	}
	if len(a.data)+len(coded) > maxFrame {
		return errTooLarge
	}
	if start {
		a.key = key
		a.width, a.height, _ = media.VideoSize(a.codec, b)
	}
	const begins = 0x08 // B: a layer's frame begins
	if a.codec == media.VP9 && b[0]&begins != 0 {
		if len(a.layers) == maxLayers {
			return errPayload
		}
		a.layers = append(a.layers, len(a.data))
	}
	a.data = append(a.data, coded...)
	return nil
}

func (a *vpxAssembler) finish() (p picture, err error) {
	p = picture{data: a.data, key: a.key, width: a.width, height: a.height}
	if a.codec == media.VP9 {
		if a.key {
			p.config = media.VP9Config(a.data)
		}
		a.data = a.appendIndex(a.data)
		p.data = a.data
	}
	*a = vpxAssembler{codec: a.codec, data: a.data[:0], layers: a.layers[:0]}
	return p, nil
}

// appendIndex appends a superframe index (VP9 bitstream specification, annex B) if there is more than one layer.
func (a *vpxAssembler) appendIndex(data []byte) []byte {
	if len(a.layers) < 2 {
		return data
	}
	const bytesPerSize = 4
	marker := byte(0xc0 | (bytesPerSize-1)<<3 | (len(a.layers) - 1))
	end := len(data)
	data = append(data, marker)
	for i, from := range a.layers {
		to := end
		if i+1 < len(a.layers) {
			to = a.layers[i+1]
		}
		n := to - from
		data = append(data, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	return append(data, marker)
}
