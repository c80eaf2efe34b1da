package media

// maxSize is the greatest width or height that is believed.
const maxSize = 1 << 14

// VideoSize finds the picture's size in an RTP payload, if it holds what says so whole: a sequence parameter set that is
// not fragmented, a sequence header, or the beginning of a VP8 or VP9 keyframe.
func VideoSize(c Codec, payload []byte) (width, height int, ok bool) {
	switch c {
	case H264:
		width, height = sizeH264(payload)
	case H265:
		width, height = sizeH265(payload)
	case VP8:
		width, height = sizeVP8(payload)
	case VP9:
		width, height = sizeVP9(payload)
	case AV1:
		width, height = sizeAV1(payload)
	}
	if width <= 0 || height <= 0 || width > maxSize || height > maxSize {
		return 0, 0, false
	}
	return width, height, true
}

func sizeH264(b []byte) (width, height int) {
	if len(b) == 0 {
		return 0, 0
	}
	if b[0]&0x1f != h264STAPA {
		return h264SPSSize(b)
	}
	for nal, rest := nextNAL(b[1:]); nal != nil; nal, rest = nextNAL(rest) {
		if width, height = h264SPSSize(nal); width > 0 {
			break
		}
	}
	return width, height
}

// h264SPSSize reads a sequence parameter set (ITU-T H.264, section 7.3.2.1.1) up to the frame cropping.
func h264SPSSize(nal []byte) (width, height int) {
	if nal[0]&0x1f != h264SPS || len(nal) < 4 {
		return 0, 0
	}
	r := bitReader{b: nal[4:]} // after profile_idc, constraint flags and level_idc
	r.golomb()                 // seq_parameter_set_id
	chroma := h264Chroma(&r, nal[1])
	r.golomb()          // log2_max_frame_num_minus4
	switch r.golomb() { // pic_order_cnt_type
	case 0:
		r.golomb() // log2_max_pic_order_cnt_lsb_minus4
	case 1:
		r.bits(1)  // delta_pic_order_always_zero_flag
		r.golomb() // offset_for_non_ref_pic
		r.golomb() // offset_for_top_to_bottom_field
		for n := min(r.golomb(), 255); n > 0; n-- {
			r.golomb() // offset_for_ref_frame
		}
	}
	r.golomb() // max_num_ref_frames
	r.bits(1)  // gaps_in_frame_num_value_allowed_flag
	width = 16 * (int(r.golomb()) + 1)
	height = 16 * (int(r.golomb()) + 1)
	fields := 1 - int(r.bits(1)) // 1 - frame_mbs_only_flag
	height *= 1 + fields
	r.bits(uint(fields)) // mb_adaptive_frame_field_flag
	r.bits(1)            // direct_8x8_inference_flag
	x, y := r.crop()
	if chroma == 1 || chroma == 2 {
		x *= 2
	}
	if chroma == 1 {
		y *= 2
	}
	if r.short {
		return 0, 0
	}
	return width - x, height - y*(1+fields)
}

// h264Chroma reads what only the high profiles have and returns the ChromaArrayType.
func h264Chroma(r *bitReader, profile byte) (chroma uint32) {
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
	default:
		return 1
	}
	chroma = r.golomb()
	lists := 8
	separate := uint32(0)
	if chroma == 3 {
		separate = r.bits(1) // separate_colour_plane_flag
		lists = 12
	}
	r.golomb() // bit_depth_luma_minus8
	r.golomb() // bit_depth_chroma_minus8
	r.bits(1)  // qpprime_y_zero_transform_bypass_flag
	if r.bits(1) == 1 {
		for i := range lists {
			h264ScalingList(r, i)
		}
	}
	if separate == 1 {
		return 0
	}
	return chroma
}

// h264ScalingList reads past a scaling list (section 7.3.2.1.1.1): six of 16 numbers come before those of 64.
func h264ScalingList(r *bitReader, i int) {
	if r.bits(1) == 0 { // seq_scaling_list_present_flag
		return
	}
	size := 16
	if i >= 6 {
		size = 64
	}
	last, next := 8, 8
	for range size {
		if next != 0 {
			next = (last + r.signedGolomb() + 256) & 0xff
		}
		if next != 0 {
			last = next
		}
	}
}

