package flv

import (
	"bytes"

	"oneport/media"
)

// clean brings the data of a frame into the form of media.Frame, and takes parameter sets that travel among the pictures
// into the format. What is in that form already is not copied. It says whether the frame is plainly a keyframe: there are
// publishers of Enhanced RTMP that do not say.
func (t *track) clean(data []byte) (_ []byte, key bool, err error) {
	switch t.format.Codec {
	case media.H264, media.H265:
		return t.cleanNALs(data)
	case media.AV1:
		return t.cleanOBUs(data)
	case media.VP9:
		key = media.VP9Config(data) != nil
	}
	return data, key, nil
}

func (t *track) cleanNALs(data []byte) (_ []byte, key bool, err error) {
	codec := t.format.Codec
	size, pictures, changed := 0, false, false
	data = t.withLengths(data)
	for nal, err := range media.SplitNALs(data, t.lengthSize) {
		if err != nil {
			return nil, false, err
		}
		switch class := media.ClassifyNAL(codec, nal); class {
		case media.ParameterNAL:
			changed = t.sets.Put(codec, nal) || changed
			continue
		case media.DelimiterNAL:
			continue
		case media.PictureNAL, media.KeyNAL:
			pictures = true
			key = key || class == media.KeyNAL
		}
		size += 4 + len(nal)
	}
	if changed {
		t.reformat(t.sets.Config(codec))
	}
	if !pictures {
		return nil, false, nil
	}
	if size == len(data) && t.lengthSize == 4 {
		return data, key, nil
	}
	out := make([]byte, 0, size)
	for nal := range media.SplitNALs(data, t.lengthSize) {
		if class := media.ClassifyNAL(codec, nal); class != media.ParameterNAL && class != media.DelimiterNAL {
			out = media.AppendNAL(out, nal)
		}
	}
	return out, key, nil
}

// withLengths turns a byte stream of start codes, which some encoders send against the specification, into lengths. What is
// so taken for a start code would be the length of a NAL unit of a header alone, which there is not.
func (t *track) withLengths(data []byte) []byte {
	if t.lengthSize != 4 || !bytes.HasPrefix(data, []byte{0, 0, 0, 1}) {
		return data
	}
	out := make([]byte, 0, len(data)+64)
	for nal := range media.AnnexB(data) {
		out = media.AppendNAL(out, nal)
	}
	return out
}

func (t *track) cleanOBUs(data []byte) (_ []byte, key bool, err error) {
	plain := true
	var sequence media.OBU
	for obu, err := range media.OBUs(data) {
		if err != nil {
			return nil, false, err
		}
		key = key || obu.IsKey()
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
		return data, key, nil
	}
	out := make([]byte, 0, len(data))
	for obu := range media.OBUs(data) {
		switch obu.Type {
		case media.OBUTemporalDelimiter, media.OBUTileList, media.OBUPadding:
		default:
			out = obu.Append(out)
		}
	}
	return out, key, nil
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
