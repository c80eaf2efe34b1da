package hls

import (
	"time"

	"oneport/media"
)

// leaves says whether frames of a format are left out: nobody wants them, or they are sound that the segments can't carry.
func (m *Muxer) leaves(f *media.FrameFormat) bool {
	return m.opts.Without[f.Kind()] || f.Kind() == media.Audio && CheckCodec(f.Codec, m.opts.MP4) != nil
}

// Push adds a frame. The error says that a picture's format can't be carried, and names it; sound that can't is left out.
//
// A frame's duration is known when the next one of its kind comes; only then it goes into a segment.
func (m *Muxer) Push(item media.FrameItem) error {
	if m.leaves(item.Format) {
		return nil
	}
	return m.pushWaiting(item)
}

func (m *Muxer) push(item media.FrameItem) error {
	f := item.Frame
	switch v := m.judge(f, item.Break); v {
	case unfit, strays:
		m.stats.Unready++
		m.due = m.due || v == unfit
		return nil
	case turns:
		if err := m.turn(item); err != nil {
			return err
		}
	}
	if m.cur.Number == m.run.first {
		m.run.pin(f)
	}
	t := m.run.tracks[f.Kind()]
	if t.pending != nil && f.DTS <= t.pending.DTS {
		m.stats.Late++
		return nil
	}
	m.coming = f.DTS
	m.run.measure(f)
	m.settle(t, f.DTS)
	if t.kind == m.run.lead {
		m.cutBefore(t, f)
	} else {
		m.cutStalled(t, f)
	}
	if m.full(f) {
		m.stats.Crowded++
		t.broken = f.Kind() == media.Video
		m.due = m.due || t.broken
		return nil
	}
	t.pending, t.broken = f, false
	m.closeParts(m.known(), false)
	return nil
}

// full says whether the segment would have more bytes with a frame than it may.
func (m *Muxer) full(f *media.Frame) bool {
	return m.opts.MaxBytes > 0 && m.begun() && m.cur.held+m.grow.bytes()+len(f.Data) > m.opts.MaxBytes/segmentShare
}

// settle puts a track's last frame into the segment, now that its duration is known.
func (m *Muxer) settle(t *track, end time.Duration) {
	f, stalled := t.pending, t.stalled
	t.pending, t.stalled = nil, false
	if f == nil {
		return
	}
	if long := end - f.DTS; long <= stall {
		t.delta = long
	} else if t.kind != m.run.lead {
		end = f.DTS + t.delta // sound pauses where a picture stands
	}
	if stalled {
		m.endStanding(t, end)
		return
	}
	if t.kind == m.run.lead {
		fits := end <= m.cur.Start+2*m.limit()-shortest
		if end-m.cur.Start > m.limit() && f.DTS > m.cur.Start && (end-f.DTS <= stall || !fits) {
			m.cut(f.DTS) // a picture that stands for two segments begins one
		}
	}
	if limit := m.cur.Start + m.limit(); t.kind == m.run.lead && end > limit && f.DTS < limit {
		m.put(t, f, limit)
		m.cut(limit)
		return
	}
	m.put(t, f, end)
}

// endStanding ends the time of a picture that is in a segment already, and that segment if it lasts longer.
func (m *Muxer) endStanding(t *track, end time.Duration) {
	if t.kind != m.run.lead {
		return
	}
	limit := m.cur.Start + m.limit()
	m.cur.stands(t, min(end, limit))
	if end > limit {
		m.cut(limit)
	}
}

// cutBefore ends a segment before the leading track's frame, if it is time.
func (m *Muxer) cutBefore(t *track, f *media.Frame) {
	if f.Key && t.kind == media.Video {
		if t.keys > 0 {
			m.gop = min(max(f.DTS-t.keyed, m.gop-m.gop/8), m.limit())
		}
		t.keyed = f.DTS
		t.keys++
	}
	long := f.DTS - m.cur.Start
	if long > 0 && f.Key && (m.endsHere(t, long) || m.full(f)) {
		m.cut(f.DTS)
	}
}

