// Package flv turns frames into the tags that RTMP and HTTP-FLV share, and tags into frames.
//
// Both the legacy codings (H264 and AAC) and those of Enhanced RTMP (HEVC, AV1, VP9, Opus; "Enhancing RTMP, FLV", v1 and
// v2) are written and read. The bodies of tags are the messages of RTMP.
package flv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"oneport/media"
)

// Type is the type of a tag, and of the RTMP message with the same body.
type Type uint8

const (
	Audio  Type = 8
	Video  Type = 9
	Script Type = 18
)

// Tag is one FLV tag. The body may be shared and must not be changed.
type Tag struct {
	Type Type
	Time uint32 // in ms, modulo 1<<32
	Body []byte
}

const (
	headerSize     = 9
	tagHeaderSize  = 11
	tagTrailerSize = 4 // the size of what was before

	// MaxBody is the size of the greatest body there can be: a tag says its size in three bytes.
	MaxBody = 1<<24 - 1
)

var (
	errType = errors.New("flv: a tag is neither audio nor video nor script")
	errSize = errors.New("flv: a frame is too large for a tag")
)

// AppendHeader appends the file header with the size of the tag before the first, which is 0.
func AppendHeader(dst []byte, audio, video bool) []byte {
	flags := byte(0)
	if audio {
		flags |= 4
	}
	if video {
		flags |= 1
	}
	return append(dst, 'F', 'L', 'V', 1, flags, 0, 0, 0, headerSize, 0, 0, 0, 0)
}

// Append appends the tag as it stands in a file: header, body, and the size of both.
func (t Tag) Append(dst []byte) []byte {
	dst = append(t.appendHeader(dst), t.Body...)
	return binary.BigEndian.AppendUint32(dst, uint32(tagHeaderSize+len(t.Body)))
}

// appendHeader appends the eleven bytes that come before the body.
func (t Tag) appendHeader(dst []byte) []byte {
	dst = append24(append(dst, byte(t.Type)), uint32(len(t.Body)))
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0) // the time, and the number of a stream, which is always 0
	putTime(dst[len(dst)-tagHeaderSize:], t.Time)
	return dst
}

// putTime writes the time of a tag into its header: the lower 24 bits, then the upper 8.
func putTime(header []byte, ms uint32) {
	append24(header[:4], ms)
	header[7] = byte(ms >> 24)
}

// CutTag takes a tag off b. Without error, ok is false while b does not hold all of it. The body is a part of b.
func CutTag(b []byte) (tag Tag, rest []byte, ok bool, err error) {
	if len(b) < tagHeaderSize {
		return Tag{}, b, false, nil
	}
	tag = Tag{Type: Type(b[0] & 0x1f), Time: uint24(b[4:]) | uint32(b[7])<<24}
	if tag.Type != Audio && tag.Type != Video && tag.Type != Script || b[0]&0x20 != 0 { // a filter: encrypted
		return Tag{}, b, false, errType
	}
	end := tagHeaderSize + int(uint24(b[1:]))
	if len(b) < end+tagTrailerSize {
		return Tag{}, b, false, nil
	}
	tag.Body = b[tagHeaderSize:end:end]
	return tag, b[end+tagTrailerSize:], true, nil // the size that follows is often wrong, and nobody needs it
}

// milliseconds rounds a time to what a tag can say. It never adds up: each tag is as exact as can be.
func milliseconds(d time.Duration) int64 { return int64(d.Round(time.Millisecond) / time.Millisecond) }

func append24(dst []byte, v uint32) []byte {
	return append(dst, byte(v>>16), byte(v>>8), byte(v))
}

func uint24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

// FourCC of the codecs that have one in Enhanced RTMP.
const (
	fourAVC  = "avc1"
	fourHEVC = "hvc1"
	fourAV1  = "av01"
	fourVP9  = "vp09"
	fourOpus = "Opus"
	fourAAC  = "mp4a"
)

// CheckCodec says whether FLV can carry a codec; the error names it.
func CheckCodec(c media.Codec) error {
	switch c {
	case media.H264, media.H265, media.AV1, media.VP9, media.AAC, media.Opus:
		return nil
	}
	if c.Kind() == media.Video {
		return fmt.Errorf("flv: %v cannot be carried; publish H264, H265, AV1 or VP9", c)
	}
	return fmt.Errorf("flv: %v cannot be carried", c)
}

// Check says whether FLV can carry what has that format; the error names the codec.
func Check(f *media.FrameFormat) error {
	if err := CheckCodec(f.Codec); err != nil {
		return err
	}
	if len(f.Config) == 0 {
		return fmt.Errorf("flv: %v cannot be carried without its configuration", f.Codec)
	}
	return nil
}
