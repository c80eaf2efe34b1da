package hls

import (
	"errors"
	"strconv"
	"time"
)

// Reload is what a player asks for that waits for the playlist to have something (RFC 8216bis, section 6.2.5.2).
type Reload struct {
	Segment uint64
	Part    int // -1: the whole segment
}

var errReload = errors.New("hls: _HLS_msn and _HLS_part are numbers, and _HLS_part comes with _HLS_msn")

// ParseReload reads the values of _HLS_msn and _HLS_part, which are empty where they are not given. It is nil where both are.
func ParseReload(msn, part string) (*Reload, error) {
	if msn == "" && part == "" {
		return nil, nil
	}
	n, err := strconv.ParseUint(msn, 10, 63)
	if err != nil {
		return nil, errReload
	}
	r := &Reload{Segment: n, Part: -1}
	if part == "" {
		return r, nil
	}
	if r.Part, err = strconv.Atoi(part); err != nil || r.Part < 0 {
		return nil, errReload
	}
	return r, nil
}

// ErrAhead says that a player asks for what is too far in the future.
var ErrAhead = errors.New("hls: _HLS_msn or _HLS_part is too far ahead of the playlist")

// maxAhead are the parts a player may be ahead of the playlist (RFC 8216bis, section 6.2.5.2: three, or what is a segment).
const maxAhead = 3

// Has says whether the playlist has what a player waits for. A part that a segment ended without means the first of the next
// segment (RFC 8216bis, section 6.2.5.2). The error is ErrAhead.
func (m *Muxer) Has(r *Reload) (bool, error) {
	for _, s := range m.list {
		if s.Number == r.Segment && r.Part >= len(s.parts) {
			r = &Reload{Segment: r.Segment + 1}
			break
		}
	}
	growing := m.next // number of the segment that is growing, or will be
	if m.cur != nil {
		growing = m.cur.Number
	}
	switch {
	case r.Segment < growing:
		return true, nil
	case r.Segment > growing+1:
		return false, ErrAhead
	case r.Segment > growing || r.Part < 0 || m.cur == nil:
		return false, nil
	}
	have := len(m.cur.parts)
	perSegment := int(m.target / max(m.fragment(), time.Millisecond))
	if r.Part > have+max(maxAhead, perSegment) {
		return false, ErrAhead
	}
	return r.Part < have, nil
}

// Comes says whether a file of that name does not exist yet but is the next part.
func (m *Muxer) Comes(name string) bool {
	return m.cur != nil && m.opts.Part > 0 && name == m.opts.Names.part(m.cur, len(m.cur.parts))
}
