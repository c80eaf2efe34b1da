package server

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// unsentLimit is how much unsent data the kernel may hold for one viewer (TCP_NOTSENT_LOWAT): what waits there is late
// already and can't be skipped any more.
const unsentLimit = 16 << 10

// limitUnsent keeps the backlog of a connection out of the kernel. A kernel without the option merely lags more.
func limitUnsent(raw syscall.RawConn) {
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentLimit)
	})
}
