package bridge

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"oneport/media"
)

const (
	maxPayload = 1200    // bytes of an RTP payload, which leaves room for headers and tunnels
	firstSeq   = 1 << 16 // see media.Packet
)

// BFramesWarning says what a user can do about a publisher whose B-frames are left out.
const BFramesWarning = "the publisher sends B-frames, which WebRTC cannot show: they are left out and motion is less smooth; " +
	"encode without them (ffmpeg: -bf 0, x264: tune zerolatency, OBS: x264 option bframes=0)"

// OpenGroupsWarning says what a user can do about a publisher whose keyframes are none to a browser.
const OpenGroupsWarning = "the publisher sends open groups of pictures, at whose keyframes browsers can't begin: viewers by WebRTC wait for an IDR picture, " +
	"which may never come; encode with closed ones (ffmpeg: -flags +cgop, x264: open-gop=0)"

// PacketizerOptions say how packets are made. The zero value leaves SEI messages out.
type PacketizerOptions struct {
	KeepSEI bool // supplemental enhancement information of H264 and H265 is sent as well
}

// Packetizer makes RTP packets of a publication's frames, as WebRTC wants them: parameter sets before each keyframe, no
// B-frames, payloads of at most 1200 bytes, sequence numbers without gaps.
type Packetizer struct {
	options PacketizerOptions
	tracks  [media.Kinds]rtpTrack
	wall    wall
	counted PacketizerStats
}

// PacketizerStats counts what a Packetizer made of its frames.
type PacketizerStats struct {
	Frames  [media.Kinds]uint64
	Packets [media.Kinds]uint64
	BFrames uint64 // left out; see BFramesWarning
	Open    uint64 // keyframes of H264 at which browsers can't begin; see OpenGroupsWarning
	Refused uint64 // of codecs that RTP does not carry here, or malformed; left out
}

// rtpTrack is one kind of packets.
type rtpTrack struct {
	frames *media.FrameFormat // what format was made of
	format *media.Format
	begin  [][]byte // what goes before a keyframe: parameter sets, a sequence header

	seq     uint64 // of the next packet
	picture uint16 // number of the next picture of VP9
	started bool
	last    time.Duration // when the last frame is shown
	top     time.Duration // the latest time any frame is shown
}

// NewPacketizer makes a Packetizer.
func NewPacketizer(o PacketizerOptions) *Packetizer {
	p := &Packetizer{options: o}
	for k := range p.tracks {
		p.tracks[k].seq = firstSeq
	}
	return p
}

// Stats tells the counters.
func (p *Packetizer) Stats() PacketizerStats { return p.counted }

// Push takes the next frame of its kind and appends its packets to dst. An error, which names the codec, means that the
// frame cannot be carried; the frames that follow may.
func (p *Packetizer) Push(f *media.Frame, dst []*media.Packet) ([]*media.Packet, error) {
	k := f.Format.Kind()
	t := &p.tracks[k]
	if err := t.reformat(f.Format); err != nil {
		p.counted.Refused++
		return dst, err
	}
	p.wall.add(f)
	if k == media.Video && t.isB(f) {
		p.counted.BFrames++
		return dst, nil
	}
	payloads, err := t.payloads(f, p.options)
	if err == nil && len(payloads) == 0 {
		err = errFrame
	}
	if err != nil {
		p.counted.Refused++
		return dst, err
	}
	if f.Key && f.Format.Codec == media.H264 && !refreshes(f) {
		p.counted.Open++
	}
	t.last, t.top, t.started = f.PTS, f.PTS, true
	p.counted.Frames[k]++
	p.counted.Packets[k] += uint64(len(payloads))
	return t.appendPackets(dst, f, payloads), nil
}

// isB reports whether a frame is shown before one that was decoded before it. DTS never goes back within a publication,
// so that this is the only way for PTS to do so.
func (t *rtpTrack) isB(f *media.Frame) bool {
	return t.started && f.PTS <= t.top && !f.Key
}

// appendPackets puts headers before the payloads of one frame.
func (t *rtpTrack) appendPackets(dst []*media.Packet, f *media.Frame, payloads [][]byte) []*media.Packet {
	packets := make([]media.Packet, len(payloads))
	ts := uint32(ticks(f.PTS, int64(t.format.ClockRate)))
	for i, payload := range payloads {
		start, key := media.Inspect(t.format.Codec, payload)
		packets[i] = media.Packet{
			Arrival: f.Arrival, Format: t.format, Seq: t.seq, Timestamp: ts, Payload: payload,
			Marker: i == len(payloads)-1 && t.format.Codec.Kind() == media.Video,
			Start:  start, Key: key,
		}
		t.seq++
		dst = append(dst, &packets[i])
	}
	return dst
}

