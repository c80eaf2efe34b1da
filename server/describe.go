package server

import (
	"sync"
	"time"

	"oneport/api"
	"oneport/rtc"
	"oneport/stream"
)

// outStats are the counters of what went out; zero before there is any.
func (s *session) outStats() rtc.OutStats {
	s.out.Lock()
	defer s.out.Unlock()
	if s.outbound == nil {
		return rtc.OutStats{}
	}
	return s.outbound.Stats
}

// describe is the session as the API shows it.
func (s *session) describe() api.Client {
	i := &s.info
	now := time.Now()
	out := s.outStats()
	s.in.Lock()
	in, rtt := s.peer.Stats()
	path, hasPath := s.peer.Selected()
	profile, keyed := s.peer.Profile()
	s.in.Unlock()
	c := api.Client{
		ID: i.id, Vhost: i.name.Vhost, Stream: i.name.Stream, IP: i.ip, PageURL: i.pageURL, TCURL: i.tcURL,
		URL: i.name.String(), Name: i.name.Stream, Type: "rtc-" + s.role(), Publish: i.publish,
		Alive: now.Sub(i.created).Seconds(), SendBytes: out.Bytes, RecvBytes: in.Bytes,
		Kbps:      api.Kbps{Recv: s.server.rates.kbps(now, "r"+i.id, in.Bytes), Send: s.server.rates.kbps(now, "s"+i.id, out.Bytes)},
		RTTms:     float64(rtt.Microseconds()) / 1000,
		Packets:   in.Packets,
		Lost:      in.Lost,
		Resent:    out.Resent,
		SessionID: i.key,
	}
	if hasPath {
		c.Transport, c.Local, c.Remote = path.Transport.String(), path.Local.String(), path.Remote.String()
	}
	if keyed {
		c.SRTP = profile.String()
	}
	if s.reader != nil {
		stats := s.readerStats()
		c.Packets, c.LagMS, c.Skips, c.Skipped = out.Packets, stats.Lag.Milliseconds(), stats.Skips, stats.SkippedPackets
	}
	return c
}

func (s *session) readerStats() stream.ReaderStats {
	s.out.Lock()
	defer s.out.Unlock()
	return s.reader.Stats()
}

const (
	rateWindow = 30 * time.Second
	maxRates   = 50_000 // beyond it, all are forgotten and begin anew
)

// rates turn byte counters into the bit rate of the last 30 seconds, as far as they are asked often enough: a sample is kept
// for half that long and answers for the time since.
type rates struct {
	mu    sync.Mutex
	of    map[string]rate
	swept time.Time
}

type rate struct {
	since, half  time.Time // the window's beginning, and its middle, where the next window begins
	from, middle int64     // the counter at these
	kbps         int64
}

// kbps is the bit rate of a counter that stands at bytes now.
func (r *rates) kbps(now time.Time, name string, bytes uint64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil || len(r.of) > maxRates {
		r.of = make(map[string]rate)
	}
	if now.Sub(r.swept) > rateWindow {
		r.swept = now
		r.sweep(now)
	}
	e, known := r.of[name]
	if !known || int64(bytes) < e.from {
		r.of[name] = rate{since: now, half: now, from: int64(bytes), middle: int64(bytes)}
		return 0
	}
	elapsed := now.Sub(e.since)
	if elapsed < time.Second {
		return e.kbps
	}
	e.kbps = (int64(bytes) - e.from) * 8 / elapsed.Milliseconds()
	if now.Sub(e.half) > rateWindow/2 {
		e.since, e.from = e.half, e.middle
		e.half, e.middle = now, int64(bytes)
	}
	r.of[name] = e
	return e.kbps
}

// sweep forgets counters that nobody has asked for in a while. Called locked.
func (r *rates) sweep(now time.Time) {
	for name, e := range r.of {
		if now.Sub(e.half) > 4*rateWindow {
			delete(r.of, name)
		}
	}
}
