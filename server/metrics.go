package server

import (
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"oneport/bridge"
	"oneport/media"
)

// metrics serves /metrics: SRS's names for what SRS has, and ours for the rest. Everything is read when it is asked for.
func (s *Server) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{s})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// collector reads the server's counters.
type collector struct{ server *Server }

// Describe is part of prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, f := range families {
		out <- f.desc
	}
}

// Collect is part of prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	n := c.server.snapshot()
	for _, f := range families {
		f.collect(n, func(value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
		})
	}
}

// traffic is what all sessions carried, the ended ones included.
type traffic struct {
	clients                                  int
	bytesIn, bytesOut, packetsIn, packetsOut uint64
	lost, rejected, dtlsDropped, skips       uint64
	resent, withheld, oversized, unfit       uint64 // unfit: of nothing that the viewer asked for, or too late
	by                                       map[roleAndTransport]int
	publishers                               map[string]int // of frames, by type
	frames                                   struct{ received, rejected, rebased, unasked uint64 }
	viewers                                  map[string]int // of frames, by type
}

type roleAndTransport struct{ role, transport string }

func (s *Server) traffic() traffic {
	s.retiring.RLock()
	defer s.retiring.RUnlock()
	e := &s.stats
	t := traffic{
		bytesIn: e.received.bytes.Load(), bytesOut: e.sent.bytes.Load(),
		packetsIn: e.received.packets.Load(), packetsOut: e.sent.packets.Load(),
		lost: e.received.lost.Load(), rejected: e.received.rejected.Load(), dtlsDropped: e.received.dtlsDropped.Load(),
		skips: e.sent.skips.Load(), resent: e.sent.resent.Load(), withheld: e.sent.withheld.Load(),
		oversized: e.sent.oversized.Load(), unfit: e.sent.unfit.Load(),
		by: make(map[roleAndTransport]int), publishers: make(map[string]int), viewers: make(map[string]int),
	}
	t.frames.received, t.frames.rejected = e.frames.received.Load(), e.frames.rejected.Load()
	t.frames.rebased, t.frames.unasked = e.frames.rebased.Load(), e.frames.unasked.Load()
	t.bytesOut += e.segmentBytes.Load()
	for _, c := range s.clients() {
		t.clients++
		c.count(&t)
	}
	return t
}

// retire moves a session's counters from the table to the totals, and to its stream's, in one step for whoever adds them up. Up to then
// a viewer keeps its stream, lest what it was sent be looked for in the next one of the name.
func (s *Server) retire(sess *session) tally {
	s.retiring.Lock()
	defer s.retiring.Unlock()
	t := sess.tally()
	e := &s.stats
	e.ended.Add(1)
	e.received.packets.Add(t.in.Packets)
	e.received.bytes.Add(t.in.Bytes)
	e.received.lost.Add(t.in.Lost)
	e.received.rejected.Add(t.in.Rejected + t.in.Unknown)
	e.received.dtlsDropped.Add(t.in.DTLSDropped)
	e.sent.packets.Add(t.out.Packets)
	e.sent.bytes.Add(t.out.Bytes)
	e.sent.skips.Add(t.skips)
	e.sent.resent.Add(t.out.Resent)
	e.sent.withheld.Add(t.out.Withheld)
	e.sent.oversized.Add(t.out.Oversized)
	e.sent.unfit.Add(t.out.Refused)
	if r := sess.reader; r != nil {
		r.CountSent(t.out.Bytes)
		r.Close()
	}
	s.sessions.remove(sess)
	return t
}

// bridgedCounts is what became of the packets that bridges turned into frames.
type bridgedCounts struct{ incomplete, skipped, lost, jumps atomic.Uint64 }

// add takes what a bridge has counted since it had counted before, and returns what it has counted now.
func (c *bridgedCounts) add(before, now bridge.DepacketizerStats) bridge.DepacketizerStats {
	c.incomplete.Add(now.Incomplete - before.Incomplete)
	c.skipped.Add(now.Skipped - before.Skipped)
	c.jumps.Add(now.Jumps + now.Backwards - before.Jumps - before.Backwards)
	for k := range media.Kinds {
		c.lost.Add(now.Packets[k].Lost - before.Packets[k].Lost)
	}
	return now
}
