//go:build unix && !linux

package bench

import (
	"net"
	"syscall"
)

// group says that this kernel hands over each datagram alone.
func group(net.Conn) bool { return false }

func receiveGroup(fd int, b, _ []byte) (n, segment int, err error) {
	n, err = syscall.Read(fd, b)
	return n, 0, err
}