// endsHere says whether a segment so long ends at the keyframe that comes.
func (m *Muxer) endsHere(t *track, long time.Duration) bool {
	if t.kind == media.Audio {
		return long+t.delta > m.wanted()
	}
	return long >= m.wanted()-m.lead() || m.gop > 0 && long+m.gop > m.limit()
}

// cutStalled ends segments while the sound goes on and the picture, which would end them, does not come. The last
// picture is shown up to there.
func (m *Muxer) cutStalled(t *track, f *media.Frame) {
	lead := m.run.tracks[m.run.lead]
	for end := m.cur.Start + m.limit(); f.DTS > end+m.patience(); end = m.cur.Start + m.limit() {
		p := lead.standing()
		if p != nil && p.DTS > m.cur.Start && f.DTS > end+m.limit() && m.cut(p.DTS) {
			continue // so that the picture fills another segment
		}
		if p != nil && p.DTS < end {
			lead.stalled = true
			m.put(lead, p, end)
		}
		if !m.cut(end) {
			return
		}
	}
}

// cut ends the segment, which is never longer than it may be nor empty, and begins the next. Parts that are closed stay as
// they are: where they reach farther, so does the segment.
func (m *Muxer) cut(at time.Duration) bool {
	at = max(min(at, m.cur.Start+m.limit()), m.grow.start)
	if lead := m.run.tracks[m.run.lead]; at == m.grow.start && m.behind(lead) {
		at = min(at+lead.delta, m.cur.Start+m.limit()) // pictures of before are not to begin the next segment
	}
	m.leaveBehind(at)
	if !m.holds(at) {
		return false
	}
	m.closeSegment(at)
	m.begin(m.grow.start)
	return true
}

// behind says whether frames of a track came too late for the part that they belong to.
func (m *Muxer) behind(t *track) bool {
	samples := m.grow.samples[t.kind]
	return len(samples) > 0 && samples[0].at < m.grow.start
}

// leaveBehind puts the last of the sound where it belongs, if it seems to have paused before a segment's end.
func (m *Muxer) leaveBehind(end time.Duration) {
	for _, t := range m.run.all() {
		if p := t.standing(); p != nil && t.kind != m.run.lead && p.DTS+t.delta+stall < end {
			t.stalled = true
			m.put(t, p, p.DTS+t.delta)
		}
	}
}

// holds says whether there is something for a segment that ends at a time.
func (m *Muxer) holds(at time.Duration) bool {
	return len(m.cur.parts) > 0 || m.grow.has(at) && millis(at) > millis(m.grow.start)
}

// begun says whether the segment has anything.
func (m *Muxer) begun() bool { return len(m.cur.parts) > 0 || !m.grow.empty() }

// WantsKeyframe says that a keyframe is needed to end the segment in time, or to go on in another format.
func (m *Muxer) WantsKeyframe() bool {
	if m.run == nil || m.run.lead != media.Video {
		return false
	}
	last, comes := m.newestPicture()
	return m.due || !comes && last != nil && last.DTS-m.cur.Start >= m.wanted()-m.lead()
}

// End tells that the publication is over: what came so far is complete, and what comes next is another run.
func (m *Muxer) End() {
	m.letGo(true) // the format of what waited is known to be fit
	m.finish()
}

// finish ends the run with the frames that wait for their duration.
func (m *Muxer) finish() {
	if m.run == nil {
		return
	}
	end := m.cur.Start
	for _, t := range m.run.all() { // the leading one comes last
		if f := t.pending; f != nil {
			last := f.DTS + t.delta
			m.settle(t, last)
			end = max(end, last)
		}
	}
	for end > m.cur.Start+m.limit() {
		if !m.cut(m.cur.Start + m.limit()) {
			break
		}
	}
	if end = max(min(end, m.cur.Start+m.limit()), m.grow.start+time.Millisecond); m.holds(end) {
		m.closeSegment(end)
	}
	m.run, m.cur = nil, nil
	m.grow = growing{}
	m.text = ""
}
