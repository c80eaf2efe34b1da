//go:build !unix

package bench

import (
	"errors"
	"syscall"
)

// receiveBuffer sets SO_RCVBUF before the connection is made: only then does it bound the TCP window.
func receiveBuffer(size int) func(network, address string, c syscall.RawConn) error {
	if size == 0 {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		if e := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(syscall.Handle(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, size)
		}); e != nil {
			return e
		}
		return err
	}
}

// ownCPU is not measured here.
func ownCPU() cpu { return cpu{} }

// refused says that an earlier datagram found nobody, which is no reason to give up.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
