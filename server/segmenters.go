package server

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"oneport/config"
	"oneport/hls"
	"oneport/media"
	"oneport/stream"
)

// segmenterKey tells the segmenters of one stream apart: MP4 that is shared is that of HLS.
type segmenterKey struct {
	name stream.Name
	dash bool // it serves DASH alone
}

// segmenters finds the streams that are cut into segments. What bounds it is the number of streams.
type segmenters struct {
	mu     sync.Mutex
	closed bool
	all    map[segmenterKey]*segmenter
	ending map[segmenterKey]*segmenter // those in all no more, which have yet to write or to remove something
	ahead  map[segmenterKey]uint64     // numbers that streams have yet to come to, for they were ahead of the clock when they ended
	next   uint64                      // a number that no stream before has reached, but for those in ahead
	mark   string                      // ends the numbers in names, and is another one each time that the server is started
	waits  atomic.Int64                // requests that wait for something to come
}

// newMark is six digits.
func newMark() string { return fmt.Sprintf("%06d", randomUint64()%1e6) }

// numbersPerSecond are more than the segments of a stream that comes as time passes: the shortest have 100 ms. So players find
// higher numbers after a restart, and until 2032 none above 31 bits, which is all that some of them can read. Whoever publishes
// faster than time passes goes ahead of the clock, but takes no other stream along: what it has reached is remembered for itself,
// and over a restart, which forgets it, the mark tells names apart.
const numbersPerSecond = 10

// mostAhead is for how many streams it is remembered that they are ahead of the clock. Where there are more, the numbers of all
// streams go on behind those of the least of them.
const mostAhead = 1000

// numberAt is the number that time has come to.
func numberAt(now time.Time) uint64 {
	since := now.Sub(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	return uint64(max(since/(time.Second/numbersPerSecond), 0))
}

// find returns a running segmenter for one who asks for something of it, nil if there is none.
func (t *segmenters) find(k segmenterKey) *segmenter {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.all[k]
	if g != nil {
		g.used.Store(time.Now().UnixNano())
	}
	return g
}

// leaveIdle takes a segmenter out of the table that nobody needs, unless somebody has come to need it: who finds it in the
// table, or publishes while it is there, begins no other. It is called by the segmenter's goroutine.
func (t *segmenters) leaveIdle(g *segmenter) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if g.hub.Live(g.key.name) {
		g.left = time.Time{} // step looks at who it is
	}
	if g.deadline(time.Now()) > 0 {
		return false
	}
	t.remove(g)
	return true
}

// leave takes a segmenter out of the table.
func (t *segmenters) leave(g *segmenter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(g)
}

// remove is leave with the lock held. There will be no other segment, so it is known what number they have reached.
func (t *segmenters) remove(g *segmenter) {
	if t.all[g.key] != g {
		return // it left before, with a panic
	}
	delete(t.all, g.key)
	t.ending[g.key] = g
	g.mu.Lock()
	defer g.mu.Unlock()
	defer func() { t.reached(g.key, g.mux.Next(), time.Now()) }() // also if what caused a panic causes another one
	g.mux.End()
}

// reached remembers what number a stream has come to, until time has come to it too.
func (t *segmenters) reached(k segmenterKey, next uint64, now time.Time) {
	t.ahead[k] = next
	for {
		t.next = max(t.next, numberAt(now))
		maps.DeleteFunc(t.ahead, func(_ segmenterKey, n uint64) bool { return n <= t.next })
		if len(t.ahead) <= mostAhead {
			return
		}
		t.next = slices.Min(slices.Collect(maps.Values(t.ahead)))
	}
}

// ended forgets a segmenter that has nothing more to write or to remove.
func (t *segmenters) ended(g *segmenter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.ending, g.key)
}

// list are all that run.
func (t *segmenters) list() (list []*segmenter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range t.all {
		list = append(list, g)
	}
	return list
}

// close lets none begin any more.
func (t *segmenters) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
}

// segment finds the segmenter of a stream or begins one.
func (s *Server) segment(k segmenterKey, conf *VhostConf) (*segmenter, error) {
	now := time.Now()
	t := &s.segmenters
	t.mu.Lock()
	defer t.mu.Unlock()
	if g := t.all[k]; g != nil {
		g.used.Store(now.UnixNano())
		return g, nil
	}
	if t.closed {
		return nil, errStopping
	}
	g := &segmenter{
		server: s, log: s.log.With("stream", k.name.String()), hub: s.hubs[k.name.Vhost], key: k, conf: conf,
		wake: make(chan struct{}, 1), changed: make(chan struct{}), before: t.ending[k], done: make(chan struct{}),
	}
	o := g.options()
	o.Names.Mark = t.mark
	g.names = o.Names
	g.mux = hls.New(o, max(t.next, t.ahead[k], numberAt(now)))
	g.appetite = appetite{
		wanted: [media.Kinds]bool{media.Audio: !o.Without[media.Audio], media.Video: !o.Without[media.Video]}, bridged: conf.RTC.ToRTMP,
		carries: func(c media.Codec) error {
			if g.converts(c) {
				c = media.AAC
			}
			return hls.CheckCodec(c, g.mp4)
		},
	}
	g.mp4 = o.MP4
	g.sound = sound{to: media.AAC, bitrate: conf.RTC.AACBitrate, log: g.log, errors: &s.stats.soundErrors}
	g.used.Store(now.UnixNano())
	var err error
	if g.reader, err = g.hub.SubscribeFrames(now, k.name, g); err != nil {
		return nil, err
	}
	if t.all == nil {
		t.all, t.ending, t.ahead = make(map[segmenterKey]*segmenter), make(map[segmenterKey]*segmenter), make(map[segmenterKey]uint64)
	}
	t.all[k] = g
	s.tasks.Go(g.run)
	return g, nil
}

// published is what a hub calls when a stream of the virtual host begins, nil where that begins no segmenter.
func (s *Server) published(v *config.Vhost[VhostConf]) func(stream.Name) {
	conf := &v.Settings
	hlsToDisk, dashToDisk := conf.HLS.Enabled && conf.HLS.Path != "", conf.DASH.Enabled && conf.DASH.Path != "" && !conf.sharesSegments()
	if !hlsToDisk && !dashToDisk {
		return nil
	}
	return func(name stream.Name) {
		for dash, on := range map[bool]bool{false: hlsToDisk, true: dashToDisk} {
			if !on || !hls.ValidName(name.App) || !hls.ValidName(name.Stream) {
				continue
			}
			if _, err := s.segment(segmenterKey{name, dash}, conf); err != nil {
				s.log.Warn("no segments are written", "stream", name.String(), "err", err)
			}
		}
	}
}
