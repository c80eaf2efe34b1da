package port

import (
	"net"
	"sync"
	"sync/atomic"
)

// waiting is how many connections may wait for the server to accept them; one more is closed and counted.
const waiting = 1024

// Listener is a net.Listener whose connections come from ports: it lets an http.Server serve what a Port found to be
// HTTP. One may be fed by several ports.
type Listener struct {
	refused atomic.Uint64

	mu     sync.Mutex // guards closed, and sending against closing
	closed bool
	conns  chan net.Conn
}

// HTTPListener makes a Listener. Its Handle is the handler to give to Open.
func HTTPListener() *Listener { return &Listener{conns: make(chan net.Conn, waiting)} }

// Handle passes a connection on to whoever accepts. It never blocks.
func (l *Listener) Handle(c *Conn) { l.Give(c) }

// Give is Handle for a connection that something else was found inside of, such as TLS.
func (l *Listener) Give(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		c.Close()
		return
	}
	select {
	case l.conns <- c:
	default:
		l.refused.Add(1)
		c.Close()
	}
}

// Refused counts the connections closed because too many waited.
func (l *Listener) Refused() uint64 { return l.refused.Load() }

// Accept waits for a connection, or gives net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

// Close ends Accept and closes the connections that wait for it.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	close(l.conns)
	for c := range l.conns {
		c.Close()
	}
	return nil
}

// Addr is a placeholder: the ports have the addresses.
func (l *Listener) Addr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "tcp" }
func (address) String() string  { return "shared port" }
