package server

import (
	"container/list"
	"errors"
	"math"
	"net"
	"sync"
	"sync/atomic"

	"oneport/port"
)

const (
	// mostHandshakes bounds the TLS handshakes under way; one more closes that which has lasted longest, so that a client which
	// goes on at once gets through a crowd that does not.
	mostHandshakes = 4096
	// maxHello is what a client may send before its handshake is over. A browser's takes 2 KB; crypto/tls alone would keep 64 KB.
	maxHello  = 16 << 10
	unlimited = math.MaxInt
)

// handshakes are the connections whose TLS handshake is under way.
type handshakes struct {
	most              int
	failed, displaced atomic.Uint64

	mu    sync.Mutex
	conns list.List // of *port.Conn, the oldest first
}

// enter counts a connection in, which may close the oldest.
func (h *handshakes) enter(c *port.Conn) (place *list.Element) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns.Len() >= h.most {
		h.conns.Remove(h.conns.Front()).(*port.Conn).Close()
		h.displaced.Add(1)
	}
	return h.conns.PushBack(c)
}

// leave ends what enter began; err says how.
func (h *handshakes) leave(place *list.Element, err error) {
	h.mu.Lock()
	h.conns.Remove(place) // does nothing to one that was displaced
	h.mu.Unlock()
	if err != nil {
		h.failed.Add(1)
	}
}

// hello is a connection of which no more is read than is left to it.
type hello struct {
	*port.Conn
	left int
}

// NetConn is the connection below, as of tls.Conn.
func (h *hello) NetConn() net.Conn { return h.Conn }

var errLongHello = errors.New("tls: the handshake is too long")

func (h *hello) Read(b []byte) (int, error) {
	if h.left == unlimited {
		return h.Conn.Read(b)
	}
	if h.left == 0 {
		return 0, errLongHello
	}
	n, err := h.Conn.Read(b[:min(len(b), h.left)])
	h.left -= n
	return n, err
}
