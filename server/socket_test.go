package server

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"oneport/bench"
)

// watchSocket opens a WebSocket to a stream.
func watchSocket(t *testing.T, s *Server, path string) *flvStream {
	t.Helper()
	ctx := within(t)
	conn, _, err := websocket.Dial(ctx, base(s)+path, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"http://elsewhere.example"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	conn.SetReadLimit(1 << 20)
	return &flvStream{t: t, r: bufio.NewReader(websocket.NetConn(ctx, conn, websocket.MessageBinary))}
}

// FLV comes by WebSocket too, at the same URL.
func TestFLVBySocket(t *testing.T) {
	s := open(t, configure(t, withFLV("")))
	published(t, s, "pcmu", pcmu)
	publish(t, s, "x", bench.ClientOptions{}, bench.SourceOptions{KBPS: 300})
	first := watch(t, base(s)+"/live/x.flv")
	first.read(1) // both sound and picture are there
	first.res.Body.Close()
	until(t, "the end of the first viewer", func() bool { return len(s.viewers.all()) == 0 })
	v := watchSocket(t, s, "/live/x.flv")
	checkStart(t, v, v.read(10))
	s.viewers.all()[0].cancel(errKicked)
	until(t, "the end of the kicked viewer", func() bool { return len(s.viewers.all()) == 0 })

	_, res, err := websocket.Dial(within(t), base(s)+"/live/pcmu.flv", nil)
	if err == nil || res == nil || res.StatusCode != http.StatusNotAcceptable {
		t.Errorf("a codec that can't be carried: %v", err)
	}
}

// A viewer by WebSocket is told why it ends.
func TestSocketSaysWhy(t *testing.T) {
	t.Parallel()
	s := open(t, configure(t, withFLV("play { viewer_patience 1; }")))
	conn, _, err := websocket.Dial(within(t), base(s)+"/live/nobody.flv", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	_, _, err = conn.Read(within(t))
	if websocket.CloseStatus(err) != websocket.StatusNormalClosure || !strings.Contains(err.Error(), "nobody has published") {
		t.Errorf("it ends with %v", err)
	}
}

// A client that never answers the end of its WebSocket holds up neither its own end nor the server's. Who waits is let in.
func TestSocketNeverAnswers(t *testing.T) {
	for _, test := range []struct {
		name  string
		end   func(*Server)
		told  bool
		lasts time.Duration
	}{
		{"its own", func(*Server) {}, true, farewell}, // for nobody publishes
		{"the server's", func(s *Server) { s.viewers.close(errShutdown) }, false, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := offline(t, configure(t, withFLV("play { viewer_patience 1; }")))
			conn := pipeTo(t, s)
			fmt.Fprint(conn, "GET /live/nobody.flv HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n")
			r := bufio.NewReader(conn)
			if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("%v %v", res, err)
			}
			test.end(s)
			if b, err := r.ReadByte(); (err == nil && b == 0x88) != test.told {
				t.Errorf("%s end: %#x, told by a close frame: %v, %v", test.name, b, test.told, err)
			}
			began := time.Now()
			s.viewers.left.Wait()
			if took := time.Since(began); took != test.lasts {
				t.Errorf("%s end took %v", test.name, took)
			}
		})
	}
}
