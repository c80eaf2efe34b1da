package server

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The viewers of a publisher that changes its SSRC go on, and the log says what happened.
func TestPublisherChangesSource(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s, log := logged(t, c)
		publisher, viewer := joined(t, s, "whip", ""), joined(t, s, "whep", "")
		publisher.show(0, 50, 111)
		for i := range uint32(100) {
			publisher.sendRTP(102, 8, 1<<30+i*3600, []byte{0x65, 0x80, 0, 0, 1, byte(i)})
			time.Sleep(20 * time.Millisecond)
		}
		synctest.Wait()
		viewer.pump()
		seen, _ := viewer.frames()
		if len(seen) < 90 || len(seen) > 101 || seen[len(seen)-1] != 256+99 || viewer.over() {
			t.Errorf("the viewer saw %v; over %v", seen, viewer.over())
		}
		if got := strings.Count(log.text(), "video comes from SSRC 8 now"); got != 1 {
			t.Errorf("told %d times: %s", got, log.text())
		}
		publisher.sess.close(errKicked)
		viewer.sess.close(errKicked)
	})
}
