package media

// byteReader takes bytes off a slice. Past the end it yields zeroes and says so in short.
type byteReader struct {
	b     []byte
	short bool
}

func (r *byteReader) next() byte {
	if len(r.b) == 0 {
		r.short = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *byteReader) skip(n int) { r.take(n) }

func (r *byteReader) take(n int) (b []byte) {
	if n > len(r.b) {
		n, r.short = len(r.b), true
	}
	b, r.b = r.b[:n], r.b[n:]
	return b
}

// leb128 takes a number of seven bits a byte, the lowest first. One of more than four bytes counts as short: nothing in a
// packet is as long.
func (r *byteReader) leb128() (v int) {
	for i := range 4 {
		c := r.next()
		v |= int(c&0x7f) << (7 * i)
		if c&0x80 == 0 {
			return v
		}
	}
	r.short = true
	return 0
}

// bitReader takes bits off a NAL unit, leaving out the emulation prevention bytes (ITU-T H.264, section 7.4.1): a 3 after
// two zeroes. Past the end it yields zeroes and says so in short.
type bitReader struct {
	b     []byte
	raw   bool // there are no emulation prevention bytes
	zeros int  // zero bytes just read
	have  uint // bits left of cur
	cur   byte
	short bool
}

// bits takes n bits, at most 32, the highest first.
func (r *bitReader) bits(n uint) (v uint32) {
	for n > 0 {
		if r.have == 0 && !r.fill() {
			return 0
		}
		take := min(n, r.have)
		v = v<<take | uint32(r.cur>>(8-take))
		r.cur <<= take
		r.have -= take
		n -= take
	}
	return v
}

// fill takes the next byte.
func (r *bitReader) fill() bool {
	if !r.raw && r.zeros >= 2 && len(r.b) > 0 && r.b[0] == 3 {
		r.b, r.zeros = r.b[1:], 0
	}
	if len(r.b) == 0 {
		r.short = true
		return false
	}
	r.cur, r.have, r.b = r.b[0], 8, r.b[1:]
	r.zeros++
	if r.cur != 0 {
		r.zeros = 0
	}
	return true
}

func (r *bitReader) skip(n uint) {
	for ; n > 32; n -= 32 {
		r.bits(32)
	}
	r.bits(n)
}

// golomb takes an unsigned Exp-Golomb number (section 9.1), which has at most 32 bits.
func (r *bitReader) golomb() uint32 {
	zeros := uint(0)
	for r.bits(1) == 0 {
		if zeros++; zeros > 31 || r.short {
			r.short = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.bits(zeros)
}

func (r *bitReader) signedGolomb() int {
	k := int(r.golomb())
	if k&1 == 1 {
		return (k + 1) / 2
	}
	return -k / 2
}

// crop takes a cropping rectangle, if its flag says that there is one, and returns how much it takes off either direction.
func (r *bitReader) crop() (x, y int) {
	if r.bits(1) == 0 {
		return 0, 0
	}
	left, right, top, bottom := r.golomb(), r.golomb(), r.golomb(), r.golomb()
	return int(left) + int(right), int(top) + int(bottom)
}
