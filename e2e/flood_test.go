package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"oneport/bench"
)

const (
	sniffDeadline = 10 * time.Second // for a connection's first bytes
	checkDeadline = 15 * time.Second // for a session's first connectivity check
	slack         = 10 * time.Second // of a machine that has much else to do
)

// footprint is what a server costs.
type footprint struct {
	goroutines float64
	rss        int64
}

func (s *server) footprint() footprint {
	s.t.Helper()
	return footprint{s.metric("oneport_goroutines"), s.rss()}
}

// checkRecovers demands that what a flood took is given back: goroutines at once, memory up to a bound.
func (s *server) checkRecovers(t testing.TB, before footprint, within time.Duration) {
	t.Helper()
	const few, bound = 8, 96 << 20 // goroutines of our own HTTP connections; what the garbage collector has not returned yet
	eventually(t, within, "goroutines return to where they were", func() bool {
		return s.metric("oneport_goroutines") <= before.goroutines+few
	})
	after := s.footprint()
	t.Logf("goroutines %v, then %v; memory %d MB, then %d MB", before.goroutines, after.goroutines, before.rss>>20, after.rss>>20)
	if after.rss > before.rss+bound {
		t.Errorf("memory grew from %d MB to %d MB", before.rss>>20, after.rss>>20)
	}
}

// joinTime is how long a viewer takes from its POST to the end of its handshake.
func joinTime(t testing.TB, s *server) time.Duration {
	t.Helper()
	began := time.Now()
	c := dial(t, s.endpoint("whep", "join"), bench.ClientOptions{CheckTimeout: joinLimit}) // a connection may wait for room
	took := time.Since(began)
	must(t, c.Close())
	return took
}

// A thousand connections of each bad kind at once: none of them lasts, and somebody who joins meanwhile notices nothing.
func TestConnectionFlood(t *testing.T) {
	t.Parallel()
	s, quiet := start(t), start(t)
	joinTime(t, s)
	before := s.footprint()
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for range 1000 {
		for _, first := range []string{"", "G", "\x00", "\xff\xfe garbage \x00\x01"} {
			c, err := net.Dial("tcp", s.addr)
			must(t, err)
			_, _ = c.Write([]byte(first))
			open = append(open, c)
		}
		healthCheck, err := net.Dial("tcp", s.addr)
		must(t, err)
		healthCheck.Close()
	}
	worst, usual := time.Duration(0), 50*time.Millisecond
	for range 5 { // in turn with joins of a quiet server: the machine is as busy for these
		usual = max(usual, joinTime(t, quiet))
		worst = max(worst, joinTime(t, s))
		usual = max(usual, joinTime(t, quiet))
	}
	t.Logf("join: usually %v, during the flood at most %v, %v goroutines", usual, worst, s.metric("oneport_goroutines"))
	if worst > 10*usual {
		t.Errorf("a join took %v during the flood, usually it takes %v", worst, usual)
	}
	for _, c := range open {
		(&wire{c}).awaitEnd(t, sniffDeadline+slack)
	}
	s.checkRecovers(t, before, slack)
}

// At the limit of file descriptors accepting pauses, says so, and goes on when there is room again.
func TestDescriptorLimit(t *testing.T) {
	t.Parallel()
	s := launch(t, []string{"sh", "-c", "ulimit -n 64 && exec " + program}, nil)
	var open []net.Conn
	// The trouble comes while there are ever more, and on a busy machine it has gone and come again by the last.
	begun := time.Now()
	for range 200 { // those that are not accepted wait in the kernel's queue
		c, err := net.Dial("tcp", s.addr)
		must(t, err)
		open = append(open, c)
	}
	entered := func() int { return len(s.log.find("msg", "can't accept connections")) }
	left := func() int { return len(s.log.find("msg", "accepting connections again")) }
	eventually(t, slack, "the log tells the trouble", func() bool { return entered() > 0 })
	for _, c := range open {
		c.Close()
	}
	eventually(t, sniffDeadline+slack, "accepting goes on", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+"/api/v1/versions", nil)
		must(t, err)
		res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		if err == nil {
			res.Body.Close()
		}
		return err == nil && left() > 0 && left() == entered()
	})
	t.Logf("a join takes %v afterwards", joinTime(t, s))
	// It is over after a second without failure, and may come again on a machine so busy that the clients close slowly.
	if n := entered(); n > left()+1 || n > 1+int(time.Since(begun).Seconds()) {
		t.Errorf("%d log lines in %v, %d that it is over", n, time.Since(begun), left())
	}
}

