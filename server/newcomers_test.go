package server

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oneport/port"
)

// dials opens connections that say something and then nothing more.
func dials(t *testing.T, s *Server, n int, says []byte) (conns []net.Conn) {
	t.Helper()
	for range n {
		conn := dial(t, s)
		conn.Write(says)
		conns = append(conns, conn)
	}
	return conns
}

func (n *newcomers) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all.Len()
}

// Clients of RTMP that do not say what they want take no place of those who do: a stream is played and another published.
func TestIdleRTMPTakesNoPlace(t *testing.T) {
	s := open(t, configure(t, withRTMP("")+"max_connections 20;"))
	publishing(t, s, "x")
	dials(t, s, 10, append([]byte{3}, make([]byte, 12)...)) // nothing behind the beginning
	dials(t, s, 10, rtmpHello())                            // no wish
	until(t, "the idle connections", func() bool { return s.ports[0].Stats().Serving == 21 })
	watch(t, base(s)+"/live/x.flv").pictures(1)
	dialRTMP(t, addrOf(s), "live").begin("x")
	publishing(t, s, "y")
}

// One client too many that does not say what it wants displaces the one that has waited longest: of its own address, or of
// all. Who goes on at once gets through, and all of it is counted.
func TestNewcomersAreDisplaced(t *testing.T) {
	s := open(t, configure(t, withRTMP("")))
	s.newcomers.mostOfOne = 5
	idle := dials(t, s, 5, append([]byte{3}, make([]byte, 12)...))
	until(t, "the crowd", func() bool { return s.newcomers.count() == 5 })
	if p := publishing(t, s, "x"); p == nil || s.newcomers.displaced.Load() != 1 {
		t.Errorf("%d were displaced by one", s.newcomers.displaced.Load())
	}
	until(t, "the publisher to be known", func() bool { return s.newcomers.count() == 4 })
	s.newcomers.most = 4
	dialRTMP(t, addrOf(s), "live").begin("x")
	if n := s.newcomers.displaced.Load(); n != 2 {
		t.Errorf("%d were displaced by two", n)
	}
	if body := text(t, call(t, "GET", base(s)+"/metrics", "")); !strings.Contains(body, "oneport_rtmp_newcomers_displaced_total 2\n") {
		t.Error("the metrics don't count it")
	}
	for _, conn := range idle {
		conn.Close()
	}
	until(t, "the end of all that is idle", func() bool { return s.newcomers.count() == 0 })
}

// Newcomers are displaced within their own address first: another's are left alone.
func TestNewcomersOfOneAddress(t *testing.T) {
	h := newcomers{most: 5, mostOfOne: 3}
	closed := map[string]bool{}
	enter := func(name, from string) *newcomer {
		_, c := net.Pipe()
		return h.enter(&port.Conn{Conn: &closing{Conn: c, from: from, closed: func() { closed[name] = true }}})
	}
	a := enter("a", "192.0.2.1:1")
	enter("b", "192.0.2.2:1")
	enter("c", "192.0.2.2:2")
	enter("d", "192.0.2.2:3")
	if enter("e", "192.0.2.2:4"); !closed["b"] || len(closed) != 1 {
		t.Errorf("the fourth of an address closes %v", closed)
	}
	f := enter("f", "192.0.2.3:1")
	if enter("g", "192.0.2.4:1"); !closed["a"] || len(closed) != 2 {
		t.Errorf("the sixth of all closes %v", closed)
	}
	h.leave(a)
	h.leave(f)
	if n, of := h.count(), len(h.of); n != 4 || of != 2 {
		t.Errorf("%d of %d addresses are left", n, of)
	}
}

// closing is a connection from an address that tells when it is closed.
type closing struct {
	net.Conn
	from   string
	closed func()
}

func (c *closing) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.from))
}
func (c *closing) Close() error { c.closed(); return c.Conn.Close() }

