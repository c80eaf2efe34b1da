package bridge

import "oneport/media"

// av1Assembler puts temporal units of AV1 together (AV1 RTP specification, section 4).
type av1Assembler struct {
	data     []byte
	key      bool
	config   []byte
	fragment []byte // an OBU that goes on in the next packet
	open     bool
}

func (a *av1Assembler) add(b []byte) error {
	const z, y = 0x80, 0x40
	if len(b) < 2 || b[0]&z != 0 != a.open {
		return errPayload
	}
	head, count := b[0], int(b[0]>>4&3)
	b = b[1:]
	for i := 1; len(b) > 0; i++ {
		size, rest, ok := len(b), b, true
		if i != count {
			size, rest, ok = media.CutLEB128(b)
		}
		if !ok || size > len(rest) {
			return errPayload
		}
		element := rest[:size]
		b = rest[size:]
		if err := a.addElement(element, len(b) == 0 && head&y != 0); err != nil {
			return err
		}
	}
	return nil
}

// addElement takes an OBU, or a part of one: it continues what is open, and goes on if more follows.
func (a *av1Assembler) addElement(element []byte, more bool) error {
	if len(a.data)+len(a.fragment)+len(element) > maxFrame {
		return errTooLarge
	}
	if a.open || more {
		a.fragment = append(a.fragment, element...)
		element = a.fragment
	}
	if a.open = more; more {
		return nil
	}
	a.fragment = a.fragment[:0]
	if len(element) == 0 {
		return nil
	}
	obu, err := media.ParseOBU(element)
	if err != nil {
		return err
	}
	switch obu.Type {
	case media.OBUTemporalDelimiter, media.OBUTileList, media.OBUPadding:
		return nil
	case media.OBUSequenceHeader:
		a.config = media.AV1Config(obu)
	}
	a.key = a.key || obu.IsKey()
	a.data = obu.Append(a.data)
	return nil
}

func (a *av1Assembler) finish() (p picture, err error) {
	if a.open {
		err = errFragment
	}
	p = picture{data: a.data, key: a.key, config: a.config}
	*a = av1Assembler{data: a.data[:0], fragment: a.fragment[:0]}
	return p, err
}
