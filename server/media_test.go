package server

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"oneport/bench"
)

// publish sends a stream until the test ends.
func publish(t *testing.T, s *Server, stream string, o bench.ClientOptions, source bench.SourceOptions) *bench.Client {
	t.Helper()
	o.Role, o.CheckTimeout = bench.Publish, patience
	c, err := bench.Dial(within(t), base(s)+"/rtc/v1/whip/?stream="+stream, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Publish(ctx, source) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		c.Kill()
	})
	return c
}

// play watches a stream until the test ends.
func play(t *testing.T, s *Server, stream string, o bench.ClientOptions) *bench.Client {
	t.Helper()
	o.CheckTimeout = patience
	c, err := bench.Dial(within(t), base(s)+"/rtc/v1/whep/?stream="+stream, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	return c
}

// sessionOf is the server's side of a client.
func sessionOf(t *testing.T, s *Server, c *bench.Client) *session {
	t.Helper()
	_, key, _ := strings.Cut(c.Location(), "session=")
	sess := s.sessions.byKey(key)
	if sess == nil {
		t.Fatalf("no session of %s", c.Location())
	}
	return sess
}

// Close tells every client, within 3 s, and leaves no goroutine, while media flows over TCP and UDP, HTTP connections
// idle, and a request is half said.
func TestClose(t *testing.T) {
	s, err := Open(configure(t, allOnOne), logTo(t))
	if err != nil {
		t.Fatal(err)
	}
	var clients []*bench.Client
	for _, network := range []string{"tcp", "udp"} {
		clients = append(clients, publish(t, s, network, bench.ClientOptions{Net: network}, bench.SourceOptions{KBPS: 1000}))
		for range 5 {
			clients = append(clients, play(t, s, network, bench.ClientOptions{Net: network}))
		}
	}
	for i, c := range clients {
		if i%6 != 0 {
			<-c.Started()
		}
	}
	post(t, base(s)+"/rtc/v1/whep/", offerFile(t, "chromium-play-default")) // a session without a path
	idle := dial(t, s)
	half := dial(t, s)
	half.Write([]byte("POST /rtc/v1/whip/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\nContent-Length: 100\r\n\r\nv=0"))
	began := time.Now()
	s.Close()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("Close took %v", took)
	}
	nothingLeft(t, s)
	for i, c := range clients {
		until(t, "the goodbye", func() bool { return c.Err() != nil })
		if !strings.Contains(c.Err().Error(), "closed by the server (DTLS alert)") {
			t.Errorf("client %d (%s): %v", i, c.Network(), c.Err())
		}
		c.Kill()
	}
	idle.Close()
	half.Close()
	// The publishers' sources end with the test; what is left of the server is to be seen now.
	until(t, "the end of the server's goroutines", func() bool {
		stacks := make([]byte, 1<<20)
		return !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "oneport/server.(*")
	})
}

// A join that comes while the server stops is refused or ended, never left.
func TestJoinWhileClosing(t *testing.T) {
	s, err := Open(configure(t, allOnOne), logTo(t))
	if err != nil {
		t.Fatal(err)
	}
	site := site(s)
	offer := offerFile(t, "chromium-play-default")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !errors.Is(s.sessions.vacancy(netip.Addr{}), errStopping) {
			ask(site, http.MethodPost, "/rtc/v1/whep/", offer, sdpType)
		}
		if res := ask(site, http.MethodPost, "/rtc/v1/whep/", offer, sdpType); res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("a join after the end: %s", res.Status)
		}
	}()
	until(t, "some sessions", func() bool { return len(s.sessions.all()) > 20 })
	s.Close()
	<-done
	nothingLeft(t, s)
}

