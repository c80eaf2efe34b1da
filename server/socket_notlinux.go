//go:build !linux

package server

import (
	"net"
	"syscall"
)

// limitUnsent does nothing where the option is not portable: the lag policy then works on the kernel's default buffers.
func limitUnsent(syscall.RawConn, int) {}

// acknowledge does nothing where there is no such option.
func acknowledge(*net.TCPConn) {}
