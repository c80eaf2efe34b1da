package audio

import (
	"bytes"
	"math"
	"testing"
	"time"

	"oneport/media"
)

// FuzzPush throws mutated frames and timestamps at all directions. Whatever they are, what goes out has rising timestamps
// and there is not much of it, the samples are numbers, and afterwards good frames pass. The encoder is none: it
// would take nearly all the time, and meets nothing but samples.
func FuzzPush(f *testing.F) {
	streams := [][]*media.Frame{speech(f, 1), speech(f, 2)}
	for _, d := range directions {
		for channels := 1; channels <= 2; channels++ {
			streams = append(streams, coded(f, d.from, music(d.rate/2, d.rate, channels), d.rate, 0))
		}
	}
	for i := range streams {
		f.Add(byte(i), int64(0), []byte{1, 2, 3})
		f.Add(byte(i), int64(time.Second), []byte{0xff, 0, 0x80, 0x7f})
		f.Add(byte(i), int64(-time.Hour), bytes.Repeat([]byte{0x55}, 40))
		f.Add(byte(i), int64(math.MinInt64), streams[i][3].Data)
		f.Add(byte(i), int64(math.MaxInt64), streams[i][len(streams[i])-3].Data)
	}
	f.Fuzz(func(t *testing.T, which byte, jump int64, noise []byte) {
		frames := streams[int(which)%len(streams)]
		tr := watched(t, frames[0].Format)
		last := time.Duration(math.MinInt64)
		for i := range min(len(noise), 24) {
			good := frames[(i*7+int(noise[i]))%len(frames)]
			bad := &media.Frame{Format: good.Format, PTS: good.PTS, Data: mutated(good.Data, noise, i)}
			if noise[i]%3 == 0 {
				bad.PTS += time.Duration(jump)
			}
			out, _ := tr.Push(bad)
			if len(out) > 60 {
				t.Fatalf("one frame gives %d", len(out))
			}
			for _, f := range out {
				if f.PTS <= last && f.PTS > 0 {
					t.Fatalf("%v comes after %v", f.PTS, last)
				}
				last = f.PTS
			}
		}
		for i, good := range frames[:10] {
			pts := 100*time.Hour + duration(int64(i*1000), outRate)
			if _, err := tr.Push(&media.Frame{Format: good.Format, PTS: pts, Data: good.Data}); err != nil && i > 0 { // the first is a jump
				t.Fatalf("good frame %d afterwards: %v", i, err)
			}
		}
	})
}

// mutated is data with noise in it, in another place for each i, or the noise itself.
func mutated(data, noise []byte, i int) []byte {
	if noise[i]%5 == 0 {
		return noise[i:]
	}
	data = bytes.Clone(data)
	for j, b := range noise {
		data[(i+j*int(noise[i]))%len(data)] ^= b
	}
	return data
}

// watch is an encoder that looks at what it is given.
type watch struct {
	stub
	t testing.TB
}

func (w watch) encode(frame sound) ([]byte, error) {
	for _, samples := range frame {
		for _, v := range samples {
			if !(v >= -4 && v <= 4) { // the resampler may overshoot full scale, as any filter
				w.t.Fatalf("a sample is %v", v)
			}
		}
	}
	return nil, nil
}

func watched(t testing.TB, from *media.FrameFormat) *Transcoder {
	dec, err := newDecoder(from)
	if err != nil {
		t.Fatal(err)
	}
	return newTranscoder(from, dec, watch{stub{out: 960, ahead: 2}, t}, &media.FrameFormat{Channels: dec.channels()})
}

// TestNoiseIsEncoded gives the encoders the worst there is: noise at full scale, steps, silence, and all by turns.
func TestNoiseIsEncoded(t *testing.T) {
	for _, channels := range []int{1, 2} {
		aac, err := newAACEncoder(outRate, channels, 128000)
		if err != nil {
			t.Fatal(err)
		}
		opus, err := newOpusEncoder(channels, 64000)
		if err != nil {
			t.Fatal(err)
		}
		for _, enc := range []encoder{aac, opus} {
			seed := uint32(1)
			frame := make(sound, channels)
			for i := range 60 {
				frame.clear()
				frame.silence(enc.samples())
				for c := range frame {
					for j := range frame[c] {
						seed = seed*1664525 + 1013904223
						frame[c][j] = [...]float32{0, 1, float32(int32(seed)) / (1 << 31), float32(int(j/100)%2*2 - 1)}[i/7%4]
					}
				}
				if data, err := enc.encode(frame); err != nil || i > 2 && len(data) == 0 || len(data) > 4000 {
					t.Fatalf("frame %d: %d bytes, %v", i, len(data), err)
				}
			}
		}
	}
}
