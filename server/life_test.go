package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oneport/ice"
)

// bubbled is a configuration for servers without ports; extra are settings of rtc_server.
func bubbled(t *testing.T, extra string) *Config {
	t.Helper()
	return configure(t, strings.Replace(bubbledText, "EXTRA", extra, 1))
}

const bubbledText = `
	http_api { enabled on; listen 8080; }
	rtc_server { enabled on; listen 8080; protocol tcp; candidate 203.0.113.1; api_as_candidates off; tcp { enabled on; listen 8080; } EXTRA }
	vhost __defaultVhost__ { rtc { enabled on; } }`

// A POST that is never followed by a check is gone after 15 s.
func TestOfferAlone(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		for _, endpoint := range []string{"whip", "whep"} {
			if client, res := offered(t, s, endpoint, "stream="+endpoint); client == nil {
				t.Fatal(res.Status)
			}
		}
		time.Sleep(14900 * time.Millisecond)
		synctest.Wait()
		if n := len(s.sessions.all()); n != 2 {
			t.Errorf("%d sessions after 14.9 s, want 2", n)
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		nothingLeft(t, s)
		if s.stats.ended.Load() != 2 {
			t.Errorf("%d sessions ended", s.stats.ended.Load())
		}
	})
}

// Thousands of POSTs fill the caps and no more, and all is gone after 15 s.
func TestCaps(t *testing.T) {
	for _, test := range []struct {
		name, extra string
		posts       int
		want        map[int]int
	}{
		{"per address", "max_sessions_per_address 50;", 10_000, map[int]int{201: 50, 429: 9950}},
		{"in total", "max_sessions 60;", 10_000, map[int]int{201: 60, 503: 9940}},
		{"streams", "max_streams 70;", 500, map[int]int{201: 70, 503: 430}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := bubbled(t, test.extra)
			synctest.Test(t, func(t *testing.T) {
				s := offline(t, c)
				offer := offerFile(t, "gst-publish-h264")
				site, got := site(s), map[int]int{}
				for i := range test.posts {
					res := ask(site, http.MethodPost, fmt.Sprintf("/rtc/v1/whip/?stream=s%d", i), offer, sdpType)
					got[res.StatusCode]++
					if res.StatusCode >= 400 && res.Header.Get("Retry-After") == "" {
						t.Fatalf("%s without Retry-After", res.Status)
					}
				}
				if fmt.Sprint(got) != fmt.Sprint(test.want) {
					t.Errorf("answers %v, want %v", got, test.want)
				}
				if got := int(s.stats.refused.Load()); got != test.posts-test.want[201] {
					t.Errorf("%d refusals counted", got)
				}
				time.Sleep(16 * time.Second)
				synctest.Wait()
				nothingLeft(t, s)
				if res := local(s, http.MethodPost, "/rtc/v1/whip/", offer, sdpType); res.StatusCode != 201 {
					t.Errorf("afterwards: %s", res.Status)
				}
			})
		})
	}
}

// A client that falls silent is over after stun_timeout, and leaves nothing: no timer that goes on for ever.
func TestSilence(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		publisher, viewer := joined(t, s, "whip", ""), joined(t, s, "whep", "")
		for i := range 50 {
			publisher.sendFrame(uint32(i), i == 0)
			time.Sleep(20 * time.Millisecond)
		}
		viewer.pump()
		if numbers, _ := viewer.frames(); len(numbers) != 50 {
			t.Fatalf("%d of 50 pictures came", len(numbers))
		}
		time.Sleep(28 * time.Second)
		synctest.Wait()
		if publisher.over() || viewer.over() {
			t.Error("over after 28 s of silence")
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if !publisher.over() || !viewer.over() {
			t.Error("alive after 32 s of silence")
		}
		nothingLeft(t, s)
	})
}

// Whoever asks for a time after the end gets none: a session that ends while it is being served does not come back.
func TestNoTimeAfterTheEnd(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		publisher, viewer := joined(t, s, "whip", ""), joined(t, s, "whep", "")
		publisher.sendFrame(0, true)
		synctest.Wait()
		viewer.sess.close(errKicked)
		publisher.sess.close(errKicked)
		viewer.sess.wake()
		publisher.sess.RequestKeyframe()
		s.timers.schedule(viewer.sess, viewer.sess.service(time.Now()))
		viewer.check(viewer.wire)
		viewer.sess.unplug(viewer.wire)
		synctest.Wait()
		nothingLeft(t, s)
	})
}

