//go:build !unix

package bench

import (
	"errors"
	"io"
	"net"
)

// batch is how many datagrams are read at once: one, as the next read could block.
const batch = 1

var errAgain = errors.New("nothing to read")

// poller reads in the plain way: a buffer is held while it waits.
type poller struct {
	conn net.Conn
	take func(io.Reader) error
}

func newPoller(conn net.Conn, take func(io.Reader) error) (*poller, error) {
	return &poller{conn, take}, nil
}

func (p *poller) wait() error { return p.take(p.conn) }
