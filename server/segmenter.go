package server

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"oneport/hls"
	"oneport/media"
	"oneport/stream"
)

// segmenter cuts one stream into segments, in a goroutine of its own. Where they are written to a disk, it lives while
// somebody publishes, and some time longer; in memory, from the first request on until none has come for some time.
type segmenter struct {
	server *Server
	log    *slog.Logger
	hub    *stream.Hub
	key    segmenterKey
	conf   *VhostConf
	appetite
	mp4     bool
	linger  time.Duration // how long it stays when nobody publishes, or nobody plays
	lasting bool          // it stays while somebody publishes, whether somebody plays or not
	disk    *segmentDisk  // nil: memory
	names   hls.Names     // of the files
	reader  *stream.FrameReader
	wake    chan struct{} // capacity 1
	used    atomic.Int64  // when something of it was asked for, in Unix nanoseconds
	waiting atomic.Int64  // requests that wait for something of it
	before  *segmenter    // of the same stream, which may still be ending; nil: none
	done    chan struct{} // closed when it has ended, and touches no file any more

	// Owned by the goroutine.
	epoch   uint64            // of the publication that is cut
	left    time.Time         // since when nobody publishes; zero while somebody does
	told    hls.Stats         // what the log knows
	late    stream.FrameStats // what of the reader's is counted
	cutting bool              // it may be cut
	faulty  bool              // a panic ended it
	failing bool              // the disk takes nothing
	tried   time.Time         // when the disk was last written to
	longest time.Duration     // that it took
	items   []media.FrameItem
	sound   sound // of a publisher of frames, where the segments can't carry it as it is

	mu      sync.Mutex
	mux     *hls.Muxer
	refused error         // why there is nothing to play; nil when there is or may be
	ended   bool          // the goroutine is about to end
	changed chan struct{} // closed when there is something new, and made anew
}

// bytes is how much is in memory.
func (g *segmenter) bytes() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mux.Stats().Bytes
}

// Wake is called by the stream.
func (g *segmenter) Wake(*stream.Stream) { signal(g.wake) }

// memoryLinger is how long segments in memory stay where the settings would keep files for ever.
const memoryLinger = 2 * time.Minute

// retryDisk is how long after a failure the disk is tried again at the latest.
const retryDisk = 2 * time.Second

// options are what the settings mean for this stream.
func (g *segmenter) options() hls.Options {
	h, d := &g.conf.HLS, &g.conf.DASH
	o, path, cleanup := h.Options(), h.Path, h.Cleanup
	g.linger = h.Dispose
	switch {
	case g.key.dash:
		o, path, cleanup, g.linger = d.Options(), d.Path, d.Cleanup, d.Dispose
	case g.conf.sharesSegments():
		o.DASH, o.Update, o.Names.MPD = true, d.Update, d.MPDFile
	}
	o.Rand, o.MaxBytes = rand.Reader, h.MaxBytes
	o.Names.Vhost, o.Names.App, o.Names.Stream = g.key.name.Vhost, g.key.name.App, g.key.name.Stream
	if path != "" {
		g.disk, g.lasting = newSegmentDisk(path, h.KeyFilePath, cleanup), true
		g.disk.keep = g.linger == 0
	} else if g.linger == 0 {
		g.linger = memoryLinger
	}
	return o
}

// sharesSegments says whether DASH is served from the segments of HLS.
func (c *VhostConf) sharesSegments() bool {
	return c.HLS.Enabled && c.DASH.Enabled && c.HLS.MP4() && !c.HLS.Keys && c.HLS.Path == c.DASH.Path
}

// run ends with the server, or when nobody needs the segments any more. It begins when the one before has ended: both would write
// the same playlist, and remove each other's.
//
// A panic over what is published ends it too: what was cut is still written, who waits is told, and the next request begins another;
// where there are files, time does.
func (g *segmenter) run() {
	g.cut()
	if g.faulty && g.lasting {
		g.again()
	}
}

// cut is run up to the end of what is its own.
func (g *segmenter) cut() {
	defer close(g.done)
	if g.before != nil {
		<-g.before.done
		g.before = nil
	}
	if !g.survive(g.work) {
		g.faulty = true
		g.survive(func() { g.server.segmenters.leave(g) })
	}
	g.end()
}

// faultPause is how long no files are written for a stream over which a segmenter, or what it reads of, panicked: it may do so
// again.
const faultPause = 10 * time.Second

// again begins another segmenter of a stream that is still published: who takes its files from the disk asks for nothing here.
func (g *segmenter) again() {
	select {
	case <-time.After(faultPause):
	case <-g.server.stop:
		return
	}
	if !g.hub.Live(g.key.name) {
		return
	}
	if _, err := g.server.segment(g.key, g.conf); err != nil {
		g.log.Warn("no segments are written", "err", err)
	}
}

