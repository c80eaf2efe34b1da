package bridge

import (
	"bytes"
	"encoding/binary"
	"slices"

	"oneport/media"
)

// Types of aggregating and fragmenting packets (RFC 6184, section 5.2; RFC 7798, section 4.4).
const (
	h264STAPA = 24
	h264FUA   = 28
	h265AP    = 48
	h265FU    = 49

	firstPacketType264 = 24 // below are NAL units
	firstPacketType265 = 48
)

// nalAssembler puts pictures of H264 and H265 together.
type nalAssembler struct {
	codec media.Codec
	sets  media.ParameterSets
	fresh bool // the sets changed
	usual bool // the last keyframe brought its sets along

	own      media.ParameterSets // those that came with the picture
	data     []byte
	picture  bool
	key      bool
	fragment int // where in data the length of a fragmented NAL unit lies, if open
	open     bool
}

func (a *nalAssembler) add(b []byte) error {
	header := 1
	aggregation, fragment, first := byte(h264STAPA), byte(h264FUA), byte(firstPacketType264)
	if a.codec == media.H265 {
		header, aggregation, fragment, first = 2, h265AP, h265FU, firstPacketType265
	}
	if len(b) <= header {
		return errPayload
	}
	switch typ := media.NALType(a.codec, b); {
	case typ == fragment:
		return a.addFragment(b[:header], b[header:])
	case a.open:
		return errFragment
	case typ == aggregation:
		return a.addAggregate(b[header:])
	case typ >= first:
		return errPayload
	}
	return a.put(b)
}

// addAggregate takes NAL units behind a size of two bytes each.
func (a *nalAssembler) addAggregate(b []byte) error {
	for nal, err := range media.SplitNALs(b, 2) {
		if err != nil {
			return err
		}
		if err := a.put(nal); err != nil {
			return err
		}
	}
	return nil
}

// addFragment takes an FU header (S, E, type) and what follows it.
func (a *nalAssembler) addFragment(header, b []byte) error {
	start, end := b[0]&0x80 != 0, b[0]&0x40 != 0
	if start == a.open || start && end {
		return errFragment
	}
	if len(a.data)+len(b) > maxFrame {
		return errTooLarge
	}
	if start {
		a.open, a.fragment = true, len(a.data)
		a.data = append(a.data, 0, 0, 0, 0)
		if a.codec == media.H265 {
			a.data = append(a.data, header[0]&0x81|b[0]&0x3f<<1, header[1])
		} else {
			a.data = append(a.data, header[0]&0xe0|b[0]&0x1f)
		}
	}
	a.data = append(a.data, b[1:]...)
	if !end {
		return nil
	}
	a.open = false
	nal := a.data[a.fragment+4:]
	if a.note(nal) {
		binary.BigEndian.PutUint32(a.data[a.fragment:], uint32(len(nal)))
	} else {
		a.data = a.data[:a.fragment]
	}
	return nil
}

// put takes a whole NAL unit.
func (a *nalAssembler) put(nal []byte) error {
	if len(a.data)+len(nal) > maxFrame {
		return errTooLarge
	}
	if a.note(nal) {
		a.data = media.AppendNAL(a.data, nal)
	}
	return nil
}

// note looks at a NAL unit and reports whether it belongs into the frame.
func (a *nalAssembler) note(nal []byte) bool {
	switch media.ClassifyNAL(a.codec, nal) {
	case media.ParameterNAL:
		a.own.Put(a.codec, nal)
		return false
	case media.DelimiterNAL:
		return false
	case media.KeyNAL:
		a.picture, a.key = true, true
	case media.PictureNAL:
		a.picture = true
	}
	return true
}

func (a *nalAssembler) finish() (p picture, err error) {
	if a.open {
		err = errFragment
	}
	brings := len(a.own.SPS) > 0 && len(a.own.PPS) > 0 && (a.codec == media.H264 || len(a.own.VPS) > 0)
	a.learn(brings)
	if a.picture {
		p.data, p.key = a.data, a.key
	}
	if a.key {
		p.bare, a.usual = a.usual && !brings, brings
	}
	if a.fresh {
		p.config = a.sets.Config(a.codec)
	}
	*a = nalAssembler{codec: a.codec, sets: a.sets, fresh: a.fresh && p.config == nil, usual: a.usual, data: a.data[:0]}
	return p, err
}

// learn takes the sets that came with the picture. Those that a keyframe brings are all that it and what follows needs: encoders
// that give them another number each time would fill any room. Other sets add to those before.
func (a *nalAssembler) learn(brings bool) {
	own := a.own.All()
	if len(own) == 0 {
		return
	}
	if a.key && brings {
		a.fresh = a.fresh || !slices.EqualFunc(own, a.sets.All(), bytes.Equal)
		a.sets = a.own
		return
	}
	for _, set := range own {
		a.fresh = a.sets.Put(a.codec, set) || a.fresh
	}
}
