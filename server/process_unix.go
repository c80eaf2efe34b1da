//go:build unix

package server

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// processTime is the processor time that the process has used.
func processTime() time.Duration {
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// residentMemory is the memory that the process occupies, in bytes.
func residentMemory() uint64 {
	text, err := os.ReadFile("/proc/self/statm") // Linux; see proc(5)
	if err != nil {
		return heldMemory()
	}
	var size, resident uint64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return heldMemory()
	}
	return resident * uint64(os.Getpagesize())
}

// machine is what uname(2) says: the system, the node's name, release, version and machine.
func machine() (list [5]string) {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return list
	}
	return [5]string{
		unix.ByteSliceToString(name.Sysname[:]), unix.ByteSliceToString(name.Nodename[:]), unix.ByteSliceToString(name.Release[:]),
		unix.ByteSliceToString(name.Version[:]), unix.ByteSliceToString(name.Machine[:]),
	}
}
