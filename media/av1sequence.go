package media

// av1Sequence is what a sequence header says of the pictures that follow.
type av1Sequence struct {
	width, height          int // the largest of them; 0 where the header is cut off before
	profile, level, tier   uint32
	highDepth, twelve      uint32
	monochrome, subX, subY uint32
	position               uint32
}

// readAV1Sequence reads a sequence header (AV1 bitstream specification, section 5.5.1) as far as color_config.
func readAV1Sequence(r *bitReader) (s av1Sequence) {
	s.profile = r.bits(3)
	r.bits(1) // still_picture
	reduced := r.bits(1) == 1
	if reduced {
		s.level = r.bits(5)
	} else {
		s.readOperatingPoints(r)
	}
	s.readSize(r)
	if !reduced && r.bits(1) == 1 { // frame_id_numbers_present_flag
		r.bits(4 + 3)
	}
	r.bits(3) // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
	if !reduced {
		av1Tools(r)
	}
	r.bits(3) // enable_superres, enable_cdef, enable_restoration
	s.readColor(r)
	return s
}

func (s *av1Sequence) readSize(r *bitReader) {
	widthBits, heightBits := r.bits(4)+1, r.bits(4)+1
	width, height := int(r.bits(uint(widthBits)))+1, int(r.bits(uint(heightBits)))+1
	if !r.short {
		s.width, s.height = width, height
	}
}

// readOperatingPoints reads the timing and the operating points, of which the first one's level and tier are the sequence's.
func (s *av1Sequence) readOperatingPoints(r *bitReader) {
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
	for i := range r.bits(5) + 1 {
		r.bits(12) // operating_point_idc
		level, tier := r.bits(5), uint32(0)
		if level > 7 {
			tier = r.bits(1)
		}
		if i == 0 {
			s.level, s.tier = level, tier
		}
		if model == 1 && r.bits(1) == 1 { // decoder_model_present_for_this_op
			r.skip(2*delayBits + 1)
		}
		if displayDelay == 1 && r.bits(1) == 1 {
			r.bits(4) // initial_display_delay_minus_1
		}
	}
}

// av1Tools reads past the coding tools that a reduced header does not speak of.
func av1Tools(r *bitReader) {
	r.bits(4) // enable_interintra_compound, enable_masked_compound, enable_warped_motion, enable_dual_filter
	order := r.bits(1) == 1
	if order {
		r.bits(2) // enable_jnt_comp, enable_ref_frame_mvs
	}
	screen := uint32(2) // SELECT_SCREEN_CONTENT_TOOLS
	if r.bits(1) == 0 { // seq_choose_screen_content_tools
		screen = r.bits(1)
	}
	if screen > 0 && r.bits(1) == 0 { // seq_choose_integer_mv
		r.bits(1)
	}
	if order {
		r.bits(3) // order_hint_bits_minus_1
	}
}

// readColor reads color_config (section 5.5.2) up to chroma_sample_position.
func (s *av1Sequence) readColor(r *bitReader) {
	if s.highDepth = r.bits(1); s.highDepth == 1 && s.profile == 2 {
		s.twelve = r.bits(1)
	}
	if s.profile != 1 {
		s.monochrome = r.bits(1)
	}
	description := uint32(0)
	if r.bits(1) == 1 { // color_description_present_flag
		description = r.bits(24)
	}
	const sRGB = 1<<16 | 13<<8 | 0 // BT.709 primaries, sRGB transfer, identity matrix
	switch {
	case s.monochrome == 1:
		r.bits(1) // color_range
		s.subX, s.subY = 1, 1
		return
	case description == sRGB:
		return
	}
	r.bits(1) // color_range
	switch {
	case s.profile == 0:
		s.subX, s.subY = 1, 1
	case s.profile == 2 && s.twelve == 1:
		if s.subX = r.bits(1); s.subX == 1 {
			s.subY = r.bits(1)
		}
	case s.profile == 2:
		s.subX = 1
	}
	if s.subX == 1 && s.subY == 1 {
		s.position = r.bits(2)
	}
}
