//go:build !unix

package server

import (
	"os"
	"runtime"
	"time"
)

// processTime is not known here.
func processTime() time.Duration { return 0 }

// residentMemory is what the runtime has, here.
func residentMemory() uint64 { return heldMemory() }

// machine is what the binary was made for, and the host's name.
func machine() [5]string {
	host, _ := os.Hostname()
	return [5]string{runtime.GOOS, host, "unknown", "unknown", runtime.GOARCH}
}
