package audio

import (
	"math"
	"testing"
	"time"

	"oneport/media"
)

// directions are the ways that sound is converted.
var directions = []struct {
	name string
	from media.Codec
	rate int
	to   media.Codec
}{
	{"Opus to AAC", media.Opus, 48000, media.AAC},
	{"AAC 48 kHz to Opus", media.AAC, 48000, media.Opus},
	{"AAC 44.1 kHz to Opus", media.AAC, 44100, media.Opus},
}

// TestTonesKeepTheirPlace sends another tone through each channel, and finds it in that channel alone, as loud as it was.
func TestTonesKeepTheirPlace(t *testing.T) {
	t.Parallel()
	for _, d := range directions {
		for _, hz := range [][]float64{{440}, {440, 1330}} {
			frames := coded(t, d.from, tones(2*d.rate, d.rate, hz...), d.rate, 0)
			tr := transcoder(t, frames[0].Format, d.to)
			if got := tr.Format(); got.Codec != d.to || got.Channels != len(hz) || got.SampleRate != 48000 {
				t.Fatalf("%s: the output has %+v", d.name, got)
			}
			s := played(t, pushAll(t, tr, frames))
			for c := range s {
				for other, f := range hz {
					got := amplitude(s[c][24000:72000], 48000, f)
					if c == other && math.Abs(got-0.5) > 0.02 || c != other && got > 0.005 {
						t.Errorf("%s: %v Hz has amplitude %.4f in channel %d of %d", d.name, f, got, c, len(s))
					}
				}
			}
		}
	}
}

// TestSweepIsFaithfulAndInPlace compares ten seconds of sound with the original, sample by sample on the same timeline.
func TestSweepIsFaithfulAndInPlace(t *testing.T) {
	t.Parallel()
	const at, seconds = 1234567 * time.Microsecond, 10
	for _, d := range directions {
		frames := coded(t, d.from, sweep(seconds*d.rate, d.rate, 200, 6000), d.rate, at)
		for _, f := range frames {
			f.PTS = f.PTS.Round(ms) // as FLV has it
		}
		out := pushAll(t, transcoder(t, frames[0].Format, d.to), frames)
		if out[0].PTS != at.Round(ms) {
			t.Errorf("%s: the first frame is at %v", d.name, out[0].PTS)
		}
		want := sweep(seconds*outRate, outRate, 200, 6000)[0]
		got := played(t, out)[0][samples(at.Round(ms), outRate):]
		for second := range seconds - 1 {
			i, j := second*outRate+4800, (second+1)*outRate+4800
			if shift := lag(want[i:i+4800], got[i:i+4800], 96); shift != 0 {
				t.Errorf("%s: in second %d the sound is %d samples late", d.name, second, shift)
			}
			if db := snr(want[i:j], got[i:j]); db < 30 {
				t.Errorf("%s: in second %d the signal is %.1f dB above the noise", d.name, second, db)
			}
		}
	}
}
