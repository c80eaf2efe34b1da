package media

const av1SequenceHeader = 1 // OBU type

// inspectAV1 reads the aggregation header (AV1 RTP specification, section 4.4): Z, Y, W, N. With Z the payload begins in
// the middle of an OBU; with N it begins a coded video sequence, which Z must not say as well.
func inspectAV1(b []byte) (start, key bool) {
	const z, n = 0x80, 0x08
	if len(b) < 2 || b[0]&z != 0 {
		return false, false
	}
	return true, b[0]&n != 0
}

// sizeAV1 looks for a sequence header, which begins a coded video sequence, among the payload's OBU elements.
func sizeAV1(b []byte) (width, height int) {
	if _, key := inspectAV1(b); !key {
		return 0, 0
	}
	r := byteReader{b: b[1:]}
	count := int(b[0] >> 4 & 3) // W: the number of elements, the last without its length; 0: all have one
	for i := 1; len(r.b) > 0; i++ {
		n := len(r.b)
		if i != count {
			n = r.leb128()
		}
		element := r.take(n)
		if r.short || len(element) == 0 {
			return 0, 0
		}
		if element[0]>>3&0x0f == av1SequenceHeader {
			return av1Size(element)
		}
	}
	return 0, 0
}

// av1Size reads the sequence header of an OBU (AV1 bitstream specification, section 5.3.2). What is cut off after the size
// does no harm.
func av1Size(obu []byte) (width, height int) {
	head := byteReader{b: obu}
	flags := head.next()
	if flags&0x04 != 0 { // obu_extension_flag
		head.skip(1)
	}
	if flags&0x02 != 0 { // obu_has_size_field
		head.leb128()
	}
	s := readAV1Sequence(&bitReader{b: head.b, raw: true})
	return s.width, s.height
}
