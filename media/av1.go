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

// av1Size reads the sequence header of an OBU (AV1 bitstream specification, sections 5.3.2 and 5.5.1) up to the size.
func av1Size(obu []byte) (width, height int) {
	head := byteReader{b: obu}
	flags := head.next()
	if flags&0x04 != 0 { // obu_extension_flag
		head.skip(1)
	}
	if flags&0x02 != 0 { // obu_has_size_field
		head.leb128()
	}
	r := bitReader{b: head.b, raw: true}
	r.bits(4)           // seq_profile, still_picture
	if r.bits(1) == 1 { // reduced_still_picture_header
		r.bits(5) // seq_level_idx
	} else {
		av1OperatingPoints(&r)
	}
	widthBits, heightBits := r.bits(4)+1, r.bits(4)+1
	width, height = int(r.bits(uint(widthBits)))+1, int(r.bits(uint(heightBits)))+1
	if r.short {
		return 0, 0
	}
	return width, height
}

// av1OperatingPoints reads past the timing and the operating points of a sequence header.
func av1OperatingPoints(r *bitReader) {
	model, delayBits := uint32(0), uint(0)
	if r.bits(1) == 1 { // timing_info_present_flag
		r.skip(64)          // num_units_in_display_tick, time_scale
		if r.bits(1) == 1 { // equal_picture_interval
			r.golomb() // num_ticks_per_picture_minus_1
		}
		if model = r.bits(1); model == 1 { // decoder_model_info_present_flag
			delayBits = uint(r.bits(5)) + 1
			r.skip(32 + 5 + 5)
		}
	}
	displayDelay := r.bits(1)
	for range r.bits(5) + 1 {
		r.bits(12)         // operating_point_idc
		if r.bits(5) > 7 { // seq_level_idx
			r.bits(1) // seq_tier
		}
		if model == 1 && r.bits(1) == 1 { // decoder_model_present_for_this_op
			r.skip(2*delayBits + 1)
		}
		if displayDelay == 1 && r.bits(1) == 1 {
			r.bits(4) // initial_display_delay_minus_1
		}
	}
}
