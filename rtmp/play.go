package rtmp

import (
	"slices"
	"time"

	"oneport/amf"
	"oneport/flv"
	"oneport/media"
)

// PermitPlay tells a player that it will be played to.
func (s *Session) PermitPlay() error {
	out := appendEvent(nil, eventStreamBegin, s.stream)
	out = s.appendStatus(out, "status", PlayReset, "Playing begins anew")
	out = s.appendStatus(out, "status", PlayStart, "Playing begins")
	access := amf.AppendBool(amf.AppendBool(amf.AppendText(nil, "|RtmpSampleAccess"), true), true)
	return s.write(appendMessage(out, chunksData, Message{Type: typeDataAMF0, Stream: s.stream, Body: access}, s.config.ChunkSize))
}

// AppendEnd appends what a player is told at the stream's end.
func (s *Session) AppendEnd(dst []byte, why string) []byte {
	dst = s.appendStatus(dst, "status", PlayUnpublished, why)
	return appendEvent(dst, eventStreamEOF, s.stream)
}

// Muxer makes the messages that a player is sent. It keeps nothing between calls.
type Muxer struct{ Session *Session }

// CheckCodec says whether RTMP can carry a codec; the error names it.
func (Muxer) CheckCodec(c media.Codec) error { return flv.CheckCodec(c) }

// Begin appends what comes before the first frame: the metadata and the sequence headers.
func (m Muxer) Begin(dst []byte, formats [media.Kinds]*media.FrameFormat) (_ []byte, err error) {
	dst = m.Session.AppendTag(dst, flv.MetadataTag(formats[media.Audio], formats[media.Video], 0))
	for _, f := range slices.Backward(formats[:]) { // the picture first
		if f == nil {
			continue
		}
		if dst, err = m.Change(dst, f, 0); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// Change appends the sequence header of a format.
func (m Muxer) Change(dst []byte, f *media.FrameFormat, at time.Duration) ([]byte, error) {
	tag, err := flv.ConfigTag(f, at)
	if err != nil {
		return dst, err
	}
	return m.Session.AppendTag(dst, tag), nil
}

// Append appends a frame.
func (m Muxer) Append(dst []byte, f *media.Frame, at time.Duration) ([]byte, error) {
	return m.Session.AppendFrame(dst, f, at)
}

// AppendTag appends the message of a tag.
func (s *Session) AppendTag(dst []byte, tag flv.Tag) []byte {
	m := Message{Type: byte(tag.Type), Stream: s.stream, Time: tag.Time, Body: tag.Body}
	return appendMessage(dst, chunksOf(tag.Type), m, s.config.ChunkSize)
}

// AppendFrame appends the message of a frame, at a time that the player counts by.
func (s *Session) AppendFrame(dst []byte, f *media.Frame, at time.Duration) ([]byte, error) {
	tag, err := flv.FrameTag(f)
	if err != nil {
		return dst, err
	}
	if len(tag.Body) > MaxMedia {
		return dst, errTooLarge
	}
	tag.Time = uint32(at.Round(time.Millisecond) / time.Millisecond)
	return s.AppendTag(dst, tag), nil
}

func chunksOf(t flv.Type) byte {
	switch t {
	case flv.Audio:
		return chunksAudio
	case flv.Video:
		return chunksVideo
	}
	return chunksData
}

func (s *Session) appendStatus(dst []byte, level, code, description string) []byte {
	body := amf.AppendObject(begin("onStatus", 0),
		amf.Property{Name: "level", Value: level},
		amf.Property{Name: "code", Value: code},
		amf.Property{Name: "description", Value: description})
	return s.appendCommand(dst, s.stream, body)
}

// appendFC appends the answer to what Flash's encoder says beside publish.
func (s *Session) appendFC(dst []byte, name, code string) []byte {
	body := amf.AppendObject(begin(name, 0), amf.Property{Name: "code", Value: code}, amf.Property{Name: "description", Value: "Publishing"})
	return s.appendCommand(dst, s.stream, body)
}

func (s *Session) appendCommand(dst []byte, stream uint32, body []byte) []byte {
	return appendMessage(dst, chunksCommand, Message{Type: typeCommandAMF0, Stream: stream, Body: body}, s.config.ChunkSize)
}

// result answers a command with a number, or with nothing.
func (s *Session) result(id float64, number ...float64) error {
	body := begin("_result", id)
	if len(number) == 0 {
		body = amf.AppendUndefined(body)
	}
	for _, v := range number {
		body = amf.AppendNumber(body, v)
	}
	return s.write(s.appendCommand(nil, 0, body))
}