// A viewer that reads nothing delays neither the publisher nor another viewer; when it reads again it goes on live, from
// a keyframe, with at most a bounded backlog, and the skip is counted where people look for it.
func TestSlowViewer(t *testing.T) {
	t.Parallel()
	const kbps, maxLag = 2000, 3 * time.Second // ten times what a busy machine is late by
	s := open(t, configure(t, strings.Replace(allOnOne, "vhost __defaultVhost__ {", "vhost __defaultVhost__ { play { max_lag 3000; }", 1)))
	publish(t, s, "show", bench.ClientOptions{}, bench.SourceOptions{KBPS: kbps, Keyframe: time.Hour, Run: 5})
	steady := play(t, s, "show", bench.ClientOptions{Verify: true})
	type arrival struct {
		at       time.Time
		keyframe bool
	}
	arrivals := make(chan arrival, 1<<16)
	slow := play(t, s, "show", bench.ClientOptions{Verify: true, ReceiveBuffer: 4 << 10, OnRTP: func(h bench.Header, payload []byte, at time.Time) {
		if h.Video {
			select {
			case arrivals <- arrival{at, payload[0]&0x1f == 24}: // the parameter sets go before each keyframe
			default:
			}
		}
	}})
	<-steady.Started()
	<-slow.Started()
	until(t, "a second of media", func() bool { return slow.Stats().Checked > kbps/10 })
	slow.Stall(true)
	sess := sessionOf(t, s, slow)
	sent := sess.outStats().Packets
	from := steady.Stats().Checked
	until(t, "media for the other viewer until what the slow one should have had is too old", func() bool {
		return steady.Stats().Checked-from > 4*kbps/10 && sess.reader.Stats().Lag > maxLag+time.Second
	})
	const held = 300 // packets, of more than 1000, that the kernel and the client may hold
	if now := sess.outStats().Packets; now-sent > held {
		t.Errorf("%d packets were sent to a viewer that reads nothing", now-sent)
	}
	for len(arrivals) > 0 {
		<-arrivals
	}
	before := slow.Stats()
	slow.Stall(false)
	resumed := time.Now()
	backlog, keyed := 0, false
	for !keyed {
		select {
		case a := <-arrivals:
			keyed = a.keyframe
			backlog++
		case <-time.After(patience):
			t.Fatal("no keyframe after the stall")
		}
	}
	t.Logf("live %v after the stall, behind %d packets of backlog", time.Since(resumed), backlog)
	if backlog > held {
		t.Errorf("%d packets of backlog", backlog)
	}
	until(t, "live media", func() bool { return slow.Stats().Checked-before.Checked > held })
	if st := slow.Stats(); st.Wrong != 0 || st.Gaps != 0 || st.Missing == 0 {
		t.Errorf("the slow viewer: %d wrong, %d gaps in the sequence, %d left out", st.Wrong, st.Gaps, st.Missing)
	}
	if st := steady.Stats(); st.Wrong != 0 || st.Gaps != 0 || st.Missing != 0 {
		t.Errorf("the other viewer: %d wrong, %d gaps, %d missing", st.Wrong, st.Gaps, st.Missing)
	}
	shown := sess.describe()
	if shown.Skips == 0 || shown.Skipped == 0 {
		t.Errorf("skips %d, packets %d", shown.Skips, shown.Skipped)
	}
	if got := s.traffic().skips; got < shown.Skips {
		t.Errorf("%d skips in the metrics", got)
	}
}

// A session goes from UDP to TCP, survives a reset, and comes back, on one handshake.
func TestMoves(t *testing.T) {
	t.Parallel()
	s := open(t, configure(t, allOnOne))
	publisher := publish(t, s, "show", bench.ClientOptions{Net: "udp"}, bench.SourceOptions{KBPS: 500})
	viewer := play(t, s, "show", bench.ClientOptions{Net: "udp", Verify: true, Tick: 50 * time.Millisecond})
	flows := func(what string) {
		t.Helper()
		from := viewer.Stats().Checked
		until(t, "media "+what, func() bool { return viewer.Stats().Checked > from+30 })
	}
	flows("over UDP")
	sess := sessionOf(t, s, viewer)
	if err := viewer.Cut(true); err != nil {
		t.Fatal(err)
	}
	if err := viewer.Move(within(t), "tcp"); err != nil {
		t.Fatal(err)
	}
	flows("over TCP")
	if got := sess.link().path().Transport.String(); got != "tcp" {
		t.Errorf("the session is on %s", got)
	}
	for _, reset := range []bool{true, false} {
		if err := viewer.Cut(reset); err != nil {
			t.Fatal(err)
		}
		if err := viewer.Reconnect(within(t)); err != nil {
			t.Fatal(err)
		}
		flows("on another connection")
	}
	if err := publisher.Move(within(t), "tcp"); err != nil {
		t.Fatal(err)
	}
	flows("from a publisher that moved")
	if st := viewer.Stats(); st.Wrong != 0 {
		t.Errorf("%d packets can't be decrypted", st.Wrong)
	}
	if n := len(s.sessions.all()); n != 2 {
		t.Errorf("%d sessions", n)
	}
	if err := viewer.Hangup(); err != nil {
		t.Fatal(err)
	}
	until(t, "the end that the client announced", func() bool { return len(s.sessions.all()) == 1 })
}
