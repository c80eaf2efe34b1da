package stream

import (
	"slices"
	"strings"
	"time"

	"oneport/media"
)

// Info is what a stream looks like from outside.
type Info struct {
	Name    Name
	ID      string
	Made    time.Time // when the first came who publishes or reads
	Sent    uint64    // what CountSent was told
	Live    bool      // somebody publishes
	Since   time.Time // when the publication began, zero if none is
	Readers int
	Width   int // of the picture, 0 while not known
	Height  int
	Lanes   [media.Kinds]LaneInfo

	Framed  bool // the publisher writes frames, not packets
	Bridged bool // a bridge makes frames of the publisher's packets, or packets of its frames

	// Of a publisher of frames, or of what a bridge makes for readers of frames.
	Formats [media.Kinds]*media.FrameFormat // of the newest frames
	Frames  FrameCounters
}

// LaneInfo is what one lane of a publication looks like from outside.
type LaneInfo struct {
	Format media.Format // of the newest packet; no codec: none came
	Counters
	Held      int // packets kept now
	HeldBytes int
}

// Streams describes every stream, in the order of their names.
func (h *Hub) Streams() []Info {
	h.mu.Lock()
	streams := make([]*Stream, 0, len(h.streams))
	infos := make([]Info, 0, len(h.streams))
	for name, s := range h.streams {
		streams = append(streams, s)
		infos = append(infos, Info{Name: name, ID: s.id, Made: s.made, Sent: s.sent.Load(), Readers: s.readers})
	}
	h.mu.Unlock()
	for i, s := range streams {
		s.describe(&infos[i])
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name.String(), b.Name.String()) })
	return infos
}

// describe fills in what the stream's own lock guards.
func (s *Stream) describe(info *Info) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.pub != nil {
		info.Live, info.Since, info.Framed = true, s.pub.since, s.pub.writes == frames
	}
	info.Width, info.Height = s.size.width, s.size.height
	if f := s.frames.formats[media.Video]; info.Width == 0 && f != nil {
		info.Width, info.Height = f.Width, f.Height
	}
	info.Bridged = s.demands[frames].begun || s.demands[packets].begun
	info.Formats, info.Frames = s.frames.formats, s.frames.counted
	for k := range s.lanes {
		l, out := &s.lanes[k], &info.Lanes[k]
		if l.format != nil {
			out.Format = *l.format
		}
		out.Counters = l.counted
		out.Held = int(l.head - l.tail)
		if l.tail < l.head {
			out.HeldBytes = int(l.bytes - l.at(l.tail).bytes)
		}
	}
}
