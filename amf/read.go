// Package amf is AMF0 (Action Message Format), the notation of RTMP's commands and of FLV's metadata.
package amf

import (
	"encoding/binary"
	"errors"
	"math"
)

// Markers of values (AMF0 specification, section 2.1).
const (
	number      = 0
	boolean     = 1
	text        = 2
	object      = 3
	null        = 5
	undefined   = 6
	reference   = 7
	ecmaArray   = 8
	objectEnd   = 9
	strictArray = 10
	date        = 11
	longText    = 12
	unsupported = 13
	xml         = 15
	typedObject = 16
)

// maxDepth is how deeply objects may lie in objects: what is sent is flat but for metadata's lists of keyframes.
const maxDepth = 8

// ErrMalformed says that bytes are not AMF0, or that they nest too deeply.
var ErrMalformed = errors.New("amf: the data is malformed")

// Reader takes values off a slice. It holds nothing but the slice, so that no length makes it allocate, and an element takes
// at least a byte, so that no count makes it run longer than the bytes do.
type Reader struct {
	b      []byte
	failed bool
}

// NewReader reads b, which must not be changed meanwhile.
func NewReader(b []byte) Reader { return Reader{b: b} }

// Err is ErrMalformed if anything so far was.
func (r *Reader) Err() error {
	if r.failed {
		return ErrMalformed
	}
	return nil
}

// More says whether something is left to read.
func (r *Reader) More() bool { return len(r.b) > 0 && !r.failed }

// Value takes one value. Of numbers, booleans and strings it returns what they say, of all others nil.
func (r *Reader) Value() any { return r.value(0) }

// Text takes one value, and returns it if it is a string.
func (r *Reader) Text() string {
	s, _ := r.Value().(string)
	return s
}

// Number takes one value, and returns it if it is a number.
func (r *Reader) Number() float64 {
	v, _ := r.Value().(float64)
	return v
}

// Properties takes one value and tells see what it consists of, if it is an object or an array with names, which is the
// answer.
func (r *Reader) Properties(see func(name string, value any)) bool {
	if !r.More() {
		return false
	}
	switch r.b[0] {
	case ecmaArray:
		r.take(5) // the count is often wrong: an end marker follows
	case object:
		r.take(1)
	default:
		r.Value()
		return false
	}
	r.properties(1, see)
	return true
}

func (r *Reader) take(n int) []byte {
	if n > len(r.b) {
		r.b, r.failed = nil, true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *Reader) marker() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return unsupported
}

func (r *Reader) name() string {
	if b := r.take(2); b != nil {
		return string(r.take(int(binary.BigEndian.Uint16(b))))
	}
	return ""
}

func (r *Reader) number() float64 {
	if b := r.take(8); b != nil {
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *Reader) value(depth int) any {
	switch r.marker() {
	case number:
		return r.number()
	case boolean:
		b := r.take(1)
		return b != nil && b[0] != 0
	case text:
		return r.name()
	case longText, xml:
		r.skipLong()
	case null, undefined, unsupported:
	case reference:
		r.take(2)
	case date:
		r.take(10)
	case typedObject:
		r.name()
		r.properties(depth+1, nil)
	case object:
		r.properties(depth+1, nil)
	case ecmaArray:
		r.take(4)
		r.properties(depth+1, nil)
	case strictArray:
		r.elements(depth + 1)
	default:
		r.failed = true
	}
	return nil
}

func (r *Reader) skipLong() {
	if b := r.take(4); b != nil {
		if n := binary.BigEndian.Uint32(b); uint64(n) > uint64(len(r.b)) {
			r.failed = true
		} else {
			r.take(int(n))
		}
	}
}

// properties takes named values up to the end marker, or to the end of the data, and tells each to see.
func (r *Reader) properties(depth int, see func(name string, value any)) {
	if depth > maxDepth {
		r.failed = true
	}
	for r.More() {
		if len(r.b) >= 3 && r.b[0] == 0 && r.b[1] == 0 && r.b[2] == objectEnd {
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

func (r *Reader) elements(depth int) {
	b := r.take(4)
	if b == nil || depth > maxDepth {
		r.failed = true
		return
	}
	for n := binary.BigEndian.Uint32(b); n > 0 && !r.failed; n-- {
		r.value(depth)
	}
}
