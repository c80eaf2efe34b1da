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
