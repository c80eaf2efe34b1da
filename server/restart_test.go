package server

import (
	"crypto/rand"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oneport/ice"
)

// During an ICE restart both ufrags are good; once a pair is nominated under the new one, the old one is nobody's. The
// session, its keys and its Location stay.
func TestRestart(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		publisher, viewer := joined(t, s, "whip", ""), joined(t, s, "whep", "")
		publisher.sendFrame(0, true)
		synctest.Wait()
		oldLocal, oldRemote := viewer.local, viewer.remote
		fresh := ice.NewCredentials(rand.Reader)
		res := local(s, http.MethodPatch, viewer.location, fragmentOf(fresh.Ufrag, fresh.Pwd), fragmentType, "If-Match: *")
		if res.StatusCode != 200 {
			t.Fatalf("%s: %s", res.Status, text(t, res))
		}
		if !viewer.check(viewer.wire) {
			t.Error("the old credentials do not hold until the restart is complete")
		}
		publisher.sendFrame(1, false)
		synctest.Wait()
		viewer.pump()
		viewer.local = fresh
		viewer.remote.Ufrag, viewer.remote.Pwd = credentialsOf(text(t, res))
		viewer.wire = newWire(ice.TCP, 9)
		if s.sessions.byUfrag(viewer.remote.Ufrag) != viewer.sess || s.sessions.byUfrag(oldRemote.Ufrag) != viewer.sess {
			t.Error("the session is not known by both ufrags")
		}
		if !viewer.check(viewer.wire) {
			t.Fatal("the new credentials are not believed")
		}
		if s.sessions.byUfrag(oldRemote.Ufrag) != nil || s.sessions.byUfrag(viewer.remote.Ufrag) != viewer.sess {
			t.Error("the old ufrag outlives the restart")
		}
		publisher.sendFrame(2, false)
		synctest.Wait()
		viewer.pump()
		if numbers, _ := viewer.frames(); !slices.Equal(numbers, []uint32{0, 1, 2}) {
			t.Errorf("pictures %v", numbers)
		}
		newLocal, newRemote := viewer.local, viewer.remote
		viewer.local, viewer.remote = oldLocal, oldRemote
		if viewer.check(newWire(ice.TCP, 10)) {
			t.Error("the old credentials are believed after the restart")
		}
		viewer.local, viewer.remote = newLocal, newRemote
		if res := local(s, http.MethodDelete, viewer.location, ""); res.StatusCode != 200 || !viewer.over() {
			t.Errorf("DELETE after a restart: %s, over %v", res.Status, viewer.over())
		}
		publisher.sess.close(errKicked)
		nothingLeft(t, s)
	})
}

// A viewer that can't be given what the stream has turned to is told, and another viewer is not touched.
func TestRefusedFormat(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		h264 := joined(t, s, "whep", "")
		either := joined(t, s, "whep", "", "SAVPF 102", "SAVPF 102 96", "a=rtcp-fb:102 nack\r\n", "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:102 nack\r\n")
		publisher := joined(t, s, "whip", "", "SAVPF 102", "SAVPF 96", "a=rtpmap:102 H264/90000", "a=rtpmap:96 VP8/90000",
			"a=rtcp-fb:102", "a=rtcp-fb:96", "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\n", "")
		for i := range 5 {
			publisher.sendRTP(96, 7, uint32(i*3600), []byte{0x10, 0, 0, 0, 0x9d, 1, 0x2a, 2, 0, 2, 0})
			time.Sleep(20 * time.Millisecond)
		}
		synctest.Wait()
		h264.pump()
		either.pump()
		if !h264.over() || h264.goodbye == nil {
			t.Errorf("the viewer without VP8: over %v, told %v", h264.over(), h264.goodbye)
		}
		if either.over() || len(either.media) != 5 || either.media[0].PayloadType != 96 {
			t.Errorf("the viewer with both: over %v, %d packets", either.over(), len(either.media))
		}
		if publisher.over() {
			t.Error("the publisher is over")
		}
	})
}

// Everything that can happen to a session, at once: for the race detector, for deadlocks, and for what is left.
func TestSessionStorm(t *testing.T) {
	c := bubbled(t, "")
	s := offline(t, c)
	u := udpTable(s, newWire(ice.UDP, 1))
	s.udp = u
	t.Cleanup(func() { s.udp = nil })
	for round := range 30 {
		publisher, res := offered(t, s, "whip", "")
		if publisher == nil {
			t.Fatal(res.Status)
		}
		viewer, _ := offered(t, s, "whep", "")
		var storm sync.WaitGroup
		for _, client := range []*fakeClient{publisher, viewer} {
			sess := client.sess
			for i := range 4 {
				storm.Go(func() {
					for j := range 20 {
						w := newWire(ice.TCP, uint16(i*100+j+1))
						if client.check(w) && j%2 == 0 {
							sess.unplug(w)
						}
						over := newWire(ice.UDP, uint16(i*100+j+1))
						if client.check(over) {
							u.bind(over.id, sess)
						}
						sess.receive(time.Now(), w, []byte{22, 254, 253, 0, 0})
					}
				})
			}
			storm.Go(func() {
				for range 20 {
					sess.service(time.Now())
					sess.RequestKeyframe()
					sess.Alive(time.Now())
					sess.roomAgain()
					sess.describe()
					s.traffic()
				}
			})
			storm.Go(func() {
				for range 5 {
					fresh := ice.NewCredentials(rand.Reader)
					local(s, http.MethodPatch, client.location, fragmentOf(fresh.Ufrag, fresh.Pwd), fragmentType, "If-Match: *")
				}
			})
			storm.Go(func() {
				time.Sleep(time.Duration(round) * 200 * time.Microsecond) // somewhere in the middle
				for range 2 {
					go sess.close(errKicked)
				}
				sess.close(errDeleted)
			})
		}
		done := make(chan struct{})
		go func() { storm.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(patience):
			t.Fatal("deadlock")
		}
		if left := leftovers(s); left != "" {
			t.Fatalf("round %d left %s", round, left)
		}
		if got := int(s.stats.ended.Load()); got != 2*(round+1) {
			t.Fatalf("%d ends in round %d", got, round)
		}
	}
}
