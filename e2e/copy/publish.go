package main

import (
	"bytes"
	"context"
	"fmt"
	"math/bits"
	"os"
	"slices"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
)

// film is a file of fragmented MP4: its frames in the order of decoding.
type film struct {
	tracks []*gortmplib.Track
	frames []filmFrame
	length time.Duration
}

type filmFrame struct {
	track    *gortmplib.Track
	dts, pts time.Duration
	data     []byte
}

func publish(ctx context.Context, from, to string, length time.Duration) error {
	f, err := readFilm(from)
	if err != nil {
		return err
	}
	c, err := dial(ctx, to, true)
	if err != nil {
		return err
	}
	defer c.Close()
	w := &gortmplib.Writer{Conn: c, Tracks: f.tracks}
	if err := w.Initialize(); err != nil {
		return err
	}
	began := time.Now()
	for base := time.Duration(0); base < length; base += f.length {
		for _, frame := range f.frames {
			time.Sleep(time.Until(began.Add(base + frame.dts))) // in real time, as an encoder does
			frame.dts, frame.pts = frame.dts+base, frame.pts+base
			if err := frame.write(w); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f filmFrame) write(w *gortmplib.Writer) error {
	switch f.track.Codec.(type) {
	case *codecs.H264, *codecs.H265:
		var au h264.AVCC
		if err := au.Unmarshal(f.data); err != nil {
			return err
		}
		if _, ok := f.track.Codec.(*codecs.H264); ok {
			return w.WriteH264(f.track, f.pts, f.dts, au)
		}
		return w.WriteH265(f.track, f.pts, f.dts, au)
	case *codecs.AV1:
		var tu av1.Bitstream
		if err := tu.Unmarshal(f.data); err != nil {
			return err
		}
		return w.WriteAV1(f.track, f.pts, tu)
	case *codecs.Opus:
		return w.WriteOpus(f.track, f.pts, f.data)
	}
	return w.WriteMPEG4Audio(f.track, f.pts, f.data)
}

func readFilm(path string) (*film, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var head fmp4.Init
	if err := head.Unmarshal(bytes.NewReader(text)); err != nil {
		return nil, err
	}
	var parts fmp4.Parts
	if err := parts.Unmarshal(text); err != nil {
		return nil, err
	}
	f := &film{}
	tracks := make(map[int]*gortmplib.Track)
	scales := make(map[int]time.Duration)
	for _, t := range head.Tracks {
		track, err := trackOf(t.Codec)
		if err != nil {
			return nil, err
		}
		tracks[t.ID], scales[t.ID] = track, time.Duration(t.TimeScale)
		f.tracks = append(f.tracks, track)
	}
	for _, p := range parts {
		for _, t := range p.Tracks {
			f.add(tracks[t.ID], scales[t.ID], t)
		}
	}
	slices.SortStableFunc(f.frames, func(a, b filmFrame) int { return int(a.dts - b.dts) })
	return f, nil
}

func (f *film) add(track *gortmplib.Track, scale time.Duration, t *fmp4.PartTrack) {
	at := int64(t.BaseTime)
	for _, s := range t.Samples {
		f.frames = append(f.frames, filmFrame{
			track: track, data: s.Payload,
			dts: time.Duration(at) * time.Second / scale, pts: time.Duration(at+int64(s.PTSOffset)) * time.Second / scale,
		})
		at += int64(s.Duration)
	}
	f.length = max(f.length, time.Duration(at)*time.Second/scale)
}

// trackOf is a file's track as RTMP has it.
func trackOf(c fmp4.Codec) (*gortmplib.Track, error) {
	switch c := c.(type) {
	case *fmp4.CodecH264:
		return &gortmplib.Track{Codec: &codecs.H264{SPS: c.SPS, PPS: c.PPS}}, nil
	case *fmp4.CodecH265:
		return &gortmplib.Track{Codec: &codecs.H265{VPS: c.VPS, SPS: c.SPS, PPS: c.PPS}}, nil
	case *fmp4.CodecAV1:
		return &gortmplib.Track{Codec: &codecs.AV1{}}, nil
	case *fmp4.CodecMPEG4Audio:
		return &gortmplib.Track{Codec: &codecs.MPEG4Audio{Config: &c.Config}}, nil
	case *fmp4.CodecOpus:
		// The library writes its numbers in the other byte order than RFC 7845 has them.
		head := &opus.IDHeader{Version: 1, ChannelCount: uint8(c.ChannelCount), InputSampleRate: bits.ReverseBytes32(48000)}
		return &gortmplib.Track{Codec: &codecs.Opus{IDHeader: head}}, nil
	}
	return nil, fmt.Errorf("a track of %T", c)
}
