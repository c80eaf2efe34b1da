package hls

import (
	"bytes"
	"time"

	"oneport/fmp4"
	"oneport/media"
)

// run is a stretch of segments without a discontinuity: one timeline, one format of each track.
type run struct {
	number uint64 // how many were before it
	first  uint64 // number of its first segment
	from   time.Duration
	wall   time.Time // when its beginning arrived
	lead   media.Kind
	tracks [media.Kinds]*track
	ahead  time.Duration // how far the sound is ahead of pictures that come, lately at most
	ts     *tsWriter     // nil for MP4
	inits  [media.Kinds + 1]initSegment
}

// An initSegment is what MP4 begins with: for each kind alone, and for all together at the index media.Kinds.
type initSegment struct {
	name string
	data []byte
}

// track is one kind's frames in a run.
type track struct {
	fmp4.Track
	kind    media.Kind
	pending *media.Frame  // the last frame, whose duration the next one tells
	stalled bool          // it is in a segment already, for no other came to end that
	broken  bool          // a picture was left out that others build on
	delta   time.Duration // the last known duration
	keyed   time.Duration // the newest keyframe's time
	keys    int           // keyframes so far
	named   int64         // where its last segment begins, in ticks; -1: there is none
}

// origin is put before every timeline, so that no time is negative and whole samples stay whole.
const origin = 10 * time.Second

// ticks is a time in the track's timescale. It is rounded from the timeline's beginning, so that nothing adds up.
func (t *track) ticks(at time.Duration) int64 {
	scale := int64(t.Timescale())
	at = max(at+origin, 0)
	seconds, rest := at/time.Second, at%time.Second
	return int64(seconds)*scale + (int64(rest)*scale+int64(time.Second/2))/int64(time.Second)
}

// sameFormat says whether a decoder can go on from one format to the other.
func sameFormat(a, b *media.FrameFormat) bool {
	return a == b || a.Codec == b.Codec && a.SampleRate == b.SampleRate && a.Channels == b.Channels && bytes.Equal(a.Config, b.Config)
}

// Expect says which formats the stream has. A run takes up those that it knows at its beginning.
func (m *Muxer) Expect(formats [media.Kinds]*media.FrameFormat) { m.formats = formats }

// verdict says what becomes of a frame.
type verdict uint8

const (
	goesOn verdict = iota // it continues the run
	turns                 // another run begins with it
	unfit                 // it fits no run until a keyframe has begun another
	strays                // it is sound on a timeline of its own, and fits none
)

// judge says what becomes of a frame. A pause is no reason for another run: where one track goes on, segments hold that alone
// while the other pauses, and where both do, the last picture stands as long as segments can be filled with it.
func (m *Muxer) judge(f *media.Frame, b media.Break) verdict {
	if m.run == nil || b == media.Restarted {
		return m.begins(f, b)
	}
	v, soon := m.continues(f, b), f.Arrival.Sub(m.turned) < shortest
	switch {
	case v == turns && soon:
		return unfit
	case v == goesOn && m.due && f.Key && f.Kind() == media.Video && !soon:
		return turns
	case v == goesOn && m.run.tracks[f.Kind()].broken && !f.Key:
		return unfit
	}
	return v
}

// continues is judge for a frame that is said to follow the ones before.
func (m *Muxer) continues(f *media.Frame, b media.Break) verdict {
	t := m.run.tracks[f.Kind()]
	if t == nil || !sameFormat(t.Format, f.Format) {
		return m.begins(f, b)
	}
	lead := m.run.tracks[m.run.lead]
	switch {
	case t.pending == nil && t != lead && f.DTS < m.run.from-maxBack:
		return strays
	case f.DTS < t.newest(m.run.from)-maxBack:
		return m.begins(f, b)
	case f.DTS <= m.reach(t):
		return goesOn
	case t != lead && lead.pending != nil && f.Arrival.Sub(lead.pending.Arrival) < stall:
		return strays // the picture comes all the while, without such a step
	case t.kind == media.Video && m.due && !f.Key:
		return unfit // what it builds on was left out
	}
	// Both paused for longer than there is something to fill segments with. Times go on elsewhere then, which has to be
	// said; the decoder, which has all that came before, need not wait for a keyframe.
	return turns
}

// begins says whether a frame can begin a run for a decoder that knows nothing. With a picture, only its keyframe can.
func (m *Muxer) begins(f *media.Frame, b media.Break) verdict {
	if f.Kind() == media.Video && f.Key ||
		f.Kind() == media.Audio && (m.opts.Without[media.Video] || b == media.Restarted || m.formats[media.Video] == nil) {
		return turns
	}
	return unfit
}

// newest is the time of the last frame.
func (t *track) newest(none time.Duration) time.Duration {
	if t.pending == nil {
		return none
	}
	return t.pending.DTS
}

// reach is the latest time of a track's frame that the run can go on with: there is something for each segment up to it.
func (m *Muxer) reach(t *track) time.Duration {
	this, next := m.limit(), m.limit()
	if m.target == 0 { // the segment decides how long others can be
		next = max(m.least(), this.Round(time.Second)) + slack
	}
	end, lead := m.cur.Start+this+next, m.run.tracks[m.run.lead]
	if p := lead.standing(); p != nil && lead.kind == media.Video && m.begun() && m.target > 0 {
		end = max(end, p.DTS+2*next) // a segment can begin with the picture that stands
	}
	if t != lead {
		end += m.patience()
	}
	return end - shortest
}

// standing is the last frame, if that is in no segment yet.
func (t *track) standing() *media.Frame {
	if t.stalled {
		return nil
	}
	return t.pending
}

// turn ends the run and begins another with the frame.
func (m *Muxer) turn(item media.FrameItem) error {
	f, from := item.Frame, item.DTS
	if item.Break != media.Continues {
		from = item.From
	}
	m.finish()
	r := &run{number: m.runs, first: m.next, from: from, wall: f.Arrival}
	formats := m.formats
	formats[f.Kind()] = f.Format
	for k := range media.Kinds {
		if formats[k] == nil || m.leaves(formats[k]) {
			continue
		}
		r.tracks[k] = &track{Track: fmp4.Track{ID: uint32(len(r.all())) + 1, Format: formats[k]}, kind: k, delta: usual(formats[k]), named: -1}
		r.lead = k // the picture comes last
	}
	if err := m.prepare(r); err != nil {
		return err
	}
	if m.runs++; m.runs > 1 {
		m.stats.Turns++
	}
	m.run, m.gop, m.due, m.turned = r, 0, false, f.Arrival
	m.begin(from)
	return nil
}

// usual is a frame's duration while none is known.
func usual(f *media.FrameFormat) time.Duration {
	switch f.Codec {
	case media.AAC:
		return 1024 * time.Second / time.Duration(max(f.SampleRate, 1))
	case media.Opus:
		return 20 * time.Millisecond
	}
	return 40 * time.Millisecond
}

// all are the run's tracks, by their ids.
func (r *run) all() (list []*track) {
	for _, t := range r.tracks {
		if t != nil {
			list = append(list, t)
		}
	}
	return list
}

// pin takes back when the run began: the first frames may have been late.
func (r *run) pin(f *media.Frame) {
	if at := f.Arrival.Add(r.from - f.DTS); at.Before(r.wall) {
		r.wall = at
	}
}

// clock is when a time of the run was, on the server's clock.
func (r *run) clock(at time.Duration) time.Time { return r.wall.Add(at - r.from) }
