//go:build !unix

package server

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// tryTime is how long a write may wait on systems whose sockets Go can't write to without waiting.
const tryTime = time.Millisecond

// socket writes to a TCP connection with a deadline so short that nobody else is delayed.
type socket struct{ conn *net.TCPConn }

func newSocket(c *net.TCPConn) (*socket, error) {
	c.SetNoDelay(true)
	return &socket{conn: c}, nil
}

// closeWrite sends what is written and then the end of the stream.
func (s *socket) closeWrite() { s.conn.CloseWrite() }

// tryWrite writes what goes within tryTime; n < len(b) with no error means that the connection is full.
func (s *socket) tryWrite(b []byte) (int, error) {
	s.conn.SetWriteDeadline(time.Now().Add(tryTime))
	n, err := s.conn.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}

// waitWrite calls drain until it made progress or failed, or a client took nothing for deadDeadline.
func (s *socket) waitWrite(drain func(write func([]byte) (int, error)) (progress bool, err error)) error {
	for end := time.Now().Add(deadDeadline); time.Now().Before(end); {
		progress, err := drain(func(b []byte) (int, error) {
			s.conn.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
			n, err := s.conn.Write(b)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = nil
			}
			return n, err
		})
		if progress || err != nil {
			return err
		}
	}
	return os.ErrDeadlineExceeded
}

// exclusive leaves a UDP port to the system's rules.
func exclusive(_, _ string, _ syscall.RawConn) error { return nil }
