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
	ts     *tsWriter // nil for MP4
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

// turns says whether a frame cannot continue the run: it is on another timeline or has another format.
func (m *Muxer) turns(f *media.Frame, b media.Break) bool {
	if m.run == nil || b == media.Restarted {
		return true
	}
	t := m.run.tracks[f.Kind()]
	if t == nil || !sameFormat(t.Format, f.Format) || m.due && t.kind == media.Video && f.Key {
		return true
	}
	if t.pending == nil {
		return false
	}
	step := f.DTS - t.pending.DTS
	return step < -maxBack || step > m.limit()
}

// mayTurn says whether a frame can begin a run. With a picture, only its keyframe can.
func (m *Muxer) mayTurn(f *media.Frame, b media.Break) bool {
	if f.Kind() == media.Video {
		return f.Key
	}
	return m.opts.Without[media.Video] || b == media.Restarted || m.formats[media.Video] == nil
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
	m.run, m.gop, m.due = r, 0, false
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
