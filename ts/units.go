package ts

import (
	"bytes"
	"time"

	"oneport/audio"
	"oneport/media"
)

// usualPicture is how long a picture is taken to be where the next has no time of its own.
const usualPicture = time.Second / 25

// readPicture makes a frame of a picture.
func (r *Reader) readPicture(t *elementary, u unit) {
	size, pictures, key := 0, false, false
	for nal := range media.AnnexB(u.data) {
		switch media.ClassifyNAL(t.codec, nal) {
		case media.ParameterNAL:
			t.fresh = t.sets.Put(t.codec, nal) || t.fresh
			continue
		case media.DelimiterNAL:
			continue
		case media.KeyNAL:
			pictures, key = true, true
		case media.PictureNAL:
			pictures = true
		case media.SEINAL:
			key = key || t.codec == media.H264 && media.IsRecoveryPoint(nal)
		}
		size += 4 + len(nal)
	}
	if t.fresh && t.configure(t.sets.Config(t.codec)) {
		t.fresh = false
	}
	dts, composition := r.place(t, u)
	switch {
	case !pictures:
		return
	case t.format == nil:
		r.stats.Missing++
		return
	}
	data := make([]byte, 0, size)
	for nal := range media.AnnexB(u.data) {
		if class := media.ClassifyNAL(t.codec, nal); class != media.ParameterNAL && class != media.DelimiterNAL {
			data = media.AppendNAL(data, nal)
		}
	}
	r.emit(t, &media.Frame{DTS: dts, PTS: dts + composition, Key: key, Data: data}, usualPicture)
}

// configure makes the format of a configuration, and says whether there is one.
func (t *elementary) configure(config []byte) bool {
	if len(config) == 0 {
		return false
	}
	if t.format != nil && bytes.Equal(t.format.Config, config) {
		return true
	}
	f, err := media.NewFrameFormat(t.codec, config)
	if err == nil {
		t.format = f
	}
	return err == nil
}

// readSound makes frames of a unit of sound. A frame that began in the unit before comes first, at its own time.
func (r *Reader) readSound(t *elementary, u unit) {
	at, _ := r.place(t, u)
	b, carried := u.data, len(t.rest)
	if carried > 0 {
		b = append(t.rest, u.data...)
	}
	size := len(b)
	for {
		if u.timed && size-len(b) >= carried {
			t.due, u.timed = at, false
		}
		frame, length, rest := r.cutSound(t, b)
		b = rest
		if frame == nil {
			break
		}
		r.emit(t, &media.Frame{DTS: t.due, PTS: t.due, Key: true, Data: bytes.Clone(frame)}, length)
	}
	t.rest = bytes.Clone(b)
}

// cutSound takes a frame off b. Without one, rest is what may be the beginning of the next.
func (r *Reader) cutSound(t *elementary, b []byte) (frame []byte, length time.Duration, rest []byte) {
	if t.codec == media.Opus {
		return r.cutOpus(t, b)
	}
	return r.cutADTS(t, b)
}

// samples is how long so many are.
func samples(n, rate int) time.Duration { return time.Duration(n) * time.Second / time.Duration(rate) }

// cutADTS takes a frame of AAC off b, whose header may say another format.
func (r *Reader) cutADTS(t *elementary, b []byte) (frame []byte, length time.Duration, rest []byte) {
	const inFrame = 1024 // samples
	for in := true; len(b) >= adtsSize; {
		h, head, size := readADTS(b)
		if size < head {
			if in {
				r.stats.Malformed++
			}
			in, b = false, b[1:]
			continue
		}
		if size > len(b) {
			break
		}
		frame, b = b[head:size], b[size:]
		if r.accept(t, h) && len(frame) > 0 {
			return frame, samples(inFrame, t.format.SampleRate), b
		}
	}
	return nil, 0, b
}

// readADTS reads the header of a frame of AAC. The size, which is that of the whole frame, is 0 if there is no header.
func readADTS(b []byte) (h adtsHeader, head, size int) {
	h = adtsHeader{profile: b[2] >> 6, rate: b[2] >> 2 & 15, channels: b[2]&1<<2 | b[3]>>6, blocks: b[6] & 3}
	if b[0] != 0xff || b[1]&0xf6 != 0xf0 || int(h.rate) >= len(adtsRates) {
		return h, adtsSize, 0
	}
	head = adtsSize
	if b[1]&1 == 0 {
		head += 2 // a check sum
	}
	return h, head, int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5]>>5)
}

// accept says whether frames with such a header are taken, and makes the format that it tells.
func (r *Reader) accept(t *elementary, h adtsHeader) bool {
	switch {
	case t.format != nil && t.header == h:
		return true
	case h.profile+1 != aacLC:
		r.refuse("AAC that is not LC")
	case h.channels == 0:
		r.refuse("AAC that does not tell its channels")
	case h.blocks > 0:
		r.refuse("AAC with several blocks in a frame")
	default:
		t.header = h
		return t.configure([]byte{aacLC<<3 | h.rate>>1, h.rate<<7 | h.channels<<3})
	}
	return false
}

// cutOpus takes a packet of Opus off b.
func (r *Reader) cutOpus(t *elementary, b []byte) (frame []byte, length time.Duration, rest []byte) {
	if t.format == nil && !t.configure(media.OpusHead(t.channels)) {
		return nil, 0, nil
	}
	if len(b) == 0 {
		return nil, 0, nil
	}
	frame, rest, ok := readOpus(b)
	if !ok {
		r.stats.Malformed++
		return nil, 0, nil
	}
	const rate = 48_000
	p, err := audio.ParseOpusPacket(frame)
	if err != nil {
		r.stats.Malformed++
		return nil, 0, nil
	}
	return frame, samples(p.Samples(), rate), rest
}

// readOpus reads the control header of a packet, and the packet.
func readOpus(b []byte) (packet, rest []byte, ok bool) {
	if len(b) < 3 || b[0] != 0x7f || b[1]&0xe0 != 0xe0 {
		return nil, nil, false
	}
	trimStart, trimEnd, extended := b[1]&0x10 != 0, b[1]&0x08 != 0, b[1]&0x04 != 0
	size, more := 0, true
	for b = b[2:]; more; b = b[1:] {
		if len(b) == 0 {
			return nil, nil, false
		}
		size, more = size+int(b[0]), b[0] == 0xff
	}
	skip := 0
	if trimStart {
		skip += 2
	}
	if trimEnd {
		skip += 2
	}
	if extended {
		if len(b) <= skip {
			return nil, nil, false
		}
		skip += 1 + int(b[skip])
	}
	if size == 0 || len(b) < skip+size {
		return nil, nil, false
	}
	return b[skip : skip+size], b[skip+size:], true
}
