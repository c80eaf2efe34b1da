package server

import (
	"oneport/ice"
)

// What the kernel may hold of what it has not sent to one viewer: that is late already and can't be skipped any more. A
// player of frames buffers anyway, and each time that the kernel has room again costs it a turn at a processor.
const (
	unsentPackets = 16 << 10 // bytes
	unsentFrames  = 128 << 10
)

// link is one way out to a client: a TCP connection or an address behind the UDP socket. Its methods are safe for
// concurrent use and never block.
type link interface {
	path() ice.Path
	// send writes a batch of RFC 4571 frames. It always takes all of it, so ask full first: what the socket does not take
	// now waits in the link, and the session is woken when that is gone.
	send(frames []byte)
	// insist is send for what does not wait for room, such as feedback: a bounded amount is queued, more is dropped.
	insist(frames []byte)
	// full says that something waits in the link, or that it is closed.
	full() bool
	// close ends the link after a last word, which may be none. It may be called more than once; the first word is the last.
	close(goodbye []byte)
	// closing says that the link was closed: what still comes by it is not to be believed.
	closing() bool
}
