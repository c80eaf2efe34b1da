package hls

import (
	"io"
	"math"
	"slices"
	"time"

	"oneport/fmp4"
	"oneport/media"
)

// Segment is one segment, complete or growing.
type Segment struct {
	Number      uint64
	Start, End  time.Duration // on the run's timeline; End when it is complete
	Independent bool          // it begins with a keyframe

	run     *run
	name    string // of the file
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

// growing is the part of the segment that is not complete.
type growing struct {
	start   time.Duration
	lead    bool // the segment has a frame of the leading track
	part    bool // the part has one
	key     bool // the part has a keyframe
	samples [media.Kinds][]fmp4.Sample
	times   [media.Kinds]uint64
	newest  [media.Kinds]int64 // when the last sample begins
	ts      []byte
}

func (g *growing) empty() bool {
	return len(g.ts) == 0 && len(g.samples[media.Audio]) == 0 && len(g.samples[media.Video]) == 0
}

// begin begins a segment.
func (m *Muxer) begin(at time.Duration) {
	m.cur = &Segment{Number: m.next, Start: at, run: m.run}
	m.next++
	m.text = ""
	m.rotateKey()
	m.cur.key = m.key
	m.cur.name = m.opts.Names.segment(m.cur)
	m.grow = growing{start: at, ts: m.grow.ts[:0]}
	if m.run.ts != nil {
		m.grow.ts = m.run.ts.begin(m.grow.ts)
	}
}

// put adds a frame with a known end.
func (m *Muxer) put(t *track, f *media.Frame, end time.Duration) {
	g := &m.grow
	if t.kind == m.run.lead {
		if !g.lead {
			m.cur.Independent = f.Key
		}
		g.lead, g.part = true, true
		g.key = g.key || f.Key
	}
	if m.run.ts != nil {
		var ok bool
		if g.ts, ok = m.run.ts.append(g.ts, f); ok {
			m.stats.Frames++
		} else {
			m.stats.Unwritten++
		}
		return
	}
	m.stats.Frames++
	begin := t.ticks(f.DTS)
	if len(g.samples[t.kind]) == 0 {
		g.times[t.kind] = uint64(begin)
	}
	if span := &m.cur.spans[t.kind]; span[1] == 0 {
		*span = [2]int64{begin, t.ticks(end)}
	} else {
		span[1] = t.ticks(end)
	}
	if n := len(g.samples[t.kind]); n > 0 { // a fragment knows no pause: the last sample lasts until this one
		g.samples[t.kind][n-1].Duration = lasting(begin - g.newest[t.kind])
	}
	g.newest[t.kind] = begin
	g.samples[t.kind] = append(g.samples[t.kind], fmp4.Sample{
		Duration: lasting(t.ticks(end) - begin), Offset: int32(t.ticks(f.PTS) - begin), Key: f.Key, Data: f.Data,
	})
}

// lasting is a duration as MP4 can tell it.
func lasting(ticks int64) uint32 { return uint32(min(ticks, math.MaxUint32)) }

// closePart makes a part of what has come since the last one. Of MPEG-TS there is one a segment.
func (m *Muxer) closePart(at time.Duration) {
	g := &m.grow
	if m.run.ts != nil && at != m.cur.End || g.empty() {
		return
	}
	p := &part{start: g.start, end: at, independent: g.key}
	if m.run.ts != nil {
		p.chunks = []chunk{{kindAll, slices.Clone(g.ts)}}
	}
	for k, samples := range slices.Backward(g.samples[:]) { // the picture first
		if len(samples) > 0 {
			p.chunks = append(p.chunks, chunk{media.Kind(k), m.fragmentOf(media.Kind(k))})
		}
		clear(samples)
		g.samples[k] = samples[:0]
	}
	if m.part > 0 && millis(p.end)-millis(p.start) > m.part {
		m.stats.LongParts++
	}
	m.cur.parts = append(m.cur.parts, p)
	for _, c := range p.chunks {
		m.cur.sizes[kindAll] += len(c.data)
		if c.kind < kindAll {
			m.cur.sizes[c.kind] += len(c.data)
		}
		m.hold(m.cur, len(c.data))
	}
	m.nameParts()
	g.start, g.part, g.key, g.ts = at, false, false, g.ts[:0]
	m.text = ""
}

// hold counts bytes that the segment has in memory.
func (m *Muxer) hold(s *Segment, bytes int) {
	s.held += bytes
	m.stats.Bytes += bytes
}

// fragmentOf makes the fragment of one track.
func (m *Muxer) fragmentOf(k media.Kind) []byte {
	m.sequence++
	f := fmp4.Fragment{
		Track: m.run.tracks[k].ID, Sequence: m.sequence, Time: m.grow.times[k], Samples: m.grow.samples[k],
	}
	return f.Append(make([]byte, 0, f.Size()))
}

// closeSegment completes the segment and lists it.
func (m *Muxer) closeSegment(at time.Duration) {
	s := m.cur
	s.End = at
	if !m.grow.lead {
		s.Independent = true // what there is can be decoded
	} else if !s.Independent {
		m.stats.Forced++
	}
	m.closePart(at)
	if m.target == 0 {
		m.fix(s)
		m.began = m.run.wall
	}
	s.place()
	m.cur = nil
	m.stats.Segments++
	m.quick = max(m.quick-1, 0)
	s.name = m.opts.Names.segment(s)
	m.seal(s)
	m.enlist(s)
}

// fix chooses the target durations, which never change, once the first segment tells how long a group of pictures is.
func (m *Muxer) fix(first *Segment) {
	m.target = max(m.least(), first.Duration().Round(time.Second))
	m.part = m.opts.Part
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
