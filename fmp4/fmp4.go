// Package fmp4 writes fragmented MP4: the initialization segment of tracks, and fragments of one track each (ISO/IEC 14496-12).
//
// A frame's format holds its decoder configuration as MP4 has it, so boxes are all there is to write. A segment of several
// tracks is their fragments one after the other; what a player of one track needs is its own fragments alone.
package fmp4

import (
	"encoding/binary"
	"errors"
	"fmt"

	"oneport/media"
)

// VideoTimescale are the ticks a second of a picture's track. A track of sound counts samples.
const VideoTimescale = 90000

var errFormat = errors.New("fmp4: a format lacks its decoder configuration")

// Track is one track.
type Track struct {
	ID     uint32 // from 1 on
	Format *media.FrameFormat
}

// Timescale are the track's ticks a second.
func (t Track) Timescale() uint32 {
	if t.Format.Kind() == media.Audio && t.Format.SampleRate > 0 {
		return uint32(t.Format.SampleRate)
	}
	return VideoTimescale
}

// Sample is a frame in a fragment. The data may be shared and must not be changed.
type Sample struct {
	Duration uint32 // in ticks
	Offset   int32  // from its decode time to its presentation time, in ticks
	Key      bool
	Data     []byte
}

// Fragment is a run of samples of one track.
type Fragment struct {
	Track    uint32
	Sequence uint32
	Time     uint64 // decode time of the first sample, in ticks
	Samples  []Sample
}

// CheckCodec says whether MP4 as browsers play it can carry a codec; the error names it.
func CheckCodec(c media.Codec) error {
	switch c {
	case media.H264, media.H265, media.AV1, media.VP9, media.AAC, media.Opus:
		return nil
	}
	return fmt.Errorf("fmp4: %v cannot be carried", c)
}

// Flags of the boxes written here.
const (
	defaultBaseIsMoof = 0x020000

	dataOffsetPresent  = 0x000001
	durationPresent    = 0x000100
	sizePresent        = 0x000200
	flagsPresent       = 0x000400
	compositionPresent = 0x000800

	syncSample    = 0x02000000 // depends on no other
	nonSyncSample = 0x01010000 // depends on others, and is none to begin with
)

// The sizes of a fragment's boxes before its data; trun has sampleSize more a sample.
const (
	mfhdSize   = 16
	tfhdSize   = 16
	tfdtSize   = 20
	trunSize   = 20
	trafSize   = 8 + tfhdSize + tfdtSize + trunSize
	moofSize   = 8 + mfhdSize + trafSize
	mdatHeader = 8
	sampleSize = 16
)

// Size is how many bytes Append appends.
func (f *Fragment) Size() int {
	n := moofSize + mdatHeader + len(f.Samples)*sampleSize
	for i := range f.Samples {
		n += len(f.Samples[i].Data)
	}
	return n
}

// Append appends the fragment: a moof and its mdat. There may be no sample at all.
func (f *Fragment) Append(b []byte) []byte {
	be := binary.BigEndian
	samples := len(f.Samples) * sampleSize
	b = appendHeader(b, moofSize+samples, "moof")
	b = appendHeader(b, mfhdSize, "mfhd")
	b = be.AppendUint32(be.AppendUint32(b, 0), f.Sequence)
	b = appendHeader(b, trafSize+samples, "traf")
	b = appendHeader(b, tfhdSize, "tfhd")
	b = be.AppendUint32(be.AppendUint32(b, defaultBaseIsMoof), f.Track)
	b = appendHeader(b, tfdtSize, "tfdt")
	b = be.AppendUint64(be.AppendUint32(b, 1<<24), f.Time)
	b = appendHeader(b, trunSize+samples, "trun")
	b = be.AppendUint32(b, 1<<24|dataOffsetPresent|durationPresent|sizePresent|flagsPresent|compositionPresent)
	b = be.AppendUint32(b, uint32(len(f.Samples)))
	b = be.AppendUint32(b, uint32(moofSize+samples+mdatHeader))
	size := mdatHeader
	for i := range f.Samples {
		s := &f.Samples[i]
		flags := uint32(nonSyncSample)
		if s.Key {
			flags = syncSample
		}
		b = be.AppendUint32(be.AppendUint32(b, s.Duration), uint32(len(s.Data)))
		b = be.AppendUint32(be.AppendUint32(b, flags), uint32(s.Offset))
		size += len(s.Data)
	}
	b = appendHeader(b, size, "mdat")
	for i := range f.Samples {
		b = append(b, f.Samples[i].Data...)
	}
	return b
}

func appendHeader(b []byte, size int, name string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(size)), name...)
}

// box appends a box whose content is appended by the functions.
func box(b []byte, name string, content ...func([]byte) []byte) []byte {
	at := len(b)
	b = appendHeader(b, 0, name)
	for _, c := range content {
		b = c(b)
	}
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at))
	return b
}

// raw is content that is there already.
func raw(content ...byte) func([]byte) []byte {
	return func(b []byte) []byte { return append(b, content...) }
}

// words is content of 32 bits each.
func words(list ...uint32) func([]byte) []byte {
	return func(b []byte) []byte {
		for _, w := range list {
			b = binary.BigEndian.AppendUint32(b, w)
		}
		return b
	}
}

// in is a box as the content of another.
func in(name string, content ...func([]byte) []byte) func([]byte) []byte {
	return func(b []byte) []byte { return box(b, name, content...) }
}
