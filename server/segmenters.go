package server

import (
	"fmt"
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
	next   uint64       // a number that no segmenter before has reached
	mark   string       // ends the numbers in names, and is another one each time that the server is started
	waits  atomic.Int64 // requests that wait for something to come
}

// newMark is six digits.
func newMark() string { return fmt.Sprintf("%06d", randomUint64()%1e6) }

// numbersPerSecond are more than the segments of a stream that comes as time passes: the shortest have 100 ms. So players find
// higher numbers after a restart, and until 2032 none above 31 bits, which is all that some of them can read. Whoever publishes
// faster than time passes is followed by what next remembers, and over a restart, which forgets it, by the mark.
const numbersPerSecond = 10

// numberAt is the number that time has come to.
func numberAt(now time.Time) uint64 {
	since := now.Sub(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	return uint64(max(since/(time.Second/numbersPerSecond), 0))
}

// find returns a running segmenter, nil if there is none.
func (t *segmenters) find(k segmenterKey) *segmenter {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all[k]
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
		return g, nil
	}
	if t.closed {
		return nil, errStopping
	}
	g := &segmenter{
		server: s, log: s.log.With("stream", k.name.String()), hub: s.hubs[k.name.Vhost], key: k, conf: conf, wake: make(chan struct{}, 1), changed: make(chan struct{}),
	}
	o := g.options()
	o.Names.Mark = t.mark
	g.mux = hls.New(o, max(t.next, numberAt(now)))
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
		t.all = make(map[segmenterKey]*segmenter)
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
