package server

import (
	"net"
	"slices"
	"testing"
	"time"
)

// A client that leaves Nagle's algorithm on, as ffmpeg does, sends a second small piece when the first is acknowledged. A kernel that
// has nothing to say waits 40 ms with that.
func TestRTMPAcknowledgesAtOnce(t *testing.T) {
	s := open(t, configure(t, withRTMP("")))
	conn, err := net.Dial("tcp", addrOf(s))
	if err != nil {
		t.Fatal(err)
	}
	conn.(*net.TCPConn).SetNoDelay(false)
	c := rtmpOver(t, conn, "live")
	took := make([]time.Duration, 15)
	for i := range took {
		begun := time.Now()
		c.message(3, 0, []byte{0, 0, 0, 0}) // nothing is answered to an acknowledgement
		c.command("getStreamLength", float64(i+2), nil, "film")
		if _, err := c.answer("_result"); err != nil {
			t.Fatal(err)
		}
		took[i] = time.Since(begun)
	}
	slices.Sort(took)
	if median := took[len(took)/2]; median > 30*time.Millisecond {
		t.Errorf("two pieces and an answer take %v, at least %v", median, took[0])
	}
}
