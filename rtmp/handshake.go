package rtmp

import (
	"encoding/binary"
	"fmt"
	"io"
)

const (
	version       = 3
	handshakeSize = 1536
)

// handshake is the server's part of the plain handshake (RTMP 1.0, section 5.2). A client that sends digests, as Flash did,
// sees by the zeros of S1 that there are none here, and goes on without. C2 is read but not compared: clients differ.
func handshake(rw io.ReadWriter) error {
	var c [1 + handshakeSize]byte
	if _, err := io.ReadFull(rw, c[:1]); err != nil {
		return fmt.Errorf("rtmp: handshake: %w", err)
	}
	if c[0] != version {
		return fmt.Errorf("rtmp: handshake: version %d, only %d is known here", c[0], version)
	}
	if _, err := io.ReadFull(rw, c[1:]); err != nil {
		return fmt.Errorf("rtmp: handshake: %w", err)
	}
	answer := make([]byte, 0, 1+2*handshakeSize)
	answer = append(answer, version)
	answer = append(answer, s1()...)
	answer = append(answer, c[1:]...) // S2 echoes C1
	if _, err := rw.Write(answer); err != nil {
		return fmt.Errorf("rtmp: handshake: %w", err)
	}
	if _, err := io.ReadFull(rw, c[1:]); err != nil {
		return fmt.Errorf("rtmp: handshake: %w", err)
	}
	return nil
}

// s1 is a time and a version of 0, and bytes that are to be random only so that an echo can be told from a replay, which
// nothing depends on.
func s1() []byte {
	b := make([]byte, 8, handshakeSize)
	for i := uint32(1); len(b) < handshakeSize; i++ {
		b = binary.BigEndian.AppendUint32(b, i*2654435761)
	}
	return b
}
