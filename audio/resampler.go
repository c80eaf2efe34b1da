package audio

import "math"

// The filter is a sinc under a Kaiser window. It reaches over 96 samples of the slower of the two rates, with its edge at
// 97 % of that rate's half: flat within 0.01 dB up to 90 % of the half (19.8 kHz of 44.1), 90 dB down from 103 %.
const (
	filterTaps = 96
	filterEdge = 0.97
	kaiserBeta = 8.96 // 0.1102 (90 dB - 8.7)
)

// resampler changes the rate of sound by an exact ratio, up to down, as a bank of one filter for each of the up phases. Its
// output begins with the first sample of its input: the filter's delay is taken off. The same input gives the same bits,
// in whatever pieces it comes.
type resampler struct {
	up, down int
	taps     int
	bank     [][]float32 // by phase

	kept  sound // input that the filter still reaches
	at    int   // where in kept the filter begins for the next output
	phase int   // of the next output, below up
}

// newResampler returns a resampler between two rates for so many channels.
func newResampler(from, to, channels int) *resampler {
	common := gcd(from, to)
	r := &resampler{up: to / common, down: from / common, kept: make(sound, channels)}
	r.design()
	r.reset()
	return r
}

// reset forgets the input.
func (r *resampler) reset() {
	r.at, r.phase = 0, 0
	r.kept.clear()
	r.kept.silence(r.taps/2 - 1) // what was before the first sample
}

// drain appends to dst the sound that is still behind, and forgets the input.
func (r *resampler) drain(dst sound) {
	rest := make(sound, len(r.kept))
	rest.silence(r.taps / 2)
	r.push(dst, rest)
	r.reset()
}

// push appends to dst the sound that src makes possible. It runs half a filter behind.
func (r *resampler) push(dst, src sound) {
	r.kept.append(src)
	n := r.kept.len()
	at, phase := r.at, r.phase
	for c, x := range r.kept {
		at, phase = r.at, r.phase
		for at+r.taps <= n {
			dst[c] = append(dst[c], dot(r.bank[phase], x[at:at+r.taps]))
			phase += r.down
			at += phase / r.up
			phase %= r.up
		}
	}
	used := min(at, n)
	for c, x := range r.kept {
		r.kept[c] = x[:copy(x, x[used:])]
	}
	r.at, r.phase = at-used, phase
}

// dot is the scalar product of two slices of the length of a, which is a multiple of 4.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	for i := 0; i+3 < len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
	}
	return (s0 + s1) + (s2 + s3)
}

// design computes the bank. Each phase has a gain of exactly 1 at 0 Hz, so that silence beside a direct current stays silent.
func (r *resampler) design() {
	scale := min(1, float64(r.up)/float64(r.down)) // of the slower rate to the input's
	r.taps = (int(math.Ceil(filterTaps/scale)) + 3) &^ 3
	r.bank = make([][]float32, r.up)
	half, peak := float64(r.taps)/2, bessel(kaiserBeta)
	for p := range r.bank {
		h := make([]float64, r.taps)
		sum := 0.0
		for i := range h {
			// The output is this far behind the tap's sample, which is number i-half+1 from that before it.
			t := float64(p)/float64(r.up) - (float64(i) - half + 1)
			h[i] = sinc(t*scale*filterEdge) * kaiser(t/half) / peak
			sum += h[i]
		}
		r.bank[p] = make([]float32, r.taps)
		for i := range h {
			r.bank[p][i] = float32(h[i] / sum)
		}
	}
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the Kaiser window at x from -1 to 1, not yet divided by its peak.
func kaiser(x float64) float64 {
	if x < -1 || x > 1 {
		return 0
	}
	return bessel(kaiserBeta * math.Sqrt(1-x*x))
}

// bessel is the modified Bessel function of the first kind and order 0.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= (x / (2 * k)) * (x / (2 * k))
		sum += term
	}
	return sum
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