func sizeH265(b []byte) (width, height int) {
	if len(b) < 2 {
		return 0, 0
	}
	if b[0]>>1&0x3f != h265AP {
		return h265SPSSize(b)
	}
	for nal, rest := nextNAL(b[2:]); nal != nil; nal, rest = nextNAL(rest) {
		if width, height = h265SPSSize(nal); width > 0 {
			break
		}
	}
	return width, height
}

// h265SPSSize reads a sequence parameter set (ITU-T H.265, section 7.3.2.2.1) up to the conformance window.
func h265SPSSize(nal []byte) (width, height int) {
	if len(nal) < 3 || nal[0]>>1&0x3f != h265SPS {
		return 0, 0
	}
	r := bitReader{b: nal[2:]}
	r.bits(4) // sps_video_parameter_set_id
	subLayers := r.bits(3)
	r.bits(1) // sps_temporal_id_nesting_flag
	h265ProfileTierLevel(&r, subLayers)
	r.golomb() // sps_seq_parameter_set_id
	chroma := r.golomb()
	if chroma == 3 {
		r.bits(1) // separate_colour_plane_flag
	}
	width, height = int(r.golomb()), int(r.golomb())
	x, y := r.crop()
	if chroma == 1 || chroma == 2 {
		x *= 2
	}
	if chroma == 1 {
		y *= 2
	}
	if r.short {
		return 0, 0
	}
	return width - x, height - y
}

// h265ProfileTierLevel reads past profile_tier_level (section 7.3.3).
func h265ProfileTierLevel(r *bitReader, subLayers uint32) {
	r.skip(88 + 8) // general profile, general level
	if subLayers == 0 {
		return
	}
	flags := r.bits(16) // for eight layers: profile present, level present
	for i := range subLayers {
		if flags>>(15-2*i)&1 == 1 {
			r.skip(88)
		}
		if flags>>(14-2*i)&1 == 1 {
			r.skip(8)
		}
	}
}

// sizeVP8 reads the header of a keyframe (RFC 6386, section 9.1): a tag of three bytes, the start code, and two numbers of
// 14 bits with a scale each.
func sizeVP8(b []byte) (width, height int) {
	d, ok := parseVP8(b)
	f := d.frame
	if !ok || !d.key || len(f) < 10 || f[3] != 0x9d || f[4] != 0x01 || f[5] != 0x2a {
		return 0, 0
	}
	return int(f[6]) | int(f[7]&0x3f)<<8, int(f[8]) | int(f[9]&0x3f)<<8
}

// sizeVP9 takes the size of the scalability structure, else that of the uncompressed header (VP9 bitstream specification,
// section 6.2).
func sizeVP9(b []byte) (width, height int) {
	d, ok := parseVP9(b)
	if !ok || !d.key {
		return 0, 0
	}
	if d.width > 0 {
		return d.width, d.height
	}
	const syncCode, sRGB = 0x498342, 7
	r := bitReader{b: d.frame, raw: true}
	if r.bits(2) != 2 { // frame_marker
		return 0, 0
	}
	profile := r.bits(1) | r.bits(1)<<1
	if profile == 3 {
		r.bits(1) // reserved_zero
	}
	if r.bits(2) != 0 { // show_existing_frame, and frame_type of a keyframe
		return 0, 0
	}
	r.bits(2) // show_frame, error_resilient_mode
	if r.bits(24) != syncCode {
		return 0, 0
	}
	if profile >= 2 {
		r.bits(1) // ten_or_twelve_bit
	}
	if space := r.bits(3); space != sRGB {
		r.bits(1)                   // color_range
		r.bits(uint(profile&1) * 3) // subsampling_x, subsampling_y, reserved_zero
	} else {
		r.bits(uint(profile & 1)) // reserved_zero
	}
	width, height = int(r.bits(16))+1, int(r.bits(16))+1
	if r.short {
		return 0, 0
	}
	return width, height
}
