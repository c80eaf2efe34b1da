package server

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A server that is closed has no goroutine left, of handshakes that were under way neither.
func TestCloseWaitsForHandshakes(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s, err := start(c, logTo(t))
		if err != nil {
			t.Fatal(err)
		}
		s.rtcTCPPort = 8080
		for range 50 {
			client, _ := offered(t, s, "whip", "stream="+randomText(8))
			client.check(client.wire)
			client.dtls.Start()
			synctest.Wait()
			for _, b := range client.dtls.Outgoing() { // the first flight, and nothing after it
				client.sess.receive(time.Now(), client.wire, b)
			}
			client.dtls.Destroy()
			client.dtls.Wait()
		}
		if n := underWay(); n == 0 {
			t.Error("no handshake is under way, so this proves nothing")
		}
		s.Close()
		if n := underWay(); n > 0 {
			t.Errorf("%d handshakes go on", n)
		}
	})
}

// underWay counts the goroutines of the server's handshakes.
func underWay() int {
	stacks := make([]byte, 8<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return strings.Count(string(stacks), "dtls.(*Conn).negotiate(")
}
