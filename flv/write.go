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

// Encode gives a frame its tag, which everybody who plays the stream is sent, and moves the frame's data into it. It is for
// who makes the frame, before it is shared. What FLV can't carry gets none: FrameTag and AppendFrame say why.
func Encode(f *media.Frame) {
	if checkFrame(f) != nil {
		return
	}
	const most = tagHeaderSize + frameHeadSize + tagTrailerSize
	f.Tag = appendFrame(make([]byte, 0, len(f.Data)+most), f)
	end := len(f.Tag) - tagTrailerSize
	f.Data = f.Tag[end-len(f.Data) : end : end]
}

// FrameTag is the tag of a frame, on the stream's timeline. It shares the frame's bytes where that has a tag.
func FrameTag(f *media.Frame) (Tag, error) {
	if err := checkFrame(f); err != nil {
		return Tag{}, err
	}
	b := f.Tag
	if b == nil {
		b = appendFrame(nil, f)
	}
	return Tag{Type: typeOf(f.Format), Time: uint32(milliseconds(f.DTS)), Body: b[tagHeaderSize : len(b)-tagTrailerSize]}, nil
}

// AppendFrame appends a frame's tag as it stands in a file, at a time that its viewer counts by: that is all in which it
// differs from what other viewers get.
func AppendFrame(dst []byte, f *media.Frame, at time.Duration) ([]byte, error) {
	if err := checkFrame(f); err != nil {
		return dst, err
	}
	head := len(dst)
	if f.Tag != nil {
		dst = append(dst, f.Tag...)
	} else {
		dst = appendFrame(dst, f)
	}
	putTime(dst[head:], uint32(milliseconds(at)))
	return dst, nil
}

// checkFrame says whether a tag can carry a frame.
func checkFrame(f *media.Frame) error {
	if err := Check(f.Format); err != nil {
		return err
	}
	if len(f.Data) > MaxBody-frameHeadSize {
		return errSize
	}
	return nil
}

// appendFrame appends a frame's tag on the stream's timeline.
func appendFrame(dst []byte, f *media.Frame) []byte {
	head := len(dst)
	dst = Tag{Type: typeOf(f.Format), Time: uint32(milliseconds(f.DTS))}.appendHeader(dst)
	dst = append(appendFrameHead(dst, f), f.Data...)
	size := len(dst) - head
	append24(dst[:head+1], uint32(size-tagHeaderSize))
	return binary.BigEndian.AppendUint32(dst, uint32(size))
}

// frameHeadSize is the greatest size of what comes before a frame's data in the body of its tag.
const frameHeadSize = 8

// appendFrameHead appends what comes before a frame's data in the body of its tag.
func appendFrameHead(b []byte, f *media.Frame) []byte {
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
	if err := Check(f); err != nil {
		return Tag{}, err
	}
	b := make([]byte, 0, len(f.Config)+frameHeadSize)
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
	return Tag{Type: typeOf(f), Time: uint32(milliseconds(at)), Body: append(b, f.Config...)}, nil
}

func typeOf(f *media.FrameFormat) Type {
	if f.Kind() == media.Audio {
		return Audio
	}
	return Video
}
