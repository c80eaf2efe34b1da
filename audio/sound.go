package audio

// sound is uncoded sound, full scale at 1: one slice of samples for each channel, all of one length.
type sound [][]float32

// len is the number of samples of each channel.
func (s sound) len() int { return len(s[0]) }

// cut is the sound from sample i up to j, in the same memory.
func (s sound) cut(i, j int) sound {
	part := make(sound, len(s))
	for c := range s {
		part[c] = s[c][i:j]
	}
	return part
}

// clear empties the sound and keeps its memory.
func (s sound) clear() {
	for c := range s {
		s[c] = s[c][:0]
	}
}

// append adds other sound, with as many channels, at the end.
func (s sound) append(other sound) {
	for c := range s {
		s[c] = append(s[c], other[c]...)
	}
}

// silence adds n samples of nothing at the end.
func (s sound) silence(n int) {
	for c := range s {
		s[c] = append(s[c], make([]float32, n)...)
	}
}

// interleaved adds samples that have the channels side by side at the end. What no sample should be is made one: a decoder
// given damaged frames may leave anything behind, and an encoder must not meet it.
func (s sound) interleaved(pcm []float32) {
	for c := range s {
		for i := c; i < len(pcm); i += len(s) {
			s[c] = append(s[c], bounded(pcm[i]))
		}
	}
}

// bounded brings a sample to full scale, and what is not a number to silence.
func bounded(v float32) float32 {
	switch {
	case v >= -1 && v <= 1:
		return v
	case v > 1:
		return 1
	case v < -1:
		return -1
	}
	return 0
}

// remix adds other sound at the end, which may have another number of channels: mono goes to both ears, stereo to one.
func (s sound) remix(other sound) {
	switch {
	case len(s) == len(other):
		s.append(other)
	case len(other) == 1:
		for c := range s {
			s[c] = append(s[c], other[0]...)
		}
	default:
		for i, left := range other[0] {
			s[0] = append(s[0], (left+other[1][i])/2)
		}
	}
}
