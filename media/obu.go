package media

import (
	"errors"
	"iter"
)

var errOBU = errors.New("media: an AV1 OBU is malformed")

// Types of OBUs (AV1 bitstream specification, section 6.2.2).
const (
	OBUSequenceHeader    = av1SequenceHeader
	OBUTemporalDelimiter = 2
	OBUFrameHeader       = 3
	OBUFrame             = 6
	OBUTileList          = 8
	OBUPadding           = 15
)

// OBU is one open bitstream unit.
type OBU struct {
	Type      byte
	Extension []byte // the extension byte of its header, or nothing
	Payload   []byte
}

// OBUs iterates over the OBUs of a temporal unit in the low-overhead format. Only the last may lack its size.
func OBUs(data []byte) iter.Seq2[OBU, error] {
	return func(yield func(OBU, error) bool) {
		for len(data) > 0 {
			obu, rest, ok := cutOBU(data)
			if !ok {
				yield(OBU{}, errOBU)
				return
			}
			if data = rest; !yield(obu, nil) {
				return
			}
		}
	}
}

// ParseOBU reads one OBU, with or without its size, that fills b.
func ParseOBU(b []byte) (OBU, error) {
	obu, rest, ok := cutOBU(b)
	if !ok || len(rest) > 0 {
		return OBU{}, errOBU
	}
	return obu, nil
}

// cutOBU reads an OBU and takes it off b.
func cutOBU(b []byte) (obu OBU, rest []byte, ok bool) {
	r := byteReader{b: b}
	obu, n := r.obuHeader()
	obu.Payload = r.take(n)
	return obu, r.b, !r.short && b[0]&0x80 == 0
}

// openOBU reads an OBU of which there may be only the beginning.
func openOBU(b []byte) OBU {
	r := byteReader{b: b}
	obu, _ := r.obuHeader()
	obu.Payload = r.b
	return obu
}

// obuHeader reads the header of an OBU and the size of what follows it (section 5.3.2), which is all there is if none is told.
func (r *byteReader) obuHeader() (obu OBU, size int) {
	head := r.next()
	obu.Type = head >> 3 & 0x0f
	if head&0x04 != 0 { // obu_extension_flag
		obu.Extension = r.take(1)
	}
	if head&0x02 != 0 { // obu_has_size_field
		return obu, r.leb128()
	}
	return obu, len(r.b)
}

// Append appends the OBU with its size.
func (o OBU) Append(dst []byte) []byte {
	dst = append(o.appendHeader(dst, 0x02), o.Extension...)
	dst = AppendLEB128(dst, len(o.Payload))
	return append(dst, o.Payload...)
}

// AppendBare appends the OBU without its size, as RTP carries it.
func (o OBU) AppendBare(dst []byte) []byte {
	dst = append(o.appendHeader(dst, 0), o.Extension...)
	return append(dst, o.Payload...)
}

func (o OBU) appendHeader(dst []byte, flags byte) []byte {
	if len(o.Extension) > 0 {
		flags |= 0x04
	}
	return append(dst, o.Type<<3|flags)
}

// IsKey reports whether it is the header of a keyframe that is shown: show_existing_frame is 0, frame_type is 0,
// show_frame is 1 (section 5.9.2).
func (o OBU) IsKey() bool {
	return (o.Type == OBUFrame || o.Type == OBUFrameHeader) && len(o.Payload) > 0 && o.Payload[0]&0xf0 == 0x10
}

// AppendLEB128 appends a number of seven bits a byte, the lowest first.
func AppendLEB128(dst []byte, v int) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// CutLEB128 takes such a number off b.
func CutLEB128(b []byte) (v int, rest []byte, ok bool) {
	r := byteReader{b: b}
	v = r.leb128()
	return v, r.b, !r.short
}