func (g *segmenter) survive(work func()) bool { return g.server.survive(g.log, "a segmenter", work) }

// work is run but for its faults. When it returns, the segmenter is in the table no more.
func (g *segmenter) work() {
	if g.disk != nil && !g.key.dash {
		g.disk.recall(&g.names)
	}
	g.log.Debug("segments are made", "dash", g.key.dash, "disk", g.disk != nil)
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for {
		select {
		case <-g.wake:
		case <-alarm.C:
		case <-g.server.stop:
			g.server.segmenters.leave(g)
			return
		}
		now := time.Now()
		status := g.reader.Status()
		if status.Broken {
			g.faulty = true
			g.server.segmenters.leave(g)
			return
		}
		waiting := g.step(now, &status)
		pause := g.deadline(now)
		if pause <= 0 {
			if g.server.segmenters.leaveIdle(g) {
				return
			}
			pause = time.Nanosecond // there is somebody to look at
		}
		if waiting {
			pause = min(pause, waitingLook)
		}
		if retry, again := g.catchUp(now); again {
			pause = min(pause, retry)
		}
		alarm.Reset(pause)
	}
}

// deadline is how long the segmenter stays unless something happens.
func (g *segmenter) deadline(now time.Time) time.Duration {
	pause := time.Hour
	if !g.left.IsZero() && g.linger > 0 {
		pause = min(pause, g.linger-now.Sub(g.left))
	}
	if g.waiting.Load() > 0 {
		g.used.Store(now.UnixNano())
	}
	if !g.lasting {
		pause = min(pause, g.linger-now.Sub(time.Unix(0, g.used.Load())))
	}
	if !g.left.IsZero() && g.linger == 0 {
		return 0 // the files stay, and nothing more is to be done for them
	}
	return pause
}

// end gives everything up, when the segmenter is in the table no more. Who waits is told.
func (g *segmenter) end() {
	defer g.server.segmenters.ended(g)
	g.reader.Close()
	g.survive(g.finish)
	g.survive(g.dispose)
}

// finish writes what is still to be written.
func (g *segmenter) finish() {
	changes := g.change(g.tell)
	if g.disk != nil && (len(changes) > 0 || g.disk.behind()) {
		g.flush(changes)
	}
}

// dispose tells who waits, and gives up what is in memory, and on the disk unless that stays.
func (g *segmenter) dispose() {
	var stats hls.Stats
	changes := g.change(func() {
		g.ended = true
		close(g.changed)
		stats = g.mux.Stats()
		g.mux.Dispose()
	})
	if g.disk != nil && !g.disk.keep {
		g.write(changes)
	}
	g.log.Debug("segments end", "dash", g.key.dash, "frames", stats.Frames, "segments", stats.Segments, "forced", stats.Forced, "discontinuities", stats.Turns,
		"late", stats.Late, "unready", stats.Unready, "crowded", stats.Crowded, "unwritten", stats.Unwritten)
}

// step takes the frames that have come. It says whether there may be something to do without that one comes.
func (g *segmenter) step(now time.Time, status *stream.FrameStatus) (waiting bool) {
	switch {
	case status.Live && status.Epoch != g.epoch:
		g.epoch, g.left, g.cutting = status.Epoch, time.Time{}, false
		g.sound.begin()
		g.publish(func() { g.mux.End(); g.refused = nil })
	case !status.Live && g.left.IsZero():
		g.left = now
		if g.cutting && status.Epoch == g.epoch {
			g.take(now, status)
		}
		g.publish(g.mux.End)
		return false
	}
	if !status.Live {
		return false
	}
	err := g.check(g.hub, g.key.name, status)
	if g.server.onlyBySRT(g.key.name) {
		err = errNotFromSRT
	}
	if err != nil {
		g.refuse(err)
		return true // it may change
	}
	if !g.ready(now, g.hub, g.key.name, status) {
		return true
	}
	g.cutting = true
	g.take(now, status)
	return false
}

// publish changes the muxer, writes what it made, and tells who waits.
func (g *segmenter) publish(change func()) {
	g.write(g.change(change))
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.changed)
	g.changed = make(chan struct{})
}

// change changes the muxer, and returns what is to be written of that.
func (g *segmenter) change(change func()) []hls.Change {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
	return g.mux.Changes()
}

// take cuts what there is to read.
func (g *segmenter) take(now time.Time, status *stream.FrameStatus) {
	for {
		g.items = g.reader.Next(now, g.items[:0], frameBatch)
		g.tellLate()
		if len(g.items) == 0 {
			return
		}
		wants := false
		g.publish(func() {
			g.mux.Expect(g.expected(status.Formats))
			g.refused = nil
			for _, item := range g.items {
				if err := g.put(item); err != nil {
					g.refused = statusError{http.StatusNotAcceptable, err.Error()}
				}
			}
			wants = g.mux.WantsKeyframe()
			g.tell()
		})
		clear(g.items)
		if wants && status.Packets {
			g.reader.RequestKeyframe(now)
		}
	}
}

