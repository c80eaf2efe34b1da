package flv

import (
	"errors"
	"time"

	"oneport/amf"
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

var errMetadata = errors.New("flv: onMetaData has no properties")

const maxEncoder = 256 // bytes of an encoder's name that are kept

// ParseMetadata reads the body of a script tag, or of RTMP's data message. Other events than onMetaData yield nothing.
func ParseMetadata(body []byte) (m Metadata, err error) {
	r := amf.NewReader(body)
	event := r.Text()
	if event == "@setDataFrame" {
		event = r.Text()
	}
	if event != "onMetaData" || !r.More() {
		return m, r.Err()
	}
	if !r.Properties(m.set) && r.Err() == nil {
		return m, errMetadata
	}
	return m, r.Err()
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
	list := []amf.Property{{Name: "duration", Value: 0}}
	if video != nil {
		if video.Width > 0 {
			list = append(list, amf.Property{Name: "width", Value: video.Width}, amf.Property{Name: "height", Value: video.Height})
		}
		list = append(list, amf.Property{Name: "videocodecid", Value: codecID(video.Codec)})
	}
	if audio != nil {
		list = append(list,
			amf.Property{Name: "audiosamplerate", Value: audio.SampleRate},
			amf.Property{Name: "audiosamplesize", Value: 16},
			amf.Property{Name: "stereo", Value: audio.Channels > 1},
			amf.Property{Name: "audiocodecid", Value: codecID(audio.Codec)})
	}
	list = append(list, amf.Property{Name: "encoder", Value: "oneport"})
	return Tag{Type: Script, Time: uint32(milliseconds(at)), Body: amf.AppendArray(amf.AppendText(nil, "onMetaData"), list...)}
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
