package server

import (
	"testing"
	"testing/synctest"
	"time"

	"oneport/ice"
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
