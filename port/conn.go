package port

import (
	"container/list"
	"errors"
	"io"
	"net"
	"time"
)

// sniffSize is how much is read at once to learn the kind. Sniff needs less.
const sniffSize = 64

// Conn is an accepted connection. Its first bytes were looked at, and Read gives them again.
type Conn struct {
	net.Conn
	accepted time.Time
	peeked   []byte        // owned by the goroutine that reads; nil when all is read
	place    *list.Element // guarded by the Port's lock: among the connections being sniffed
}

// Read reads from the beginning of the connection.
func (c *Conn) Read(b []byte) (int, error) {
	if len(c.peeked) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.peeked)
	if c.peeked = c.peeked[n:]; len(c.peeked) == 0 {
		c.peeked = nil
	}
	return n, nil
}

// TCP is the connection below, for socket options and raw writes; nil if it is not of TCP. Reading from it misses the
// first bytes.
func (c *Conn) TCP() *net.TCPConn {
	tcp, _ := c.Conn.(*net.TCPConn)
	return tcp
}

// Sniff tells what the connection speaks from here on, reading as little as it takes to know; the bytes stay to be read.
// A handler may ask again behind a header it has read. It waits until the read deadline, and gives an error if the
// connection ends, or the time runs out, before the kind is known.
func (c *Conn) Sniff() (Kind, error) {
	for {
		kind, needMore := Sniff(c.peeked)
		if !needMore {
			return kind, nil
		}
		if err := c.peek(); err != nil {
			return Unknown, err
		}
	}
}

// peek reads some bytes more.
func (c *Conn) peek() error {
	buffer := make([]byte, sniffSize)
	n := copy(buffer, c.peeked)
	more, err := c.Conn.Read(buffer[n:])
	c.peeked = buffer[:n+more]
	if more > 0 {
		return nil // the error, if there was one, comes again
	}
	if err == nil {
		err = errors.New("port: connection gives no bytes")
	}
	return err
}

// closeUnread closes without the reset that unread bytes would cause, so that the client sees an orderly end. It takes a
// second at most.
func (c *Conn) closeUnread() {
	const (
		patience = time.Second
		enough   = 64 << 10
	)
	if tcp := c.TCP(); tcp != nil && tcp.CloseWrite() == nil {
		tcp.SetReadDeadline(time.Now().Add(patience))
		io.CopyN(io.Discard, tcp, enough)
	}
	c.Close()
}
