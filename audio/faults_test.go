package audio

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	"oneport/media"
)

// TestDamagedFrames: each is an error of its own; the timeline goes on without a hole, and so does the sound.
func TestDamagedFrames(t *testing.T) {
	for _, d := range directions {
		frames := coded(t, d.from, tones(2*d.rate, d.rate, 440, 440), d.rate, 0)
		tr := transcoder(t, frames[0].Format, d.to)
		var out []*media.Frame
		errs := 0
		for i, f := range frames {
			if i == 20 || i == 21 || i == 40 {
				f = &media.Frame{Format: f.Format, PTS: f.PTS, Data: [][]byte{nil, {0xff}, {0xff, 0xff, 0xff}}[i%3]}
			}
			got, err := tr.Push(f)
			if err != nil {
				errs++
			}
			out = append(out, got...)
		}
		if errs != 3 {
			t.Errorf("%s: three damaged frames are %d errors", d.name, errs)
		}
		contiguous(t, d.name, out)
		s := played(t, out)
		if got := amplitude(s[0][48000:76800], 48000, 440); math.Abs(got-0.5) > 0.02 {
			t.Errorf("%s: afterwards the tone has amplitude %.3f", d.name, got)
		}
		if step := steepest(s[0][4800:76800]); step > 0.15 { // 440 Hz has 0.03 from sample to sample
			t.Errorf("%s: there is a click of %.2f", d.name, step)
		}
	}
}

// TestLostFrames: what is lost is made up for, and what follows is where it belongs.
func TestLostFrames(t *testing.T) {
	for _, d := range directions {
		for _, lost := range []int{1, 5, 30} {
			in := sweep(3*d.rate, d.rate, 200, 4000)
			frames := coded(t, d.from, in, d.rate, 0)
			frames = append(frames[:20:20], frames[20+lost:]...)
			out := pushAll(t, transcoder(t, frames[0].Format, d.to), frames)
			contiguous(t, d.name, out)
			got, want := played(t, out)[0], sweep(3*48000, 48000, 200, 4000)[0]
			from, to := 72000, 120000
			if shift := lag(want[from:to], got[from:to], 300); shift < -24 || shift > 24 {
				t.Errorf("%s: after %d lost frames the sound is %d samples late", d.name, lost, shift)
			}
			if step := steepest(got[4800:48000]); step > 0.35 {
				t.Errorf("%s: at %d lost frames there is a click of %.2f", d.name, lost, step)
			}
		}
	}
}

// contiguous holds frames to follow each other without a hole, but for the rounding of a nanosecond and a correction.
func contiguous(t *testing.T, name string, frames []*media.Frame) {
	t.Helper()
	size := map[media.Codec]int64{media.AAC: 1024, media.Opus: 960}[frames[0].Format.Codec]
	for i := 1; i < len(frames); i++ {
		d := frames[i].PTS - frames[i-1].PTS - duration(size, outRate)
		if d < -step || d > step+1 {
			t.Errorf("%s: frame %d is %v off", name, i, d)
		}
	}
}

// steepest is the greatest step between two samples.
func steepest(x []float32) (most float64) {
	for i := 1; i < len(x); i++ {
		most = max(most, math.Abs(float64(x[i]-x[i-1])))
	}
	return most
}

