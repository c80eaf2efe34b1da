// Package audio turns coded sound of one codec into coded sound of another, with timestamps that are exact to the sample.
package audio

import (
	"errors"
	"fmt"

	"oneport/media"
)

// ErrUnsupported marks sound that cannot be converted, however it is sent: HE-AAC, more than two channels, an odd rate.
// Sound that is merely damaged has other errors.
var ErrUnsupported = errors.New("can't be converted")

// unsupported makes an ErrUnsupported that names what cannot be converted and says what to do about it.
func unsupported(what, remedy string) error {
	return fmt.Errorf("audio: %s %w: %s", what, ErrUnsupported, remedy)
}

// outRate is the sample rate of all the sound we encode: Opus has no other clock, and AAC needs no other.
const outRate = 48000

// Bits a second when none were asked for, and the least that sounds right for each channel.
const (
	defaultAAC, leastAAC   = 64000, 24000
	defaultOpus, leastOpus = 48000, 24000
	mostAAC, mostOpus      = 256000, 255000
)

// New returns a transcoder from frames of one format to frames of a codec, at so many bits a second for all channels
// together; 0 asks for the default, and what the codec cannot do well is brought within bounds. The sound keeps its
// channels. It fails with ErrUnsupported where the two cannot be converted.
func New(from *media.FrameFormat, to media.Codec, bitrate int) (*Transcoder, error) {
	dec, err := newDecoder(from)
	if err != nil {
		return nil, err
	}
	channels := dec.channels()
	switch {
	case from.Codec == to:
		return nil, unsupported(from.Codec.String()+" to "+to.String(), "there is nothing to convert")
	case to == media.AAC:
		enc, err := newAACEncoder(outRate, channels, perChannel(bitrate, channels, leastAAC, defaultAAC, mostAAC))
		if err != nil {
			return nil, err
		}
		return newTranscoder(from, dec, enc, aacFormat(channels)), nil
	case to == media.Opus:
		enc, err := newOpusEncoder(channels, perChannel(bitrate, channels, leastOpus, defaultOpus, mostOpus))
		if err != nil {
			return nil, err
		}
		return newTranscoder(from, dec, enc, opusFormat(channels, enc.preSkip())), nil
	}
	return nil, unsupported("sound to "+to.String(), "only Opus and AAC-LC can be made")
}

// perChannel brings a bitrate for all channels within the bounds given for one of them.
func perChannel(bitrate, channels, least, usual, most int) int {
	if bitrate <= 0 {
		return usual * channels
	}
	return min(max(bitrate, least*channels), most*channels)
}

func aacFormat(channels int) *media.FrameFormat {
	config := AudioSpecificConfig{ObjectType: aacLC, SampleRate: outRate, Channels: channels}
	return &media.FrameFormat{Codec: media.AAC, Config: config.Append(nil), SampleRate: outRate, Channels: channels}
}

func opusFormat(channels, preSkip int) *media.FrameFormat {
	head := OpusHead{Channels: channels, PreSkip: preSkip, SampleRate: outRate}
	return &media.FrameFormat{Codec: media.Opus, Config: head.Append(nil), SampleRate: outRate, Channels: channels}
}

// newDecoder returns the decoder for a format.
func newDecoder(f *media.FrameFormat) (decoder, error) {
	switch {
	case f == nil:
		return nil, errors.New("audio: no format is known")
	case f.Codec == media.Opus:
		return newOpusDecoder(f)
	case f.Codec == media.AAC:
		return newAACDecoder(f)
	}
	return nil, unsupported(f.Codec.String(), "send Opus or AAC-LC")
}
