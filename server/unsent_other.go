//go:build !linux

package server

import "syscall"

// limitUnsent does nothing where the option is not portable: the lag policy then works on the kernel's default buffers.
func limitUnsent(syscall.RawConn, int) {}
