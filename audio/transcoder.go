package audio

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"oneport/media"
)

// Transcoder turns the frames of a track into frames of another codec. It has no clock and no goroutine, and serves one
// caller at a time.
//
// The PTS of a frame is when the sound of its first sample is heard; for Opus it is that of the sound that went into the
// encoder, which a decoder gives as many samples later as the OpusHead's pre-skip says. What goes out has PTS and DTS that
// rise from frame to frame, one frame's samples apart but for gaps and corrections.
type Transcoder struct {
	in    *media.FrameFormat
	inErr error // why frames of the format in cannot be converted
	dec   decoder
	enc   encoder
	out   *media.FrameFormat

	line      timeline
	resampler *resampler // nil where the rate is 48 kHz already

	decoded sound // of the frame that is taken in
	mixed   sound // the same in the channels that go out
	pending sound // at 48 kHz, not yet a frame

	times []time.Duration // of the frames that the encoder has taken in and not given out
}

func newTranscoder(from *media.FrameFormat, dec decoder, enc encoder, out *media.FrameFormat) *Transcoder {
	t := &Transcoder{enc: enc, out: out, mixed: make(sound, out.Channels), pending: make(sound, out.Channels)}
	t.use(from, dec)
	return t
}

// Format is that of every frame that goes out. It never changes.
func (t *Transcoder) Format() *media.FrameFormat { return t.out }

// Push takes a frame in and returns the frames that it completes, often none. It may return frames and an error both: the
// error is that of this frame alone, its sound has been made up for, and the next is welcome. Sound that is missing
// between two frames is made up for up to a second; what comes twice is dropped. A jump by more than a second costs its first
// frame, so that one wrong timestamp does no harm, and begins a new timeline with the second; after a jump back its frames
// follow those before, apart from what the timestamps say. A frame of another format is followed, with the output's kept.
func (t *Transcoder) Push(f *media.Frame) ([]*media.Frame, error) {
	if f == nil || f.Format == nil {
		return nil, errors.New("audio: frame has no format")
	}
	if err := t.follow(f.Format); err != nil {
		return nil, err
	}
	if !sane(f.PTS) {
		return nil, fmt.Errorf("audio: timestamp %v is beyond all bounds", f.PTS)
	}
	at := f.PTS - duration(int64(t.dec.lead()), t.dec.rate()) // when the first sample that the decoder gives is heard
	t.line.start(at, t.dec.lead())
	v := t.line.arrive(at)
	if v.stray {
		return nil, fmt.Errorf("audio: timestamp %v is more than %v from what was expected", f.PTS, farthest)
	}
	var batch batch
	t.decoded.clear()
	if v.restart {
		t.finish(&batch)
		t.dec.conceal(t.decoded, 0)
		v.skip = t.line.restart(at)
	}
	if v.fill > 0 {
		t.dec.conceal(t.decoded, v.fill)
	}
	batch.fail(t.dec.decode(t.decoded, f.Data))
	t.take(&batch, t.heard(v.skip))
	for _, frame := range batch.frames {
		frame.Arrival = f.Arrival
	}
	return batch.frames, batch.err
}

// batch collects what a Push returns.
type batch struct {
	frames []*media.Frame
	err    error // the first
}

func (b *batch) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// follow prepares for frames of a format, if it is another than before.
func (t *Transcoder) follow(f *media.FrameFormat) error {
	if f == t.in || t.inErr == nil && same(f, t.in) {
		t.in = f
		return t.inErr
	}
	dec, err := newDecoder(f)
	if err == nil && f.Codec == t.out.Codec {
		err = unsupported(f.Codec.String()+" to itself", "there is nothing to convert")
	}
	if err != nil {
		t.in, t.inErr = f, err
		return err
	}
	t.use(f, dec)
	return nil
}

// use lets a decoder take over. The timeline goes on where it is.
func (t *Transcoder) use(f *media.FrameFormat, dec decoder) {
	if t.resampler != nil {
		t.resampler.drain(t.pending)
	}
	t.in, t.inErr, t.dec = f, nil, dec
	t.decoded = make(sound, dec.channels())
	t.resampler = nil
	if dec.rate() != outRate {
		t.resampler = newResampler(dec.rate(), outRate, t.out.Channels)
	}
	t.line.turn(dec.rate())
}

// same says whether two formats are told apart by nothing that a decoder needs to know.
func same(a, b *media.FrameFormat) bool {
	return a.Codec == b.Codec && a.SampleRate == b.SampleRate && a.Channels == b.Channels && bytes.Equal(a.Config, b.Config)
}

// heard is what of the decoded sound is to be heard: all but the first skip samples and what comes before the timeline.
func (t *Transcoder) heard(skip int) sound {
	n := t.decoded.len()
	skip = min(skip, n)
	early := min(int(max(0, -t.line.in)), n-skip)
	t.line.take(n - skip)
	return t.decoded.cut(skip+early, n)
}

// take encodes sound as it makes whole frames.
func (t *Transcoder) take(b *batch, s sound) {
	if t.resampler == nil {
		t.pending.remix(s)
	} else {
		t.mixed.clear()
		t.mixed.remix(s)
		t.resampler.push(t.pending, t.mixed)
	}
	t.encode(b)
}

// finish encodes what is pending with as much silence as makes it a frame.
func (t *Transcoder) finish(b *batch) {
	if t.resampler != nil {
		t.resampler.drain(t.pending)
	}
	if part := t.pending.len() % t.enc.samples(); part > 0 {
		t.pending.silence(t.enc.samples() - part)
	}
	t.encode(b)
}

// encode encodes the whole frames of what is pending.
func (t *Transcoder) encode(b *batch) {
	size, done := t.enc.samples(), 0
	for ; t.pending.len()-done >= size; done += size {
		t.encodeFrame(b, t.pending.cut(done, done+size))
	}
	for c, samples := range t.pending {
		t.pending[c] = samples[:copy(samples, samples[done:])]
	}
}

// encodeFrame gives the encoder a frame of sound, and the batch what comes out, if anything does.
func (t *Transcoder) encodeFrame(b *batch, frame sound) {
	t.times = append(t.times, t.line.cut(frame.len()))
	data, err := t.enc.encode(frame)
	if err != nil {
		t.times = t.times[:0]
		b.fail(err)
		return
	}
	if len(t.times) <= t.enc.delay() {
		return
	}
	at := t.times[0]
	t.times = t.times[:copy(t.times, t.times[1:])]
	b.frames = append(b.frames, &media.Frame{Format: t.out, DTS: at, PTS: at, Key: true, Data: data})
}
