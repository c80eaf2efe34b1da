package hls

import (
	"math"
	"slices"
	"time"

	"oneport/fmp4"
	"oneport/media"
)

// part is a piece of a segment that a player of LL-HLS gets by itself.
type part struct {
	start, end  time.Duration
	independent bool // it has a keyframe
	chunks      []chunk
}

// chunk is the bytes of one track, or of all of them (kind media.Kinds).
type chunk struct {
	kind media.Kind
	data []byte
}

// growing is what has come of the segment and is in no part yet. What is ahead of the part's end waits here for its own part.
type growing struct {
	start   time.Duration // where the last part ended
	samples [media.Kinds][]sample
	sampled int // bytes of the samples
	ts      []byte
	head    int // bytes of what a segment of MPEG-TS begins with, before its first frame
}

// sample is a frame with its place on the timeline.
type sample struct {
	fmp4.Sample
	at, until  time.Duration
	begin, end int64 // the same in the track's ticks
}

func (g *growing) empty() bool {
	return len(g.ts) <= g.head && len(g.samples[media.Audio]) == 0 && len(g.samples[media.Video]) == 0
}

func (g *growing) bytes() int { return g.sampled + len(g.ts) }

// has says whether something begins before a time.
func (g *growing) has(before time.Duration) bool {
	for _, samples := range g.samples {
		if len(samples) > 0 && samples[0].at < before {
			return true
		}
	}
	return len(g.ts) > g.head
}

// A part is to be most of the length that is announced, in percent (RFC 8216bis, section 4.4.4.9).
const most = 85

func fills(length, target time.Duration) bool { return 100*length >= most*target }

// fragment is how long a fragment of MP4 is to be, at most.
func (m *Muxer) fragment() time.Duration {
	switch {
	case m.opts.Part == 0:
		return fragmentLength
	case m.part > 0:
		return m.part
	}
	// Where whole frames leave too much of it empty, the target is what they fill. Times may be rounded to milliseconds.
	frame := max(m.run.tracks[m.run.lead].delta, time.Millisecond)
	if n := m.opts.Part / frame; n > 1 && !fills(n*frame, m.opts.Part) {
		return min((n * (frame + time.Millisecond)).Truncate(time.Millisecond), m.opts.Part)
	}
	return m.opts.Part
}

// patience is how far the sound may get ahead of a picture that is to end something, until it ends without the picture: with
// low latency not much farther than it lately was when a picture came.
func (m *Muxer) patience() time.Duration {
	if m.opts.Part == 0 {
		return stall
	}
	return min(max(m.fragment(), m.run.ahead), stall)
}

// measure notes how far the sound is ahead of a picture that comes.
func (r *run) measure(f *media.Frame) {
	if sound := r.tracks[media.Audio]; f.Kind() == media.Video && sound != nil && sound.pending != nil {
		r.ahead = max(sound.pending.DTS-f.DTS, r.ahead-r.ahead/64)
	}
}

// known is the time until which everything has come, or is waited for no longer: the leading track's last frame ends what was
// before it; while it stands still, the sound goes on for it.
func (m *Muxer) known() time.Duration {
	known := m.grow.start
	for _, t := range m.run.all() {
		switch {
		case t.pending == nil:
		case t.kind == m.run.lead:
			known = max(known, t.pending.DTS)
		default:
			known = max(known, t.pending.DTS-m.patience())
		}
	}
	return min(known, m.cur.Start+m.limit()-time.Millisecond) // the rest is the end of the segment
}

// closeParts closes the parts that are complete, where everything until a time has come. There are none in MPEG-TS.
func (m *Muxer) closeParts(until time.Duration, last bool) {
	if m.run.ts != nil {
		return
	}
	for {
		end, ok := m.partEnd(until, last)
		if !ok {
			return
		}
		m.closePart(end, end)
	}
}

// partEnd is where the present part ends, if it is complete; last says that the segment ends there at the latest. Where no frame
// of the leading track begins close enough to its full length, it ends in the middle of one, which belongs to the part that it
// begins in.
func (m *Muxer) partEnd(until time.Duration, last bool) (time.Duration, bool) {
	g, length := &m.grow, m.fragment()
	full := g.start + length
	end := full
	at, next := m.lastFrame(full)
	if fills(millis(at)-millis(g.start), length) && g.has(at) {
		end = at
	}
	switch {
	case until < full: // a frame that would end behind it need not be waited for
		return at, !last && end == at && at <= until && next > full
	case g.has(end):
		if next := m.nextContent(end); next >= end+length {
			end = next // a part can't be empty: what is last stands until something comes
		}
		if last {
			end = min(end, until)
		}
		return end, end <= until
	}
	// Sound that belongs here seems to be behind.
	return until, until >= full+stall && g.has(until)
}

// lastFrame is where the leading track's last frame up to a time begins, and where it seems to end.
func (m *Muxer) lastFrame(until time.Duration) (begin, end time.Duration) {
	t := m.run.tracks[m.run.lead]
	if t.standing() != nil && t.pending.DTS <= until {
		return t.pending.DTS, t.pending.DTS + t.delta
	}
	for _, s := range slices.Backward(m.grow.samples[t.kind]) {
		if s.until <= until {
			return s.until, until
		}
		if s.at <= until {
			return s.at, s.until
		}
	}
	return m.grow.start, until
}