// ticks is a time in a clock of that rate, to the nearest.
func ticks(at time.Duration, rate int64) int64 {
	whole, part := int64(at/time.Second), int64(at%time.Second)
	if part < 0 {
		whole, part = whole-1, part+int64(time.Second)
	}
	return whole*rate + (part*rate+int64(time.Second)/2)/int64(time.Second)
}

// PacketFormat is the format of the packets that frames of a format are made into. The error names a codec that WebRTC does
// not carry.
func PacketFormat(f *media.FrameFormat) (media.Format, error) {
	format, _, err := packetFormat(f)
	return format, err
}

// packetFormat also returns what goes before a keyframe.
func packetFormat(f *media.FrameFormat) (format media.Format, begin [][]byte, err error) {
	format = media.Format{Codec: f.Codec, ClockRate: 90000}
	switch f.Codec {
	case media.H264, media.H265:
		sets, _, err := media.ReadParameterSets(f.Codec, f.Config)
		if err != nil {
			return format, nil, fmt.Errorf("bridge: %v: %w", f.Codec, err)
		}
		begin = sets.All()
		if f.Codec == media.H264 {
			format.Profile, format.PacketizationMode = hex.EncodeToString(f.Config[1:4]), 1
		}
	case media.AV1:
		if begin = sequenceHeader(f.Config); len(begin) > 0 {
			format.Profile = strconv.Itoa(int(f.Config[1] >> 5)) // seq_profile
		}
	case media.VP8:
	case media.VP9:
		if len(f.Config) > 4 {
			format.Profile = strconv.Itoa(int(f.Config[4]))
		}
	case media.Opus:
		format.ClockRate, format.Channels = 48000, 2
	case media.PCMU, media.PCMA:
		format.ClockRate, format.Channels = 8000, 1
	default:
		return format, nil, fmt.Errorf("bridge: %v cannot be sent to WebRTC", f.Codec)
	}
	return format, begin, nil
}

// reformat makes the format of the packets of that of the frames, once for each.
func (t *rtpTrack) reformat(f *media.FrameFormat) error {
	if f == t.frames {
		return nil
	}
	format, begin, err := packetFormat(f)
	if err != nil {
		return err
	}
	t.frames, t.begin = f, begin
	if t.format == nil || *t.format != format {
		t.format = &format
	}
	return nil
}

// payloads cuts a frame into RTP payloads.
func (t *rtpTrack) payloads(f *media.Frame, o PacketizerOptions) ([][]byte, error) {
	switch f.Format.Codec {
	case media.H264, media.H265:
		return nalPayloads(f, t.begin, o.KeepSEI)
	case media.AV1:
		return av1Payloads(f, t.begin)
	case media.VP8:
		return vp8Payloads(f), nil
	case media.VP9:
		t.picture = (t.picture + 1) & 0x7fff
		return vp9Payloads(f, t.picture), nil
	}
	if len(f.Data) == 0 {
		return nil, nil
	}
	return [][]byte{f.Data}, nil
}

// Timing pins a track's RTP clock to the wall clock, for sender reports. Those of both tracks, taken between the same two
// frames, keep sound and picture exactly as far apart as the frames have them.
func (p *Packetizer) Timing(k media.Kind) (t media.Timing, ok bool) {
	track := &p.tracks[k]
	if !track.started {
		return media.Timing{}, false
	}
	return media.Timing{RTP: uint32(ticks(track.last, int64(track.format.ClockRate))), At: p.wall.at(track.last)}, true
}

// wall maps the time of frames to the wall clock: as if those that took the shortest way had taken none. It follows a
// publisher whose clock is not ours by at most maxStep a frame.
type wall struct {
	origin  time.Time
	started bool
	delay   floor
	offset  time.Duration
}

func (w *wall) add(f *media.Frame) {
	if !w.started {
		w.origin, w.started = f.Arrival.Add(-f.DTS), true
	}
	arrival := f.Arrival.Sub(w.origin)
	w.delay.add(arrival, arrival-f.DTS)
	w.offset += max(-maxStep, min(w.delay.least()-w.offset, maxStep))
}

func (w *wall) at(t time.Duration) time.Time { return w.origin.Add(t + w.offset) }
