package server

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oneport/rtc"
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

// Whoever ends a session serves others too: its handshake is waited for by the server's end alone.
func TestEndDoesNotWaitForHandshake(t *testing.T) {
	s, err := start(bubbled(t, ""), logTo(t))
	if err != nil {
		t.Fatal(err)
	}
	s.rtcTCPPort = 8080
	client, _ := offered(t, s, "whip", "stream=a")
	unblock := obstruct(t, client.sess)
	defer unblock()
	client.check(client.wire)
	hello := firstWord(t, client)
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		for s.sessions.byID(client.sess.info.id) != nil { // the last of them ends the session
			client.sess.receive(time.Now(), client.wire, hello)
		}
	}()
	select {
	case <-flooded:
	case <-within(t).Done():
		t.Fatal("the reader of datagrams waits for a handshake")
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.Close()
	}()
	<-s.stop
	s.tasks.Wait() // nothing but the handshake is left
	select {
	case <-closed:
		t.Error("the server has not waited for a handshake")
	default:
	}
	unblock()
	<-closed
	if n := underWay(); n > 0 {
		t.Errorf("%d handshakes go on", n)
	}
}

// firstWord is what a client's handshake begins with. Nothing comes after it.
func firstWord(t *testing.T, client *fakeClient) (hello []byte) {
	t.Helper()
	client.dtls.Start()
	until(t, "a hello", func() bool {
		for _, hello = range client.dtls.Outgoing() {
			return true
		}
		return false
	})
	client.dtls.Destroy()
	client.dtls.Wait()
	return hello
}

// obstruct has a session's handshake stand still at its first word until it is told to go on.
func obstruct(t *testing.T, sess *session) (unblock func()) {
	t.Helper()
	stand := make(chan struct{})
	peer, err := rtc.NewPeer(sess.info.created, rtc.Config{
		Session: sess.info.session, Local: sess.local, ICE: sess.server.config.Vhosts.Find("").Settings.RTC.Config,
		Certificate: sess.server.certificate, Random: func() uint16 { return 1 }, Wake: func() { <-stand },
	})
	if err != nil {
		t.Fatal(err)
	}
	sess.in.Lock()
	defer sess.in.Unlock()
	sess.peer = peer
	return sync.OnceFunc(func() { close(stand) })
}

// underWay counts the handshakes that are worked at. Their goroutines are not counted: one that has told its end to whoever
// waits for it may be seen for a moment more.
func underWay() int {
	stacks := make([]byte, 8<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return strings.Count(string(stacks), "dtls.(*handshake).guarded(")
}
