package rtmp

import "encoding/binary"

// Chunk streams that the server uses.
const (
	chunksControl = 2
	chunksCommand = 3
	chunksAudio   = 4
	chunksVideo   = 6
	chunksData    = 5
)

// appendMessage appends a message in chunks of at most size bytes of body.
func appendMessage(dst []byte, chunks byte, m Message, size int) []byte {
	extended := m.Time >= 0xffffff
	dst = append(dst, chunks)
	dst = append24(dst, min(m.Time, 0xffffff))
	dst = append24(dst, uint32(len(m.Body)))
	dst = append(dst, m.Type)
	dst = binary.LittleEndian.AppendUint32(dst, m.Stream)
	for rest, first := m.Body, true; first || len(rest) > 0; first = false {
		if !first {
			dst = append(dst, 3<<6|chunks)
		}
		if extended {
			dst = binary.BigEndian.AppendUint32(dst, m.Time)
		}
		n := min(len(rest), size)
		dst = append(dst, rest[:n]...)
		rest = rest[n:]
	}
	return dst
}

// appendControl appends a control message of numbers.
func appendControl(dst []byte, typ byte, body ...byte) []byte {
	return appendMessage(dst, chunksControl, Message{Type: typ, Body: body}, defaultChunkSize)
}

// appendNumber appends a control message that is one number of four bytes.
func appendNumber(dst []byte, typ byte, v uint32, more ...byte) []byte {
	return appendControl(dst, typ, append(binary.BigEndian.AppendUint32(nil, v), more...)...)
}

// appendEvent appends a user control message.
func appendEvent(dst []byte, event uint16, v uint32) []byte {
	return appendControl(dst, typeUserControl, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, event), v)...)
}

func append24(dst []byte, v uint32) []byte { return append(dst, byte(v>>16), byte(v>>8), byte(v)) }
