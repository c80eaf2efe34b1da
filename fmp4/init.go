package fmp4

import (
	"encoding/binary"

	"oneport/media"
)

// matrix is the identity, as mvhd and tkhd have it.
var matrix = [...]uint32{1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30}

// AppendInit appends the initialization segment of the tracks.
func AppendInit(b []byte, tracks ...Track) ([]byte, error) {
	var traks, trexs []func([]byte) []byte
	for _, t := range tracks {
		entry, err := sampleEntry(t.Format)
		if err != nil {
			return b, err
		}
		traks = append(traks, trak(t, entry))
		trexs = append(trexs, in("trex", words(0, t.ID, 1, 0, 0, 0)))
	}
	b = box(b, "ftyp", raw([]byte("iso6\x00\x00\x00\x01iso6mp41hlsfdash")...))
	mvhd := in("mvhd", words(0, 0, 0, 1000, 0, 1<<16, 1<<24, 0, 0), words(matrix[:]...), words(0, 0, 0, 0, 0, 0, 1<<32-1))
	return box(b, "moov", append(append([]func([]byte) []byte{mvhd}, traks...), in("mvex", trexs...))...), nil
}

func trak(t Track, entry func([]byte) []byte) func([]byte) []byte {
	handler, name, volume := "vide", "picture\x00", uint32(0)
	mediaHeader := in("vmhd", words(1, 0, 0))
	if t.Format.Kind() == media.Audio {
		handler, name, volume = "soun", "sound\x00", 1<<24
		mediaHeader = in("smhd", words(0, 0))
	}
	const enabledInMovie, undetermined = 3, 0x55c4 << 16
	return in("trak",
		in("tkhd", words(enabledInMovie, 0, 0, t.ID, 0, 0, 0, 0, 0, volume), words(matrix[:]...),
			words(uint32(t.Format.Width)<<16, uint32(t.Format.Height)<<16)),
		in("mdia",
			in("mdhd", words(0, 0, 0, t.Timescale(), 0, undetermined)),
			in("hdlr", words(0, 0), raw([]byte(handler)...), words(0, 0, 0), raw([]byte(name)...)),
			in("minf", mediaHeader,
				in("dinf", in("dref", words(0, 1), in("url ", words(1)))),
				in("stbl",
					in("stsd", words(0, 1), entry),
					in("stts", words(0, 0)), in("stsc", words(0, 0)), in("stsz", words(0, 0, 0)), in("stco", words(0, 0))))))
}

// sampleEntry says how a track is coded.
func sampleEntry(f *media.FrameFormat) (func([]byte) []byte, error) {
	if err := CheckCodec(f.Codec); err != nil {
		return nil, err
	}
	if len(f.Config) < 4 && f.Codec != media.AAC || len(f.Config) < 2 {
		return nil, errFormat
	}
	config := raw(f.Config...)
	switch f.Codec {
	case media.H264:
		return visual(f, "avc1", in("avcC", config)), nil
	case media.H265:
		return visual(f, "hvc1", in("hvcC", config)), nil
	case media.AV1:
		return visual(f, "av01", in("av1C", config)), nil
	case media.VP9:
		return visual(f, "vp09", in("vpcC", config)), nil
	case media.AAC:
		return audio(f, "mp4a", esds(f.Config)), nil
	}
	if len(f.Config) < 19 {
		return nil, errFormat
	}
	return audio(f, "Opus", in("dOps", raw(opusSpecific(f.Config)...))), nil
}

// visual is a VisualSampleEntry.
func visual(f *media.FrameFormat, name string, config func([]byte) []byte) func([]byte) []byte {
	const resolution = 72 << 16 // dots per inch
	return in(name,
		words(0, 1, 0, 0, 0, 0, uint32(f.Width)<<16|uint32(f.Height)&0xffff, resolution, resolution, 0),
		raw(0, 1), raw(make([]byte, 32)...), raw(0, 24, 0xff, 0xff),
		config, in("pasp", words(1, 1)))
}

// audio is an AudioSampleEntry.
func audio(f *media.FrameFormat, name string, config func([]byte) []byte) func([]byte) []byte {
	rate := uint32(f.SampleRate)
	if rate > 0xffff {
		rate = 0 // the field is too small; the configuration says it
	}
	return in(name, words(0, 1, 0, 0, uint32(f.Channels)<<16|16, 0, rate<<16), config)
}

// esds holds an AudioSpecificConfig (ISO/IEC 14496-14, section 5.6). The descriptors' lengths take one byte: configurations
// are short, and what is longer is cut, for only extensions lie there.
func esds(config []byte) func([]byte) []byte {
	config = config[:min(len(config), 64)]
	n := byte(len(config))
	b := []byte{0, 0, 0, 0, 3, 23 + n, 0, 0, 0, 4, 15 + n, 0x40, 0x15}
	b = append(b, make([]byte, 11)...) // buffer size and bit rates, not known
	b = append(b, 5, n)
	b = append(b, config...)
	return in("esds", raw(append(b, 6, 1, 2)...))
}

// opusSpecific is what an OpusHead says, in the other byte order ("Encapsulation of Opus in ISO BMFF", section 4.3.2), but for the
// rate of the sound before it was coded: players need none, and Chromium plays nothing whose rate is not that of the sample entry.
func opusSpecific(head []byte) []byte {
	le, be := binary.LittleEndian, binary.BigEndian
	b := []byte{0, head[9]}
	b = be.AppendUint16(b, le.Uint16(head[10:]))
	b = be.AppendUint32(b, 48000)
	b = be.AppendUint16(b, le.Uint16(head[16:]))
	return append(b, head[18:]...)
}
