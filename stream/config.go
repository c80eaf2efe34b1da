package stream

import "time"

// Config holds the settings of a hub. Every field must be set; the configuration fills in the declared defaults.
type Config struct {
	MaxStreams int `conf:"max_streams" default:"10000" doc:"The most streams, published or waited for, at one time."`
	MaxReaders int `conf:"max_viewers" default:"20000" doc:"The most viewers of all streams together."`

	Play    Play    `conf:"play"`
	Publish Publish `conf:"publish"`
}

// Play holds the settings about the way to the viewers.
type Play struct {
	GopCache    bool          `conf:"gop_cache" default:"on" doc:"Let a new viewer begin at a keyframe that came before it did."`
	GopMaxAge   time.Duration `conf:"gop_cache_max_age" default:"2000" unit:"ms" doc:"The greatest age of a keyframe that a new viewer begins at."`
	GopMaxBytes int           `conf:"gop_cache_max_bytes" default:"1048576" unit:"bytes" doc:"The most video that a new viewer is sent at once to begin with."`

	MaxLag         time.Duration `conf:"max_lag" default:"1000" unit:"ms" doc:"How far a viewer may fall behind before video is skipped up to a keyframe."`
	MWLatency      time.Duration `conf:"mw_latency" default:"0" unit:"ms" doc:"How long sound may be held to be written along with the next video frame."`
	ViewerPatience time.Duration `conf:"viewer_patience" default:"180" unit:"s" doc:"How long a viewer waits for a publisher to come or to return."`

	RingMaxAge     time.Duration `conf:"ring_max_age" default:"5000" unit:"ms" doc:"How long packets are kept for viewers that lag and for retransmission."`
	RingMaxBytes   int           `conf:"ring_max_bytes" default:"16777216" unit:"bytes" doc:"The most payload kept for the video of a stream, and as much for its audio."`
	RingMaxPackets int           `conf:"ring_max_packets" default:"16384" doc:"The most packets kept for the video of a stream, and as many for its audio; used as the power of two below it."`
}

// Publish holds the settings about the way from the publishers.
type Publish struct {
	PublisherSilence time.Duration `conf:"publisher_silence" default:"3000" unit:"ms" doc:"How long a publisher may send nothing before another may take its place."`
	KeyframeInterval time.Duration `conf:"keyframe_request_interval" default:"500" unit:"ms" doc:"The least time between two keyframe requests to a publisher."`
}
