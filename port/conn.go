package port

import (
	"container/list"
	"errors"
	"io"
	"net"
	"sync"
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

	writing sync.Mutex
	corked  bool
	held    []byte // what was written since, in order
}

// Cork holds back what is written until Uncork writes all of it at once. Package http writes a chunk of a body in three
// pieces, and TLS a record of at most 16 KB at a time: each would be a system call and a segment of its own. What is held
// back is kept in buf, which belongs to the connection until Uncork returns it.
func (c *Conn) Cork(buf []byte) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.corked, c.held = true, buf[:0]
}

// Uncork writes what was held back since Cork, and returns the buffer, perhaps grown. Its error is that of the write.
func (c *Conn) Uncork() (buf []byte, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if len(c.held) > 0 {
		_, err = c.Conn.Write(c.held)
	}
	buf, c.corked, c.held = c.held, false, nil
	return buf, err
}

// Write writes b, or holds it back.
func (c *Conn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if !c.corked {
		return c.Conn.Write(b)
	}
	c.held = append(c.held, b...)
	return len(b), nil
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
