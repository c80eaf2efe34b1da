package server

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"oneport/bench"
	"oneport/ice"
)

// hasEnded waits for the server to close a connection.
func hasEnded(t *testing.T, conn net.Conn) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, conn); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the connection is not closed: %v", err)
	}
}

// goesOn demands that the server has not closed a connection.
func goesOn(t *testing.T, conn net.Conn) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := io.Copy(io.Discard, conn); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection is closed: %v", err)
	}
}

// stranger is a frame that says nothing.
func stranger() []byte { return ice.AppendFrame(nil, append([]byte{0x80}, make([]byte, 31)...)) }

// askOn makes one request of HTTP/1.1 on a connection, which stays open.
func askOn(t *testing.T, conn net.Conn) {
	t.Helper()
	io.WriteString(conn, "GET /api/v1/versions HTTP/1.1\r\nHost: x\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
	}
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", res, err)
	}
}

// Connections for WebRTC that do not say whose they are, and those of HTTP that ask for nothing, are bounded: one too many
// displaces the oldest, and is counted. Who speaks at once gets through, and takes none of their places.
func TestStrangersAndCallersAreDisplaced(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	s.strangers.mostOfOne, s.callers.fresh.mostOfOne, s.callers.idle.most = 3, 3, 3
	var strangers, callers []net.Conn
	for i := 1; i <= 3; i++ { // one after the other, for the first to be the oldest
		strangers = append(strangers, dials(t, s, 1, stranger())...)
		callers = append(callers, dials(t, s, 1, []byte("G"))...)
		until(t, "the crowd", func() bool { return s.strangers.count() == i && s.callers.fresh.count() == i })
	}
	publish(t, s, "x", bench.ClientOptions{Net: "tcp"}, bench.SourceOptions{KBPS: 100}) // by two connections
	hasEnded(t, strangers[0])
	hasEnded(t, callers[0])
	for path, body := range map[string]string{"/rtc/v1/whip/": "v=0", "/rtc/v1/play/": `{"sdp":`} { // without the rest they are as good as none
		conn := dials(t, s, 1, []byte("POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\nContent-Length: 100\r\n\r\n"+body))
		callers = append(callers, conn...)
	}
	until(t, "the bodies to take room", func() bool { return s.callers.fresh.displaced.Load() >= 2 && s.callers.fresh.count() == 3 })
	hasEnded(t, callers[1])
	goesOn(t, callers[4])
	var idle []net.Conn
	for range 4 {
		conn := dial(t, s)
		askOn(t, conn)
		idle = append(idle, conn)
		until(t, "the connection to be idle", func() bool { return s.callers.idle.count() == min(len(idle), 3) })
	}
	hasEnded(t, idle[0])
	askOn(t, idle[3])
	body := text(t, call(t, "GET", base(s)+"/metrics", ""))
	for _, want := range []string{"oneport_rtc_strangers_displaced_total 1\n", "oneport_http_callers_displaced_total "} {
		if !strings.Contains(body, want) || strings.Contains(body, "oneport_http_callers_displaced_total 0\n") {
			t.Errorf("no %q in the metrics", want)
		}
	}
}

// Where no more connections can be accepted, all that have said nothing of use make room, on every port, and nobody else.
func TestMakeRoom(t *testing.T) {
	s := open(t, configure(t, withRTMP("")+"rtmp { listen 127.0.0.1:PORT2; }"))
	began := time.Now()
	publish(t, s, "x", bench.ClientOptions{Net: "tcp"}, bench.SourceOptions{KBPS: 100})
	watch := watch(t, base(s)+"/live/y.flv") // which is active, though it waits
	publisher := publishing(t, s, "y")
	other, err := net.Dial("tcp", s.ports[1].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	crowd := []net.Conn{other, dial(t, s), dials(t, s, 1, []byte("G"))[0], dials(t, s, 1, stranger())[0], dials(t, s, 1, rtmpHello())[0]}
	idle := dial(t, s)
	askOn(t, idle)
	until(t, "the crowd", func() bool {
		return s.ports[0].Stats().Sniffing == 1 && s.ports[1].Stats().Sniffing == 1 && s.callers.fresh.count() == 1 &&
			s.strangers.count() == 1 && s.newcomers.count() == 1 && s.callers.idle.count() >= 1
	})
	if s.makeRoom(began) {
		t.Error("room is made of what came later")
	}
	for _, conn := range crowd {
		goesOn(t, conn)
	}
	if !s.makeRoom(time.Now()) {
		t.Error("no room is made")
	}
	for _, conn := range append(crowd, idle) {
		hasEnded(t, conn)
	}
	publisher.feed(25, 25)
	watch.pictures(1)
	if n := len(s.sessions.all()); n != 1 {
		t.Errorf("%d sessions are left", n)
	}
	if s.makeRoom(time.Now()) {
		t.Error("there was more to close")
	}
}

// Connections that are kept open for another request are many where many play by HLS: none is closed for their number.
func TestIdleCallersStay(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	var idle []net.Conn
	for range 40 {
		conn := dial(t, s)
		askOn(t, conn)
		idle = append(idle, conn)
	}
	if most := &s.callers.idle; most.most != unlimited || most.mostOfOne != unlimited {
		t.Errorf("at most %d are kept, %d of one address", most.most, most.mostOfOne)
	}
	for range 2 {
		for _, conn := range idle {
			askOn(t, conn)
		}
	}
}
