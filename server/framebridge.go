package server

import (
	"time"

	"oneport/bridge"
	"oneport/flv"
	"oneport/media"
	"oneport/stream"
)

// frameBridging makes frames of one stream's packets, with the sound turned into AAC, for viewers of everything but WebRTC.
type frameBridging struct {
	bridging
	out *stream.FrameBridge

	// Owned by the goroutine; of the publication that is read.
	in      *bridge.Depacketizer     // nil before the first
	counted bridge.DepacketizerStats // what of in's counters is in the server's
	timings [media.Kinds]media.Timing
	sound   sound
	keyed   time.Time // when the last keyframe came, or was asked for because it is time for one

	items  []media.Item
	frames []*media.Frame
}

// frameBridge returns what a hub calls for a stream whose packets are to be frames, nil where that is not wanted.
func (s *Server) frameBridge(conf *VhostRTC) func(*stream.Stream) {
	if !conf.ToRTMP {
		return nil
	}
	return func(st *stream.Stream) {
		b := &frameBridging{bridging: s.newBridging(st, conf)}
		b.sound = sound{to: media.AAC, bitrate: conf.AACBitrate, log: b.log, errors: &s.stats.soundErrors}
		b.out = st.OpenFrameBridge(time.Now(), b)
		s.tasks.Go(func() { b.run(b, b.out) })
	}
}

// tell logs what came of the last publication.
func (b *frameBridging) tell() {
	if b.in == nil {
		b.log.Debug("bridge to frames ends, no packet came")
		return
	}
	stats := b.in.Stats()
	b.log.Debug("bridge to frames ends", "pictures", stats.Frames[media.Video], "incomplete", stats.Incomplete, "skipped", stats.Skipped,
		"sounds", stats.Frames[media.Audio], "lost", stats.Packets[media.Video].Lost+stats.Packets[media.Audio].Lost, "jumps", stats.Jumps)
}

// due is when a packet that is missing will have been waited for long enough.
func (b *frameBridging) due() time.Time {
	if b.in == nil {
		return time.Time{}
	}
	return b.in.Deadline()
}

// step takes the packets that have come.
func (b *frameBridging) step(now time.Time) {
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
		b.counted = b.server.stats.bridged.add(b.counted, b.in.Stats())
	}
}

// begin makes ready for a publication.
func (b *frameBridging) begin(now, since time.Time) {
	b.in = bridge.NewDepacketizer(since)
	b.counted, b.timings = bridge.DepacketizerStats{}, [media.Kinds]media.Timing{}
	b.sound.begin()
	b.keyed = now
}

// follow hands over what the publisher has said of its clocks.
func (b *frameBridging) follow() {
	for k := range media.Kinds {
		if t, ok := b.out.Timing(k); ok && t != b.timings[k] {
			b.timings[k] = t
			b.in.SetTiming(k, t)
		}
	}
}

func (b *frameBridging) take(now time.Time, item media.Item) {
	if item.Break != media.Continues {
		b.in.Begin(item.Kind(), item.First)
	}
	frames, lost := b.in.Push(now, item.Packet, b.frames[:0])
	b.put(now, frames, lost)
}

// put gives frames to the stream. A keyframe is asked for when the picture can't go on without one, and when the last is so
// long ago that viewers to come would begin too far back.
func (b *frameBridging) put(now time.Time, frames []*media.Frame, lost bool) {
	for _, f := range frames {
		if f.Kind() == media.Audio {
			for _, converted := range b.sound.convert(f) {
				b.give(converted)
			}
			continue
		}
		if f.Key {
			b.keyed = now
		}
		b.give(f)
	}
	if old := now.Sub(b.keyed) >= b.conf.PLIForRTMP; old || lost {
		b.keyed = now
		b.out.RequestKeyframe(now)
	}
	clear(frames)
	b.frames = frames[:0]
}

// give gives the stream a frame as its viewers get it.
func (b *frameBridging) give(f *media.Frame) {
	flv.Encode(f)
	b.out.Push(f)
}
