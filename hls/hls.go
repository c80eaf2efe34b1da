// Package hls cuts one stream's frames into the segments of HLS and DASH, with the playlists that name them.
//
// A Muxer takes frames and keeps a window of segments: MPEG-TS, or fragmented MP4 whose fragments hold one track each. An
// HLS player gets a segment's fragments one after the other, in parts while the segment grows if low latency is asked for; a
// DASH player gets those of the one track it asks for. It knows neither HTTP nor files: it says what is where, and what is to
// be written.
package hls

import (
	"io"
	"time"

	"oneport/media"
)

// Options say how a stream is cut and what its files are called.
type Options struct {
	Names Names

	HLS  bool // there is a playlist
	DASH bool // there is an MPD
	MP4  bool // fragmented MP4 instead of MPEG-TS

	Fragment  time.Duration // that segments are to have
	Target    float64       // what EXT-X-TARGETDURATION is at least, as a multiple of Fragment
	Overflow  float64       // the longest first group of pictures, as a multiple of Fragment
	Window    time.Duration // of the playlist
	Part      time.Duration // of LL-HLS; 0: none
	Update    time.Duration // how often DASH players are to fetch the MPD at least
	Without   [media.Kinds]bool
	KeyEvery  int       // segments that share a key; 0: they are not encrypted
	Rand      io.Reader // for keys
	WithFiles bool      // what is made goes to Changes too
	MaxBytes  int       // the most that is kept in memory; 0: no bound
}

const (
	// slack is how much longer than the target duration a segment may be, which counts in whole seconds (RFC 8216, section
	// 4.3.3.1).
	slack = 490 * time.Millisecond
	// quickSegment and quickSegments are the beginning, so that a first viewer need not wait for a whole fragment.
	quickSegment  = time.Second
	quickSegments = 3
	// keptSegments are listed at least, whatever the window is (RFC 8216, section 6.2.2).
	keptSegments = 3
	// fragmentLength is that of the fragments of MP4 where no part is asked for.
	fragmentLength = time.Second
	// maxLead is how long before a segment's end a keyframe is asked for, and may end it.
	maxLead = 500 * time.Millisecond
	// stall is how far the sound may be ahead of a picture that is to end a segment, until it ends without the picture. With low
	// latency it is the most of it.
	stall = time.Second
	// maxBack is how far a track may step back in time before that is another timeline.
	maxBack = time.Second
	// segmentShare is how much of MaxBytes a segment may have: as long as no playlist may be shorter, three are listed and one
	// grows, which is copied when it is complete.
	segmentShare = 8
	// shortest is how long a segment is at least, on the average: however often the format or the timeline changes, there are
	// no more runs than that allows.
	shortest = 100 * time.Millisecond
)

// Stats count what became of the frames.
type Stats struct {
	Frames    uint64 // that came into segments
	Segments  uint64
	Forced    uint64 // segments that begin without a keyframe, for the one before had to end in time
	Turns     uint64 // discontinuities
	Late      uint64 // frames dropped because their time had passed
	Unready   uint64 // frames dropped while a keyframe was waited for, or sound on another timeline than the picture's
	Unwritten uint64 // frames that the container could not take
	Crowded   uint64 // frames dropped because their segment has as many bytes as it may
	Unlisted  uint64 // segments taken out of the list before their time, because of their bytes
	LongParts uint64 // parts longer than their target, for nothing else came while a frame lasted
	Bytes     int    // kept in memory
}

// Muxer makes one stream's segments. Its methods must not be called at the same time.
type Muxer struct {
	opts  Options
	stats Stats

	formats [media.Kinds]*media.FrameFormat // what the stream is said to have
	run     *run                            // nil between publications
	turned  time.Time                       // when the last run began
	runs    uint64
	began   time.Time // when the first run did

	target time.Duration // EXT-X-TARGETDURATION, fixed with the first segment; 0 before
	part   time.Duration // EXT-X-PART-INF, likewise
	due    bool          // a frame came in another format, which can begin with the next keyframe
	gop    time.Duration // the longest distance of keyframes lately
	quick  int           // short segments that are still to come

	wait   waiting
	coming time.Duration // DTS of the newest frame pushed

	next  uint64 // number of the next segment
	cur   *Segment
	grow  growing
	list  []*Segment
	old   []*Segment // out of the list, kept for those who have read of them
	files map[string]File

	key     *key
	keyUses int

	sequence uint32 // of fragments
	changes  []Change
	text     string // the playlist, empty when it is to be made anew
}

// New makes a muxer whose first segment has that number.
func New(o Options, first uint64) *Muxer {
	return &Muxer{opts: o, next: first, quick: quickSegments, files: make(map[string]File)}
}

// Next is the number of the next segment: whoever goes on with the stream begins there.
func (m *Muxer) Next() uint64 { return m.next }

// Stats tells what the muxer did.
func (m *Muxer) Stats() Stats {
	s := m.stats
	s.Bytes += m.grow.bytes() + m.wait.bytes
	return s
}

// Target is the target duration, 0 while there is no segment.
func (m *Muxer) Target() time.Duration { return m.target }

// Ready says whether there is something to play.
func (m *Muxer) Ready() bool { return len(m.list) > 0 }

// limit is the longest that a segment may be.
func (m *Muxer) limit() time.Duration {
	if m.target == 0 {
		return time.Duration(float64(m.opts.Fragment) * m.opts.Overflow)
	}
	return m.target + slack
}

// wanted is how long the present segment is to be.
func (m *Muxer) wanted() time.Duration {
	if m.quick > 0 {
		return min(quickSegment, m.opts.Fragment)
	}
	return m.opts.Fragment
}

// lead is how long before its wanted end a keyframe may end a segment.
func (m *Muxer) lead() time.Duration { return min(maxLead, m.wanted()/4) }