// nextContent is where the first thing behind a time begins, if not before. What the sound is behind with will come.
func (m *Muxer) nextContent(from time.Duration) time.Duration {
	next := max(from, m.coming)
	for _, t := range m.run.all() {
		for _, s := range m.grow.samples[t.kind] {
			if s.at >= from {
				next = min(next, s.at)
				break
			}
		}
		if p := t.standing(); p != nil && p.DTS >= from {
			next = min(next, p.DTS)
		} else if m.awaits(t, m.coming) {
			return from
		}
	}
	return next
}

// awaits says whether a track that is behind goes on: it is sound, which has no gaps shorter than stall.
func (m *Muxer) awaits(t *track, at time.Duration) bool {
	return t.kind != m.run.lead && at-t.newest(m.run.from) < stall
}

// put adds a frame with a known end.
func (m *Muxer) put(t *track, f *media.Frame, end time.Duration) {
	g := &m.grow
	if m.run.ts != nil {
		if t.kind == m.run.lead {
			m.cur.shows(f.Key)
		}
		var ok bool
		if g.ts, ok = m.run.ts.append(g.ts, f); ok {
			m.stats.Frames++
		} else {
			m.stats.Unwritten++
		}
		return
	}
	m.stats.Frames++
	s := sample{at: f.DTS, until: end, begin: t.ticks(f.DTS), end: t.ticks(end)}
	s.Sample = fmp4.Sample{Duration: lasting(s.end - s.begin), Offset: int32(t.ticks(f.PTS) - s.begin), Key: f.Key, Data: f.Data}
	g.samples[t.kind] = append(g.samples[t.kind], s)
	g.sampled += len(f.Data)
}

// lasting is a duration as MP4 can tell it.
func lasting(ticks int64) uint32 { return uint32(min(ticks, math.MaxUint32)) }

// closePart makes a part of what begins before a time. Of MPEG-TS there is one a segment.
func (m *Muxer) closePart(end, before time.Duration) {
	m.showStanding(before)
	g := &m.grow
	p := &part{start: g.start, end: end}
	if m.run.ts != nil {
		p.chunks = []chunk{{kindAll, slices.Clone(g.ts)}}
		g.ts, g.head = g.ts[:0], 0
	}
	for k := range slices.Backward(g.samples[:]) { // the picture first
		m.take(p, media.Kind(k), before)
	}
	m.measurePart(millis(p.end) - millis(p.start))
	m.cur.parts = append(m.cur.parts, p)
	for _, c := range p.chunks {
		m.cur.sizes[kindAll] += len(c.data)
		if c.kind < kindAll {
			m.cur.sizes[c.kind] += len(c.data)
		}
		m.hold(m.cur, len(c.data))
	}
	m.nameParts()
	g.start = end
	m.text = ""
}

// showStanding puts the picture that stands into the part of LL-HLS that it begins in, though it is not known yet how long: a player
// is to have it while it stands, and with the first part what a segment begins with. It is said to last as long as a segment may, or
// else a browser, for which time has passed that nothing was shown in, would wait for a keyframe. The next one ends it.
func (m *Muxer) showStanding(before time.Duration) {
	lead := m.run.tracks[m.run.lead]
	p := lead.standing()
	if m.opts.Part == 0 || m.run.ts != nil || lead.kind != media.Video || p == nil || p.DTS >= before {
		return
	}
	lead.stalled = true
	m.put(lead, p, p.DTS)
	samples := m.grow.samples[lead.kind]
	samples[len(samples)-1].Duration = lasting(lead.ticks(p.DTS+m.limit()) - lead.ticks(p.DTS))
}

// measurePart fixes how long parts are with the first of them, and counts those that are longer.
func (m *Muxer) measurePart(length time.Duration) {
	if m.part == 0 && m.opts.Part > 0 {
		m.part = m.fragment()
	}
	if m.target > 0 && m.part > 0 && length > m.part {
		m.stats.LongParts++
	}
}

// take makes a fragment of a track's samples that begin before a time, and leaves the others for the next part.
func (m *Muxer) take(p *part, k media.Kind, before time.Duration) {
	all := m.grow.samples[k]
	n := 0
	for n < len(all) && all[n].at < before {
		n++
	}
	if n == 0 {
		return
	}
	m.sequence++
	f := fmp4.Fragment{Track: m.run.tracks[k].ID, Sequence: m.sequence, Time: uint64(all[0].begin), Samples: make([]fmp4.Sample, n)}
	for i, s := range all[:n] {
		if i+1 < n { // a fragment knows no pause: a sample lasts until the next one
			s.Duration = lasting(all[i+1].begin - s.begin)
		}
		f.Samples[i] = s.Sample
		m.grow.sampled -= len(s.Data)
		if k == m.run.lead {
			m.cur.shows(s.Key)
			p.independent = p.independent || s.Key
		}
	}
	m.cur.reach(k, all[0].begin, all[n-1].end)
	p.chunks = append(p.chunks, chunk{k, f.Append(make([]byte, 0, f.Size()))})
	m.grow.samples[k] = slices.Delete(all, 0, n)
}
