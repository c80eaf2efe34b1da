package media

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	errAudioConfig = errors.New("media: the AudioSpecificConfig is malformed")
	errOpusHead    = errors.New("media: the OpusHead is malformed")
)

// NewFrameFormat makes a format of a codec's configuration and reads from it what else a format says. The bytes are kept.
func NewFrameFormat(c Codec, config []byte) (f *FrameFormat, err error) {
	f = &FrameFormat{Codec: c, Config: config}
	switch c {
	case H264, H265:
		err = f.readParameterSets()
	case AV1:
		err = f.readAV1()
	case AAC:
		err = f.readAudioSpecificConfig()
	case Opus:
		err = f.readOpusHead()
	case PCMU, PCMA:
		f.SampleRate, f.Channels = 8000, 1
	case VP8, VP9:
	default:
		err = fmt.Errorf("media: %v is not known", c)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (f *FrameFormat) readParameterSets() error {
	sets, _, err := ReadParameterSets(f.Codec, f.Config)
	if err != nil {
		return err
	}
	f.Width, f.Height, _ = VideoSize(f.Codec, sets.SPS[0])
	return nil
}

func (f *FrameFormat) readAV1() error {
	sequence, err := readAV1Config(f.Config)
	if err != nil || sequence.Payload == nil {
		return err
	}
	f.Width, f.Height = av1Size(sequence)
	return nil
}

// readAudioSpecificConfig reads the object type, the rate and the channels (ISO/IEC 14496-3, section 1.6.2.1).
func (f *FrameFormat) readAudioSpecificConfig() error {
	rates := [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	const escape, explicit = 31, 15
	r := bitReader{b: f.Config, raw: true}
	if r.bits(5) == escape { // audioObjectType
		r.bits(6)
	}
	switch i := int(r.bits(4)); {
	case i < len(rates):
		f.SampleRate = rates[i]
	case i == explicit:
		f.SampleRate = int(r.bits(24))
	}
	f.Channels = int(r.bits(4))
	if f.Channels == 7 {
		f.Channels = 8
	}
	if r.short || f.SampleRate == 0 || f.Channels > 8 {
		return errAudioConfig
	}
	return nil
}

// OpusHead builds the identification header of Opus (RFC 7845, section 5.1) for one or two channels, with nothing to skip.
func OpusHead(channels int) []byte {
	b := append([]byte("OpusHead"), 1, byte(channels))
	b = binary.LittleEndian.AppendUint16(b, 0) // pre-skip
	b = binary.LittleEndian.AppendUint32(b, 48000)
	return append(b, 0, 0, 0) // output gain, mapping family
}

func (f *FrameFormat) readOpusHead() error {
	b := f.Config
	if len(b) < 19 || string(b[:8]) != "OpusHead" || b[8]&0xf0 != 0 || b[9] == 0 {
		return errOpusHead
	}
	f.SampleRate, f.Channels = 48000, int(b[9])
	return nil
}