// Inside TLS too a client is a newcomer until it has said what it speaks.
func TestIdleInsideTLS(t *testing.T) {
	c := secured(t, "a")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		config, err := s.tlsConfig(&portPlan{secure: httpPlan{pages: true}})
		if err != nil {
			t.Fatal(err)
		}
		here, there := net.Pipe()
		over := make(chan struct{})
		go func() {
			defer close(over)
			s.serveTLS(&port.Conn{Conn: there}, config, insideTLS{rtmp: true})
		}()
		client := tls.Client(here, &tls.Config{InsecureSkipVerify: true})
		if err := client.Handshake(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := s.handshakes.count(); n != 1 {
			t.Errorf("%d are waited for that have said nothing inside TLS", n)
		}
		go client.Write(rtmpHello())
		synctest.Wait()
		if n, m := s.handshakes.count(), s.newcomers.count(); n != 0 || m != 1 {
			t.Errorf("%d handshakes and %d newcomers, of one that says hello by RTMP", n, m)
		}
		client.Close()
		<-over
		if n := s.newcomers.count(); n != 0 {
			t.Errorf("%d newcomers are left", n)
		}
	})
}

// Who waits for streams that nobody publishes takes half of the places at most, from however many addresses: what is live
// stays playable, by every protocol.
func TestWaitingLeavesPlaces(t *testing.T) {
	s := open(t, configure(t, withRTMP("")+"max_connections 6;"))
	publishing(t, s, "x")
	for i := range 3 {
		watch(t, base(s)+"/live/nobody"+string(rune('a'+i))+".flv")
	}
	for _, extension := range []string{"flv", "ts", "aac"} {
		res := call(t, http.MethodGet, base(s)+"/live/nobody."+extension, "")
		if body := text(t, res); res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "max_connections") || res.Header.Get("Retry-After") == "" {
			t.Errorf("one too many waits for .%s: %s: %s", extension, res.Status, body)
		}
	}
	refused := dialRTMP(t, addrOf(s), "live")
	if code, why := refused.play("nobody"); code != "NetStream.Play.Failed" || !strings.Contains(why, "max_connections") {
		t.Errorf("one too many waits by RTMP: %s: %s", code, why)
	}
	refused.conn.Close()
	until(t, "the end of all that were refused", func() bool { return s.places.taken.Load() == 4 })
	watch(t, base(s)+"/live/x.flv").pictures(1)
	dialRTMP(t, addrOf(s), "live").begin("x")
	if body := text(t, call(t, "GET", base(s)+"/metrics", "")); !strings.Contains(body, "oneport_viewers_waiting{protocol=\"other\"} 3\n") {
		t.Error("the metrics don't count who waits")
	}
}

// The same holds for WebRTC: half of the sessions at most wait for nothing. Who has begun to play waits no more, even if the
// publisher leaves.
func TestWaitingLeavesSessions(t *testing.T) {
	c := bubbled(t, "max_sessions 6;")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		browser := joined(t, s, "whip", "stream=x")
		early := joined(t, s, "whep", "stream=a")
		joined(t, s, "whep", "stream=b")
		joined(t, s, "whep", "stream=c")
		if _, res := offered(t, s, "whep", "stream=d"); res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text(t, res), "max_sessions") {
			t.Errorf("one too many waits: %s", res.Status)
		}
		joined(t, s, "whep", "stream=x").sess.close(errKicked) // what is live needs no waiting
		browser.sess.close(errKicked)
		other := joined(t, s, "whip", "stream=a")
		other.sendFrame(1, true)
		early.live(100 * time.Millisecond)
		joined(t, s, "whep", "stream=d")
		other.sess.close(errKicked)
		for _, sess := range s.sessions.all() {
			sess.close(errKicked)
		}
		if n := s.rtcQueue.waiting(); n != 0 {
			t.Errorf("%d wait when all have left", n)
		}
	})
}

// Who comes when a publisher has just left waits as well, and its place is counted until there is something to see.
func TestWaitingAfterPublisher(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		publisher, other := joined(t, s, "whip", ""), joined(t, s, "whep", "")
		publisher.show(0, 10, 111)
		publisher.sess.close(errKicked)
		viewer := joined(t, s, "whep", "") // the stream is still there, for the other viewer
		viewer.live(time.Second)
		if seen, _ := viewer.frames(); len(viewer.media) > 0 || s.rtcQueue.waiting() != 1 {
			t.Errorf("of a publisher that has left it sees %v; %d wait", seen, s.rtcQueue.waiting())
		}
		publisher = joined(t, s, "whip", "")
		publisher.show(1000, 10, 111)
		viewer.pump()
		if seen, _ := viewer.frames(); len(seen) != 10 || s.rtcQueue.waiting() != 0 {
			t.Errorf("of the next one it sees %v; %d wait", seen, s.rtcQueue.waiting())
		}
		publisher.sess.close(errKicked)
		other.sess.close(errKicked)
		viewer.sess.close(errKicked)
	})
}
