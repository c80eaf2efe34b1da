package media

import "time"

// FrameFormat says how the frames of a track are coded, with what a decoder must be told before the first of them. It is
// immutable and shared by the track's frames; another value means that the parameters changed.
type FrameFormat struct {
	Codec Codec

	// Config is the decoder configuration in the form of ISO BMFF and of FLV: AVCDecoderConfigurationRecord (H264),
	// HEVCDecoderConfigurationRecord (H265), AV1CodecConfigurationRecord (AV1), the vpcC box with its version and flags
	// (VP9), AudioSpecificConfig (AAC), an OpusHead (RFC 7845 section 5.1) for Opus. Empty where the codec needs none.
	Config []byte

	Width, Height int // of the picture, 0 while not known
	SampleRate    int // of the sound, in Hz
	Channels      int
}

// Kind says whether the frames carry sound or picture.
func (f *FrameFormat) Kind() Kind { return f.Codec.Kind() }

// Frame is one access unit of picture or one coded piece of sound, as every protocol but RTP carries it. It is immutable
// once pushed into a stream and shared by every reader.
type Frame struct {
	Arrival time.Time // when the server had it complete
	Format  *FrameFormat

	// DTS and PTS count from the publication's beginning; they are exact to the sample, not sums of rounded durations.
	DTS, PTS time.Duration
	Key      bool // a decoder can begin here; always true for sound

	// Data is, for H264 and H265, NAL units each behind a 4-byte length, without parameter sets that Config has; for AV1
	// a temporal unit in the low-overhead format without temporal delimiters; for VP8 and VP9 a frame; for AAC one raw
	// access unit without ADTS; for Opus one packet.
	Data []byte

	// Tag is the frame's tag in FLV, at DTS, encoded once for all who are sent it (flv.Encode); Data is the end of its body.
	// Nil where FLV can't carry the frame.
	Tag []byte
}

// FrameItem is a frame as one reader gets it. When Break is not Continues, a run begins with it: From is where on the
// timeline it does, and no frame of the run is earlier.
type FrameItem struct {
	*Frame
	Break Break
	From  time.Duration
}

// Kind says whether it is sound or picture.
func (f *Frame) Kind() Kind { return f.Format.Kind() }
