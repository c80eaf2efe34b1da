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
	f := item.Frame
	if m.leaves(f.Format) {
		return nil
	}
	if m.turns(f, item.Break) {
		if !m.mayTurn(f, item.Break) {
			m.stats.Unready++
			m.due = true
			return nil
		}
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
	m.settle(t, f.DTS)
	if t.kind == m.run.lead {
		m.cutBefore(t, f)
	} else {
		m.cutStalled(t, f)
	}
	t.pending = f
	return nil
}

// settle puts a track's last frame into the segment, now that its duration is known.
func (m *Muxer) settle(t *track, end time.Duration) {
	f := t.pending
	if f == nil || t.stalled {
		t.pending, t.stalled = nil, false
		return
	}
	t.pending, t.delta = nil, end-f.DTS
	if t.kind == m.run.lead {
		switch {
		case m.begun() && end-m.cur.Start > m.limit():
			at := f.DTS
			if at <= m.cur.Start { // the sound has passed it
				at = end
			}
			m.cut(at)
		case m.grow.part && f.DTS > m.grow.start && end-m.grow.start > m.fragment():
			m.closePart(f.DTS)
		}
	}
	m.put(t, f, end)
}

// cutBefore ends a segment or a part before the leading track's frame, if it is time.
func (m *Muxer) cutBefore(t *track, f *media.Frame) {
	if f.Key && t.kind == media.Video {
		if t.keys > 0 {
			m.gop = max(f.DTS-t.keyed, m.gop-m.gop/8)
		}
		t.keyed = f.DTS
		t.keys++
	}
	long := f.DTS - m.cur.Start
	if long <= 0 || !m.begun() {
		return
	}
	if f.Key && m.endsHere(t, long) {
		m.cut(f.DTS)
	} else if m.grow.part && f.DTS > m.grow.start && f.DTS-m.grow.start+t.delta > m.fragment() {
		m.closePart(f.DTS)
	}
}

// endsHere says whether a segment so long ends at the keyframe that comes.
func (m *Muxer) endsHere(t *track, long time.Duration) bool {
	if t.kind == media.Audio {
		return long+t.delta > m.wanted()
	}
	return long >= m.wanted()-m.lead() || m.gop > 0 && long+m.gop > m.limit()
}

// cutStalled ends a segment or a part while the sound goes on and the picture, which would end it, does not come. The last
// picture is shown up to there.
func (m *Muxer) cutStalled(t *track, f *media.Frame) {
	if end := m.cur.Start + m.limit(); f.DTS > end+stall {
		if lead := m.run.tracks[m.run.lead]; lead.pending != nil && !lead.stalled && lead.pending.DTS < end {
			lead.stalled = true
			m.put(lead, lead.pending, end)
		}
		m.cut(end)
	} else if end := m.grow.start + m.fragment(); m.grow.part && f.DTS > end+m.fragment()+stall {
		m.closePart(end)
	}
}

// cut ends the segment, which is never longer than it may be, and begins the next.
func (m *Muxer) cut(at time.Duration) {
	at = min(at, m.cur.Start+m.limit())
	m.closeSegment(at)
	m.begin(at)
}

// begun says whether the segment has anything.
func (m *Muxer) begun() bool { return len(m.cur.parts) > 0 || !m.grow.empty() }

// WantsKeyframe says that a keyframe is needed to end the segment in time, or to go on in another format.
func (m *Muxer) WantsKeyframe() bool {
	if m.run == nil || m.run.lead != media.Video || m.run.tracks[media.Video].pending == nil {
		return false
	}
	return m.due || m.run.tracks[media.Video].pending.DTS-m.cur.Start >= m.wanted()-m.lead()
}

// End tells that the publication is over: what came so far is complete, and what comes next is another run.
func (m *Muxer) End() { m.finish() }

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
	if end = min(end, m.cur.Start+m.limit()); m.begun() {
		m.closeSegment(max(end, m.cur.Start+time.Millisecond))
	}
	m.run, m.cur = nil, nil
	m.grow = growing{}
	m.text = ""
}
