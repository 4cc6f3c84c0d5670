package load

import (
	"math/bits"
	"time"
)

// subBits sets the resolution of a histogram: every power of two is cut into
// 1<<subBits buckets, so that a quantile is at most 1.6 % above the truth.
const subBits = 6

// histogramSize covers all of a positive int64, so that no value is out of
// range and add needs no check.
const histogramSize = (64 - subBits) << subBits

// A histogram counts durations in buckets of relative width, in constant memory
// and without allocating: a run of millions of packets costs no more than one of
// ten.
type histogram struct {
	counts [histogramSize]uint64
	total  uint64
	max    time.Duration
}

// bucket is the index of the bucket that holds v nanoseconds.
func bucket(v uint64) int {
	if v < 1<<subBits {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return (shift << subBits) + int(v>>shift)
}

// upper is the largest value, in nanoseconds, that falls into a bucket.
func upper(index int) uint64 {
	if index < 2<<subBits {
		return uint64(index)
	}
	shift := index>>subBits - 1
	return (uint64(index)-uint64(shift)<<subBits+1)<<shift - 1
}

// add counts one value. A negative one counts as zero: it can only come from
// two clocks that disagree by less than their resolution.
func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.total++
	h.max = max(h.max, d)
}

// quantile returns the value that q (0 to 1) of all values do not exceed, and
// zero when there are none.
func (h *histogram) quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := uint64(q * float64(h.total))
	seen := uint64(0)
	for i, n := range h.counts {
		seen += n
		// The rank-th value of a sorted list, counted from 0, lies here.
		if seen > rank {
			return min(time.Duration(upper(i)), h.max)
		}
	}
	return h.max
}
