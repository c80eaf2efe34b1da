package bridge

import (
	"encoding/binary"
	"errors"

	"oneport/media"
)

var errFrame = errors.New("bridge: a frame is malformed")

// nalPayloads cuts a picture of H264 (RFC 6184) or H265 (RFC 7798). Small NAL units that follow one another share a
// payload; large ones are cut. Access unit delimiters are left out, and parameter sets come before a keyframe, once.
func nalPayloads(f *media.Frame, sets [][]byte, keepSEI bool) ([][]byte, error) {
	c := nalCutter{codec: f.Format.Codec}
	if refreshes(f) {
		for _, set := range sets {
			c.put(set)
		}
	}
	for nal, err := range media.SplitNALs(f.Data, 4) {
		if err != nil {
			return nil, err
		}
		switch media.ClassifyNAL(c.codec, nal) {
		case media.ParameterNAL, media.DelimiterNAL:
			continue
		case media.SEINAL:
			if !keepSEI {
				continue
			}
		case media.PictureNAL, media.KeyNAL:
			c.picture = true
		}
		c.put(nal)
	}
	c.flush()
	if !c.picture {
		return nil, errFrame
	}
	return c.payloads, nil
}

// refreshes reports whether a picture of H264 or H265 is one at which a browser begins: it takes no other for a keyframe.
func refreshes(f *media.Frame) bool {
	if !f.Key || f.Format.Codec != media.H264 {
		return f.Key
	}
	for nal := range media.NALs(f.Data) {
		if media.ClassifyNAL(media.H264, nal) == media.KeyNAL {
			return true
		}
	}
	return false
}

// nalCutter gathers NAL units into payloads.
type nalCutter struct {
	codec    media.Codec
	picture  bool
	payloads [][]byte
	waiting  [][]byte // NAL units that may share a payload
	size     int      // of that payload
}

// header is the size of a NAL unit's header.
func (c *nalCutter) header() int {
	if c.codec == media.H265 {
		return 2
	}
	return 1
}

func (c *nalCutter) put(nal []byte) {
	if len(nal) <= c.header() {
		return // says nothing
	}
	if c.size+2+len(nal) > maxPayload {
		c.flush()
	}
	if len(nal) > maxPayload {
		c.fragment(nal)
		return
	}
	if len(c.waiting) == 0 {
		c.size = c.header()
	}
	c.waiting = append(c.waiting, nal)
	c.size += 2 + len(nal)
}

// flush makes one payload of what waits.
func (c *nalCutter) flush() {
	switch len(c.waiting) {
	case 0:
	case 1:
		c.payloads = append(c.payloads, c.waiting[0])
	default:
		c.payloads = append(c.payloads, c.aggregate())
	}
	c.waiting, c.size = c.waiting[:0], 0
}

// aggregate makes a STAP-A, with the highest importance of its parts, or an AP, with their lowest layers.
func (c *nalCutter) aggregate() []byte {
	b := make([]byte, c.header(), c.size)
	if c.codec == media.H265 {
		layer, temporal := byte(63), byte(7)
		for _, nal := range c.waiting {
			layer = min(layer, nal[0]&1<<5|nal[1]>>3)
			temporal = min(temporal, nal[1]&7)
		}
		b[0], b[1] = h265AP<<1|layer>>5, layer<<3|temporal
	} else {
		b[0] = h264STAPA
		for _, nal := range c.waiting {
			b[0] = max(b[0], nal[0]&0x60|h264STAPA)
		}
	}
	for _, nal := range c.waiting {
		b = binary.BigEndian.AppendUint16(b, uint16(len(nal)))
		b = append(b, nal...)
	}
	return b
}

