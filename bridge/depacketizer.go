// Package bridge turns the packets of a stream into frames, and frames into packets.
//
// A Depacketizer serves a stream that a WebRTC publisher feeds, a Packetizer one fed by a protocol that carries frames.
// Neither changes the coding: where the codecs differ, package audio stands between the bridge and the stream.
package bridge

import (
	"time"

	"oneport/media"
)

// askInterval is how often a keyframe is asked for while none comes.
const askInterval = 500 * time.Millisecond

// Depacketizer makes frames of a publication's packets, which may come in any order and with gaps.
//
// Packets are put in order first: one that is missing is waited for, 200 ms at most. A picture that is not whole is left
// out, with all that follow it up to the next keyframe. Times count from the publication's beginning; those of picture and
// of sound each increase with every frame, and since what RTP carries here has no B-frames, PTS is DTS.
type Depacketizer struct {
	clock clock
	audio audioTrack
	video videoTrack
}

// DepacketizerStats counts what a Depacketizer made of its packets.
type DepacketizerStats struct {
	Packets [media.Kinds]ReorderStats
	Frames  [media.Kinds]uint64

	Incomplete uint64 // pictures left out because a packet was missing or made no sense
	Skipped    uint64 // pictures left out because none that they build on was there
	Backwards  uint64 // frames left out because their time is not after that of the frame before
	Jumps      uint64 // timestamps too far from their arrival to be believed
}

// NewDepacketizer makes a Depacketizer for a publication that began at origin.
func NewDepacketizer(origin time.Time) *Depacketizer {
	d := &Depacketizer{clock: clock{origin: origin}}
	d.video.waits = true
	return d
}

// Push takes a packet and appends to dst the frames that are complete with it. The publisher is to be asked for a keyframe
// if needKeyframe is true: nothing of the picture can be used before.
//
// Packets come in order of their arrival, however long ago that was: what is missing is given up by when the packet that
// follows it arrived, and so a bridge that begins with what lay there makes of it what it would have made then.
func (d *Depacketizer) Push(now time.Time, pkt *media.Packet, dst []*media.Frame) (frames []*media.Frame, needKeyframe bool) {
	if pkt.Kind() == media.Audio {
		d.audio.order.push(pkt)
	} else {
		d.video.order.push(pkt)
	}
	return d.advance(now, pkt.Arrival, dst), d.video.ask(now)
}

// Begin says that a run of packets begins: those of the kind below first will not come, and must not be waited for. It is
// what First of a media.Item says. After another publication began, it takes another Depacketizer.
func (d *Depacketizer) Begin(k media.Kind, first uint64) {
	if k == media.Audio {
		d.audio.order.begin(first)
	} else {
		d.video.order.begin(first)
	}
}

// Tick does what is due when there is no packet that arrived before now: it gives up missing packets and appends the frames
// that this sets free.
func (d *Depacketizer) Tick(now time.Time, dst []*media.Frame) (frames []*media.Frame, needKeyframe bool) {
	return d.advance(now, now, dst), d.video.ask(now)
}

// advance takes what is in order, or out of patience at a time: that of the newest arrival.
func (d *Depacketizer) advance(now, arrived time.Time, dst []*media.Frame) []*media.Frame {
	for pkt, _ := d.audio.order.pop(arrived); pkt != nil; pkt, _ = d.audio.order.pop(arrived) {
		if f := d.audio.take(&d.clock, now, pkt); f != nil {
			dst = append(dst, f)
		}
	}
	for pkt, gap := d.video.order.pop(arrived); pkt != nil; pkt, gap = d.video.order.pop(arrived) {
		dst = d.video.take(&d.clock, now, pkt, gap, dst)
	}
	return dst
}

// Deadline is when Tick has something to do unless a packet comes first, zero if never.
func (d *Depacketizer) Deadline() time.Time {
	a, v := d.audio.order.deadline(), d.video.order.deadline()
	if a.IsZero() || !v.IsZero() && v.Before(a) {
		return v
	}
	return a
}

// SetTiming takes what a sender report says of a track's clock, in the server's time.
func (d *Depacketizer) SetTiming(k media.Kind, t media.Timing) {
	d.clock.setTiming(&d.clock.tracks[k], t)
}

// Stats tells the counters.
func (d *Depacketizer) Stats() DepacketizerStats {
	s := d.video.counted
	s.Packets = [media.Kinds]ReorderStats{media.Audio: d.audio.order.counted, media.Video: d.video.order.counted}
	s.Frames[media.Audio] = d.audio.frames
	s.Backwards += d.audio.backwards
	s.Jumps = d.clock.jumps
	return s
}

// audioTrack makes a frame of each packet.
type audioTrack struct {
	order     reorder
	packets   media.Format // that of the last packet
	format    *media.FrameFormat
	frames    uint64
	backwards uint64
}

func (t *audioTrack) take(c *clock, now time.Time, pkt *media.Packet) *media.Frame {
	if len(pkt.Payload) == 0 {
		return nil // padding
	}
	if t.format == nil || t.packets != *pkt.Format {
		t.packets, t.format = *pkt.Format, audioFormat(pkt.Format)
	}
	at, ok := c.place(media.Audio, pkt.Timestamp, clockRate(pkt.Format), pkt.Arrival)
	if !ok {
		t.backwards++
		return nil
	}
	t.frames++
	return &media.Frame{Arrival: now, Format: t.format, DTS: at, PTS: at, Key: true, Data: pkt.Payload}
}

func audioFormat(f *media.Format) *media.FrameFormat {
	format := &media.FrameFormat{Codec: f.Codec, SampleRate: int(clockRate(f)), Channels: max(int(f.Channels), 1)}
	if f.Codec == media.Opus {
		format.Channels = 2 // a decoder makes two of whatever a packet has (RFC 7587, section 7)
		format.Config = media.OpusHead(format.Channels)
	}
	return format
}

// clockRate is the format's, or what the codec always has.
func clockRate(f *media.Format) uint32 {
	switch {
	case f.ClockRate > 0:
		return f.ClockRate
	case f.Codec == media.Opus:
		return 48000
	case f.Codec.Kind() == media.Audio:
		return 8000
	}
	return 90000
}
