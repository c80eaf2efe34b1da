package flv

import (
	"encoding/binary"
	"errors"
	"math"
)

// Markers of AMF0 (Action Message Format, section 2.1).
const (
	amfNumber      = 0
	amfBoolean     = 1
	amfString      = 2
	amfObject      = 3
	amfNull        = 5
	amfUndefined   = 6
	amfReference   = 7
	amfECMAArray   = 8
	amfObjectEnd   = 9
	amfStrictArray = 10
	amfDate        = 11
	amfLongString  = 12
	amfUnsupported = 13
	amfXML         = 15
	amfTyped       = 16
)

// maxAMFDepth is how deeply objects may lie in objects: metadata is flat but for lists of keyframes.
const maxAMFDepth = 8

var errAMF = errors.New("flv: the AMF0 data is malformed")

func appendAMFName(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

func appendAMFString(b []byte, s string) []byte { return appendAMFName(append(b, amfString), s) }

func appendAMFNumber(b []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, amfNumber), math.Float64bits(v))
}

func appendAMFBool(b []byte, v bool) []byte {
	if v {
		return append(b, amfBoolean, 1)
	}
	return append(b, amfBoolean, 0)
}

// amfReader takes AMF0 values off a slice. It holds nothing but the slice, so that no length makes it allocate, and an
// element takes at least a byte, so that no count makes it run longer than the bytes do.
type amfReader struct {
	b      []byte
	failed bool
}

func (r *amfReader) take(n int) []byte {
	if n > len(r.b) {
		r.b, r.failed = nil, true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *amfReader) marker() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return amfUnsupported
}

func (r *amfReader) name() string {
	if b := r.take(2); b != nil {
		return string(r.take(int(binary.BigEndian.Uint16(b))))
	}
	return ""
}

func (r *amfReader) number() float64 {
	if b := r.take(8); b != nil {
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return 0
}

// value takes one value. Of numbers, booleans and strings it returns what they say, of all others nil.
func (r *amfReader) value(depth int) any {
	switch r.marker() {
	case amfNumber:
		return r.number()
	case amfBoolean:
		b := r.take(1)
		return b != nil && b[0] != 0
	case amfString:
		return r.name()
	case amfLongString, amfXML:
		r.skipLong()
	case amfNull, amfUndefined, amfUnsupported:
	case amfReference:
		r.take(2)
	case amfDate:
		r.take(10)
	case amfTyped:
		r.name()
		r.properties(depth+1, nil)
	case amfObject:
		r.properties(depth+1, nil)
	case amfECMAArray:
		r.take(4) // the count is often wrong: an end marker follows
		r.properties(depth+1, nil)
	case amfStrictArray:
		r.elements(depth + 1)
	default:
		r.failed = true
	}
	return nil
}

func (r *amfReader) skipLong() {
	if b := r.take(4); b != nil {
		if n := binary.BigEndian.Uint32(b); uint64(n) > uint64(len(r.b)) {
			r.failed = true
		} else {
			r.take(int(n))
		}
	}
}

// properties takes named values up to the end marker, or to the end of the data, and tells each to see.
func (r *amfReader) properties(depth int, see func(name string, value any)) {
	if depth > maxAMFDepth {
		r.failed = true
	}
	for len(r.b) > 0 && !r.failed {
		if len(r.b) >= 3 && r.b[0] == 0 && r.b[1] == 0 && r.b[2] == amfObjectEnd {
			r.take(3)
			return
		}
		name := r.name()
		value := r.value(depth)
		if see != nil && !r.failed {
			see(name, value)
		}
	}
}

func (r *amfReader) elements(depth int) {
	b := r.take(4)
	if b == nil || depth > maxAMFDepth {
		r.failed = true
		return
	}
	for n := binary.BigEndian.Uint32(b); n > 0 && !r.failed; n-- {
		r.value(depth)
	}
}
