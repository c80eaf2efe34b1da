package flv

import (
	"bytes"

	"oneport/media"
)

// clean brings the data of a frame into the form of media.Frame, and takes parameter sets that travel among the pictures
// into the format. What is in that form already is not copied.
func (t *track) clean(data []byte) ([]byte, error) {
	switch t.format.Codec {
	case media.H264, media.H265:
		return t.cleanNALs(data)
	case media.AV1:
		return t.cleanOBUs(data)
	}
	return data, nil
}

func (t *track) cleanNALs(data []byte) ([]byte, error) {
	codec := t.format.Codec
	size, pictures, changed := 0, false, false
	for nal, err := range media.SplitNALs(data, t.lengthSize) {
		if err != nil {
			return nil, err
		}
		switch media.ClassifyNAL(codec, nal) {
		case media.ParameterNAL:
			changed = t.sets.Put(codec, nal) || changed
			continue
		case media.DelimiterNAL:
			continue
		case media.PictureNAL, media.KeyNAL:
			pictures = true
		}
		size += 4 + len(nal)
	}
	if changed {
		t.reformat(t.sets.Config(codec))
	}
	if !pictures {
		return nil, nil
	}
	if size == len(data) && t.lengthSize == 4 {
		return data, nil
	}
	out := make([]byte, 0, size)
	for nal := range media.SplitNALs(data, t.lengthSize) {
		if class := media.ClassifyNAL(codec, nal); class != media.ParameterNAL && class != media.DelimiterNAL {
			out = media.AppendNAL(out, nal)
		}
	}
	return out, nil
}

func (t *track) cleanOBUs(data []byte) ([]byte, error) {
	plain := true
	var sequence media.OBU
	for obu, err := range media.OBUs(data) {
		if err != nil {
			return nil, err
		}
		switch obu.Type {
		case media.OBUSequenceHeader:
			sequence = obu
		case media.OBUTemporalDelimiter, media.OBUTileList, media.OBUPadding:
			plain = false
		}
	}
	if sequence.Type == media.OBUSequenceHeader {
		t.reformat(media.AV1Config(sequence))
	}
	if plain {
		return data, nil
	}
	out := make([]byte, 0, len(data))
	for obu := range media.OBUs(data) {
		switch obu.Type {
		case media.OBUTemporalDelimiter, media.OBUTileList, media.OBUPadding:
		default:
			out = obu.Append(out)
		}
	}
	return out, nil
}

// reformat makes the format of parameters that came among the pictures, if they are new and can be read.
func (t *track) reformat(config []byte) {
	if config == nil || bytes.Equal(config, t.format.Config) {
		return
	}
	if f, err := media.NewFrameFormat(t.format.Codec, config); err == nil {
		t.format = f
	}
}
