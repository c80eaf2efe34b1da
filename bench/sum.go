package bench

import (
	"cmp"
	"fmt"
	"time"
)

// sum adds up what the viewers have seen and what it has cost.
func (l *load) sum(viewers []player, before, after costs) Result {
	r := Result{Protocol: l.way.name, Unit: l.way.unit, Streams: l.opt.Streams, Viewers: l.wanted(), Joined: len(viewers),
		Lost: make(map[string]int), Seconds: after.at.Sub(before.at).Seconds()}
	var latency histogram
	for _, v := range viewers {
		s := v.Stats()
		r.Packets += s.Packets
		r.Bytes += s.Bytes
		r.Gaps += s.Gaps
		r.Late += s.Late
		r.Checked += s.Checked
		r.Wrong += s.Wrong
		r.Missing += s.Missing
		r.LongestStall = max(r.LongestStall, milliseconds(s.Stall))
		latency.merge(&s.latency)
		if err := v.Err(); err != nil {
			r.Lost[reason(err)]++
		}
		r.SRTP = v.Profile()
	}
	r.Latency = quantilesOf(&latency)
	for _, p := range l.publishers {
		r.SRTP = cmp.Or(r.SRTP, p.Profile())
		r.Behind = max(r.Behind, milliseconds(time.Duration(p.tx.late.Load())))
		if err := p.Err(); err != nil {
			r.Lost["a publisher, "+reason(err)]++
		}
	}
	if r.SRTP != "" {
		r.Net = l.opt.Net
		r.PubNet = l.opt.PubNet
	}
	l.sumJoins(&r)
	r.rates(before, after)
	if l.server != nil {
		l.sumServer(&r, before, after)
	}
	return r
}

func (l *load) sumJoins(r *Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Failed, r.Verified = l.failed, l.verified
	joins := sortedCopy(l.joins)
	r.Join = Quantiles{milliseconds(percentile(joins, 50)), milliseconds(percentile(joins, 95)),
		milliseconds(percentile(joins, 99)), milliseconds(percentile(joins, 100))}
}

// sumServer adds what the server has used.
func (l *load) sumServer(r *Result, before, after costs) {
	kb, err := l.server.rss()
	if err != nil {
		r.Lost[fmt.Sprintf("the server, as process %d is gone", l.opt.PID)]++
		return
	}
	used := after.server.minus(before.server)
	packets, gbit := max(float64(r.Packets), 1), max(float64(r.Bytes)*8/1e9, 1e-9)
	s := &ServerCost{PID: l.opt.PID, CPU: 100 * used.total() / max(r.Seconds, 1e-9), USPerPacket: used.total() * 1e6 / packets,
		UserUS: used.user * 1e6 / packets, SystemUS: used.system * 1e6 / packets, CPUPerGbit: used.total() / gbit}
	r.Server = s
	if r.Joined > 0 {
		// What came during the joins cost what it costs later; the rest is the joins'.
		from, to := l.joining.from, l.joining.to
		joins := to.server.minus(from.server).total()*1e6 - float64(to.packets-from.packets)*s.USPerPacket
		s.MSPerJoin = max(joins, 0) / 1000 / float64(r.Joined)
	}
	s.RSSKB = kb
	l.mu.Lock()
	defer l.mu.Unlock()
	if more := r.Joined - l.rss.viewers; more > 0 {
		s.KBPerViewer = (kb - l.rss.kb) / float64(more)
	}
}
