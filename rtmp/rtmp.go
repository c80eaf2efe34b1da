// Package rtmp is the server's side of one RTMP connection: bytes to requests and FLV tags, and frames to bytes.
//
// It is our own from the handshake up. The library of the field keeps 10 MB for each of 62 chunk streams of whoever connects,
// ends on a chunk size of 0, and reads AMF without a bound on depth; here all that is bounded, and smaller before the client
// is permitted anything (see Reader).
package rtmp

import (
	"errors"
	"fmt"
)

// Types of messages (RTMP 1.0, sections 5.4, 6.2 and 7.1).
const (
	typeSetChunkSize  = 1
	typeAbort         = 2
	typeAck           = 3
	typeUserControl   = 4
	typeWindowAckSize = 5
	typeSetBandwidth  = 6
	typeAudio         = 8
	typeVideo         = 9
	typeDataAMF3      = 15
	typeCommandAMF3   = 17
	typeDataAMF0      = 18
	typeCommandAMF0   = 20
	typeAggregate     = 22
)

// Events of user control messages (section 7.1.7).
const (
	eventStreamBegin  = 0
	eventStreamEOF    = 1
	eventPingRequest  = 6
	eventPingResponse = 7
)

// Message is one RTMP message, put together from its chunks.
type Message struct {
	Type   byte
	Stream uint32
	Time   uint32 // in ms, modulo 1<<32
	Body   []byte
}

const (
	// MaxControl is the size of the greatest message of a client that may not publish: a connect with every option is below
	// 2 KB.
	MaxControl = 64 << 10
	// MaxMedia is the size of the greatest message of a publisher: what FLV can say.
	MaxMedia = 1<<24 - 1

	maxChunkStreams = 64        // that a client may use; encoders use five
	firstBuffer     = 256 << 10 // a message's buffer grows from here, so that it is paid for in bytes received

	defaultChunkSize = 128
)

var (
	errChunkSize = errors.New("rtmp: chunk: a size of 0")
	errNoHeader  = errors.New("rtmp: chunk: a chunk stream begins without a header")
	errInside    = errors.New("rtmp: chunk: a message begins inside of another of its chunk stream")
	errStreams   = fmt.Errorf("rtmp: chunk: more than %d chunk streams", maxChunkStreams)
	errTooLarge  = errors.New("rtmp: a frame is too large for a message")
	errControl   = errors.New("rtmp: a control message is malformed")
)
