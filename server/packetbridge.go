package server

import (
	"fmt"
	"net/http"
	"time"

	"oneport/bridge"
	"oneport/media"
	"oneport/stream"
)

// packetBridging makes packets of one stream's frames, with the sound turned into Opus, for viewers by WebRTC.
type packetBridging struct {
	bridging
	bridge *stream.PacketBridge

	// Owned by the goroutine; of the publication that is read.
	packets *bridge.Packetizer // nil before the first
	sound   sound
	refused [media.Kinds]*media.FrameFormat // that WebRTC can't carry, which was told
	bFrames uint64                          // counted so far
	open    bool                            // open groups of pictures were told

	frames []*media.Frame
	out    []*media.Packet
}

// packetBridge returns what a hub calls for a stream whose frames are to be packets, nil where that is not wanted.
func (s *Server) packetBridge(conf *VhostRTC) func(*stream.Stream) {
	if !conf.Enabled || !conf.FromRTMP {
		return nil
	}
	return func(st *stream.Stream) {
		b := &packetBridging{bridging: s.newBridging(st, conf)}
		b.sound = sound{to: media.Opus, bitrate: conf.OpusBitrate, log: b.log, errors: &s.stats.soundErrors}
		b.bridge = st.OpenPacketBridge(time.Now(), b)
		s.tasks.Go(func() { b.run(b, b.bridge) })
	}
}

func (b *packetBridging) due() time.Time { return time.Time{} }

func (b *packetBridging) tell() {
	if b.packets == nil {
		b.log.Debug("bridge to packets ends, no frame came")
		return
	}
	stats := b.packets.Stats()
	b.log.Debug("bridge to packets ends", "pictures", stats.Frames[media.Video], "sounds", stats.Frames[media.Audio],
		"b_frames", stats.BFrames, "refused", stats.Refused, "skips", b.bridge.Skips())
}

// step takes the frames that have come.
func (b *packetBridging) step(now time.Time) {
	for {
		b.frames = b.bridge.Next(b.frames[:0], frameBatch)
		if _, turned := b.bridge.Turn(); turned {
			if b.packets = nil; b.server.onlyBySRT(b.name) {
				return // its viewers are told
			}
			b.packets = bridge.NewPacketizer(bridge.PacketizerOptions{KeepSEI: b.conf.KeepSEI})
			b.sound.begin()
			b.refused, b.bFrames, b.open = [media.Kinds]*media.FrameFormat{}, 0, false
		}
		if len(b.frames) == 0 || b.packets == nil {
			return
		}
		for _, f := range b.frames {
			b.take(now, f)
		}
		clear(b.frames)
		b.pin()
		b.count()
	}
}

// pin tells viewers of both clocks at once: what is told of one while the wall clock is followed by the other's frames would
// put sound and picture apart.
func (b *packetBridging) pin() {
	for k := range media.Kinds {
		if t, ok := b.packets.Timing(k); ok {
			b.bridge.SetTiming(k, t)
		}
	}
}

// take gives the stream the packets of a frame.
func (b *packetBridging) take(now time.Time, f *media.Frame) {
	if f.Kind() == media.Audio && !carriesSound(f.Format) {
		for _, converted := range b.sound.convert(f) {
			b.packetize(now, converted)
		}
		return
	}
	b.packetize(now, f)
}

// carriesSound reports whether WebRTC takes sound as it is.
func carriesSound(f *media.FrameFormat) bool {
	switch f.Codec {
	case media.Opus:
		return f.Channels <= 2 // what has more is several streams in one (RFC 7845 section 5.1.1)
	case media.PCMU, media.PCMA:
		return f.Channels == 1 && f.SampleRate == 8000
	}
	return false
}

func (b *packetBridging) packetize(now time.Time, f *media.Frame) {
	var err error
	b.out, err = b.packets.Push(f, b.out[:0])
	if k := f.Kind(); err != nil && b.refused[k] != f.Format {
		b.refused[k] = f.Format
		b.log.Warn("viewers by WebRTC do not get what is published", "codec", f.Format.Codec.String(), "err", err)
	}
	for _, pkt := range b.out {
		pkt.Arrival = now // viewers count their lag from when they could have had it
	}
	b.bridge.Push(b.out)
	clear(b.out)
}

// count adds the B-frames that were left out to the server's, and warns of the first, and of groups of pictures that are open.
func (b *packetBridging) count() {
	stats := b.packets.Stats()
	if stats.Open > 0 && !b.open {
		b.open = true
		b.log.Warn(bridge.OpenGroupsWarning)
	}
	n := stats.BFrames
	if n > 0 && b.bFrames == 0 {
		b.log.Warn(bridge.BFramesWarning)
	}
	b.server.stats.bFrames.Add(n - b.bFrames)
	b.bFrames = n
}

var errUnbridged = statusError{http.StatusNotAcceptable, "the stream is published by RTMP or SRT, and rtc.rtmp_to_rtc is off for this virtual host: switch it on"}

// formats are what a viewer by WebRTC would get of a stream now: what is published, or what the bridge would make of it.
// None are known while nobody publishes.
func (s *Server) formats(hub *stream.Hub, name stream.Name) ([]media.Format, error) {
	list, published := hub.Formats(name), hub.FrameFormats(name)
	if s.onlyBySRT(name) {
		return nil, errNotFromSRT
	}
	if len(published) > 0 && !s.config.Vhosts.Find(name.Vhost).Settings.RTC.FromRTMP {
		return nil, errUnbridged
	}
	for _, f := range published {
		format, err := bridge.PacketFormat(f)
		if f.Kind() == media.Audio {
			if !carriesSound(f) {
				format = media.Format{Codec: media.Opus, ClockRate: 48000, Channels: 2}
			}
			err = nil
		}
		if err != nil {
			return nil, statusError{http.StatusNotAcceptable, fmt.Sprintf("the stream is %v, which WebRTC does not carry here: %v", f.Codec, err)}
		}
		list = append(list, format)
	}
	return list, nil
}