// crowd keeps so many connections to an address that say something and then nothing more: each that is closed is dialled again,
// until the test ends.
func crowd(t *testing.T, addr string, n int, says string) {
	t.Helper()
	var members sync.WaitGroup
	stay, leave := context.WithCancel(context.Background())
	for range n {
		c, err := net.Dial("tcp", addr) // it need not be accepted for that
		must(t, err)
		members.Go(func() {
			for err == nil {
				linger(stay, c, says)
				c, err = new(net.Dialer).DialContext(stay, "tcp", addr)
			}
		})
	}
	t.Cleanup(func() { leave(); members.Wait() })
}

// linger says something and waits for the end of the connection.
func linger(stay context.Context, c net.Conn, says string) {
	defer c.Close()
	defer context.AfterFunc(stay, func() { c.Close() })()
	_, _ = io.WriteString(c, says)
	_, _ = io.Copy(io.Discard, c)
}

// At the limit of file descriptors, and with twice as many who say no more than a beginning and dial again when they are closed,
// whoever speaks still joins: over TCP, which needs two connections.
func TestJoinAtTheDescriptorLimit(t *testing.T) {
	t.Parallel()
	for kind, says := range map[string]string{
		"silent": "", "HTTP": "G", "WebRTC": "\x00\x20\x80" + strings.Repeat("x", 31), "RTMP": "\x03" + strings.Repeat("x", 8),
		"TLS": "\x16\x03\x01\x02\x00", "idle HTTP": "GET /api/v1/versions HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := launch(t, []string{"sh", "-c", "ulimit -n 100 && exec " + program}, nil)
			crowd(t, s.addr, 200, says)
			eventually(t, slack, "the limit is reached", func() bool { return len(s.log.find("msg", "can't accept connections")) > 0 })
			took := joinTime(t, s)
			t.Logf("a join takes %v", took)
			if took >= sniffDeadline {
				t.Errorf("a join takes %v: it has waited for others' deadlines", took)
			}
		})
	}
}

// Offers that nothing follows are forgotten, and there can't be too many of them.
func TestAbandonedOffers(t *testing.T) {
	t.Parallel()
	const posts, perAddress = 10_000, 2000
	s := launch(t, []string{program, "-debug"}, nil) // which logs the end of each; otherwise a crowd's are counted
	before := s.footprint()
	began := time.Now()
	got := postMany(t, s, posts)
	t.Logf("%d POSTs in %v: %v; %d MB", posts, time.Since(began), got, s.rss()>>20)
	// The first may be gone, and make room, before the last comes, if the machine is slow.
	if got[http.StatusCreated] < perAddress || got[http.StatusCreated]+got[http.StatusTooManyRequests] != posts {
		t.Errorf("answers %v, want %d of 201 and the rest 429", got, perAddress)
	}
	if n := s.metric("oneport_sessions"); n > perAddress {
		t.Errorf("%v sessions", n)
	}
	eventually(t, checkDeadline+slack, "all are forgotten", func() bool { return s.metric("oneport_sessions") == 0 })
	if d := time.Since(began); d < checkDeadline {
		t.Errorf("forgotten after %v already", d)
	}
	if n := s.metric("srs_streams"); n != 0 {
		t.Errorf("%v streams are left", n)
	}
	var ended []entry
	eventually(t, slack, "the log tells of each", func() bool { // a moment after the last is gone
		ended = s.log.find("msg", "session ended")
		return len(ended) >= got[http.StatusCreated]
	})
	for _, e := range ended {
		if !strings.Contains(e["why"], "no valid connectivity check") {
			t.Fatalf("a session ended so: %v", e)
		}
	}
	if len(ended) != got[http.StatusCreated] {
		t.Errorf("%d sessions ended, %d began", len(ended), got[http.StatusCreated])
	}
	s.checkRecovers(t, before, slack)
	joinTime(t, s)
}

// postMany posts an offer so often and counts the answers by their status.
func postMany(t *testing.T, s *server, n int) map[int]int {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	const workers = 8
	for range workers {
		wg.Go(func() {
			for range n / workers {
				status, header, _ := post(t, s.endpoint("whep", "abandoned"), handmade(false).offer())
				mu.Lock()
				got[status]++
				mu.Unlock()
				if status >= 400 && header.Get("Retry-After") == "" {
					t.Errorf("%d without Retry-After", status)
				}
			}
		})
	}
	wg.Wait()
	return got
}

// The cap in total is answered 503, and for those who wait for a publisher half of it.
func TestSessionCap(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		live  bool
		taken int
	}{{"live", true, 39}, {"abandoned", false, 20}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, "SRS_RTC_SERVER_MAX_SESSIONS=40")
			if tc.live {
				publish(t, s, "abandoned", bench.ClientOptions{}, bench.SourceOptions{}) // which has one of them
			}
			got := postMany(t, s, 80)
			if got[http.StatusCreated] != tc.taken || got[http.StatusServiceUnavailable] != 80-tc.taken {
				t.Errorf("answers %v, want %d of 201, and 503 for the others", got, tc.taken)
			}
		})
	}
}
