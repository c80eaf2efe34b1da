package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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

// Joining, listing, measuring and leaving at the same time: for the race detector, and for what is left. No time passes, so that no
// session ends of its own accord.
func TestAllAtOnce(t *testing.T) {
	c := configure(t, allOnOne)
	offers := map[string]string{"whip": offerFile(t, "chromium-publish-H264"), "whep": offerFile(t, "chromium-play-default")}
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		site := site(s)
		var all sync.WaitGroup
		for _, endpoint := range []string{"whip", "whep"} {
			all.Go(func() {
				for i := range 100 {
					res := ask(site, http.MethodPost, fmt.Sprintf("/rtc/v1/%s/?stream=s%d", endpoint, i%3), offers[endpoint], sdpType)
					if location := res.Header.Get("Location"); location != "" && i%4 != 0 {
						ask(site, http.MethodDelete, location, "")
					}
				}
			})
		}
		all.Go(func() {
			for range 100 {
				for _, path := range []string{"/api/v1/clients/", "/api/v1/streams/", "/metrics"} {
					if res := ask(site, http.MethodGet, path, ""); res.StatusCode != 200 {
						t.Error(path, res.Status)
					}
				}
			}
		})
		all.Wait()
		for _, sess := range s.sessions.all() {
			res := local(s, http.MethodDelete, "/api/v1/clients/"+sess.info.id, "")
			if body := text(t, res); !strings.HasPrefix(body, `{"code":0`) {
				t.Errorf("kick: %s", body)
			}
		}
		nothingLeft(t, s)
	})
}
