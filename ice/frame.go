package ice

import (
	"encoding/binary"
	"fmt"
	"math"
)

const (
	// MaxFrame is the longest frame accepted from a client: no packet of WebRTC is longer than an Ethernet frame.
	MaxFrame = 1500

	frameHeader = 2
)

// AppendFrame appends payload in the framing of RFC 4571: its length in two bytes, then its bytes. It panics if the length
// does not fit, because what follows on the connection could not be understood.
func AppendFrame(dst, payload []byte) []byte {
	if len(payload) > math.MaxUint16 {
		panic(fmt.Sprintf("ice: a frame of %d bytes does not fit RFC 4571", len(payload)))
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(payload)))
	return append(dst, payload...)
}

// NextFrame splits the first frame off the bytes of a connection. The frame is nil while it is incomplete, and rest is
// then b. An error means that the stream can't be followed any further. Both results share b's memory.
func NextFrame(b []byte) (frame, rest []byte, err error) {
	if len(b) < frameHeader {
		return nil, b, nil
	}
	n := int(binary.BigEndian.Uint16(b))
	if n == 0 || n > MaxFrame {
		return nil, b, fmt.Errorf("ice: frame length %d is not within 1 and %d", n, MaxFrame)
	}
	end := frameHeader + n
	if len(b) < end {
		return nil, b, nil
	}
	return b[frameHeader:end:end], b[end:], nil
}
