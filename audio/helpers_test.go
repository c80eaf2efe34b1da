package audio

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/thesyncim/gopus"

	"oneport/media"
)

// tones is n samples of one sine for each frequency, one to a channel, of amplitude a half.
func tones(n, rate int, hz ...float64) sound {
	s := make(sound, len(hz))
	for c, f := range hz {
		s[c] = make([]float32, n)
		for i := range s[c] {
			s[c][i] = float32(0.5 * math.Sin(2*math.Pi*f*float64(i)/float64(rate)))
		}
	}
	return s
}

// sweep is n samples that rise from one frequency to another.
func sweep(n, rate int, from, to float64) sound {
	s := sound{make([]float32, n)}
	for i := range s[0] {
		t := float64(i) / float64(rate)
		f := from + (to-from)*float64(i)/float64(2*n) // the mean since the beginning
		s[0][i] = float32(0.5 * math.Sin(2*math.Pi*f*t))
	}
	return s
}

// amplitude is that of a frequency in x (Goertzel's algorithm, under a Hann window, which keeps other tones out).
func amplitude(x []float32, rate int, hz float64) float64 {
	w := 2 * math.Pi * hz / float64(rate)
	var re, im, sum float64
	for i, v := range x {
		hann := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(x)))
		re += hann * float64(v) * math.Cos(w*float64(i))
		im += hann * float64(v) * math.Sin(w*float64(i))
		sum += hann
	}
	return 2 * math.Hypot(re, im) / sum
}

// snr compares what was got with what was wanted, in dB.
func snr(want, got []float32) float64 {
	var signal, noise float64
	for i := range want {
		signal += float64(want[i]) * float64(want[i])
		d := float64(want[i]) - float64(got[i])
		noise += d * d
	}
	return 10 * math.Log10(signal/(noise+1e-20))
}

func energy(x []float32) (e float64) {
	for _, v := range x {
		e += float64(v) * float64(v)
	}
	return e / float64(max(1, len(x)))
}

// lag is by how many samples, within most, b is later than a: where their correlation is greatest.
func lag(a, b []float32, most int) (best int) {
	top := math.Inf(-1)
	for d := -most; d <= most; d++ {
		sum := 0.0
		for i := most; i < min(len(a), len(b))-most; i++ {
			sum += float64(a[i]) * float64(b[i+d])
		}
		if sum > top {
			top, best = sum, d
		}
	}
	return best
}

// coded encodes sound at its rate as a publisher would: its first sample is heard at the given moment.
func coded(t testing.TB, codec media.Codec, s sound, rate int, at time.Duration) []*media.Frame {
	t.Helper()
	var enc encoder
	var format *media.FrameFormat
	switch codec {
	case media.Opus:
		e, err := newOpusEncoder(len(s), 128000)
		if err != nil {
			t.Fatal(err)
		}
		enc, format = e, opusFormat(len(s), e.preSkip())
	case media.AAC:
		e, err := newAACEncoder(rate, len(s), 192000)
		if err != nil {
			t.Fatal(err)
		}
		config := AudioSpecificConfig{ObjectType: aacLC, SampleRate: rate, Channels: len(s)}
		enc, format = e, &media.FrameFormat{Codec: media.AAC, Config: config.Append(nil), SampleRate: rate, Channels: len(s)}
	}
	var frames []*media.Frame
	var times []time.Duration
	for i := 0; i+enc.samples() <= s.len(); i += enc.samples() {
		data, err := enc.encode(s.cut(i, i+enc.samples()))
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, at+duration(int64(i), rate))
		if len(times) > enc.delay() {
			pts := times[len(times)-1-enc.delay()]
			frames = append(frames, &media.Frame{Format: format, PTS: pts, DTS: pts, Key: true, Data: data})
		}
	}
	return frames
}

// speech is half a second of Opus as browsers send of a voice: SILK and hybrid packets, with FEC, at rising bitrates.
func speech(t testing.TB, channels int) (frames []*media.Frame) {
	t.Helper()
	e, err := newOpusEncoder(channels, 8000)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.enc.SetApplication(gopus.ApplicationVoIP), e.enc.SetPacketLoss(20)); err != nil {
		t.Fatal(err)
	}
	e.enc.SetFEC(true)
	s, format := music(outRate/2, outRate, channels), opusFormat(channels, e.preSkip())
	for i := 0; i < s.len(); i += 960 {
		if err := e.enc.SetBitrate(8000*channels + i*channels); err != nil {
			t.Fatal(err)
		}
		data, err := e.encode(s.cut(i, i+960))
		if err != nil {
			t.Fatal(err)
		}
		pts := duration(int64(i), outRate)
		frames = append(frames, &media.Frame{Format: format, PTS: pts, DTS: pts, Key: true, Data: data})
	}
	return frames
}

// played decodes frames and lays their sound where their timestamps say that it is heard, from the moment 0.
func played(t testing.TB, frames []*media.Frame) sound {
	t.Helper()
	dec, err := newDecoder(frames[0].Format)
	if err != nil {
		t.Fatal(err)
	}
	s := make(sound, dec.channels())
	for _, f := range frames {
		one := make(sound, dec.channels())
		if err := dec.decode(one, f.Data); err != nil {
			t.Fatal(err)
		}
		first := int(math.Round(f.PTS.Seconds()*float64(dec.rate()))) - dec.lead()
		if missing := first + one.len() - s.len(); missing > 0 {
			s.silence(missing)
		}
		for c := range s {
			for i, v := range one[c] {
				if first+i >= 0 {
					s[c][first+i] = v
				}
			}
		}
	}
	return s
}

// pushAll transcodes frames that are all sound.
func pushAll(t testing.TB, tr *Transcoder, frames []*media.Frame) (out []*media.Frame) {
	t.Helper()
	for i, f := range frames {
		got, err := tr.Push(f)
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		out = append(out, got...)
	}
	return out
}

func transcoder(t testing.TB, from *media.FrameFormat, to media.Codec) *Transcoder {
	t.Helper()
	tr, err := New(from, to, 128000)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}
