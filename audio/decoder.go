package audio

import (
	"errors"
	"fmt"
	"io"

	"github.com/thesyncim/gopus"
	"github.com/tphakala/go-aac/pcm"

	"oneport/media"
)

// decoder makes sound of coded frames. It survives whatever it is given.
type decoder interface {
	rate() int
	channels() int
	// lead is how many samples at the start are the codec's own, and by how much its sound is late thereafter.
	lead() int
	// decode appends the sound of a frame to dst. When it fails it has appended what hides the loss.
	decode(dst sound, data []byte) error
	// conceal appends n samples to dst that hide the loss of as many.
	conceal(dst sound, n int)
}

// usualPreSkip is libopus's delay, for senders that do not say theirs.
const usualPreSkip = 312

// opusDecoder decodes Opus to the channels of the stream, whatever those of a packet are.
type opusDecoder struct {
	dec  *gopus.Decoder
	head OpusHead
	pcm  []float32 // interleaved
	last int       // samples of the last packet
}

func newOpusDecoder(f *media.FrameFormat) (*opusDecoder, error) {
	head := OpusHead{Channels: f.Channels, PreSkip: usualPreSkip}
	if head.Channels == 0 {
		head.Channels = 2 // as RTP always says (RFC 7587, section 7)
	}
	if len(f.Config) > 0 {
		var err error
		if head, err = ParseOpusHead(f.Config); err != nil {
			return nil, err
		}
	}
	if head.Channels < 1 || head.Channels > 2 {
		return nil, unsupported(fmt.Sprintf("Opus with %d channels", head.Channels), "set the encoder to mono or stereo")
	}
	d := &opusDecoder{head: head, pcm: make([]float32, longestOpus*head.Channels), last: outRate / 50}
	return d, d.renew()
}

// renew lets a new decoder take over.
func (d *opusDecoder) renew() error {
	dec, err := gopus.NewDecoder(gopus.DefaultDecoderConfig(outRate, d.head.Channels))
	if err != nil {
		return fmt.Errorf("audio: Opus decoder: %w", err)
	}
	if err := dec.SetGain(d.head.Gain); err != nil {
		return fmt.Errorf("audio: OpusHead has a gain of %d: %w", d.head.Gain, err)
	}
	d.dec = dec
	return nil
}

// run lets the decoder work. One that panics is replaced.
func (d *opusDecoder) run(data []byte, pcm []float32) (n int, err error) {
	err = guarded(func() (err error) {
		n, err = d.dec.Decode(data, pcm)
		return err
	})
	if errors.Is(err, errPanic) {
		err = errors.Join(err, d.renew())
	}
	return n, err
}

func (d *opusDecoder) rate() int     { return outRate }
func (d *opusDecoder) channels() int { return d.head.Channels }
func (d *opusDecoder) lead() int     { return d.head.PreSkip }

func (d *opusDecoder) decode(dst sound, data []byte) error {
	packet, err := ParseOpusPacket(data)
	if err != nil {
		d.conceal(dst, d.last)
		return err
	}
	d.last = packet.Samples()
	n, err := d.run(data, d.pcm)
	if err != nil {
		d.conceal(dst, d.last)
		return fmt.Errorf("audio: Opus packet: %w", err)
	}
	dst.interleaved(d.pcm[:n*d.head.Channels])
	return nil
}

// conceal lets the decoder invent what is lost: it fades out by itself, and its next packet goes on from there. It knows
// multiples of 2.5 ms only.
func (d *opusDecoder) conceal(dst sound, n int) {
	const quantum, most = outRate / 400, outRate / 50
	for n > 0 {
		chunk := min((n+quantum-1)/quantum*quantum, most)
		pcm := d.pcm[:chunk*d.head.Channels]
		if m, err := d.run(nil, pcm); err != nil || m != chunk {
			clear(pcm)
		}
		taken := min(chunk, n)
		dst.interleaved(pcm[:taken*d.head.Channels])
		n -= taken
	}
}

const (
	aacFrame = 1024 // samples of an AAC-LC frame
	// longestAAC is the most bytes that the length of a frame in ADTS, with its header of 7, can tell of.
	longestAAC = 1<<13 - 1 - 7
	aacFade    = 256 // samples in which the sound before a loss dies away
)

// aacDecoder decodes AAC-LC. The library's decoder reads a stream in which each frame follows its length in two bytes; input
// is that stream, and holds one frame at most.
type aacDecoder struct {
	config AudioSpecificConfig
	asc    []byte
	input  input
	dec    *pcm.Decoder
	bytes  []byte // 16-bit samples, interleaved
	tail   sound  // the last samples that were decoded
}

