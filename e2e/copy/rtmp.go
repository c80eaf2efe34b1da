package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// dial connects. The library wants what follows the last slash as the URL's fragment.
func dial(ctx context.Context, to string, publish bool) (*gortmplib.Client, error) {
	i := strings.LastIndexByte(to, '/')
	u, err := url.Parse(to[:i] + "#" + to[i+1:])
	if err != nil {
		return nil, err
	}
	c := &gortmplib.Client{URL: u, Publish: publish}
	if err := c.Initialize(ctx); err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, c.Close)
	return c, nil
}

func playRTMP(ctx context.Context, from string, out *matroska) error {
	c, err := dial(ctx, from, false)
	if err != nil {
		return err
	}
	defer c.Close()
	return copyMessages(c, out)
}

// copyMessages copies what comes as RTMP's messages.
func copyMessages(c gortmplib.Conn, out *matroska) error {
	r := &gortmplib.Reader{Conn: c}
	if err := r.Initialize(); err != nil {
		return err
	}
	var failed error
	keep := func(err error) {
		if failed == nil {
			failed = err
		}
	}
	for _, t := range r.Tracks() {
		if err := follow(r, t, out, keep); err != nil {
			return err
		}
	}
	for failed == nil {
		if err := r.Read(); err != nil {
			return err
		}
	}
	return failed
}

// follow has a track's frames written.
func follow(r *gortmplib.Reader, t *gortmplib.Track, out *matroska, keep func(error)) error {
	switch c := t.Codec.(type) {
	case *codecs.H264:
		out.video("V_MPEG4/ISO/AVC", nil)
		r.OnDataH264(t, annexB(out, keep, isH264Picture, c.SPS, c.PPS))
	case *codecs.H265:
		out.video("V_MPEGH/ISO/HEVC", nil)
		r.OnDataH265(t, annexB(out, keep, isH265Picture, c.VPS, c.SPS, c.PPS))
	case *codecs.AV1:
		out.video("V_AV1", nil)
		r.OnDataAV1(t, func(at time.Duration, tu [][]byte) {
			data, err := av1.Bitstream(tu).Marshal()
			keep(err)
			keep(out.frame(videoTrack, at, data))
		})
	case *codecs.VP9:
		out.video("V_VP9", nil)
		r.OnDataVP9(t, func(at time.Duration, data []byte) { keep(out.frame(videoTrack, at, data)) })
	case *codecs.Opus:
		head, err := c.IDHeader.Marshal()
		if err != nil {
			return err
		}
		out.audio("A_OPUS", head, 48000, int(c.IDHeader.ChannelCount))
		r.OnDataOpus(t, func(at time.Duration, data []byte) { keep(out.frame(audioTrack, at, data)) })
	case *codecs.MPEG4Audio:
		return followAAC(r, t, c.Config, out, keep)
	default:
		return fmt.Errorf("a track of %T", c)
	}
	return nil
}

func followAAC(r *gortmplib.Reader, t *gortmplib.Track, c *mpeg4audio.AudioSpecificConfig, out *matroska, keep func(error)) error {
	config, err := c.Marshal()
	if err != nil {
		return err
	}
	out.audio("A_AAC", config, float64(c.SampleRate), int(c.ChannelConfig))
	r.OnDataMPEG4Audio(t, func(at time.Duration, data []byte) { keep(out.frame(audioTrack, at, data)) })
	return nil
}

// annexB writes access units with start codes. Parameter sets that come alone go before the picture that follows.
func annexB(out *matroska, keep func(error), picture func(nal []byte) bool, sets ...[]byte) gortmplib.OnDataH26xFunc {
	return func(pts, _ time.Duration, au [][]byte) {
		if !slices.ContainsFunc(au, picture) {
			sets = au
			return
		}
		data, err := h264.AnnexB(append(sets, au...)).Marshal()
		sets = nil
		keep(err)
		keep(out.frame(videoTrack, pts, data))
	}
}

func isH264Picture(nal []byte) bool { return len(nal) > 0 && nal[0]&0x1f >= 1 && nal[0]&0x1f <= 5 }
func isH265Picture(nal []byte) bool { return len(nal) > 0 && nal[0]>>1&0x3f < 32 }