// A viewer waits for a publisher for the time configured, and no longer.
func TestViewerPatience(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		viewer := joined(t, s, "whep", "")
		viewer.live(178 * time.Second)
		if viewer.over() {
			t.Fatal("over before 180 s")
		}
		viewer.live(8 * time.Second)
		if !viewer.over() {
			t.Error("still there after 186 s")
		}
		if viewer.goodbye == nil {
			t.Error("the viewer was not told")
		}
		nothingLeft(t, s)
	})
}

// A live publisher is not displaced; a silent one is, and its viewers go on with the newcomer, from a keyframe.
func TestReplacement(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		first, viewer := joined(t, s, "whip", ""), joined(t, s, "whep", "")
		for i := range 300 {
			first.sendFrame(uint32(i), i == 0)
			if i == 299 {
				if c, res := offered(t, s, "whip", ""); c != nil || res.StatusCode != http.StatusConflict {
					t.Errorf("a second publisher: %s", res.Status)
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(3100 * time.Millisecond)
		second := joined(t, s, "whip", "")
		synctest.Wait()
		first.pump()
		if !first.over() || first.goodbye == nil {
			t.Errorf("the first publisher: over %v, told %v", first.over(), first.goodbye)
		}
		viewer.pump()
		viewer.media = nil
		second.sendFrame(1000, false)
		second.sendFrame(1001, true)
		second.sendFrame(1002, false)
		time.Sleep(20 * time.Millisecond)
		viewer.pump()
		if numbers, _ := viewer.frames(); !slices.Equal(numbers, []uint32{1001, 1002}) {
			t.Errorf("the viewer has pictures %v", numbers)
		}
		if n := len(s.sessions.all()); n != 2 {
			t.Errorf("%d sessions, want 2", n)
		}
	})
}

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

// Counters never go back, not while sessions end either.
func TestCountersGrow(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		publisher := joined(t, s, "whip", "")
		var viewers []*fakeClient
		for range 20 {
			viewers = append(viewers, joined(t, s, "whep", ""))
		}
		for i := range 20 {
			publisher.sendFrame(uint32(i), i == 0)
			time.Sleep(20 * time.Millisecond)
		}
		synctest.Wait()
		before := s.traffic()
		if before.packetsOut != 400 || before.packetsIn != 20 {
			t.Errorf("%d packets out, %d in", before.packetsOut, before.packetsIn)
		}
		stop := make(chan struct{})
		watched := make(chan int)
		go func() {
			last, looks := before, 0
			for {
				now := s.traffic()
				if now.packetsOut < last.packetsOut || now.bytesOut < last.bytesOut || now.bytesIn < last.bytesIn {
					t.Errorf("from %+v back to %+v", last, now)
				}
				last = now
				looks++
				select {
				case <-stop:
					watched <- looks
					return
				default:
				}
			}
		}()
		for _, v := range append(viewers, publisher) {
			v.sess.close(errKicked)
		}
		close(stop)
		t.Logf("%d looks", <-watched)
		after := s.traffic()
		if after.packetsOut != 400 || after.packetsIn != 20 || after.clients != 0 {
			t.Errorf("afterwards %+v", after)
		}
		nothingLeft(t, s)
	})
}

// Joining, listing, measuring and leaving at the same time: for the race detector, and for what is left.
func TestAllAtOnce(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	offers := map[string]string{"whip": offerFile(t, "chromium-publish-H264"), "whep": offerFile(t, "chromium-play-default")}
	done := make(chan struct{})
	site := site(s)
	for _, endpoint := range []string{"whip", "whep"} {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range 100 {
				res := ask(site, http.MethodPost, fmt.Sprintf("/rtc/v1/%s/?stream=s%d", endpoint, i%3), offers[endpoint], sdpType)
				if location := res.Header.Get("Location"); location != "" && i%4 != 0 {
					ask(site, http.MethodDelete, location, "")
				}
			}
		}()
	}
	go func() {
		defer func() { done <- struct{}{} }()
		for range 100 {
			for _, path := range []string{"/api/v1/clients/", "/api/v1/streams/", "/metrics"} {
				if res := ask(site, http.MethodGet, path, ""); res.StatusCode != 200 {
					t.Error(path, res.Status)
				}
			}
		}
	}()
	for range 3 {
		<-done
	}
	for _, sess := range s.sessions.all() {
		res := local(s, http.MethodDelete, "/api/v1/clients/"+sess.info.id, "")
		if body := text(t, res); !strings.HasPrefix(body, `{"code":0`) {
			t.Errorf("kick: %s", body)
		}
	}
	nothingLeft(t, s)
}
