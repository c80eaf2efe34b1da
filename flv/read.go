package flv

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"oneport/media"
)

var (
	// ErrUnsupported says that a tag has a codec that is not known here; the error names it.
	ErrUnsupported = errors.New("flv: unsupported codec")
	// ErrNoConfig says that a frame came before the sequence header that it needs.
	ErrNoConfig = errors.New("flv: a frame without a sequence header before it")

	errShort       = errors.New("flv: a tag is cut short")
	errComposition = errors.New("flv: a composition time is beyond belief")
)

// maxComposition is how far decoding and showing a picture may be apart.
const maxComposition = 10 * time.Second

// Reader makes frames of one publisher's tags. No error is fatal to it: the tag is left out, and counted.
//
// The times of the frames begin near 0 and increase with every frame of a track, whatever the tags say: see Stats for how
// often that took a correction.
type Reader struct {
	tracks   [media.Kinds]track
	times    media.Timeline
	metadata Metadata
	stats    Stats
}

// track is what is known of one kind of frames.
type track struct {
	format     *media.FrameFormat
	sets       media.ParameterSets // of H264 and H265
	lengthSize int
}

// Stats counts what a Reader made of its tags.
type Stats struct {
	Frames    uint64
	Malformed uint64 // tags left out because they make no sense, or hold a codec that is not known
	Missing   uint64 // frames left out because no sequence header had come
	Ignored   uint64 // tags left out because they are not for us: commands, further tracks, unknown packets
	Backwards uint64 // frames put after the one before them, because their times were not
	Jumps     uint64 // times that went back or ahead too far to be believed, where the timeline goes on as if they had not
}

// Stats tells the counters.
func (r *Reader) Stats() Stats {
	s := r.stats
	s.Backwards, s.Jumps = r.times.Backwards, r.times.Jumps
	return s
}

// Metadata is the last onMetaData.
func (r *Reader) Metadata() Metadata { return r.metadata }

// Format is how the frames of a kind are coded, nil until its sequence header has come.
func (r *Reader) Format(k media.Kind) *media.FrameFormat { return r.tracks[k].format }

// Read takes a tag, whose body must not be changed afterwards: the frame may share it. Many tags are not frames: for those
// the frame is nil without an error.
func (r *Reader) Read(arrival time.Time, tag Tag) (*media.Frame, error) {
	frame, err := r.read(tag)
	switch {
	case errors.Is(err, ErrNoConfig):
		r.stats.Missing++
	case err != nil:
		r.stats.Malformed++
	case frame != nil:
		frame.Arrival = arrival
		r.stats.Frames++
	}
	return frame, err
}

func (r *Reader) read(tag Tag) (*media.Frame, error) {
	var m message
	var err error
	switch tag.Type {
	case Audio:
		m, err = unpackAudio(tag.Body)
	case Video:
		m, err = unpackVideo(tag.Body)
	case Script:
		return nil, r.readScript(tag.Body)
	default:
		return nil, errType
	}
	if err != nil {
		return nil, err
	}
	switch m.content {
	case isConfig:
		return nil, r.tracks[m.codec.Kind()].configure(m.codec, m.data)
	case isFrame:
		return r.readFrame(tag.Time, m)
	}
	r.stats.Ignored++
	return nil, nil
}

func (r *Reader) readScript(body []byte) error {
	m, err := ParseMetadata(body)
	if err == nil && m != (Metadata{}) {
		r.metadata = m
	}
	return err
}

// mostSlack is how many bytes more than it needs a frame may keep alive, besides as many as it has.
const mostSlack = 4 << 10

func (r *Reader) readFrame(ts uint32, m message) (*media.Frame, error) {
	if m.composition > maxComposition || m.composition < -maxComposition {
		return nil, errComposition
	}
	kind := m.codec.Kind()
	t := &r.tracks[kind]
	if t.format == nil || t.format.Codec != m.codec {
		return nil, fmt.Errorf("%w: %v", ErrNoConfig, m.codec)
	}
	data, key, err := t.clean(m.data)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		r.stats.Ignored++
		return nil, nil
	}
	if cap(data) > 2*len(data)+mostSlack {
		data = bytes.Clone(data) // or a frame of a few bytes would keep the message alive that it came in
	}
	at, late := r.times.Place(media.Clock{Rate: 1000, Bits: 32}, kind, uint64(ts))
	dts := time.Duration(at) * time.Millisecond
	shown := dts - time.Duration(late)*time.Millisecond + m.composition
	return &media.Frame{Format: t.format, DTS: dts, PTS: max(dts, shown), Key: m.key || key || kind == media.Audio, Data: data}, nil
}

// configure takes a sequence header. One that says nothing new changes nothing.
func (t *track) configure(c media.Codec, config []byte) error {
	if t.format != nil && t.format.Codec == c && bytes.Equal(t.format.Config, config) {
		return nil
	}
	next := track{lengthSize: 4}
	var err error
	if c == media.H264 || c == media.H265 {
		if next.sets, next.lengthSize, err = media.ReadParameterSets(c, config); err != nil {
			return err
		}
		config = next.sets.Config(c) // frames get lengths of four bytes
	}
	if t.format != nil && t.format.Codec == c && bytes.Equal(t.format.Config, config) {
		t.lengthSize = next.lengthSize
		return nil
	}
	if next.format, err = media.NewFrameFormat(c, config); err != nil {
		return err
	}
	*t = next
	return nil
}