// input is a reader of what is put into it.
type input []byte

func (in *input) Read(p []byte) (int, error) {
	if len(*in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, *in)
	*in = (*in)[n:]
	return n, nil
}

func newAACDecoder(f *media.FrameFormat) (*aacDecoder, error) {
	config, err := ParseAudioSpecificConfig(f.Config)
	if err != nil {
		return nil, err
	}
	const remedy = "set the encoder to AAC-LC"
	switch {
	case config.PS:
		return nil, unsupported("AAC with SBR and PS (HE-AAC v2)", remedy)
	case config.SBR:
		return nil, unsupported("AAC with SBR (HE-AAC)", remedy)
	case config.ObjectType != aacLC:
		return nil, unsupported(fmt.Sprintf("AAC of object type %d", config.ObjectType), remedy)
	case config.Short:
		return nil, unsupported("AAC with frames of 960 samples", "set the encoder to frames of 1024")
	case config.Channels == 0:
		return nil, unsupported("AAC that has its channels in a program config element", "set the encoder to mono or stereo")
	case config.Channels > 2:
		return nil, unsupported(fmt.Sprintf("AAC with %d channels", config.Channels), "set the encoder to mono or stereo")
	}
	if !usualRate(config.SampleRate) {
		return nil, unsupported(fmt.Sprintf("AAC at %d Hz", config.SampleRate), "set the encoder to 48000 or 44100 Hz")
	}
	d := &aacDecoder{config: config, asc: config.Append(nil), tail: make(sound, config.Channels)}
	d.tail.silence(aacFade)
	d.bytes = make([]byte, 2*2*2*aacFrame) // twice of what stereo has, so that a frame with too much is seen
	if d.dec, err = pcm.NewDecoder(&d.input, pcm.WithRawStream(d.asc)); err != nil {
		return nil, fmt.Errorf("audio: AAC decoder: %w", err)
	}
	return d, nil
}

// usualRate says whether AAC has an index for a rate.
func usualRate(rate int) bool {
	for _, r := range aacRates {
		if r == rate {
			return true
		}
	}
	return false
}

func (d *aacDecoder) rate() int     { return d.config.SampleRate }
func (d *aacDecoder) channels() int { return d.config.Channels }
func (d *aacDecoder) lead() int     { return 0 } // by the convention of all containers, it is in the timestamps

func (d *aacDecoder) decode(dst sound, data []byte) error {
	if err := d.read(data); err != nil {
		d.conceal(dst, aacFrame)
		return fmt.Errorf("audio: AAC frame of %d bytes: %w", len(data), err)
	}
	channels := d.config.Channels
	frame := d.bytes[:2*aacFrame*channels]
	for c := range dst {
		d.tail[c] = d.tail[c][:0]
		for i := 2 * c; i < len(frame); i += 2 * channels {
			dst[c] = append(dst[c], float32(int16(uint16(frame[i])|uint16(frame[i+1])<<8))/(1<<15))
		}
		d.tail[c] = append(d.tail[c], dst[c][len(dst[c])-aacFade:]...)
	}
	return nil
}

// read decodes a frame into d.bytes.
func (d *aacDecoder) read(data []byte) error {
	if len(data) == 0 || len(data) > longestAAC {
		return errors.New("no such length is allowed")
	}
	d.input = append(append(d.input[:0], byte(len(data)>>8), byte(len(data))), data...)
	var n int
	err := guarded(func() (err error) {
		n, err = d.dec.Read(d.bytes)
		return err
	})
	if err == nil && n != 2*aacFrame*d.config.Channels {
		err = fmt.Errorf("it has %d bytes of samples for %d channels", n, d.config.Channels)
	}
	return err
}

// conceal plays the last sound backwards until it has died away: that has no edge at its beginning. The decoder begins
// anew and so fades in; half of its first frame would otherwise be mixed with sound that has long passed.
func (d *aacDecoder) conceal(dst sound, n int) {
	fade := min(n, aacFade)
	for c := range dst {
		for i := range fade {
			dst[c] = append(dst[c], d.tail[c][aacFade-1-i]*float32(aacFade-i)/aacFade)
		}
		clear(d.tail[c])
	}
	dst.silence(n - fade)
	d.input = d.input[:0]
	if dec, err := pcm.NewDecoder(&d.input, pcm.WithRawStream(d.asc)); err == nil {
		d.dec = dec // not Reset: there is no telling what state a failure has left
	}
}
