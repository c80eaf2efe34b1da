package server

import (
	"log/slog"
	"time"

	"oneport/audio"
	"oneport/bridge"
	"oneport/media"
	"oneport/stream"
)

// bridging makes frames of one stream's packets, with the sound turned into AAC, in a goroutine of its own. It lives while
// somebody reads them; the stream says when it is not needed any more.
type bridging struct {
	server *Server
	log    *slog.Logger
	conf   *VhostRTC
	out    *stream.FrameBridge
	wake   chan struct{} // capacity 1

	// Owned by the goroutine; of the publication that is read.
	in      *bridge.Depacketizer // nil before the first
	timings [media.Kinds]media.Timing
	sound   *audio.Transcoder // nil before the first sound, and when it can't be converted
	silent  bool              // it can't be converted, which was told
	keyed   time.Time         // when the last keyframe came, or was asked for because it is time for one

	items  []media.Item
	frames []*media.Frame
}

// bridge returns what a hub calls for a stream that needs a bridge, nil where none is to be.
func (s *Server) bridge(conf *VhostRTC) func(*stream.Stream) {
	if !conf.ToRTMP {
		return nil
	}
	return func(st *stream.Stream) {
		b := &bridging{server: s, log: s.log.With("stream", st.Name().String()), conf: conf, wake: make(chan struct{}, 1)}
		b.out = st.OpenFrameBridge(time.Now(), b)
		s.stats.bridges.Add(1)
		s.tasks.Go(b.run)
	}
}

// Wake is called by the stream.
func (b *bridging) Wake(*stream.Stream) { signal(b.wake) }

// signal fills a channel of one place, if it is empty.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run ends with the server, or when nobody reads the frames any more.
func (b *bridging) run() {
	defer b.server.stats.bridges.Add(-1)
	defer b.out.Close()
	b.log.Debug("bridge begins: frames are made of the packets")
	defer b.tell()
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for {
		select {
		case <-b.wake:
		case <-alarm.C:
		case <-b.server.stop:
			return
		}
		now := time.Now()
		b.step(now)
		if b.out.Finish(now) {
			return
		}
		alarm.Reset(b.pause(now))
	}
}

// tell logs what came of the last publication.
func (b *bridging) tell() {
	if b.in == nil {
		b.log.Debug("bridge ends, no packet came")
		return
	}
	stats := b.in.Stats()
	b.log.Debug("bridge ends", "pictures", stats.Frames[media.Video], "incomplete", stats.Incomplete, "skipped", stats.Skipped,
		"sounds", stats.Frames[media.Audio], "lost", stats.Packets[media.Video].Lost+stats.Packets[media.Audio].Lost, "jumps", stats.Jumps)
}

// pause is how long there is nothing to do unless the stream calls.
func (b *bridging) pause(now time.Time) time.Duration {
	next := b.out.Deadline()
	if b.in != nil {
		next = earliest(next, b.in.Deadline())
	}
	if next.IsZero() {
		return time.Hour
	}
	return max(next.Sub(now), time.Millisecond)
}

// step takes the packets that have come.
func (b *bridging) step(now time.Time) {
	for {
		b.items = b.out.Next(now, b.items[:0], batchItems)
		if since, turned := b.out.Turn(); turned {
			b.begin(now, since)
		}
		if len(b.items) == 0 || b.in == nil {
			break
		}
		b.follow()
		for _, item := range b.items {
			b.take(now, item)
		}
	}
	clear(b.items[:cap(b.items)])
	if b.in != nil {
		frames, lost := b.in.Tick(now, b.frames[:0])
		b.put(now, frames, lost)
	}
}

// begin makes ready for a publication.
func (b *bridging) begin(now, since time.Time) {
	b.in = bridge.NewDepacketizer(since)
	b.timings = [media.Kinds]media.Timing{}
	b.sound, b.silent, b.keyed = nil, false, now
}

// follow hands over what the publisher has said of its clocks.
func (b *bridging) follow() {
	for k := range media.Kinds {
		if t, ok := b.out.Timing(k); ok && t != b.timings[k] {
			b.timings[k] = t
			b.in.SetTiming(k, t)
		}
	}
}

func (b *bridging) take(now time.Time, item media.Item) {
	if item.Break != media.Continues {
		b.in.Begin(item.Kind(), item.First)
	}
	frames, lost := b.in.Push(now, item.Packet, b.frames[:0])
	b.put(now, frames, lost)
}

// put gives frames to the stream. A keyframe is asked for when the picture can't go on without one, and when the last is so
// long ago that viewers to come would begin too far back.
func (b *bridging) put(now time.Time, frames []*media.Frame, lost bool) {
	for _, f := range frames {
		if f.Kind() == media.Audio {
			b.convert(f)
			continue
		}
		if f.Key {
			b.keyed = now
		}
		b.out.Push(f)
	}
	if old := now.Sub(b.keyed) >= b.conf.PLIForRTMP; old || lost {
		b.keyed = now
		b.out.RequestKeyframe(now)
	}
	clear(frames)
	b.frames = frames[:0]
}

// convert turns sound into AAC. Where that can't be done the picture goes on alone.
func (b *bridging) convert(f *media.Frame) {
	if b.sound == nil && !b.silent {
		var err error
		if b.sound, err = audio.New(f.Format, media.AAC, b.conf.AACBitrate); err != nil {
			b.silent = true
			b.log.Warn("the sound can't be turned into AAC and is left out for viewers by HTTP", "codec", f.Format.Codec.String(), "err", err)
		}
	}
	if b.sound == nil {
		b.server.stats.soundErrors.Add(1)
		return
	}
	frames, err := b.sound.Push(f)
	for _, out := range frames {
		b.out.Push(out)
	}
	if err == nil {
		return
	}
	if b.server.stats.soundErrors.Add(1); !b.silent {
		b.silent = true // told once for a publication
		b.log.Warn("some of the sound can't be turned into AAC", "codec", f.Format.Codec.String(), "err", err)
	}
}
