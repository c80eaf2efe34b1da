package bench

import (
	"math/bits"
	"slices"
	"time"
)

// histogram counts durations in buckets of microseconds that are at most 1/32 wide: bounded memory, 3 % of error.
// The zero value is ready. Durations over an hour count as an hour, negative ones as none.
type histogram struct {
	counts [buckets]uint32
	total  uint64
	max    time.Duration
}

const (
	fineBits = 5 // 32 buckets for each power of two
	buckets  = (32 - fineBits + 2) << fineBits
)

func (h *histogram) add(d time.Duration) {
	d = min(max(d, 0), time.Hour)
	h.counts[bucket(uint64(d.Microseconds()))]++
	h.total++
	h.max = max(h.max, d)
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
	h.max = max(h.max, o.max)
}

// subtract leaves what was added since h was equal to o.
func (h *histogram) subtract(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] -= n
	}
	h.total -= o.total
}

// percentile returns the duration that p percent of the values do not exceed.
func (h *histogram) percentile(p float64) time.Duration {
	rank := rankOf(p, h.total)
	for i, n := range h.counts {
		if uint64(n) >= rank && n > 0 {
			return min(time.Duration(upper(i))*time.Microsecond, h.max)
		}
		rank -= min(rank, uint64(n))
	}
	return h.max
}

func bucket(v uint64) int {
	if v < 1<<fineBits {
		return int(v)
	}
	shift := bits.Len64(v) - fineBits - 1
	return (shift+1)<<fineBits + int(v>>shift) - 1<<fineBits
}

// upper is the largest value of a bucket.
func upper(i int) uint64 {
	if i < 2<<fineBits {
		return uint64(i)
	}
	shift := i>>fineBits - 1
	return (uint64(i&(1<<fineBits-1))+1<<fineBits+1)<<shift - 1
}

// rankOf is the place, counted from 1, of the percentile among n sorted values.
func rankOf(p float64, n uint64) uint64 {
	rank := uint64(p / 100 * float64(n))
	if float64(rank) < p/100*float64(n) {
		rank++
	}
	return max(rank, 1)
}

// percentile returns the value of sorted durations that p percent of them do not exceed; 0 if there are none.
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := rankOf(p, uint64(len(sorted)))
	return sorted[min(rank, uint64(len(sorted)))-1]
}

func sortedCopy(d []time.Duration) []time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d
}
