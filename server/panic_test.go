package server

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oneport/dtls"
	"oneport/flv"
	"oneport/ice"
	"oneport/media"
	"oneport/rtc"
)

// brokenLink panics where the peer's input begins.
type brokenLink struct{ link }

func (brokenLink) path() ice.Path { panic("broken") }

// TestPanicEndsOneSession panics while a session takes a datagram: that session ends, the server goes on.
func TestPanicEndsOneSession(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		broken, other := joined(t, s, "whep", ""), joined(t, s, "whep", "")
		if broken.sess.receive(time.Now(), brokenLink{broken.wire}, []byte{0, 1, 0, 0}) {
			t.Error("what panicked was believed")
		}
		synctest.Wait()
		if s.sessions.byID(broken.sess.info.id) != nil {
			t.Error("the broken session is still there")
		}
		if !other.check(other.wire) {
			t.Error("another session suffers")
		}
	})
}

// A panic of the goroutine that a handshake has is told as an error; it is counted and logged as any, and the session ends.
func TestPanicOfAHandshake(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		log := &lateLog{}
		s, err := start(c, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		s.rtcTCPPort = 8080
		broken := joined(t, s, "whep", "")
		broken.sess.handle(time.Now(), &rtc.Events{Closed: &dtls.Fault{Panic: "broken", Stack: []byte("here")}})
		tellsOnce(t, s, log)
		if !broken.over() || !strings.Contains(log.text(), "stack=here") || !strings.Contains(log.text(), errPanic.Error()) {
			t.Error(log.text())
		}
	})
}

// faultyMuxer panics at the first frame.
type faultyMuxer struct{ flv.Muxer }

func (faultyMuxer) Begin([]byte, [media.Kinds]*media.FrameFormat) ([]byte, error) { panic("a fault") }

// A panic that a player's frames reach leaves neither its place nor a reader behind, and ends what the client is sent.
func TestPanicEndsThePlayer(t *testing.T) {
	s := offline(t, configure(t, allOnOne))
	i, err := s.publishFrames(livestream, origin{kind: "srt-publish"})
	if err != nil {
		t.Fatal(err)
	}
	defer i.end(errKicked)
	feed(t, i, 5)
	v, err := s.watch(i.name, origin{kind: "srt-play"})
	if err != nil {
		t.Fatal(err)
	}
	out := quietSink{make(chan error, 1)}
	p := newPlayer(v, faultyMuxer{}, out, new(VhostConf))
	if err := p.play(); err != errPanic || len(s.viewers.all()) > 0 || s.stats.panics.Load() != 1 {
		t.Errorf("after %v there are %d viewers, and %d panics were counted", err, len(s.viewers.all()), s.stats.panics.Load())
	}
	if len(out.reason) == 0 || <-out.reason != errPanic {
		t.Error("the client is not told")
	}
}
