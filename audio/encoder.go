package audio

import (
	"bytes"
	"fmt"

	"github.com/thesyncim/gopus"
	aac "github.com/tphakala/go-aac"
)

// encoder makes coded frames of sound.
type encoder interface {
	// samples is how many samples a frame has.
	samples() int
	// delay is how many frames of sound are taken in before the one that comes out; what comes out earlier is of no use.
	delay() int
	// encode takes one frame of sound in and returns one of coded sound, which the caller may keep. When it fails it has
	// forgotten the frames it had taken in.
	encode(frame sound) ([]byte, error)
}

// aacEncoder encodes AAC-LC. It hands out a frame when it has the next as well, on which the choice of its window depends,
// and a decoder needs the one after a frame to complete its second half.
type aacEncoder struct {
	enc    *aac.Encoder
	config aac.EncoderConfig
	buf    []byte
}

func newAACEncoder(rate, channels, bitrate int) (*aacEncoder, error) {
	config := aac.EncoderConfig{SampleRate: rate, Channels: channels, Bitrate: bitrate}
	enc, err := aac.NewEncoder(config)
	if err != nil {
		return nil, fmt.Errorf("audio: AAC encoder: %w", err)
	}
	return &aacEncoder{enc: enc, config: config}, nil
}

func (e *aacEncoder) samples() int { return aacFrame }
func (e *aacEncoder) delay() int   { return 2 }

func (e *aacEncoder) encode(frame sound) ([]byte, error) {
	err := guarded(func() (err error) {
		e.buf, err = e.enc.EncodeFrame(e.buf[:0], frame)
		return err
	})
	if err == nil {
		return bytes.Clone(e.buf), nil
	}
	if enc, again := aac.NewEncoder(e.config); again == nil {
		e.enc = enc
	}
	return nil, fmt.Errorf("audio: AAC encoder: %w", err)
}

// opusEncoder encodes Opus in packets of 20 ms.
type opusEncoder struct {
	enc     *gopus.Encoder
	bitrate int
	pcm     []float32 // interleaved
	buf     []byte
}

func newOpusEncoder(channels, bitrate int) (*opusEncoder, error) {
	e := &opusEncoder{bitrate: bitrate, buf: make([]byte, 4000)}
	e.pcm = make([]float32, e.samples()*channels)
	return e, e.renew(channels)
}

// renew lets a new encoder take over.
func (e *opusEncoder) renew(channels int) error {
	enc, err := gopus.NewEncoder(gopus.EncoderConfig{SampleRate: outRate, Channels: channels, Application: gopus.ApplicationAudio})
	if err != nil {
		return fmt.Errorf("audio: Opus encoder: %w", err)
	}
	if err := enc.SetBitrate(e.bitrate); err != nil {
		return fmt.Errorf("audio: Opus encoder at %d bit/s: %w", e.bitrate, err)
	}
	e.enc = enc
	return nil
}

func (e *opusEncoder) samples() int { return outRate / 50 }
func (e *opusEncoder) delay() int   { return 0 }

// preSkip is by how many samples a decoder's sound is late.
func (e *opusEncoder) preSkip() int { return e.enc.Lookahead() }

func (e *opusEncoder) encode(frame sound) ([]byte, error) {
	for c, samples := range frame {
		for i, v := range samples {
			e.pcm[i*len(frame)+c] = v
		}
	}
	var n int
	err := guarded(func() (err error) {
		n, err = e.enc.Encode(e.pcm, e.buf)
		return err
	})
	if err == nil {
		return bytes.Clone(e.buf[:n]), nil
	}
	if again := e.renew(len(frame)); again != nil {
		return nil, again
	}
	return nil, fmt.Errorf("audio: Opus encoder: %w", err)
}
