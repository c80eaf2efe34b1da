package srt

import (
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	gosrt "github.com/datarhei/gosrt"
)

// hoard is a connection of which so much is held as says.
type hoard struct {
	gosrt.Conn
	held   atomic.Uint64
	closed chan struct{}
}

func (h *hoard) Stats(s *gosrt.Statistics) { s.Instantaneous.ByteRecvBuf = h.held.Load() }

func (h *hoard) Close() error {
	close(h.closed)
	return nil
}

func (h *hoard) Read([]byte) (int, error) {
	<-h.closed
	return 0, io.EOF
}

// A client of which too much is held back is ended, and only that.
func TestHeld(t *testing.T) {
	h := &hoard{closed: make(chan struct{})}
	h.held.Store(1000)
	c := newConn(h, 1316, 1000)
	over := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1500), time.Minute)
		over <- err
	}()
	select {
	case err := <-over:
		t.Fatalf("it ends at the bound: %v", err)
	case <-time.After(3 * heldLook):
	}
	h.held.Store(1001)
	if err := <-over; !errors.Is(err, ErrHeld) {
		t.Errorf("it ends with %v", err)
	}
}

// request is a client's wish as the library has it, with the packet size that the client said.
type request struct {
	gosrt.ConnRequest
	config   gosrt.Config
	rejected bool
}

func (r *request) Reject(gosrt.RejectionReason) { r.rejected = true }
func (r *request) Accept() (gosrt.Conn, error)  { return nil, io.EOF }

// A client whose packets are too small is refused before the library allocates anything for it.
func TestPacketSize(t *testing.T) {
	for size, want := range map[uint32]error{0: ErrPacketSize, 43: ErrPacketSize, 44: ErrPacketSize, 231: ErrPacketSize, 232: io.EOF, 1500: io.EOF} {
		inner := &request{config: gosrt.Config{MSS: size}}
		_, err := (&Request{config: new(Config), inner: inner}).Accept()
		if !errors.Is(err, want) || inner.rejected != (want == ErrPacketSize) {
			t.Errorf("packets of %d bytes: %v, rejected %v", size, err, inner.rejected)
		}
	}
}
