package ts

import (
	"slices"
	"time"

	"oneport/media"
)

// adtsHeader is the header that each frame of AAC gets (ISO/IEC 14496-3, section 1.A.2.2), but for the frame's size.
type adtsHeader struct{ profile, rate, channels, blocks byte }

const (
	adtsSize = 7
	maxADTS  = 1<<13 - 1 // bytes of a frame with its header
	maxSound = 32 << 10  // bytes of any frame of sound: a PES packet has to say its size
)

// Kinds of AAC in an AudioSpecificConfig.
const (
	aacMain = 1
	aacLC   = 2
	aacLTP  = 4
	aacSBR  = 5 // HE-AAC: a decoder finds the high band in the frames of what is inside
	aacPS   = 29
)

// adtsRates are the sample rates by their number.
var adtsRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// newADTS reads what the header says out of a format's AudioSpecificConfig.
func newADTS(f *media.FrameFormat) (h adtsHeader, err error) {
	r := bits{b: f.Config}
	object := r.take(5)
	rate := r.rate()
	h.channels = byte(r.take(4))
	if object == aacSBR || object == aacPS {
		r.rate()
		object = r.take(5)
	}
	if r.short || object < aacMain || object > aacLTP || h.channels == 0 || h.channels > 7 || rate < 0 {
		return h, errProfile
	}
	h.profile, h.rate = byte(object-1), byte(rate)
	return h, nil
}

// append appends the header of a frame of so many bytes.
func (h adtsHeader) append(dst []byte, size int) []byte {
	size += adtsSize
	return append(dst, 0xff, 0xf1, h.profile<<6|h.rate<<2|h.channels>>2, h.channels<<6|byte(size>>11), byte(size>>3), byte(size<<5)|0x1f, 0xfc)
}

// bits reads what is a few bits long.
type bits struct {
	b     []byte
	at    int
	short bool
}

func (r *bits) take(n int) (v int) {
	for range n {
		if r.at >= 8*len(r.b) {
			r.short = true
			return 0
		}
		v = v<<1 | int(r.b[r.at/8]>>(7-r.at%8)&1)
		r.at++
	}
	return v
}

// rate reads a sample rate and returns its number, below 0 if it has none.
func (r *bits) rate() int {
	const explicit = 15
	i := r.take(4)
	if i == explicit {
		return slices.Index(adtsRates[:], r.take(24))
	}
	if i >= len(adtsRates) {
		return -1
	}
	return i
}

// ADTS makes a bare stream of AAC, each frame behind its own header.
type ADTS struct {
	format *media.FrameFormat
	header adtsHeader
}

// CheckCodec says whether it can carry a codec; the error names it.
func (*ADTS) CheckCodec(c media.Codec) error {
	if c != media.AAC {
		return unsupported("adts", c, "AAC")
	}
	return nil
}

// Begin takes the format of the sound.
func (w *ADTS) Begin(dst []byte, formats [media.Kinds]*media.FrameFormat) ([]byte, error) {
	if f := formats[media.Audio]; f != nil {
		return w.Change(dst, f, 0)
	}
	return dst, nil
}

// Change takes another format.
func (w *ADTS) Change(dst []byte, f *media.FrameFormat, _ time.Duration) (_ []byte, err error) {
	if err = w.CheckCodec(f.Codec); err == nil {
		w.header, err = newADTS(f)
	}
	w.format = f
	return dst, err
}

// Append appends a frame of sound.
func (w *ADTS) Append(dst []byte, f *media.Frame, at time.Duration) ([]byte, error) {
	if w.format != f.Format {
		if _, err := w.Change(nil, f.Format, at); err != nil {
			return dst, err
		}
	}
	if len(f.Data) > maxADTS-adtsSize {
		return dst, errSize
	}
	return append(w.header.append(dst, len(f.Data)), f.Data...), nil
}
