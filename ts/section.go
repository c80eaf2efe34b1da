package ts

import (
	"bytes"
	"encoding/binary"

	"oneport/media"
)

const maxSection = 3 + 1021 // bytes of a table's section

// section puts the sections of a table together.
type section struct {
	sequence
	b    []byte // of the one that comes
	open bool
	told []byte // the one taken last
}

// add takes a piece and yields a section when it is complete, correct and new.
func (s *section) add(p piece) (body []byte, malformed bool) {
	lost, again := s.next(p)
	if again {
		return nil, false
	}
	s.open = s.open && !lost
	b := p.payload
	if p.start {
		if len(b) == 0 || 1+int(b[0]) > len(b) {
			s.open = false
			return nil, true
		}
		b = b[1+int(b[0]):] // a section before it that ends here was given up: tables of ours are one packet long
		s.open, s.b = true, s.b[:0]
	}
	if !s.open {
		return nil, false
	}
	s.b = append(s.b, b...)
	if len(s.b) < 3 {
		return nil, false
	}
	size := 3 + int(binary.BigEndian.Uint16(s.b[1:])&0xfff)
	if size > maxSection || size < 12 {
		s.open = false
		return nil, true
	}
	if len(s.b) < size {
		return nil, false
	}
	s.open = false
	return s.check(s.b[:size])
}

// check leaves out a section that came before, and one whose sum is wrong.
func (s *section) check(b []byte) (body []byte, malformed bool) {
	if bytes.Equal(b, s.told) {
		return nil, false
	}
	if crc32(b) != 0 {
		return nil, true
	}
	s.told = append(s.told[:0], b...)
	current := b[5]&1 != 0
	if !current {
		return nil, false
	}
	return b, false
}

// readPAT finds the first program's map.
func (r *Reader) readPAT(p piece) {
	b, malformed := r.pat.add(p)
	if malformed {
		r.stats.Malformed++
	}
	if b == nil || b[0] != tablePAT {
		return
	}
	for list := b[8 : len(b)-4]; len(list) >= 4; list = list[4:] {
		number, pid := binary.BigEndian.Uint16(list), binary.BigEndian.Uint16(list[2:])&0x1fff
		if number == 0 || pid == patPID || pid == nullPID {
			continue
		}
		if pid != r.program {
			r.program, r.pmt = pid, section{}
		}
		return
	}
}

// readPMT finds the program's streams.
func (r *Reader) readPMT(p piece) {
	b, malformed := r.pmt.add(p)
	if malformed {
		r.stats.Malformed++
	}
	if b == nil || b[0] != tablePMT {
		return
	}
	list := b[8 : len(b)-4]
	if len(list) < 4 {
		return
	}
	skip := 4 + int(binary.BigEndian.Uint16(list[2:])&0xfff)
	list = list[min(skip, len(list)):]
	var found [media.Kinds]bool
	for len(list) >= 5 {
		size := 5 + int(binary.BigEndian.Uint16(list[3:])&0xfff)
		if size > len(list) {
			r.stats.Malformed++
			break
		}
		e := entry{kind: list[0], pid: binary.BigEndian.Uint16(list[1:]) & 0x1fff, descriptors: list[5:size]}
		list = list[size:]
		r.take(e, &found)
	}
	for k := range r.tracks {
		r.tracks[k].on = r.tracks[k].on && found[k]
	}
}

// take follows a stream of the map if it is the first of its kind.
func (r *Reader) take(e entry, found *[media.Kinds]bool) {
	codec, channels, refused := e.codec()
	switch {
	case refused != "":
		r.refuse(refused)
		return
	case codec == 0 || found[codec.Kind()]:
		return
	}
	found[codec.Kind()] = true
	t := &r.tracks[codec.Kind()]
	if t.on && t.pid == e.pid && t.codec == codec && t.channels == channels {
		return
	}
	// Its time goes on, for it must not go back.
	*t = elementary{on: true, pid: e.pid, codec: codec, channels: channels, due: t.due, told: t.told, begun: t.begun}
}

// entry is a stream in a program's map.
type entry struct {
	kind        byte
	pid         uint16
	descriptors []byte
}

// codec says what a stream is, or the name of what is refused. Data of other sorts is neither.
func (e entry) codec() (c media.Codec, channels int, refused string) {
	switch e.kind {
	case typeH264:
		return media.H264, 0, ""
	case typeH265:
		return media.H265, 0, ""
	case typeADTS:
		return media.AAC, 0, ""
	case typePrivate:
		return e.private()
	case typeMP1, typeMP2:
		return 0, 0, "MPEG audio (MP2, MP3)"
	case typeLATM:
		return 0, 0, "AAC in LATM"
	case typeAC3:
		return 0, 0, "AC-3"
	case typeEAC3:
		return 0, 0, "E-AC-3"
	case 0x01, 0x02:
		return 0, 0, "MPEG-2 video"
	case 0x10:
		return 0, 0, "MPEG-4 video"
	case 0x33:
		return 0, 0, "H266"
	}
	return 0, 0, ""
}

// private says what a stream of private data is by its descriptors.
func (e entry) private() (c media.Codec, channels int, refused string) {
	const descriptorAC3, descriptorEAC3 = 0x6a, 0x7a
	for d := e.descriptors; len(d) >= 2 && 2+int(d[1]) <= len(d); d = d[2+int(d[1]):] {
		body := d[2 : 2+int(d[1])]
		switch {
		case d[0] == descriptorRegistration && bytes.HasPrefix(body, []byte("Opus")):
			c = media.Opus
		case d[0] == descriptorRegistration && bytes.HasPrefix(body, []byte("AV01")):
			refused = "AV1"
		case d[0] == descriptorAC3:
			refused = "AC-3"
		case d[0] == descriptorEAC3:
			refused = "E-AC-3"
		case d[0] == descriptorExtension && len(body) >= 2 && body[0] == extensionOpus:
			channels = int(body[1])
		}
	}
	if c == media.Opus && (channels < 1 || channels > 2) {
		return 0, 0, "Opus that is neither mono nor stereo"
	}
	return c, channels, refused
}
