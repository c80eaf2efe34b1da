package stream

import (
	"errors"
	"fmt"
	"time"
)

// Config holds the settings of a hub; each must be set. The caps are those of the server as a whole, which declares them.
type Config struct {
	MaxStreams int // published or waited for, at one time
	MaxReaders int // of all streams together

	Play    Play
	Publish Publish

	// FrameBridge is told that somebody reads frames of a stream whose publisher sends packets: nobody writes them yet. It
	// must call OpenFrameBridge before it returns, and not block. Nil: such readers get nothing.
	FrameBridge func(*Stream)
	// PacketBridge is the same the other way: somebody reads packets of a stream whose publisher sends frames.
	PacketBridge func(*Stream)

	// Published, if not nil, is told of every publication that begins. It must not block.
	Published func(Name)
}

// Play holds the settings about the way to the viewers.
type Play struct {
	GopCache    bool          `conf:"gop_cache" default:"on" doc:"Let a new viewer begin at a keyframe that came before it did."`
	GopMaxAge   time.Duration `conf:"gop_cache_max_age" default:"2000" unit:"ms" doc:"The greatest age of a keyframe that a new viewer by WebRTC begins at; others begin at the newest, however old."`
	GopMaxBytes int           `conf:"gop_cache_max_bytes" default:"1048576" unit:"bytes" doc:"The most video that a new viewer by WebRTC is sent at once to begin with."`

	MaxLag         time.Duration `conf:"max_lag" default:"1000" unit:"ms" doc:"How far a viewer by WebRTC may fall behind before video is skipped up to a keyframe."`
	MWLatency      time.Duration `conf:"mw_latency" default:"0" unit:"ms" doc:"How long sound may be held to be written along with the next video frame."`
	QueueLength    time.Duration `conf:"queue_length" default:"10" unit:"s" doc:"How far a viewer by anything but WebRTC may fall behind before it is taken to the newest keyframe; frames are kept for so long."`
	GopMaxFrames   int           `conf:"gop_cache_max_frames" default:"2500" doc:"The most frames of a stream, sound and picture, that are kept for viewers by anything but WebRTC."`
	ViewerPatience time.Duration `conf:"viewer_patience" default:"180" unit:"s" doc:"How long a viewer waits for a publisher to come or to return; by HLS and DASH it asks again instead."`

	RingMaxAge     time.Duration `conf:"ring_max_age" default:"5000" unit:"ms" doc:"How long packets are kept for viewers that lag and for retransmission."`
	RingMaxBytes   int           `conf:"ring_max_bytes" default:"16777216" unit:"bytes" doc:"The most payload kept for the video of a stream, and as much for its audio."`
	RingMaxPackets int           `conf:"ring_max_packets" default:"16384" doc:"The most packets kept for the video of a stream, and as many for its audio; used as the power of two below it."`
}

// Publish holds the settings about the way from the publishers.
type Publish struct {
	PublisherSilence    time.Duration `conf:"publisher_silence" default:"3000" unit:"ms" doc:"How long a publisher may send nothing before another may take its place."`
	KeyframeInterval    time.Duration `conf:"keyframe_request_interval" default:"500" unit:"ms" doc:"The least time between two keyframe requests to a publisher."`
	LagKeyframeInterval time.Duration `conf:"keyframe_request_interval_lag" default:"2000" unit:"ms" doc:"The least time from a keyframe request to one that is only for viewers that fell behind by max_lag."`
}

// Check finds settings with which nothing could be played.
func (p Play) Check() error {
	var errs []error
	for _, s := range []struct {
		name  string
		value int64
	}{
		{"gop_cache_max_age", int64(p.GopMaxAge)},
		{"gop_cache_max_bytes", int64(p.GopMaxBytes)},
		{"gop_cache_max_frames", int64(p.GopMaxFrames)},
		{"max_lag", int64(p.MaxLag)},
		{"queue_length", int64(p.QueueLength)},
		{"viewer_patience", int64(p.ViewerPatience)},
		{"ring_max_bytes", int64(p.RingMaxBytes)},
		{"ring_max_packets", int64(p.RingMaxPackets)},
	} {
		errs = append(errs, positive(s.name, s.value))
	}
	if p.MWLatency < 0 {
		errs = append(errs, errors.New("mw_latency must not be negative"))
	}
	if least := p.MaxLag + p.GopMaxAge; p.RingMaxAge < least {
		errs = append(errs, fmt.Errorf("ring_max_age must be at least gop_cache_max_age and max_lag together, %d ms", least.Milliseconds()))
	}
	return errors.Join(errs...)
}

// Check finds settings that would let publishers displace each other, or be asked for nothing but keyframes.
func (p Publish) Check() error {
	return errors.Join(
		positive("publisher_silence", int64(p.PublisherSilence)),
		positive("keyframe_request_interval", int64(p.KeyframeInterval)),
		positive("keyframe_request_interval_lag", int64(p.LagKeyframeInterval)),
	)
}

func positive(name string, value int64) error {
	if value <= 0 {
		return fmt.Errorf("%s must be greater than 0", name)
	}
	return nil
}
