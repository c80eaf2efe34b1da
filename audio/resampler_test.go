package audio

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func resampled(from, to int, s sound) sound {
	r, out := newResampler(from, to, len(s)), make(sound, len(s))
	r.push(out, s)
	r.drain(out)
	return out
}

// TestResamplerKeepsSines holds every rate to the quality that the filter promises: what is below 90 % of the half rate
// stays as it is within 0.02 dB, and nothing else comes out, neither image nor alias, above 80 dB down.
func TestResamplerKeepsSines(t *testing.T) {
	t.Parallel()
	for _, rate := range aacRates {
		if rate == outRate {
			continue
		}
		half := float64(min(rate, outRate)) / 2
		for _, part := range []float64{0.01, 0.37, 0.9} {
			hz := math.Round(part * half)
			out := resampled(rate, outRate, tones(rate, rate, hz))[0]
			if n := len(out); n != outRate {
				t.Fatalf("%d Hz: a second has %d samples", rate, n)
			}
			want := tones(outRate, outRate, hz)[0]
			middle, original := out[4800:43200], want[4800:43200]
			if db := 20 * math.Log10(amplitude(middle, outRate, hz)/0.5); math.Abs(db) > 0.02 {
				t.Errorf("%d Hz: the gain at %v Hz is %.3f dB", rate, hz, db)
			}
			scale := float32(amplitude(middle, outRate, hz) / 0.5)
			for i := range original {
				original[i] *= scale
			}
			if db := snr(original, middle); db < 80 {
				t.Errorf("%d Hz: what is not %v Hz is only %.1f dB below it", rate, hz, db)
			}
		}
	}
}

// TestResamplerStopsAliases has tones that the slower rate cannot carry.
func TestResamplerStopsAliases(t *testing.T) {
	for _, rate := range []int{96000, 88200, 64000} {
		for _, hz := range []float64{24800, 27000, 31500} {
			out := resampled(rate, outRate, tones(rate, rate, hz))[0]
			if db := 10 * math.Log10(energy(out[4800:43200])/0.125); db > -80 {
				t.Errorf("%d Hz: of %v Hz are left %.1f dB", rate, hz, db)
			}
		}
	}
}

// TestResamplerStopsImages shows what the filter lets through of the images of tones in its passband, from 44.1 kHz.
func TestResamplerStopsImages(t *testing.T) {
	for _, hz := range []float64{1000, 10000, 19800} {
		out := resampled(44100, outRate, tones(44100, 44100, hz))[0][4800:43200]
		image := 44100 - hz
		if image > 24000 {
			image = 48000 - image // folded by the new rate
		}
		if db := 20 * math.Log10(amplitude(out, outRate, image)/0.5); db > -80 {
			t.Errorf("the image of %v Hz at %v Hz is at %.1f dB", hz, image, db)
		}
	}
}

// TestResamplerDoesNotMindChunks: the same input gives the same bits, in whatever pieces it comes.
func TestResamplerDoesNotMindChunks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.SampledFrom([]int{96000, 88200, 44100, 32000, 24000}).Draw(t, "rate")
		in := tones(2000, rate, 440, 997)
		want := resampled(rate, outRate, in)
		r, got := newResampler(rate, outRate, 2), make(sound, 2)
		for at := 0; at < in.len(); {
			end := min(in.len(), at+rapid.IntRange(0, 700).Draw(t, "chunk"))
			r.push(got, in.cut(at, end))
			at = end
		}
		r.drain(got)
		for c := range want {
			if len(got[c]) != len(want[c]) {
				t.Fatalf("%d Hz: %d samples, in one piece %d", rate, len(got[c]), len(want[c]))
			}
			for i := range want[c] {
				if math.Float32bits(got[c][i]) != math.Float32bits(want[c][i]) {
					t.Fatalf("%d Hz: sample %d differs by %v", rate, i, got[c][i]-want[c][i])
				}
			}
		}
	})
}

// TestResamplerRatioIsExact counts the samples of a long run: not one is lost or added.
func TestResamplerRatioIsExact(t *testing.T) {
	for _, rate := range []int{44100, 22050, 11025} {
		r := newResampler(rate, outRate, 1)
		silence, out, total := make(sound, 1), make(sound, 1), 0
		silence.silence(1024)
		for i := 0; i < 147; i++ { // 147 frames of 1024 are a whole number of samples at 48 kHz
			out.clear()
			r.push(out, silence)
			total += out.len()
		}
		out.clear()
		r.drain(out)
		if want := 147 * 1024 * (outRate / 75) / (rate / 75); total+out.len() != want {
			t.Errorf("%d Hz: %d samples, not %d", rate, total+out.len(), want)
		}
	}
}

func BenchmarkResampler(b *testing.B) {
	for _, channels := range []int{1, 2} {
		b.Run(fmt.Sprintf("44100 to 48000, %d channels", channels), func(b *testing.B) {
			r := newResampler(44100, outRate, channels)
			in, out := make(sound, channels), make(sound, channels)
			in.silence(1024)
			b.ReportAllocs()
			for b.Loop() {
				out.clear()
				r.push(out, in)
			}
			report(b, 1024.0/44100)
		})
	}
}

// report says which part of a core a stream takes whose pieces last so many seconds.
func report(b *testing.B, seconds float64) {
	b.ReportMetric(100*b.Elapsed().Seconds()/float64(b.N)/seconds, "%core")
}
