package media

import "iter"

const av1SequenceHeader = 1 // OBU type

// inspectAV1 reads the aggregation header (AV1 RTP specification, section 4.4): Z, Y, W, N. With Z the payload begins in
// the middle of an OBU; with N it begins a coded video sequence, which Z must not say as well. Without N a sequence header
// says the same: GStreamer's payloader sets N in the first packet of all, and not at the keyframes that follow.
func inspectAV1(b []byte) (start, key bool) {
	const z, n = 0x80, 0x08
	if len(b) < 2 || b[0]&z != 0 {
		return false, false
	}
	return true, b[0]&n != 0 || beginsAV1Sequence(b)
}

// beginsAV1Sequence looks for a sequence header, which a frame that is no keyframe must not follow: an encoder may repeat it
// anywhere.
func beginsAV1Sequence(b []byte) bool {
	begins := false
	for element := range av1Elements(b) {
		switch obu := openOBU(element); obu.Type {
		case OBUSequenceHeader:
			begins = true
		case OBUFrameHeader, OBUFrame:
			return begins && obu.IsKey()
		}
	}
	return begins
}

// sizeAV1 looks for the sequence header among the OBU elements of a payload that begins a coded video sequence.
func sizeAV1(b []byte) (width, height int) {
	if _, key := inspectAV1(b); !key {
		return 0, 0
	}
	for element := range av1Elements(b) {
		if obu := openOBU(element); obu.Type == OBUSequenceHeader {
			return av1Size(obu)
		}
	}
	return 0, 0
}

// av1Elements iterates over a payload's OBU elements (AV1 RTP specification, section 4.3), up to one that is broken.
func av1Elements(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		r := byteReader{b: b[1:]}
		count := int(b[0] >> 4 & 3) // W: the number of elements, the last without its length; 0: all have one
		for i := 1; len(r.b) > 0; i++ {
			n := len(r.b)
			if i != count {
				n = r.leb128()
			}
			element := r.take(n)
			if r.short || len(element) == 0 || !yield(element) {
				return
			}
		}
	}
}

// av1Size reads a sequence header. What is cut off after the size does no harm.
func av1Size(sequence OBU) (width, height int) {
	s := readAV1Sequence(&bitReader{b: sequence.Payload, raw: true})
	return s.width, s.height
}
