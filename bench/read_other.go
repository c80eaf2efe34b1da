//go:build !unix

package bench

import (
	"errors"
	"net"
)

// batch is how many datagrams are read at once: one, as the next read could block.
const batch = 1

var errAgain = errors.New("nothing to read")

// poller reads in the plain way: a buffer is held while it waits.
type poller struct {
	conn net.Conn
	take func(datagrams) error
}

func newPoller(conn net.Conn, _ bool, take func(datagrams) error) (*poller, error) {
	return &poller{conn, take}, nil
}

func (p *poller) wait() error { return p.take(p) }

func (p *poller) read(b []byte) (n, segment int, err error) {
	n, err = p.conn.Read(b)
	return n, 0, err
}

// group says that this kernel hands over each datagram alone.
func group(net.Conn) bool { return false }
