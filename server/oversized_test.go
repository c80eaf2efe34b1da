package server

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oneport/ice"
)

// A packet that is too large for a datagram goes to viewers over TCP. Those over UDP are sent the others; what they are not sent
// is counted where people look for it, and the publisher's log says once how large it was and what to do.
func TestOversizedPackets(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		log := &lateLog{}
		s, err := start(c, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		s.rtcTCPPort, s.udp = 8080, udpTable(s, newWire(ice.UDP, 1))
		defer func() { s.udp = nil }() // it has no socket to close
		publisher := joined(t, s, "whip", "")
		byTCP := joined(t, s, "whep", "")
		byUDP, _ := metered(t, s, 2)
		const frames = 10
		for i := range uint32(frames) {
			for size := range []int{0, 1} {
				payload := make([]byte, []int{1000, 1450}[size])
				payload[0], payload[1] = 0x5c, 0x85
				publisher.sendRTP(102, 7, i*3600, payload)
			}
			time.Sleep(40 * time.Millisecond)
		}
		synctest.Wait()
		byTCP.pump()
		byUDP.pump()
		if got := len(byTCP.media); got != 2*frames {
			t.Errorf("over TCP come %d packets", got)
		}
		if got := len(byUDP.media); got != frames || len(byUDP.media[got-1].Payload) != 1000 {
			t.Errorf("over UDP come %d packets", got)
		}
		if shown := byUDP.sess.describe().Oversized; shown != frames || byTCP.sess.describe().Oversized != 0 {
			t.Errorf("%d are shown", shown)
		}
		for range 2 { // of a session that is there, and of one that has ended
			if metrics := text(t, local(s, "GET", "/metrics", "")); !strings.Contains(metrics, "\noneport_packets_oversized_total 10\n") {
				t.Error(metrics)
			}
			byUDP.sess.close(errKicked)
		}
		if said := log.text(); strings.Count(said, "level=WARN") != 1 || !strings.Contains(said, "MTU to 1200") || !strings.Contains(said, "payload_bytes=1450") {
			t.Errorf("the log says:\n%s", said)
		}
	})
}

// What a viewer can't be sent for its codec is counted too.
func TestRefusedPacketsAreCounted(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		publisher := joined(t, s, "whip", "")
		viewer := joined(t, s, "whep", "", "m=audio 9", "m=audio 0", "a=group:BUNDLE 0 1", "a=group:BUNDLE 1")
		publisher.sendFrame(0, true)
		for i := range uint32(5) {
			publisher.sendRTP(111, 8, i*960, []byte{1, 2, 3})
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := viewer.sess.outStats().Refused; got != 5 {
			t.Errorf("%d are counted", got)
		}
		for range 2 {
			if metrics := text(t, local(s, "GET", "/metrics", "")); !strings.Contains(metrics, "\noneport_packets_refused_total 5\n") {
				t.Error(metrics)
			}
			viewer.sess.close(errKicked)
		}
	})
}
