package hls

import (
	"io"
	"slices"
	"time"

	"oneport/media"
)

// Segment is one segment, complete or growing.
type Segment struct {
	Number      uint64
	Start, End  time.Duration // on the run's timeline; End when it is complete
	Independent bool          // it begins with a keyframe

	run     *run
	name    string // of the file
	lead    bool   // it has a frame of the leading track
	parts   []*part
	key     *key                  // nil: not encrypted
	spans   [media.Kinds][2]int64 // where each track begins and ends, in its ticks; of MP4
	sizes   [media.Kinds + 1]int  // of each track's bytes, and of all
	held    int                   // bytes in memory
	writing int                   // files of it that are still to be written
	gone    bool                  // its data is on the disk only
}

// Duration is its length as playlists tell it, in whole milliseconds. Those of a run add up to its length without drift.
func (s *Segment) Duration() time.Duration { return millis(s.End) - millis(s.Start) }

func millis(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// shows notes a frame of the leading track, the first of which says how the segment begins.
func (s *Segment) shows(key bool) {
	if !s.lead {
		s.lead, s.Independent = true, key
	}
}

// reach notes where samples of a track are.
func (s *Segment) reach(k media.Kind, begin, end int64) {
	if s.spans[k][1] == 0 {
		s.spans[k][0] = begin
	}
	s.spans[k][1] = end
}

// stands notes that the last picture, if it has one, lasts until a time, which was not known when it was written.
func (s *Segment) stands(t *track, until time.Duration) {
	if s.lead {
		s.spans[t.kind][1] = max(s.spans[t.kind][1], t.ticks(until))
	}
}

// begin begins a segment. Sound that is ahead is in it already.
func (m *Muxer) begin(at time.Duration) {
	m.cur = &Segment{Number: m.next, Start: at, run: m.run}
	m.next++
	m.text = ""
	m.rotateKey()
	m.cur.key = m.key
	m.cur.name = m.opts.Names.segment(m.cur)
	m.grow.start, m.grow.ts = at, m.grow.ts[:0]
	if m.run.ts != nil {
		m.grow.ts = m.run.ts.begin(m.grow.ts)
	}
	m.grow.head = len(m.grow.ts)
}

// hold counts bytes that the segment has in memory.
func (m *Muxer) hold(s *Segment, bytes int) {
	s.held += bytes
	m.stats.Bytes += bytes
}

// closeSegment completes the segment and lists it.
func (m *Muxer) closeSegment(at time.Duration) {
	s := m.cur
	m.closeLast(at)
	if !s.lead {
		s.Independent = true // what there is can be decoded
	} else if !s.Independent {
		m.stats.Forced++
	}
	if m.target == 0 {
		m.fix(s)
		m.began = m.run.wall
	}
	if lead := m.run.tracks[m.run.lead]; lead.stalled {
		s.stands(lead, s.End)
	}
	s.place()
	m.cur = nil
	m.stats.Segments++
	m.quick = max(m.quick-1, 0)
	if m.opts.Part == 0 { // else its parts have the name that it began with
		s.name = m.opts.Names.segment(s)
	}
	m.seal(s)
	m.enlist(s)
}

// closeLast closes what is left of the segment up to its end. Where nothing is left, the segment ends with its last part.
func (m *Muxer) closeLast(at time.Duration) {
	m.closeParts(at, true)
	g, full := &m.grow, m.grow.start+m.fragment()
	switch {
	case millis(at) <= millis(g.start) || !g.has(at):
	case at > full && !g.has(full) && m.run.ts == nil && m.soundAwaited(at):
		m.closePart(full, at) // the sound that is behind will fill what is left open
	default:
		m.closePart(at, at)
	}
	m.cur.End = g.start
}

func (m *Muxer) soundAwaited(at time.Duration) bool {
	return slices.ContainsFunc(m.run.all(), func(t *track) bool { return m.awaits(t, at) })
}

// fix chooses the target durations, which never change, once the first segment tells how long a group of pictures is, and how long
// a picture without sound may stand.
func (m *Muxer) fix(first *Segment) {
	m.target = max(m.least(), first.Duration().Round(time.Second))
	if m.part > 0 {
		for _, p := range first.parts {
			m.part = max(m.part, millis(p.end)-millis(p.start))
		}
	}
}

// least is the shortest that the target duration can be.
func (m *Muxer) least() time.Duration {
	wanted := time.Duration(float64(m.opts.Fragment) * m.opts.Target)
	return max((wanted + time.Second - 1).Truncate(time.Second), time.Second)
}

// content is the data of some of a segment's parts, and of one kind unless kind is media.Kinds.
func content(parts []*part, kind media.Kind) (data [][]byte) {
	for _, p := range parts {
		for _, c := range p.chunks {
			if kind == media.Kinds || c.kind == kind {
				data = append(data, c.data)
			}
		}
	}
	return data
}

// Reader reads pieces of memory one after the other.
type Reader struct {
	pieces [][]byte
	size   int64
	at     int64
}

// NewReader makes a reader of the pieces, which are not copied.
func NewReader(pieces [][]byte) *Reader {
	r := &Reader{pieces: pieces}
	for _, p := range pieces {
		r.size += int64(len(p))
	}
	return r
}

// Read is part of io.Reader.
func (r *Reader) Read(b []byte) (int, error) {
	skip := r.at
	for _, p := range r.pieces {
		if skip < int64(len(p)) {
			n := copy(b, p[skip:])
			r.at += int64(n)
			return n, nil
		}
		skip -= int64(len(p))
	}
	return 0, io.EOF
}

// Seek is part of io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errSeek
	}
	r.at = offset
	return offset, nil
}
