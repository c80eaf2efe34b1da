package server

import (
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A socket that fails again and again is told of, counted, and tried again after a rest; it costs neither a processor nor the log.
func TestUDPReceiveFails(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s, log := logged(t, c)
		u := &udpPort{server: s}
		began, tries := time.Now(), 0
		u.read(func([]byte, []byte) (received, error) {
			if tries++; tries > 1000 {
				return received{}, net.ErrClosed
			}
			return received{}, errors.New("no buffer space available")
		})
		if took := time.Since(began); took != 1000*udpRest || u.failed.Load() != 1000 {
			t.Errorf("%v for %d failures", took, u.failed.Load())
		}
		if n := strings.Count(log.text(), "level=WARN"); n < crowdLines || n > 2*crowdLines || !strings.Contains(log.text(), "no buffer space") {
			t.Errorf("%d lines:\n%s", n, log.text())
		}
	})
}
