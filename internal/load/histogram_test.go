package load

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Every value lies in a bucket whose upper end is not below it and not more than
// 1/64 above, and the next value up starts the next bucket: so the buckets leave
// no gap and do not overlap.
func TestBucketsCoverEveryValue(t *testing.T) {
	check := func(v uint64) {
		t.Helper()
		i := bucket(v)
		if i < 0 || i >= histogramSize {
			t.Fatalf("value %d is in bucket %d of %d", v, i, histogramSize)
		}
		up := upper(i)
		if up < v || float64(up-v) > float64(v)/64 {
			t.Fatalf("value %d: bucket %d ends at %d", v, i, up)
		}
		if bucket(up) != i || (up+1 <= 1<<63-1 && bucket(up+1) != i+1) {
			t.Fatalf("bucket %d does not end at %d", i, up)
		}
	}
	for v := range uint64(10_000) {
		check(v)
	}
	for shift := range 63 {
		check(1 << shift)
		check(1<<shift | 1)
		check(1<<(shift+1) - 1)
	}
}

func TestQuantilesAgreeWithASortedList(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []time.Duration
	for range 20_000 {
		// Spread over many powers of two, as latencies are.
		d := time.Duration(r.Uint64() >> (20 + r.IntN(40)))
		h.add(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999} {
		want := all[int(q*float64(len(all)))]
		got := h.quantile(q)
		if got < want || float64(got-want) > float64(want)/64 {
			t.Errorf("quantile %g is %d, a sorted list says %d", q, got, want)
		}
	}
	if got, want := h.quantile(1), all[len(all)-1]; got != want {
		t.Errorf("quantile 1 is %d, the largest value is %d", got, want)
	}
}

func TestHistogramOfNothingAndOfNegatives(t *testing.T) {
	var h histogram
	if got := h.quantile(0.99); got != 0 {
		t.Errorf("quantile of nothing is %v", got)
	}
	h.add(-time.Second)
	if got := h.quantile(0.5); got != 0 || h.total != 1 {
		t.Errorf("a negative value gave quantile %v of %d values", got, h.total)
	}
}

func TestHistogramDoesNotAllocate(t *testing.T) {
	var h histogram
	if n := testing.AllocsPerRun(100, func() { h.add(time.Millisecond) }); n != 0 {
		t.Errorf("add allocates %v times", n)
	}
}
