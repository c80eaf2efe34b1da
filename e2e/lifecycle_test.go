package e2e

import (
	"syscall"
	"testing"

	"github.com/pion/webrtc/v4"

	"oneport/bench"
)

// On SIGTERM every client is told by DTLS, whatever its role and path, and the process ends well and soon.
func TestStop(t *testing.T) {
	t.Parallel()
	s := start(t)
	codecs := []*codec{h264(), opus()}
	var clients []*bench.Client
	var browsers []*pion
	// So little that a goodbye by UDP finds room in a client's buffer, however long the machine keeps the client from reading.
	source := bench.SourceOptions{KBPS: 80}
	for _, network := range []string{"tcp", "udp"} {
		stream := "stop-" + network
		v := play(t, s, stream, bench.ClientOptions{Net: network}) // before there is a publisher
		p := publish(t, s, stream, bench.ClientOptions{Net: network}, source)
		v.awaitMore(t, 100)
		clients = append(clients, v.Client, p.Client)
		browsers = append(browsers, playPion(t, s, stream, pionOptions{network: network, codecs: codecs}))
		browsers = append(browsers, playPion(t, s, "never", pionOptions{network: network, codecs: codecs}))
	}
	if n := s.metric("oneport_sessions"); n != 8 {
		t.Errorf("%v sessions, want 8", n)
	}
	t.Logf("stopped in %v", s.terminate())
	for i, c := range clients {
		eventually(t, joinLimit, "the client notices the end", func() bool { return c.Err() != nil })
		if err := c.Err(); err.Error() != "closed by the server (DTLS alert)" {
			t.Errorf("client %d was not told: %v", i, err)
		}
	}
	for _, p := range browsers {
		p.await(webrtc.PeerConnectionStateClosed, joinLimit)
	}
	if n := len(s.log.find("msg", "session ended", "why", "the server is stopping")); n != 8 {
		t.Errorf("%d sessions ended because of it, want 8", n)
	}
}

// A viewer whose connection was full when the server stopped is told too, once it reads again: the frame that was half-sent is
// finished, and the goodbye comes behind it. It has half a second to read, so it does not share the machine with other tests of the
// package.
func TestStopTellsWhoIsBehind(t *testing.T) {
	s := start(t)
	v := play(t, s, "behind", bench.ClientOptions{Net: "tcp", ReceiveBuffer: 32 << 10})
	id := sessionAt(t, s, v)
	publish(t, s, "behind", bench.ClientOptions{}, bench.SourceOptions{KBPS: 10_000})
	v.awaitMore(t, 100)
	v.Stall(true)
	eventually(t, joinLimit, "the viewer is behind", func() bool { return clientOf(t, s, id).LagMS > 500 })
	s.stop.Do(func() { _ = s.cmd.Process.Signal(syscall.SIGTERM) })
	s.awaitEnd(id)
	v.Stall(false)
	eventually(t, joinLimit, "the client notices the end", func() bool { return v.Err() != nil })
	if err := v.Err(); err.Error() != "closed by the server (DTLS alert)" {
		t.Errorf("the client was not told: %v", err)
	}
}
