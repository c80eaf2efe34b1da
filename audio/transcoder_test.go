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

// TestSweepIsFaithfulAndInPlace compares the sound with the original, sample by sample on the same timeline.
func TestSweepIsFaithfulAndInPlace(t *testing.T) {
	const at = 1234567 * time.Microsecond
	for _, d := range directions {
		frames := coded(t, d.from, sweep(2*d.rate, d.rate, 200, 6000), d.rate, at)
		out := pushAll(t, transcoder(t, frames[0].Format, d.to), frames)
		original := sweep(2*48000, 48000, 200, 6000)
		first := int(math.Round(at.Seconds() * 48000))
		got := played(t, out)[0][first:]
		n := min(len(got), len(original[0])) - 9600
		if shift := lag(original[0][4800:n], got[4800:n], 300); shift != 0 {
			t.Errorf("%s: the sound is %d samples late", d.name, shift)
		}
		if db := snr(original[0][4800:n], got[4800:n]); db < 20 {
			t.Errorf("%s: signal to noise is %.1f dB", d.name, db)
		} else {
			t.Logf("%s: signal to noise is %.1f dB", d.name, db)
		}
	}
}
