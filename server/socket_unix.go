//go:build unix

package server

import (
	"errors"
	"net"
	"syscall"
)

// socket writes to a TCP connection without ever waiting, except where waiting is asked for.
type socket struct {
	conn *net.TCPConn
	raw  syscall.RawConn
}

func newSocket(c *net.TCPConn) (*socket, error) {
	c.SetNoDelay(true)
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	limitUnsent(raw, unsentPackets)
	return &socket{conn: c, raw: raw}, nil
}

// closeWrite sends what is written and then the end of the stream.
func (s *socket) closeWrite() { s.conn.CloseWrite() }

// tryWrite writes what the kernel takes now; n < len(b) with no error means that it is full.
func (s *socket) tryWrite(b []byte) (n int, err error) {
	ctlErr := s.raw.Write(func(fd uintptr) bool {
		n, err = writeSome(int(fd), b)
		return true
	})
	if ctlErr != nil {
		return n, ctlErr
	}
	return n, err
}

// waitWrite waits until the socket is writable and calls drain, until drain made progress or failed, or the connection's
// write deadline passes.
func (s *socket) waitWrite(drain func(write func([]byte) (int, error)) (progress bool, err error)) error {
	var err error
	ctlErr := s.raw.Write(func(fd uintptr) bool {
		var progress bool
		progress, err = drain(func(b []byte) (int, error) { return writeSome(int(fd), b) })
		return progress || err != nil
	})
	if ctlErr != nil {
		return ctlErr
	}
	return err
}

// writeSome is one write loop that stops where the kernel would block.
func writeSome(fd int, b []byte) (n int, err error) {
	for n < len(b) {
		m, err := syscall.Write(fd, b[n:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return n, nil
		case err != nil:
			return n, err
		}
		n += m
	}
	return n, nil
}

// exclusive has the kernel refuse a UDP port that somebody has, which is what it does unless it is told otherwise.
func exclusive(_, _ string, raw syscall.RawConn) (err error) {
	controlErr := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0)
	})
	return errors.Join(controlErr, err)
}
