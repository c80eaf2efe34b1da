package audio

import (
	"errors"
	"fmt"
	"slices"
)

// Audio object types of ISO/IEC 14496-3, table 1.17.
const (
	aacLC = 2
	sbr   = 5
	ps    = 29
)

// aacRates are the sample rates that have an index (ISO/IEC 14496-3, table 1.18); any other is written out.
var aacRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// writtenOut is the index that says that the rate follows in 24 bits.
const writtenOut = 15

// AudioSpecificConfig is what a decoder of AAC must be told before the first frame (ISO/IEC 14496-3, section 1.6.2.1).
type AudioSpecificConfig struct {
	ObjectType int  // of the core: 2 is AAC-LC
	SampleRate int  // of the core, in Hz
	Channels   int  // 0: a program config element in the frames says it
	Short      bool // frames of 960 samples rather than 1024

	// SBR and PS tell of the extensions that make HE-AAC and HE-AAC v2 of the core, be they declared before the core (explicit
	// hierarchical signalling) or behind it (backward compatible).
	SBR, PS bool
}

// ParseAudioSpecificConfig reads the configuration of an AAC stream.
func ParseAudioSpecificConfig(b []byte) (AudioSpecificConfig, error) {
	r := bitReader{b: b}
	var c AudioSpecificConfig
	c.ObjectType = r.objectType()
	c.SampleRate = r.sampleRate()
	c.Channels = channelsOf(r.bits(4))
	if c.ObjectType == sbr || c.ObjectType == ps {
		c.SBR, c.PS = true, c.ObjectType == ps
		r.sampleRate() // of what the extension makes of it
		c.ObjectType = r.objectType()
	}
	c.Short = r.bits(1) == 1
	if r.short {
		return AudioSpecificConfig{}, fmt.Errorf("audio: AudioSpecificConfig of %d bytes ends too early", len(b))
	}
	if c.SampleRate == 0 || c.Channels < 0 {
		return AudioSpecificConfig{}, errors.New("audio: AudioSpecificConfig has a reserved sample rate or channel configuration")
	}
	c.findExtension(r)
	return c, nil
}

// findExtension looks behind the core's configuration for the words that declare SBR and PS. Where they begin depends on
// fields that nobody needs, so that they are looked for at every bit, as other parsers do.
func (c *AudioSpecificConfig) findExtension(r bitReader) {
	const sbrSync, psSync = 0x2b7, 0x548
	for ; r.left() >= 17; r.skip(1) {
		if p := r; p.bits(11) == sbrSync && p.objectType() == sbr {
			c.SBR = p.bits(1) == 1
			if c.SBR {
				p.sampleRate()
				c.PS = p.bits(11) == psSync && p.bits(1) == 1
			}
			return
		}
	}
}

// Append appends the configuration's bytes to dst, without extensions: those of AAC-LC, mono or stereo, are two.
func (c AudioSpecificConfig) Append(dst []byte) []byte {
	index := slices.Index(aacRates[:], c.SampleRate)
	var short uint32
	if c.Short {
		short = 1
	}
	if index < 0 {
		head := uint32(c.ObjectType)<<11 | writtenOut<<7 | uint32(c.SampleRate)>>17
		tail := uint32(c.SampleRate)<<15 | uint32(c.Channels)<<11 | short<<10
		return append(dst, byte(head>>8), byte(head), byte(tail>>24), byte(tail>>16), byte(tail>>8))
	}
	v := uint32(c.ObjectType)<<11 | uint32(index)<<7 | uint32(c.Channels)<<3 | short<<2
	return append(dst, byte(v>>8), byte(v))
}

// channelsOf says how many channels a channel configuration has, -1 for one that is reserved (ISO/IEC 14496-3, table 1.19).
func channelsOf(configuration uint32) int {
	switch {
	case configuration <= 6:
		return int(configuration)
	case configuration == 7 || configuration == 12 || configuration == 14:
		return 8
	case configuration == 11:
		return 7
	}
	return -1
}

// bitReader takes bits off b, the highest of a byte first. Past the end it yields zeroes and says so in short.
type bitReader struct {
	b     []byte
	at    int // in bits
	short bool
}

func (r *bitReader) left() int { return 8*len(r.b) - r.at }

func (r *bitReader) skip(n int) { r.at += n }

func (r *bitReader) bits(n int) (v uint32) {
	if n > r.left() {
		r.at, r.short = 8*len(r.b), true
		return 0
	}
	for range n {
		v = v<<1 | uint32(r.b[r.at/8]>>(7-r.at%8)&1)
		r.at++
	}
	return v
}

func (r *bitReader) objectType() int {
	const escape = 31
	t := int(r.bits(5))
	if t == escape {
		t = 32 + int(r.bits(6))
	}
	return t
}

// sampleRate takes a rate, 0 for an index that is reserved.
func (r *bitReader) sampleRate() int {
	index := r.bits(4)
	if index == writtenOut {
		return int(r.bits(24))
	}
	if int(index) >= len(aacRates) {
		return 0
	}
	return aacRates[index]
}
