package bridge

import (
	"bytes"
	"errors"
	"time"

	"oneport/media"
)

// maxFrame is the size of the largest picture that is put together.
const maxFrame = 8 << 20

var (
	errPayload  = errors.New("bridge: an RTP payload is malformed")
	errFragment = errors.New("bridge: a fragment is missing")
	errTooLarge = errors.New("bridge: a picture is too large")
)

// An assembler puts a picture together of the payloads of its packets, which come in order and without gaps.
type assembler interface {
	add(payload []byte) error
	// finish returns the picture and is ready for the next. Without data there was none, only parameters.
	finish() (picture, error)
}

type picture struct {
	data          []byte // until the next payload
	key           bool
	bare          bool   // a keyframe without parameter sets, of an encoder that sends them with each
	config        []byte // the decoder configuration, if it was told
	width, height int    // if no configuration says so
}

func newAssembler(c media.Codec) assembler {
	switch c {
	case media.H264, media.H265:
		return &nalAssembler{codec: c}
	case media.AV1:
		return &av1Assembler{}
	case media.VP8, media.VP9:
		return &vpxAssembler{codec: c}
	}
	return nil
}

// videoTrack makes a frame of the packets of each picture.
type videoTrack struct {
	order reorder

	codec  media.Codec
	parts  assembler // nil before the first packet, and for a codec that is not known
	format *media.FrameFormat

	// The picture that is put together.
	open    bool
	whole   bool // nothing of it is missing or malformed so far
	headed  bool // nothing is missing before it
	ts      uint32
	arrived time.Time // its first packet

	waits   bool // for a keyframe
	wanted  bool // a picture was left out for lack of one
	asked   time.Time
	counted DepacketizerStats
}

// take adds a packet to its picture, and appends to dst what is complete with it.
func (t *videoTrack) take(c *clock, now time.Time, pkt *media.Packet, gap bool, dst []*media.Frame) []*media.Frame {
	if first := t.parts == nil; first || t.codec != pkt.Format.Codec {
		t.begin(pkt.Format.Codec)
		gap = true
	}
	if t.open && (gap || pkt.Timestamp != t.ts) {
		t.whole = t.whole && !gap // without a gap only the marker was missing
		dst = t.finish(c, now, pkt, dst)
	}
	if gap {
		t.waits = true
	}
	if t.parts == nil || len(pkt.Payload) == 0 {
		return dst
	}
	if !t.open {
		t.open, t.ts, t.arrived, t.headed = true, pkt.Timestamp, pkt.Arrival, !gap
		t.whole = !gap || pkt.Start && (t.codec != media.AV1 || pkt.Key) // AV1 tells the beginning of a picture only then
	}
	if t.whole && t.parts.add(pkt.Payload) != nil {
		t.whole = false
	}
	if pkt.Marker {
		dst = t.finish(c, now, pkt, dst)
	}
	return dst
}

// begin makes ready for a codec.
func (t *videoTrack) begin(c media.Codec) {
	t.codec, t.parts, t.format = c, newAssembler(c), nil
	t.open, t.waits = false, true
}

// finish ends the picture and appends it to dst if it can be used.
func (t *videoTrack) finish(c *clock, now time.Time, pkt *media.Packet, dst []*media.Frame) []*media.Frame {
	t.open = false
	p, err := t.parts.finish()
	t.reformat(p) // parameters hold even if the picture is of no use
	if err != nil || !t.whole || p.bare && !t.headed {
		t.counted.Incomplete++
		t.waits, t.wanted = true, true
		return dst
	}
	if len(p.data) == 0 {
		return dst
	}
	if t.format == nil || t.waits && !p.key {
		t.counted.Skipped++
		t.wanted = true
		return dst
	}
	at, ok := c.place(media.Video, t.ts, clockRate(pkt.Format), t.arrived)
	if !ok {
		t.counted.Backwards++
		return dst
	}
	t.waits, t.wanted, t.asked = false, false, time.Time{}
	t.counted.Frames[media.Video]++
	return append(dst, &media.Frame{Arrival: now, Format: t.format, DTS: at, PTS: at, Key: p.key, Data: bytes.Clone(p.data)})
}

// reformat makes a format of what a picture tells, if that is new.
func (t *videoTrack) reformat(p picture) {
	switch t.codec {
	case media.VP8, media.VP9:
		if !p.key || t.format != nil && bytes.Equal(t.format.Config, p.config) && t.format.Width == p.width && t.format.Height == p.height {
			return
		}
		t.format = &media.FrameFormat{Codec: t.codec, Config: p.config, Width: p.width, Height: p.height}
	default:
		if p.config == nil || t.format != nil && bytes.Equal(t.format.Config, p.config) {
			return
		}
		if f, err := media.NewFrameFormat(t.codec, p.config); err == nil {
			t.format = f
		}
	}
}

// ask reports whether a keyframe is to be asked for now.
func (t *videoTrack) ask(now time.Time) bool {
	if !t.wanted || !t.asked.IsZero() && now.Sub(t.asked) < askInterval {
		return false
	}
	t.asked = now
	return true
}
