package flv

import (
	"fmt"
	"time"

	"oneport/media"
)

// A message is the body of an audio or video tag without its envelope.
type message struct {
	content     content
	codec       media.Codec
	key         bool
	composition time.Duration
	data        []byte
}

type content uint8

const (
	isNothing content = iota // nothing for us
	isConfig
	isFrame
)

// unpackAudio reads the envelope of sound: AudioTagHeader of FLV 10.1, section E.4.2, or ExAudioTagHeader.
func unpackAudio(b []byte) (m message, err error) {
	if len(b) == 0 {
		return m, nil // some encoders mean silence by it
	}
	switch b[0] >> 4 {
	case audioEx:
		return unpackEx(b, b[0]&0x0f, audioCodec)
	case audioAAC:
	default:
		return m, fmt.Errorf("%w: audio format %d", ErrUnsupported, b[0]>>4)
	}
	if len(b) < 2 {
		return m, errShort
	}
	m.codec, m.data = media.AAC, b[2:]
	switch {
	case b[1] == 0:
		m.content = isConfig
	case b[1] == 1 && len(m.data) > 0:
		m.content = isFrame
	}
	return m, nil
}

// unpackVideo reads the envelope of pictures: VideoTagHeader of FLV 10.1, section E.4.3, or ExVideoTagHeader.
func unpackVideo(b []byte) (m message, err error) {
	if len(b) == 0 {
		return m, nil
	}
	typ := b[0] >> 4 & 7
	if b[0]&0x80 != 0 {
		if typ == frameCommand && b[0]&0x0f != packetMetadata {
			return m, nil
		}
		m, err = unpackEx(b, b[0]&0x0f, videoCodec)
		m.key = typ == frameKey
		return m, err
	}
	if typ == frameCommand {
		return m, nil
	}
	switch b[0] & 0x0f {
	case videoAVC:
		m.codec = media.H264
	case videoHEVC:
		m.codec = media.H265
	default:
		return m, fmt.Errorf("%w: video codec %d", ErrUnsupported, b[0]&0x0f)
	}
	if len(b) < 5 {
		if len(b) > 1 && b[1] == packetSequenceEnd {
			return m, nil
		}
		return m, errShort
	}
	m.key, m.composition, m.data = typ == frameKey, composition(b[2:]), b[5:]
	switch b[1] {
	case 0:
		m.content = isConfig
	case 1:
		m.content = isFrame
	}
	return m, nil
}

// composition reads the time between decoding and showing: 24 bits of ms, with a sign.
func composition(b []byte) time.Duration {
	return time.Duration(int32(uint24(b)<<8)>>8) * time.Millisecond
}

func audioCodec(four string) media.Codec {
	switch four {
	case fourAAC:
		return media.AAC
	case fourOpus:
		return media.Opus
	}
	return 0
}

func videoCodec(four string) media.Codec {
	switch four {
	case fourAVC:
		return media.H264
	case fourHEVC:
		return media.H265
	case fourAV1:
		return media.AV1
	case fourVP9:
		return media.VP9
	}
	return 0
}

// unpackEx reads what follows the first byte of an envelope of Enhanced RTMP.
func unpackEx(b []byte, packet byte, codecs func(four string) media.Codec) (m message, err error) {
	b = b[1:]
	nanos := time.Duration(0)
	for packet == packetModifiers {
		if packet, nanos, b, err = cutModifier(b, nanos); err != nil {
			return m, err
		}
	}
	video := codecs(fourAVC) != 0
	if video && packet == packetVideoTracks || !video && packet == packetAudioTracks {
		var four string
		if packet, four, b, err = cutTrack(b); err != nil || b == nil {
			return m, err
		}
		return unpackPacket(b, packet, four, nanos, codecs)
	}
	if len(b) < 4 {
		return m, errShort
	}
	return unpackPacket(b[4:], packet, string(b[:4]), nanos, codecs)
}

// unpackPacket reads a packet after its FourCC.
func unpackPacket(b []byte, packet byte, four string, nanos time.Duration, codecs func(string) media.Codec) (m message, err error) {
	if m.codec = codecs(four); m.codec == 0 {
		return m, fmt.Errorf("%w: FourCC %q", ErrUnsupported, four)
	}
	m.composition = nanos
	switch packet {
	case packetSequenceStart:
		m.content = isConfig
	case packetCodedFrames:
		m.content = isFrame
		if m.codec == media.H264 || m.codec == media.H265 {
			if len(b) < 3 {
				return m, errShort
			}
			m.composition += composition(b)
			b = b[3:]
		}
	case packetCodedFramesX:
		if m.codec.Kind() == media.Video {
			m.content = isFrame
		}
	}
	if len(b) == 0 && m.content == isFrame {
		m.content = isNothing
	}
	m.data = b
	return m, nil
}

// cutModifier takes a modifier (ModEx) off b. The only one there is yet adds nanoseconds to the time a frame is shown.
func cutModifier(b []byte, nanos time.Duration) (packet byte, sum time.Duration, rest []byte, err error) {
	const timestampOffsetNano = 0
	if len(b) == 0 {
		return 0, 0, nil, errShort
	}
	size := int(b[0]) + 1
	b = b[1:]
	if size == 256 && len(b) >= 2 {
		size = int(b[0])<<8 | int(b[1]) + 1
		b = b[2:]
	}
	if len(b) < size+1 {
		return 0, 0, nil, errShort
	}
	data, kind := b[:size], b[size]
	if kind>>4 == timestampOffsetNano && size >= 3 {
		nanos += time.Duration(min(uint24(data), 999_999))
	}
	return kind & 0x0f, nanos, b[size+1:], nil
}

// cutTrack finds the first track, whose number is 0, among those of a packet. Without it rest is nil.
func cutTrack(b []byte) (packet byte, four string, rest []byte, err error) {
	const oneTrack, manyCodecs = 0, 2
	if len(b) == 0 {
		return 0, "", nil, errShort
	}
	kind, packet := b[0]>>4, b[0]&0x0f
	b = b[1:]
	if kind > manyCodecs {
		return 0, "", nil, nil
	}
	for first := true; len(b) > 0; first = false {
		if first || kind == manyCodecs {
			if len(b) < 4 {
				return 0, "", nil, errShort
			}
			four, b = string(b[:4]), b[4:]
		}
		if len(b) < 1 {
			return 0, "", nil, errShort
		}
		id := b[0]
		b = b[1:]
		size := len(b)
		if kind != oneTrack {
			if len(b) < 3 || int(uint24(b)) > len(b)-3 {
				return 0, "", nil, errShort
			}
			size, b = int(uint24(b)), b[3:]
		}
		if id == 0 {
			return packet, four, b[:size:size], nil
		}
		b = b[size:]
	}
	return 0, "", nil, nil
}
