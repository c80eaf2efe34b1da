package server

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oneport/port"
	"oneport/rtmp"
)

// unbegun runs a test with a stream whose publisher has sent nothing yet, so that its viewers have not been answered.
func unbegun(t *testing.T, more string, test func(t *testing.T, s *Server, publisher *synthetic)) {
	c := configure(t, withFLV("")+more)
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		video, audio := h264AndAAC(t)
		test(t, s, synthesize(t, s, "x", video, audio))
	})
}

// requested is a request's answer, when there is one.
func requested(s *Server, path string) <-chan *http.Response {
	answer := make(chan *http.Response, 1)
	go func() { answer <- local(s, http.MethodGet, path, "") }()
	synctest.Wait()
	return answer
}

// Who is dismissed before anything was sent is refused, by a status and in words that say why.
func TestDismissedBeforeTheFirstByte(t *testing.T) {
	for _, test := range []struct {
		why    error
		status int
		play   string
	}{
		{errKicked, http.StatusForbidden, rtmp.PlayFailed},
		{errShutdown, http.StatusServiceUnavailable, rtmp.PlayFailed},
	} {
		unbegun(t, "", func(t *testing.T, s *Server, _ *synthetic) {
			answer := requested(s, "/live/x.flv")
			player := playOverPipe(t, s)
			for _, v := range s.viewers.all() {
				v.dismiss(test.why)
			}
			res := <-answer
			if said := text(t, res); res.StatusCode != test.status || !strings.Contains(said, test.why.Error()) {
				t.Errorf("%v: by HTTP %s, %q", test.why, res.Status, said)
			}
			if again := res.Header.Get("Retry-After") != ""; again != (test.status == http.StatusServiceUnavailable) {
				t.Errorf("%v: to be asked again: %v", test.why, again)
			}
			if code, said := player.status(); code != test.play || said != test.why.Error() {
				t.Errorf("%v: by RTMP %s, %q", test.why, code, said)
			}
			player.conn.Close()
			synctest.Wait()
			if n := s.stats.refused.Load(); n != 2 {
				t.Errorf("%v: %d are counted as refused", test.why, n)
			}
		})
	}
}

// playOverPipe is a player by RTMP that has asked for the stream.
func playOverPipe(t *testing.T, s *Server) *rtmpClient {
	t.Helper()
	near, far := net.Pipe()
	go s.serveRTMP(&port.Conn{Conn: far})
	player := rtmpOver(t, near, "live")
	player.command("createStream", 2, nil)
	if _, err := player.answer("_result"); err != nil {
		t.Fatal(err)
	}
	player.command("play", 3, nil, "x")
	synctest.Wait()
	return player
}

// A viewer that was sent nothing of a publication does not end with it: it waits for the next one, as if it had come now.
func TestPublicationEndsBeforeTheFirstByte(t *testing.T) {
	unbegun(t, "", func(t *testing.T, s *Server, publisher *synthetic) {
		answer := requested(s, "/live/x.flv")
		for range 2 {
			publisher.end()
			time.Sleep(time.Second)
			if n := s.queue.waiting(); n != 1 {
				t.Errorf("%d are waiting", n)
			}
			publisher = synthesize(t, s, "x", publisher.video, publisher.audio)
			time.Sleep(10 * time.Millisecond)
		}
		publisher.feed(1)
		time.Sleep(2 * time.Second)
		if n := s.queue.waiting(); n != 0 {
			t.Errorf("%d are waiting for what is there", n)
		}
		publisher.end()
		res := <-answer
		if said := text(t, res); res.StatusCode != http.StatusOK || !strings.HasPrefix(said, "FLV") || len(said) < 10_000 {
			t.Errorf("%s with %d bytes", res.Status, len(said))
		}
	})
}

// It waits in a place of those that wait, and is refused where there is none.
func TestNoPlaceToWaitForTheNextPublication(t *testing.T) {
	unbegun(t, "max_waiting_per_address 1;", func(t *testing.T, s *Server, publisher *synthetic) {
		answer := requested(s, "/live/x.flv")
		other := requested(s, "/live/other.flv")
		publisher.end()
		res := <-answer
		if said := text(t, res); res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
			t.Errorf("%s, %q", res.Status, said)
		}
		for _, v := range s.viewers.all() {
			v.dismiss(errKicked)
		}
		<-other
	})
}

// deadlines counts how often a response is given a deadline to be written.
type deadlines struct {
	*httptest.ResponseRecorder
	given int
}

func (d *deadlines) SetWriteDeadline(time.Time) error {
	d.given++
	return nil
}

// A response that nothing is written of can't be hurried: HTTP/2 would reset the stream, and who is to be refused would not hear why.
func TestNothingToHurry(t *testing.T) {
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	b := &bodySink{w: w, control: http.NewResponseController(w)}
	b.hurry()
	if w.given != 0 {
		t.Error("it is given a deadline")
	}
	if err := b.begin(); err == nil {
		t.Error("it begins all the same")
	}
}
