//go:build unix

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
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, size)
		}); e != nil {
			return e
		}
		return err
	}
}

// ownCPU returns the processor time that this process has used.
func ownCPU() cpu {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return cpu{}
	}
	return cpu{float64(r.Utime.Nano()) / 1e9, float64(r.Stime.Nano()) / 1e9}
}

// refused says that an earlier datagram found nobody, which is no reason to give up.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
