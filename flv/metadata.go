package flv

import (
	"fmt"
	"time"

	"oneport/media"
)

// Metadata is what onMetaData says and what matters of it. It comes from the encoder and may be wrong: what the sequence
// headers say goes before it.
type Metadata struct {
	Encoder       string
	Width, Height float64
	FrameRate     float64
	VideoRate     float64 // in kbit/s
	AudioRate     float64
}

const maxEncoder = 256 // bytes of an encoder's name that are kept

// ParseMetadata reads the body of a script tag, or of RTMP's data message. Other events than onMetaData yield nothing.
func ParseMetadata(body []byte) (m Metadata, err error) {
	r := amfReader{b: body}
	event := r.value(0)
	if event == "@setDataFrame" {
		event = r.value(0)
	}
	if event != "onMetaData" || r.failed || len(r.b) == 0 {
		return m, r.err()
	}
	switch r.marker() {
	case amfECMAArray:
		r.take(4)
		r.properties(1, m.set)
	case amfObject:
		r.properties(1, m.set)
	default:
		return m, fmt.Errorf("%w: onMetaData has no properties", errAMF)
	}
	return m, r.err()
}

func (r *amfReader) err() error {
	if r.failed {
		return errAMF
	}
	return nil
}

func (m *Metadata) set(name string, value any) {
	if s, ok := value.(string); ok && name == "encoder" {
		m.Encoder = s[:min(len(s), maxEncoder)]
	}
	v, ok := value.(float64)
	if !ok {
		return
	}
	switch name {
	case "width":
		m.Width = v
	case "height":
		m.Height = v
	case "framerate", "videoframerate":
		m.FrameRate = v
	case "videodatarate":
		m.VideoRate = v
	case "audiodatarate":
		m.AudioRate = v
	}
}

// MetadataTag makes the onMetaData of formats, either of which may be nil.
func MetadataTag(audio, video *media.FrameFormat, at time.Duration) Tag {
	p := properties{}
	p.number("duration", 0)
	if video != nil {
		if video.Width > 0 {
			p.number("width", float64(video.Width))
			p.number("height", float64(video.Height))
		}
		p.number("videocodecid", codecID(video.Codec))
	}
	if audio != nil {
		p.number("audiosamplerate", float64(audio.SampleRate))
		p.number("audiosamplesize", 16)
		p.name("stereo")
		p.b = appendAMFBool(p.b, audio.Channels > 1)
		p.number("audiocodecid", codecID(audio.Codec))
	}
	p.name("encoder")
	p.b = appendAMFString(p.b, "oneport")
	b := appendAMFString(nil, "onMetaData")
	b = append(b, amfECMAArray, 0, 0, 0, p.n)
	b = append(b, p.b...)
	return Tag{Type: Script, Time: uint32(milliseconds(at)), Body: append(b, 0, 0, amfObjectEnd)}
}

// properties are named values on their way into an array.
type properties struct {
	b []byte
	n byte
}

func (p *properties) name(s string) { p.b, p.n = appendAMFName(p.b, s), p.n+1 }

func (p *properties) number(name string, v float64) {
	p.name(name)
	p.b = appendAMFNumber(p.b, v)
}

// codecID is the number of a codec, which for those of Enhanced RTMP is that of its FourCC.
func codecID(c media.Codec) float64 {
	four := ""
	switch c {
	case media.H264:
		return videoAVC
	case media.AAC:
		return audioAAC
	case media.H265:
		four = fourHEVC
	case media.AV1:
		four = fourAV1
	case media.VP9:
		four = fourVP9
	case media.Opus:
		four = fourOpus
	default:
		return 0
	}
	return float64(uint32(four[0])<<24 | uint32(four[1])<<16 | uint32(four[2])<<8 | uint32(four[3]))
}
