package server

import (
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowd is a client of HTTP that asks for many streams at once.
type crowd struct {
	t       *testing.T
	client  http.Client
	waiting []io.Closer // bodies
	refused atomic.Int64
	mu      sync.Mutex
}

// ask asks for so many streams that nobody publishes. Who may not wait has to be told so at once.
func (c *crowd) ask(s *Server, from, n int) {
	for i := range n {
		res, err := c.client.Get(base(s) + "/live/nobody" + strconv.Itoa(from+i) + ".flv")
		if err != nil {
			c.t.Errorf("request %d: %v", from+i, err)
			return
		}
		if res.StatusCode == http.StatusOK {
			c.mu.Lock()
			c.waiting = append(c.waiting, res.Body)
			c.mu.Unlock()
			continue
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusTooManyRequests || !strings.Contains(string(body), "max_waiting_per_address") || res.Header.Get("Retry-After") == "" {
			c.t.Errorf("request %d is answered %s: %s", from+i, res.Status, body)
		}
		c.refused.Add(1)
	}
}

// Ten thousand requests for streams that nobody publishes: as many wait as the setting says, the others are told so at once,
// and what is live is played meanwhile. Nothing is left when they have gone.
func TestCrowdThatWaits(t *testing.T) {
	const requests, askers, most = 10_000, 40, 50
	s := open(t, configure(t, withFLV("")+"max_connections 200; max_waiting_per_address "+strconv.Itoa(most)+";"))
	video, audio := h264AndAAC(t)
	synthesize(t, s, "x", video, audio).live(200 * time.Millisecond)
	v := watch(t, base(s)+"/live/x.flv")
	v.read(5)
	before := runtime.NumGoroutine()
	c := &crowd{t: t, client: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: askers}, Timeout: patience}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var all sync.WaitGroup
		for i := range askers {
			all.Go(func() { c.ask(s, i*requests/askers, requests/askers) })
		}
		all.Wait()
	}()
	for asking := true; asking; {
		complete(t, v.read(5))
		if n := s.places.taken.Load(); n > 1+askers+most {
			t.Fatalf("%d places are taken", n)
		}
		select {
		case <-done:
			asking = false
		default:
		}
	}
	if n := c.refused.Load(); n != requests-most || len(c.waiting) != most || uint64(n) != s.stats.refused.Load() {
		t.Errorf("%d wait, %d are refused, %d refusals are counted", len(c.waiting), n, s.stats.refused.Load())
	}
	if taken, streams := s.places.taken.Load(), len(s.hubs["__defaultVhost__"].Streams()); taken != 1+most || streams != 1+most || s.queue.waiting() != most {
		t.Errorf("%d places are taken, %d wait, there are %d streams", taken, s.queue.waiting(), streams)
	}
	late := watch(t, base(s)+"/live/x.flv")
	late.read(5)
	late.res.Body.Close()
	for _, body := range c.waiting {
		body.Close()
	}
	c.client.CloseIdleConnections()
	until(t, "the end of the crowd", func() bool {
		return s.queue.waiting() == 0 && s.places.taken.Load() == 1 && len(s.hubs["__defaultVhost__"].Streams()) == 1 && runtime.NumGoroutine() <= before
	})
	complete(t, v.read(int(time.Second/(40*time.Millisecond))))
}