// fragment cuts a NAL unit into FU-As or FUs.
func (c *nalCutter) fragment(nal []byte) {
	var head []byte // of each fragment; the last byte is the FU header
	if c.codec == media.H265 {
		head = []byte{nal[0]&0x81 | h265FU<<1, nal[1], media.NALType(c.codec, nal)}
	} else {
		head = []byte{nal[0]&0xe0 | h264FUA, media.NALType(c.codec, nal)}
	}
	flags := &head[len(head)-1]
	*flags |= 0x80
	for body := nal[c.header():]; len(body) > 0; {
		n := min(len(body), maxPayload-len(head))
		if n == len(body) {
			*flags |= 0x40
		}
		b := make([]byte, 0, len(head)+n)
		b = append(append(b, head...), body[:n]...)
		c.payloads = append(c.payloads, b)
		body = body[n:]
		*flags &^= 0x80
	}
}

// sequenceHeader is the sequence header of an AV1CodecConfigurationRecord, as RTP carries it.
func sequenceHeader(config []byte) (elements [][]byte) {
	if len(config) < 4 {
		return nil
	}
	for obu, err := range media.OBUs(config[4:]) {
		if err == nil && obu.Type == media.OBUSequenceHeader {
			elements = append(elements, obu.AppendBare(nil))
		}
	}
	return elements
}

// av1Payloads cuts a temporal unit (AV1 RTP specification, section 4). Each element is behind its length.
func av1Payloads(f *media.Frame, header [][]byte) ([][]byte, error) {
	var elements [][]byte
	sequence := false
	for obu, err := range media.OBUs(f.Data) {
		if err != nil {
			return nil, err
		}
		switch obu.Type {
		case media.OBUTemporalDelimiter, media.OBUTileList, media.OBUPadding:
			continue
		case media.OBUSequenceHeader:
			sequence = true
		}
		elements = append(elements, obu.AppendBare(nil))
	}
	if len(elements) == 0 {
		return nil, errFrame
	}
	if f.Key && !sequence {
		elements = append(header[:len(header):len(header)], elements...)
	}
	return cutElements(elements, f.Key), nil
}

// cutElements fills payloads with elements, the last of which may go on in the next.
func cutElements(elements [][]byte, key bool) (payloads [][]byte) {
	const z, y, n = 0x80, 0x40, 0x08
	const least = 16 // bytes of room below which no element is begun
	payload := append(make([]byte, 0, maxPayload), 0)
	if key {
		payload[0] = n
	}
	for _, element := range elements {
		for first := true; first || len(element) > 0; first = false {
			if len(payload) > 1 && len(payload)+least > maxPayload || !first {
				if !first {
					payload[0] |= y
				}
				payloads = append(payloads, payload)
				payload = append(make([]byte, 0, maxPayload), 0)
				if !first {
					payload[0] = z
				}
			}
			size := min(len(element), maxPayload-len(payload)-2)
			payload = media.AppendLEB128(payload, size)
			payload = append(payload, element[:size]...)
			element = element[size:]
		}
	}
	return append(payloads, payload)
}

// vp8Payloads cuts a picture of VP8 (RFC 7741) with the shortest of descriptors.
func vp8Payloads(f *media.Frame) [][]byte {
	const begins = 0x10
	return cutPlain(f.Data, func(first, _ bool) []byte {
		if first {
			return []byte{begins}
		}
		return []byte{0}
	})
}

// vp9Payloads cuts a picture of VP9 (RFC 9628) in flexible mode: each builds on the one before it.
func vp9Payloads(f *media.Frame, picture uint16) [][]byte {
	const i, p, flexible, begins, ends = 0x80, 0x40, 0x10, 0x08, 0x04
	return cutPlain(f.Data, func(first, last bool) []byte {
		head := []byte{i | flexible, 0x80 | byte(picture>>8), byte(picture)}
		if !f.Key {
			head[0] |= p
			head = append(head, 1<<1) // P_DIFF
		}
		if first {
			head[0] |= begins
		}
		if last {
			head[0] |= ends
		}
		return head
	})
}

// cutPlain cuts data and puts before each piece what describe says.
func cutPlain(data []byte, describe func(first, last bool) []byte) (payloads [][]byte) {
	const room = maxPayload - 4
	for first := true; len(data) > 0; first = false {
		n := min(len(data), room)
		head := describe(first, n == len(data))
		payloads = append(payloads, append(head, data[:n]...))
		data = data[n:]
	}
	return payloads
}
