package server

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oneport/ice"
)

// A connection that is lost leaves the session waiting; on a new one it goes on, with the same keys.
func TestConnectionLost(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		publisher, viewer := joined(t, s, "whip", ""), joined(t, s, "whep", "")
		publisher.sendFrame(0, true)
		synctest.Wait()
		viewer.sess.unplug(viewer.wire)
		if viewer.sess.link() != nil {
			t.Error("the session still has a link")
		}
		publisher.sendFrame(1, false)
		publisher.live(20 * time.Second)
		publisher.sendFrame(2, true)
		publisher.sendFrame(3, false)
		viewer.pump()
		viewer.wire = newWire(ice.TCP, 2)
		if !viewer.check(viewer.wire) {
			t.Fatal("the check on the new connection is not believed")
		}
		synctest.Wait()
		viewer.pump()
		if numbers, _ := viewer.frames(); !slices.Equal(numbers, []uint32{0, 2, 3}) {
			t.Errorf("pictures %v", numbers)
		}
		if got := s.stats.joined.Load(); got != 2 {
			t.Errorf("%d joins", got)
		}
		viewer.sess.unplug(viewer.wire)
		publisher.live(31 * time.Second)
		if !viewer.over() || publisher.over() {
			t.Errorf("after 31 s without a connection: viewer over %v, publisher over %v", viewer.over(), publisher.over())
		}
	})
}

// A session keeps four connections; those that are closed for it end without changing where the media goes.
func TestManyConnections(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		viewer := joined(t, s, "whep", "")
		wires := []*wire{viewer.wire}
		for i := range 20 {
			w := newWire(ice.TCP, uint16(i+2))
			if !viewer.check(w) {
				t.Fatal("not believed")
			}
			wires = append(wires, w)
		}
		open := 0
		for _, w := range wires {
			if !w.closed {
				open++
				continue
			}
			viewer.sess.unplug(w)
		}
		viewer.sess.in.Lock()
		links := len(viewer.sess.links)
		viewer.sess.in.Unlock()
		if open > 4 || links != open || viewer.sess.link() == nil || viewer.sess.link().full() {
			t.Errorf("%d connections open, %d links, on %v", open, links, viewer.sess.link())
		}
	})
}

// The log says when a session has lost its path and when it has one again, once each, and nothing of connections that it did not
// use or that end with it.
func TestLostPathIsLogged(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		log := &lateLog{}
		s, err := start(c, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		s.rtcTCPPort = 8080
		viewer := joined(t, s, "whep", "")
		says := func(lost, moved int) {
			t.Helper()
			synctest.Wait()
			if l, m := strings.Count(log.text(), "has lost its path"), strings.Count(log.text(), "session moved"); l != lost || m != moved {
				t.Errorf("lost %d times, moved %d times, want %d and %d:\n%s", l, m, lost, moved, log.text())
			}
		}
		unused := newWire(ice.TCP, 2)
		viewer.check(unused)
		viewer.sess.unplug(unused)
		says(0, 0)
		viewer.sess.unplug(viewer.wire)
		says(1, 0)
		again := newWire(ice.TCP, 3)
		viewer.check(again)
		says(1, 1)
		viewer.sess.close(errKicked)
		viewer.sess.unplug(again)
		says(1, 1)
	})
}

// A connection that gave way to others may speak for a while, for its end is a polite one: it stays out, closes no other and does
// not become the path, whatever it nominates.
func TestEvictedConnectionStaysOut(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		viewer := joined(t, s, "whep", "")
		wires := []*wire{viewer.wire}
		for i := range 4 {
			time.Sleep(10 * time.Millisecond)
			w := newWire(ice.TCP, uint16(i+2))
			viewer.check(w)
			wires = append(wires, w)
		}
		closed := func() (list []int) {
			for i, w := range wires {
				if w.closing() {
					list = append(list, i)
				}
			}
			return list
		}
		evicted := closed()
		if len(evicted) != 1 {
			t.Fatalf("of five connections %v were closed", evicted)
		}
		out := wires[evicted[0]]
		out.take()
		for range 3 {
			time.Sleep(100 * time.Millisecond)
			for _, w := range wires {
				if believed := viewer.check(w); believed != (w != out) {
					t.Errorf("a check by %v, believed: %v", w.id, believed)
				}
			}
		}
		outranking := ice.AppendRequest(nil, [12]byte{9}, viewer.local, viewer.remote, 1<<25, true)
		if viewer.sess.receive(time.Now(), out, outranking) || viewer.sess.link() == out || viewer.sess.link().full() {
			t.Errorf("the path is %v", viewer.sess.link().path())
		}
		if now := closed(); !slices.Equal(now, evicted) {
			t.Errorf("closed were %v, and now are %v", evicted, now)
		}
	})
}

// The UDP table holds the paths of a session as long as the session, and no more of them than it has paths.
func TestUDPAddresses(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		one, two := joined(t, s, "whep", ""), joined(t, s, "whep", "")
		u := udpTable(s, one.wire)
		bind := func(c *fakeClient, port uint16) {
			w := newWire(ice.UDP, port)
			if !c.check(w) {
				t.Fatal("not believed")
			}
			u.bind(w.id, c.sess)
		}
		for i := range 500 {
			bind(one, uint16(1000+i))
		}
		if n := len(u.bound); n > 10 {
			t.Errorf("%d paths of one session", n)
		}
		path := newWire(ice.UDP, 1499).id
		if u.owner(path) != one.sess {
			t.Error("the newest path is not bound")
		}
		bind(two, 1499) // the path changes hands
		if u.owner(path) != two.sess || slices.Contains(one.sess.udp, path) {
			t.Error("a path has two owners")
		}
		two.sess.close(errKicked)
		u.release(two.sess, []ice.Path{path})
		u.bind(path, two.sess) // a check that was on its way when the session ended
		if u.owner(path) != nil {
			t.Error("a path is bound to a session that is over")
		}
		one.sess.close(errKicked)
		u.release(one.sess, pathsOf(u))
		if n := len(u.bound); n != 0 {
			t.Errorf("%d paths are left", n)
		}
	})
}
