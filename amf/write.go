package amf

import (
	"encoding/binary"
	"math"
)

// AppendText appends a string; what is over 65,535 bytes of it is cut off.
func AppendText(b []byte, s string) []byte { return appendName(append(b, text), s) }

// AppendNumber appends a number.
func AppendNumber(b []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, number), math.Float64bits(v))
}

// AppendBool appends a boolean.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, boolean, 1)
	}
	return append(b, boolean, 0)
}

// AppendNull appends the value that says nothing.
func AppendNull(b []byte) []byte { return append(b, null) }

// AppendUndefined appends the value that is not there.
func AppendUndefined(b []byte) []byte { return append(b, undefined) }

// Property is a named value: a string, a number, a boolean, or a list of strings.
type Property struct {
	Name  string
	Value any
}

// AppendObject appends an object.
func AppendObject(b []byte, list ...Property) []byte {
	return appendProperties(append(b, object), list)
}

// AppendArray appends an array with names.
func AppendArray(b []byte, list ...Property) []byte {
	b = binary.BigEndian.AppendUint32(append(b, ecmaArray), uint32(len(list)))
	return appendProperties(b, list)
}

func appendProperties(b []byte, list []Property) []byte {
	for _, p := range list {
		b = appendName(b, p.Name)
		switch v := p.Value.(type) {
		case string:
			b = AppendText(b, v)
		case float64:
			b = AppendNumber(b, v)
		case int:
			b = AppendNumber(b, float64(v))
		case bool:
			b = AppendBool(b, v)
		case []string:
			b = binary.BigEndian.AppendUint32(append(b, strictArray), uint32(len(v)))
			for _, s := range v {
				b = AppendText(b, s)
			}
		default:
			panic("amf: a property of no kind that can be written")
		}
	}
	return append(b, 0, 0, objectEnd)
}

func appendName(b []byte, s string) []byte {
	s = s[:min(len(s), math.MaxUint16)]
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}
