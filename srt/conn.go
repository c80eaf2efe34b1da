package srt

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	gosrt "github.com/datarhei/gosrt"
)

var (
	// ErrSilent says that nothing came for as long as a Read was to wait.
	ErrSilent = errors.New("srt: nothing came")
	// ErrSlow says that a client did not take what it was sent.
	ErrSlow = errors.New("srt: the client is too slow")
	// ErrHeld says that the library holds too much of a client: one whose latency is long for what it sends.
	ErrHeld = errors.New("srt: the client's latency is too long for its bitrate: too much is held back")
)

// A client says how long what it sends is held back before it can be read, up to 65 s, and the library holds it however much
// that is. So that is looked at.
const (
	mostHeld = 32 << 20 // bytes: 8 s of 32 Mbit/s
	heldLook = 100 * time.Millisecond
)

// Conn is a client's connection. One goroutine may read, and another one write.
type Conn struct {
	inner   gosrt.Conn
	payload int
	most    uint64 // bytes that may be held
	hoards  atomic.Bool

	mu   sync.Mutex
	look *time.Timer // at what is held; nil when closed
}

func newConn(inner gosrt.Conn, payload int, most uint64) *Conn {
	c := &Conn{inner: inner, payload: payload, most: most}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look = time.AfterFunc(heldLook, c.weigh)
	return c
}

// weigh ends a connection of which too much is held.
func (c *Conn) weigh() {
	var s gosrt.Statistics
	if c.inner.Stats(&s); s.Instantaneous.ByteRecvBuf > c.most {
		c.hoards.Store(true)
		c.inner.Close()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.look != nil {
		c.look.Reset(heldLook)
	}
}

// Close ends the connection, and every Read and Write.
func (c *Conn) Close() {
	c.mu.Lock()
	if c.look != nil {
		c.look.Stop()
		c.look = nil
	}
	c.mu.Unlock()
	c.inner.Close()
}

// Read waits for bytes, at most that long unless it is 0: then it closes the connection, and the error is ErrSilent. At its end
// it is io.EOF, or ErrHeld.
func (c *Conn) Read(b []byte, patience time.Duration) (int, error) {
	n, err := c.read(b, patience)
	if err != nil && c.hoards.Load() {
		err = ErrHeld
	}
	return n, err
}

func (c *Conn) read(b []byte, patience time.Duration) (int, error) {
	if patience == 0 {
		return c.inner.Read(b)
	}
	var silent atomic.Bool
	watch := time.AfterFunc(patience, func() { // the library has no deadlines
		silent.Store(true)
		c.inner.Close()
	})
	defer watch.Stop()
	n, err := c.inner.Read(b)
	if err != nil && silent.Load() {
		err = ErrSilent
	}
	return n, err
}

// fullPause is how long a writer waits for the library to take packets from its queue, which it does at once.
const fullPause = time.Millisecond

// Write sends bytes of a transport stream, as many in a packet as the settings say, and waits while too many are queued: at
// most that long, then the error is ErrSlow, and no longer than until done is closed.
func (c *Conn) Write(b []byte, patience time.Duration, done <-chan struct{}) error {
	deadline := time.Now().Add(patience)
	for len(b) > 0 {
		n := min(len(b), c.payload)
		for {
			if _, err := c.inner.Write(b[:n]); err == nil {
				break
			}
			if time.Now().After(deadline) { // the error does not tell a full queue from an end
				return ErrSlow
			}
			select {
			case <-done:
				return io.EOF
			case <-time.After(fullPause):
			}
		}
		b = b[n:]
	}
	return nil
}
