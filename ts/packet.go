package ts

// track is a stream of packets with one PID.
type track struct {
	pid     uint16
	counter byte // continuity_counter of the next packet that carries something
}

// adaptation is what the adaptation field of a unit's first packet says.
type adaptation struct {
	randomAccess bool
	hasPCR       bool
	pcr          int64 // in ticks
}

func (a adaptation) size() int {
	switch {
	case a.hasPCR:
		return 8
	case a.randomAccess:
		return 2
	}
	return 0
}

// packer spreads a unit, whose size is known beforehand, over packets. The last one is filled up by its adaptation field.
type packer struct {
	dst   []byte
	track *track
	field adaptation // of the first packet
	start bool       // the next packet is the unit's first
	left  int        // bytes of the unit that are not in a packet that was begun
	room  int        // bytes that the packet that was begun still takes
}

func newPacker(dst []byte, t *track, field adaptation, size int) packer {
	return packer{dst: dst, track: t, field: field, start: true, left: size}
}

// write appends a part of the unit.
func (p *packer) write(b []byte) {
	for len(b) > 0 {
		if p.room == 0 {
			p.begin()
		}
		n := min(p.room, len(b))
		p.dst = append(p.dst, b[:n]...)
		p.room -= n
		b = b[n:]
	}
}

// begin appends what comes before a packet's payload.
func (p *packer) begin() {
	field := p.field
	if !p.start {
		field = adaptation{}
	}
	p.room = packetSize - headSize - field.size()
	stuffing := max(p.room-p.left, 0)
	p.room -= stuffing
	p.left -= p.room
	p.dst = appendHead(p.dst, p.track, p.start, field, stuffing, true)
	p.start = false
}

// appendHead appends a packet's header and adaptation field, which is so much longer than it needs to be.
func appendHead(dst []byte, t *track, start bool, field adaptation, stuffing int, payload bool) []byte {
	first, control := byte(t.pid>>8), t.counter&0x0f
	if start {
		first |= 0x40 // payload_unit_start_indicator
	}
	if payload {
		control |= 0x10
		t.counter++
	}
	size := field.size() + stuffing
	if size > 0 {
		control |= 0x20
	}
	dst = append(dst, syncByte, first, byte(t.pid), control)
	if size == 0 {
		return dst
	}
	dst = append(dst, byte(size-1))
	if size == 1 {
		return dst
	}
	flags := byte(0)
	if field.randomAccess {
		flags |= 0x40
	}
	if field.hasPCR {
		flags |= 0x10
	}
	dst = append(dst, flags)
	if field.hasPCR {
		dst = appendPCR(dst, field.pcr)
	} else if field.size() == 0 {
		stuffing -= 2 // the length and the flags are of it
	}
	for range stuffing {
		dst = append(dst, 0xff)
	}
	return dst
}

// appendPCR appends a program clock reference without its extension.
func appendPCR(dst []byte, pcr int64) []byte {
	pcr &= clockMask
	return append(dst, byte(pcr>>25), byte(pcr>>17), byte(pcr>>9), byte(pcr>>1), byte(pcr<<7)|0x7e, 0)
}

// appendPESHead appends the header of a PES packet with so many bytes behind it.
func appendPESHead(dst []byte, id byte, pts, dts int64, size int) []byte {
	flags, fields := byte(0x80), 5 // PTS
	if dts != pts {
		flags, fields = 0xc0, 10
	}
	size += 3 + fields
	if size > 0xffff {
		size = 0 // of pictures: until the next one begins
	}
	dst = append(dst, 0, 0, 1, id, byte(size>>8), byte(size), 0x84, flags, byte(fields)) // data_alignment_indicator
	dst = appendStamp(dst, flags>>6, pts)
	if dts != pts {
		dst = appendStamp(dst, 1, dts)
	}
	return dst
}

// appendStamp appends a time stamp of 33 bits behind a mark of four.
func appendStamp(dst []byte, mark byte, t int64) []byte {
	t &= clockMask
	return append(dst, mark<<4|byte(t>>29)&0x0e|1, byte(t>>22), byte(t>>14)|1, byte(t>>7), byte(t<<1)|1)
}
