package server

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"oneport/port"
)

// overtaken has something happen between a writer's decision to set a deadline and the deadline.
type overtaken struct {
	by      func()
	waits   time.Time // the deadline that is set
	written int
}

func (o *overtaken) SetWriteDeadline(t time.Time) error {
	if by := o.by; by != nil {
		o.by = nil
		by()
	}
	o.waits = t
	return nil
}

type overtakenConn struct {
	net.Conn
	overtaken
}

func (c *overtakenConn) SetWriteDeadline(t time.Time) error { return c.overtaken.SetWriteDeadline(t) }

func (c *overtakenConn) Write(b []byte) (int, error) {
	c.written++
	return len(b), nil
}

type overtakenResponse struct {
	*httptest.ResponseRecorder
	overtaken
}

func (w *overtakenResponse) FlushError() error {
	w.written++
	return nil
}

// A player of RTMP that is kicked while it is about to be written to waits for nothing any more: the write's own deadline may
// come later than the kick's.
func TestKickOvertakesRTMPWrite(t *testing.T) {
	conn := &overtakenConn{}
	c := &rtmpConn{Conn: &port.Conn{Conn: conn}}
	c.allow(writePatience)
	if n, err := c.Write([]byte("x")); n != 1 || err != nil || !conn.waits.After(time.Now()) {
		t.Fatalf("a player that stays: %d, %v, until %v", n, err, conn.waits)
	}
	conn.by = (&rtmpSink{conn: c}).hurry
	for _, when := range []string{"meanwhile", "before"} {
		if n, err := c.Write([]byte("x")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || conn.written != 1 {
			t.Errorf("kicked %s: %d, %v, %d writes", when, n, err, conn.written)
		}
	}
	c.allow(farewell)
	if n, err := c.Write([]byte("x")); n != 1 || err != nil {
		t.Errorf("its farewell: %d, %v", n, err)
	}
}

// The same by HTTP, at the head of a response and later.
func TestKickOvertakesHTTPWrite(t *testing.T) {
	for what, write := range map[string]func(*bodySink) error{
		"head": (*bodySink).begin,
		"body": func(b *bodySink) error { return b.write([]byte("x")) },
	} {
		for _, when := range []string{"meanwhile", "before"} {
			w := &overtakenResponse{ResponseRecorder: httptest.NewRecorder()}
			b := &bodySink{w: w, r: httptest.NewRequest(http.MethodGet, "/", nil), container: *containerOf("flv"), control: http.NewResponseController(w)}
			if when == "before" {
				b.hurry()
			} else {
				w.by = b.hurry
			}
			if err := write(b); !errors.Is(err, os.ErrDeadlineExceeded) || w.written > 0 {
				t.Errorf("kicked %s, the %s: %v, %d writes", when, what, err, w.written)
			}
		}
	}
}
