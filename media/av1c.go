package media

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
