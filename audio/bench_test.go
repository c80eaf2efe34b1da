package audio

import (
	"fmt"
	"math"
	"testing"
	"time"
)

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
