package media

// av1Sequence is what a sequence header says that AV1CodecConfigurationRecord repeats.
type av1Sequence struct {
	profile, level, tier   uint32
	highDepth, twelve      uint32
	monochrome, subX, subY uint32
	position               uint32
}

// AV1Config builds an AV1CodecConfigurationRecord (AV1 in ISO BMFF, section 2.3) of a sequence header, or nil if that is
// malformed.
func AV1Config(sequence OBU) []byte {
	r := bitReader{b: sequence.Payload, raw: true}
	s := readAV1Sequence(&r)
	if r.short || sequence.Type != OBUSequenceHeader {
		return nil
	}
	flags := s.tier<<7 | s.highDepth<<6 | s.twelve<<5 | s.monochrome<<4 | s.subX<<3 | s.subY<<2 | s.position
	b := []byte{0x81, byte(s.profile<<5 | s.level), byte(flags), 0}
	return sequence.Append(b)
}

// readAV1Sequence reads a sequence header (AV1 bitstream specification, section 5.5.1).
func readAV1Sequence(r *bitReader) (s av1Sequence) {
	s.profile = r.bits(3)
	r.bits(1) // still_picture
	reduced := r.bits(1) == 1
	if reduced {
		s.level = r.bits(5)
	} else {
		copied := *r
		av1OperatingPoints(r)
		s.level, s.tier = av1FirstLevel(&copied)
	}
	widthBits, heightBits := r.bits(4)+1, r.bits(4)+1
	r.skip(uint(widthBits + heightBits))
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

// av1FirstLevel reads the level and the tier of the first operating point.
func av1FirstLevel(r *bitReader) (level, tier uint32) {
	if r.bits(1) == 1 { // timing_info_present_flag
		r.skip(64)
		if r.bits(1) == 1 { // equal_picture_interval
			r.golomb()
		}
		if r.bits(1) == 1 { // decoder_model_info_present_flag
			r.skip(5 + 32 + 5 + 5)
		}
	}
	r.bits(1 + 5 + 12) // initial_display_delay_present_flag, the number of points, operating_point_idc
	if level = r.bits(5); level > 7 {
		tier = r.bits(1)
	}
	return level, tier
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

// readAV1Config finds the sequence header in an AV1CodecConfigurationRecord.
func readAV1Config(config []byte) (sequence OBU, err error) {
	if len(config) < 4 || config[0] != 0x81 {
		return OBU{}, errOBU
	}
	for obu, err := range OBUs(config[4:]) {
		if err != nil {
			return OBU{}, err
		}
		if obu.Type == OBUSequenceHeader {
			return obu, nil
		}
	}
	return OBU{}, nil // a record may leave it to the stream
}
