// Package porttest finds ports for tests.
package porttest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
)

// The ports that are tried, from anywhere among them on: none is of those that systems give to whoever connects or asks for any
// port, for one of these is soon somebody else's.
const first, count = 11_000, 21_000

var start, tries = rand.Uint32N(count), atomic.Uint32{}

// Free is a port that is free for TCP and for UDP now, on every address, and that the process has not been told before.
func Free(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := int(first + (start+tries.Add(1))%count)
		l, err := net.ListenTCP("tcp", &net.TCPAddr{Port: port})
		if err != nil {
			continue
		}
		u, err := net.ListenUDP("udp", &net.UDPAddr{Port: port})
		l.Close()
		if err == nil {
			u.Close()
			return strconv.Itoa(port)
		}
	}
	t.Fatal("no port is free for both TCP and UDP")
	return ""
}
