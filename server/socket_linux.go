package server

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitUnsent keeps the backlog of a connection out of the kernel, but for so many bytes (TCP_NOTSENT_LOWAT). A kernel
// without the option merely lags more.
func limitUnsent(raw syscall.RawConn, bytes int) {
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes)
	})
}

// acknowledge has the kernel acknowledge at once what came, instead of waiting for something to send with it (TCP_QUICKACK). The
// option is for now and no longer. There may be no connection.
func acknowledge(c *net.TCPConn) {
	if c == nil {
		return
	}
	if raw, err := c.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
	}
}