// converts says whether sound of a codec is turned into AAC: players of HLS know no other in MPEG-TS.
func (g *segmenter) converts(c media.Codec) bool { return c == media.Opus && !g.mp4 }

// expected are the formats that the segments will have of a stream that has those.
func (g *segmenter) expected(formats [media.Kinds]*media.FrameFormat) [media.Kinds]*media.FrameFormat {
	if f := formats[media.Audio]; f != nil && g.converts(f.Codec) {
		formats[media.Audio] = g.sound.becomes(f)
	}
	return formats
}

// put gives the muxer a frame, or what its sound becomes.
func (g *segmenter) put(item media.FrameItem) error {
	if !g.converts(item.Format.Codec) {
		return g.mux.Push(item)
	}
	for _, f := range g.sound.convert(item.Frame) {
		if err := g.mux.Push(media.FrameItem{Frame: f, Break: item.Break, From: item.From}); err != nil {
			return err
		}
		item.Break = media.Continues
	}
	return nil
}

// refuse notes why there is nothing to play.
func (g *segmenter) refuse(err error) {
	g.mu.Lock()
	news := g.refused == nil
	g.mu.Unlock()
	if news {
		g.log.Info("no segments are made", "dash", g.key.dash, "why", err)
		g.publish(func() { g.refused = err })
	}
}

// tell logs that a segment had to end without a keyframe: the first time, for it says something of the encoder. The caller
// holds the lock.
func (g *segmenter) tell() {
	stats := g.mux.Stats()
	if g.told.Forced == 0 && stats.Forced > 0 {
		g.log.Warn("a segment ended without a keyframe, for none came in time: set the encoder's keyframe interval (-g in frames, or \"keyint\") to at most hls_fragment",
			"target", g.mux.Target().String())
	}
	if g.told.Crowded == 0 && stats.Crowded > 0 {
		g.log.Warn("a segment has an eighth of hls_max_bytes: frames are left out up to the next keyframe; publish keyframes more often, with a lower bit rate, or allow more",
			"hls_max_bytes", g.conf.HLS.MaxBytes)
	}
	if g.told.Unlisted == 0 && stats.Unlisted > 0 {
		g.log.Warn("the playlist is shorter than its window, for that would take more than hls_max_bytes", "hls_max_bytes", g.conf.HLS.MaxBytes)
	}
	g.server.stats.forcedSegments.Add(stats.Forced - g.told.Forced)
	g.server.stats.segments.Add(stats.Segments - g.told.Segments)
	g.server.stats.unreadyFrames.Add(stats.Unready + stats.Crowded - g.told.Unready - g.told.Crowded)
	g.told = stats
}

// tellLate counts the frames that were gone before the segmenter came to read them, and logs it the first time.
func (g *segmenter) tellLate() {
	stats := g.reader.Stats()
	if g.late.Skips == 0 && stats.Skips > 0 {
		cause := "the machine has too few processors for what it does"
		switch {
		case g.disk != nil && g.key.dash:
			cause = "the disk at dash_path is too slow, or " + cause
		case g.disk != nil:
			cause = "the disk at hls_path is too slow, or " + cause
		}
		g.log.Warn("frames are missing in the segments, for they came faster than they were cut and written: "+cause, "longest_write", g.longest.String())
	}
	g.server.stats.lateFrames.Add(stats.SkippedFrames - g.late.SkippedFrames)
	g.late = stats
}

// write puts changes onto the disk.
func (g *segmenter) write(changes []hls.Change) {
	if g.disk != nil && len(changes) > 0 {
		g.flush(changes)
	}
}

// catchUp tries once more to do on the disk what failed. It returns how long it is to be waited for the next time, if there is to
// be one.
func (g *segmenter) catchUp(now time.Time) (pause time.Duration, again bool) {
	if g.disk == nil || !g.disk.behind() {
		return 0, false
	}
	if now.Sub(g.tried) >= retryDisk {
		g.flush(nil)
	}
	return max(g.tried.Add(retryDisk).Sub(now), time.Millisecond), g.disk.behind()
}

// flush does on the disk what is to be done there.
func (g *segmenter) flush(changes []hls.Change) {
	g.tried = time.Now()
	written, err := g.disk.apply(changes)
	g.longest = max(g.longest, time.Since(g.tried))
	if failed := err != nil; failed != g.failing {
		g.failing = failed
		if failed {
			g.log.Error("segments can't be written: they stay in memory, as long as they are listed", "err", err)
		} else {
			g.log.Info("segments are written again")
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range written {
		g.mux.Written(c)
	}
}
