package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// OpusHead is the identification header of an Opus stream (RFC 7845, section 5.1).
type OpusHead struct {
	Channels   int
	PreSkip    int // samples at 48 kHz by which a decoder's sound is late
	SampleRate int // of the sound before it was coded, in Hz; 0 when unknown
	Gain       int // to apply to the sound, in 1/256 dB
	Mapping    int // the channel mapping family; its table is not kept
}

const opusMagic = "OpusHead"

// ParseOpusHead reads an identification header.
func ParseOpusHead(b []byte) (OpusHead, error) {
	if len(b) < 19 || string(b[:8]) != opusMagic {
		return OpusHead{}, errors.New("audio: OpusHead is shorter than 19 bytes or has another beginning")
	}
	if version := b[8]; version>>4 != 0 {
		return OpusHead{}, fmt.Errorf("audio: OpusHead has version %d, of which nothing is known", version)
	}
	h := OpusHead{
		Channels:   int(b[9]),
		PreSkip:    int(binary.LittleEndian.Uint16(b[10:])),
		SampleRate: int(binary.LittleEndian.Uint32(b[12:])),
		Gain:       int(int16(binary.LittleEndian.Uint16(b[16:]))),
		Mapping:    int(b[18]),
	}
	if h.Channels == 0 || h.Mapping == 0 && h.Channels > 2 {
		return OpusHead{}, fmt.Errorf("audio: OpusHead has %d channels in mapping family %d", h.Channels, h.Mapping)
	}
	return h, nil
}

// Append appends the header's bytes to dst, for mono and stereo (mapping family 0).
func (h OpusHead) Append(dst []byte) []byte {
	dst = append(append(dst, opusMagic...), 1, byte(h.Channels))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(h.PreSkip))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.SampleRate))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(int16(h.Gain)))
	return append(dst, 0)
}

// OpusPacket is what the first bytes of an Opus packet say about it (RFC 6716, section 3).
type OpusPacket struct {
	Config    int // 0 to 31: mode, bandwidth and length of a frame
	Stereo    bool
	Frames    int
	FrameSize int // samples of each frame at 48 kHz
}

// Samples says how many samples the packet has at 48 kHz.
func (p OpusPacket) Samples() int { return p.Frames * p.FrameSize }

// longestOpus is the most that a packet may have: 120 ms (RFC 6716, section 3.2.5, R5).
const longestOpus = 5760

// ParseOpusPacket reads the head of an Opus packet.
func ParseOpusPacket(b []byte) (OpusPacket, error) {
	if len(b) == 0 {
		return OpusPacket{}, errors.New("audio: Opus packet is empty")
	}
	toc := b[0]
	p := OpusPacket{Config: int(toc >> 3), Stereo: toc&4 != 0, Frames: 1}
	switch c := p.Config; {
	case c < 12: // SILK
		p.FrameSize = [...]int{480, 960, 1920, 2880}[c%4]
	case c < 16: // hybrid
		p.FrameSize = [...]int{480, 960}[c%2]
	default: // CELT
		p.FrameSize = 120 << (c % 4)
	}
	switch toc & 3 {
	case 1, 2:
		p.Frames = 2
	case 3:
		if len(b) < 2 {
			return OpusPacket{}, errors.New("audio: Opus packet ends before its number of frames")
		}
		p.Frames = int(b[1] & 63)
	}
	if n := p.Samples(); n == 0 || n > longestOpus {
		return OpusPacket{}, fmt.Errorf("audio: Opus packet has %d frames of %d samples", p.Frames, p.FrameSize)
	}
	return p, nil
}