// TestPacketsChangeChannels has mono and stereo packets in one Opus stream, as a browser sends them.
func TestPacketsChangeChannels(t *testing.T) {
	stereo := coded(t, media.Opus, tones(2*48000, 48000, 440, 440), 48000, 0)
	mono := coded(t, media.Opus, tones(2*48000, 48000, 440), 48000, 0)
	tr := transcoder(t, stereo[0].Format, media.AAC)
	var out []*media.Frame
	for i := range stereo {
		data := stereo[i].Data
		if i/25%2 == 1 {
			data = mono[i].Data
		}
		got, err := tr.Push(&media.Frame{Format: stereo[0].Format, PTS: stereo[i].PTS, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, got...)
	}
	contiguous(t, "mono and stereo", out)
	for c, x := range played(t, out) {
		if got := amplitude(x[4800:86400], 48000, 440); math.Abs(got-0.5) > 0.05 {
			t.Errorf("channel %d has amplitude %.3f", c, got)
		}
	}
}

// TestFormatChanges follows a stream whose encoder is set to another rate and other channels, and one that goes bad and good
// again: the output's format stays, and so does the timeline.
func TestFormatChanges(t *testing.T) {
	stereo := coded(t, media.AAC, tones(44100, 44100, 440, 440), 44100, 0)
	end := stereo[len(stereo)-1].PTS + duration(1024, 44100)
	mono := coded(t, media.AAC, tones(48000, 48000, 440), 48000, end)
	tr := transcoder(t, stereo[0].Format, media.Opus)
	out := pushAll(t, tr, stereo)
	bad := &media.FrameFormat{Codec: media.AAC, Config: []byte{0x11, 0xb0}}
	for range 2 {
		if got, err := tr.Push(&media.Frame{Format: bad, PTS: end}); err == nil || got != nil {
			t.Fatalf("5.1 gives %d frames, %v", len(got), err)
		}
	}
	out = append(out, pushAll(t, tr, mono)...)
	contiguous(t, "another format", out)
	for _, f := range out {
		if f.Format != tr.Format() {
			t.Fatal("the output's format has changed")
		}
	}
	for c, x := range played(t, out) {
		for _, part := range [][]float32{x[4800:43200], x[50400:88800]} {
			if got := amplitude(part, 48000, 440); math.Abs(got-0.5) > 0.02 {
				t.Errorf("channel %d has amplitude %.3f", c, got)
			}
		}
	}
}

// TestFormatsThatAreEqual: a format that is told again, in another place of memory, changes nothing.
func TestFormatsThatAreEqual(t *testing.T) {
	frames := coded(t, media.AAC, tones(44100, 44100, 440), 44100, 0)
	want := pushAll(t, transcoder(t, frames[0].Format, media.Opus), frames)
	for _, f := range frames {
		again := *f.Format
		f.Format = &again
	}
	got := pushAll(t, transcoder(t, frames[0].Format, media.Opus), frames)
	if len(got) != len(want) {
		t.Fatalf("%d frames, not %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i].Data, want[i].Data) || got[i].PTS != want[i].PTS {
			t.Fatalf("frame %d differs", i)
		}
	}
}

// FuzzPush throws mutated frames and timestamps at both directions. Whatever they are, what goes out has rising timestamps
// and there is not much of it, and afterwards good frames pass.
func FuzzPush(f *testing.F) {
	streams := make([][]*media.Frame, len(directions))
	for i, d := range directions {
		for _, hz := range [][]float64{{440}, {440, 2000}} {
			streams[i] = append(streams[i], coded(f, d.from, tones(d.rate/4, d.rate, hz...), d.rate, 0)...)
		}
		f.Add(byte(i), int64(0), []byte{1, 2, 3})
		f.Add(byte(i), int64(time.Second), []byte{0xff, 0, 0x80, 0x7f})
		f.Add(byte(i), int64(-time.Hour), bytes.Repeat([]byte{0x55}, 40))
		f.Add(byte(i), int64(math.MinInt64), streams[i][3].Data)
		f.Add(byte(i), int64(math.MaxInt64), streams[i][len(streams[i])-3].Data)
	}
	f.Fuzz(func(t *testing.T, which byte, jump int64, noise []byte) {
		d, frames := directions[int(which)%len(directions)], streams[int(which)%len(directions)]
		tr := transcoder(t, frames[0].Format, d.to)
		last := time.Duration(math.MinInt64)
		for i := range min(len(noise), 12) {
			good := frames[(i*7+int(noise[i]))%len(frames)]
			data := bytes.Clone(good.Data)
			for j, b := range noise {
				data[(i+j*int(noise[i]))%len(data)] ^= b
			}
			if noise[i]%5 == 0 {
				data = noise[i:]
			}
			pts := good.PTS
			if noise[i]%3 == 0 {
				pts += time.Duration(jump)
			}
			out, _ := tr.Push(&media.Frame{Format: good.Format, PTS: pts, Data: data})
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
		after := 0
		for i, good := range frames[:10] {
			pts := 100*time.Hour + duration(int64(i*1000), 48000)
			out, err := tr.Push(&media.Frame{Format: good.Format, PTS: pts, Data: good.Data})
			if err != nil {
				t.Fatalf("a good frame afterwards: %v", err)
			}
			after += len(out)
		}
		if after < 5 {
			t.Fatalf("ten good frames afterwards give %d", after)
		}
	})
}

// BenchmarkPush tells what a stream costs.
func BenchmarkPush(b *testing.B) {
	for _, d := range directions {
		for _, hz := range [][]float64{{440}, {440, 1330}} {
			b.Run(fmt.Sprintf("%s, %d channels", d.name, len(hz)), func(b *testing.B) {
				frames := coded(b, d.from, music(4*d.rate, d.rate, len(hz)), d.rate, 0)
				tr := transcoder(b, frames[0].Format, d.to)
				length := frames[1].PTS - frames[0].PTS
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					f := *frames[i%len(frames)]
					f.PTS = time.Duration(i) * length
					i++
					if _, err := tr.Push(&f); err != nil {
						b.Fatal(err)
					}
				}
				report(b, length.Seconds())
			})
		}
	}
}

// music is sound that costs an encoder about what music does: chords that change, under some noise.
func music(n, rate, channels int) sound {
	s := make(sound, channels)
	seed := uint32(1)
	for c := range s {
		s[c] = make([]float32, n)
		for i := range s[c] {
			t := float64(i) / float64(rate)
			root := 110 * math.Pow(2, float64(int(t*4)%12)/12)
			v := 0.0
			for k, part := range []float64{1, 1.26, 1.5, 2, 3, 5, 7.1} {
				v += math.Sin(2*math.Pi*root*part*t+float64(c*k)) / float64(k+2)
			}
			seed = seed*1664525 + 1013904223
			s[c][i] = float32(0.25*v*math.Exp(-4*math.Mod(t*4, 1)) + float64(int32(seed))/(1<<31)*0.02)
		}
	}
	return s
}
