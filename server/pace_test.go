package server

import (
	"testing"
	"testing/synctest"
	"time"

	"oneport/ice"
	"oneport/rtc"
)

// meter is a link that counts the media sent by it, and the longest burst of it: datagrams without a pause of udpSpacing.
type meter struct {
	*wire
	last           time.Time
	burst, longest int
	packets, bytes int
}

func (m *meter) send(frames []byte) { m.insist(frames) }

func (m *meter) insist(frames []byte) {
	m.mu.Lock()
	for rest := frames; len(rest) > 0; {
		var frame []byte
		if frame, rest, _ = ice.NextFrame(rest); rtc.Classify(frame) == rtc.RTP {
			m.count(len(frame))
		}
	}
	m.mu.Unlock()
	m.wire.insist(frames)
}

func (m *meter) count(n int) {
	if time.Since(m.last) >= udpSpacing {
		m.burst = 0
	}
	m.last = time.Now()
	m.burst++
	m.longest = max(m.longest, m.burst)
	m.packets++
	m.bytes += n
}

// metered is a viewer over UDP whose link is metered.
func metered(t *testing.T, s *Server, port uint16) (*fakeClient, *meter) {
	t.Helper()
	c, _ := offered(t, s, "whep", "")
	c.wire = newWire(ice.UDP, port)
	m := &meter{wire: c.wire}
	check := func() {
		if !c.sess.receive(time.Now(), m, ice.AppendRequest(nil, [12]byte{1}, c.local, c.remote, 1<<24, true)) {
			t.Fatal("a check is not believed")
		}
	}
	check()
	c.handshake()
	return c, m
}

// sendLarge sends a picture of so many packets, all at once.
func (c *fakeClient) sendLarge(timestamp uint32, key bool, packets int) {
	for i := range packets {
		payload := make([]byte, 1100)
		payload[0], payload[1] = 0x5c, 0x01 // FU-A of a picture
		if key {
			payload[1] = 0x05
		}
		if i == 0 {
			payload[1] |= 0x80
		}
		c.sendRTP(102, 7, timestamp, payload)
	}
}

// However a publisher's packets come, in one go or by many wakes, a viewer over UDP gets udpBurst of them at once, and the
// rest after a pause; none is lost of it.
func TestBursts(t *testing.T) {
	c := bubbled(t, "")
	for name, gap := range map[string]time.Duration{
		"at once": 0, "by many wakes": 40 * time.Microsecond, "at a high rate": 120 * time.Microsecond,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := offline(t, c)
				publisher := joined(t, s, "whip", "")
				viewer, m := metered(t, s, 1)
				const packets = 500
				if gap == 0 {
					publisher.sendLarge(0, true, packets)
				}
				for i := 0; gap > 0 && i < packets; i++ {
					publisher.sendLarge(uint32(i), i == 0, 1)
					synctest.Wait()
					time.Sleep(gap)
				}
				time.Sleep(200 * time.Millisecond)
				synctest.Wait()
				viewer.pump()
				if m.longest > udpBurst {
					t.Errorf("%d datagrams are sent without a pause", m.longest)
				}
				if len(viewer.media) != packets {
					t.Errorf("%d packets came", len(viewer.media))
				}
			})
		})
	}
}

// A viewer over TCP waits for its connection alone.
func TestNoPauseOverTCP(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		publisher, viewer := joined(t, s, "whip", ""), joined(t, s, "whep", "")
		publisher.sendLarge(0, true, 200)
		synctest.Wait()
		viewer.pump()
		if len(viewer.media) != 200 {
			t.Errorf("%d packets came at once", len(viewer.media))
		}
	})
}
