package flv

import (
	"slices"
	"time"

	"oneport/media"
)

// Muxer makes the FLV file that a viewer by HTTP is sent. It keeps nothing between calls.
type Muxer struct {
	Says [media.Kinds]bool // what the file header says that there is, besides the kinds whose formats are known
}

// CheckCodec is the function of that name.
func (Muxer) CheckCodec(c media.Codec) error { return CheckCodec(c) }

// Begin appends what comes before the first frame: the file header, the metadata and the sequence headers.
func (m Muxer) Begin(dst []byte, formats [media.Kinds]*media.FrameFormat) ([]byte, error) {
	audio, video := formats[media.Audio], formats[media.Video]
	dst = AppendHeader(dst, audio != nil || m.Says[media.Audio], video != nil || m.Says[media.Video])
	dst = MetadataTag(audio, video, 0).Append(dst)
	for _, f := range slices.Backward(formats[:]) { // the picture first
		if f == nil {
			continue
		}
		tag, err := ConfigTag(f, 0)
		if err != nil {
			return dst, err
		}
		dst = tag.Append(dst)
	}
	return dst, nil
}

// Change appends the sequence header of a format that follows another.
func (Muxer) Change(dst []byte, f *media.FrameFormat, at time.Duration) ([]byte, error) {
	tag, err := ConfigTag(f, at)
	if err != nil {
		return dst, err
	}
	return tag.Append(dst), nil
}

// Append appends a frame's tag.
func (Muxer) Append(dst []byte, f *media.Frame, at time.Duration) ([]byte, error) {
	return AppendFrame(dst, f, at)
}
