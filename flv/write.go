package flv

import (
	"encoding/binary"
	"time"

	"oneport/media"
)

// Packet types of Enhanced RTMP, which picture and sound have in common as far as they matter here.
const (
	packetSequenceStart = 0
	packetCodedFrames   = 1
	packetSequenceEnd   = 2
	packetCodedFramesX  = 3 // of picture: without composition time
	packetMetadata      = 4 // of picture: colour information; of sound: the layout of channels
	packetAudioTracks   = 5
	packetVideoTracks   = 6
	packetModifiers     = 7
)

// Frame types, in the upper half of a picture's first byte.
const (
	frameKey     = 1
	frameInter   = 2
	frameCommand = 5
)

// Legacy codecs, and the one whose number was taken for HEVC before there was a FourCC.
const (
	videoAVC  = 7
	videoHEVC = 12
	audioAAC  = 10
	audioEx   = 9 // a FourCC follows
)

// aacHead is the first byte of sound in AAC, whatever its rate and channels are: 44 kHz, 16 bits, stereo.
const aacHead = audioAAC<<4 | 3<<2 | 1<<1 | 1

// FrameTag makes the tag of a frame. It does not depend on who gets it: one tag serves all.
func FrameTag(f *media.Frame) (Tag, error) {
	tag, err := newTag(f.Format, f.DTS)
	if err != nil {
		return Tag{}, err
	}
	if len(f.Data) > MaxBody-16 {
		return Tag{}, errSize
	}
	body := make([]byte, 0, len(f.Data)+8)
	body = AppendFrameHead(body, f)
	tag.Body = append(body, f.Data...)
	return tag, nil
}

// AppendFrameHead appends what comes before a frame's data in the body of its tag.
func AppendFrameHead(b []byte, f *media.Frame) []byte {
	composition := uint32(milliseconds(f.PTS) - milliseconds(f.DTS))
	typ := byte(frameInter)
	if f.Key {
		typ = frameKey
	}
	switch f.Format.Codec {
	case media.AAC:
		return append(b, aacHead, 1)
	case media.Opus:
		return append(append(b, audioEx<<4|packetCodedFrames), fourOpus...)
	case media.H264:
		return append24(append(b, typ<<4|videoAVC, 1), composition)
	case media.H265:
		if composition == 0 {
			return append(append(b, 0x80|typ<<4|packetCodedFramesX), fourHEVC...)
		}
		return append24(append(append(b, 0x80|typ<<4|packetCodedFrames), fourHEVC...), composition)
	case media.AV1:
		return append(append(b, 0x80|typ<<4|packetCodedFrames), fourAV1...)
	}
	return append(append(b, 0x80|typ<<4|packetCodedFrames), fourVP9...)
}

// ConfigTag makes the sequence header, which a decoder needs before the first frame of a format.
func ConfigTag(f *media.FrameFormat, at time.Duration) (Tag, error) {
	tag, err := newTag(f, at)
	if err != nil {
		return Tag{}, err
	}
	b := make([]byte, 0, len(f.Config)+8)
	switch f.Codec {
	case media.AAC:
		b = append(b, aacHead, 0)
	case media.Opus:
		b = append(append(b, audioEx<<4|packetSequenceStart), fourOpus...)
	case media.H264:
		b = append(b, frameKey<<4|videoAVC, 0, 0, 0, 0)
	case media.H265:
		b = append(append(b, 0x80|frameKey<<4|packetSequenceStart), fourHEVC...)
	case media.AV1:
		b = append(append(b, 0x80|frameKey<<4|packetSequenceStart), fourAV1...)
	case media.VP9:
		b = append(append(b, 0x80|frameKey<<4|packetSequenceStart), fourVP9...)
	}
	tag.Body = append(b, f.Config...)
	return tag, nil
}

func newTag(f *media.FrameFormat, at time.Duration) (Tag, error) {
	if err := Check(f); err != nil {
		return Tag{}, err
	}
	tag := Tag{Type: Video, Time: uint32(milliseconds(at))}
	if f.Kind() == media.Audio {
		tag.Type = Audio
	}
	return tag, nil
}

// AppendFrame appends a frame's tag as it stands in a file, at a time that its viewer counts by. Nothing but dst is written
// to: the frame is shared by all viewers.
func AppendFrame(dst []byte, f *media.Frame, at time.Duration) ([]byte, error) {
	tag, err := newTag(f.Format, at)
	if err != nil {
		return dst, err
	}
	if len(f.Data) > MaxBody-16 {
		return dst, errSize
	}
	head := len(dst)
	dst = tag.AppendTagHeader(dst)
	body := len(dst)
	dst = AppendFrameHead(dst, f)
	dst = append(dst, f.Data...)
	size := len(dst) - body
	append24(dst[:head+1], uint32(size))
	return binary.BigEndian.AppendUint32(dst, uint32(tagHeaderSize+size)), nil
}

// AppendTag appends a frame's tag as it stands in a file.
func AppendTag(dst []byte, f *media.Frame) ([]byte, error) {
	tag, err := FrameTag(f)
	if err != nil {
		return dst, err
	}
	return tag.Append(dst), nil
}
