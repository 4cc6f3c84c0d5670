package turn

import (
	"net/netip"
	"testing"
	"time"
)

// A-D04, A-O09: a source has its burst and its rate, whatever port it names; a
// /64 of IPv6 is one source.
func TestLimiter(t *testing.T) {
	seed := [2]uint64{1, 2}
	count := func(l *limiter, now Now, n int, addr func(i int) netip.Addr) (allowed int) {
		for i := range n {
			if l.allow(now, addr(i)) {
				allowed++
			}
		}
		return allowed
	}
	one := func(int) netip.Addr { return netip.MustParseAddr("192.0.2.1") }
	l := newLimiter(100, 500, seed)
	if n := count(l, 0, 2000, one); n != 500 {
		t.Errorf("%d answers at once, want the burst of 500", n)
	}
	if n := count(l, 100*time.Millisecond, 2000, one); n != 10 {
		t.Errorf("%d answers after 100 ms, want 10", n)
	}
	if n := count(l, time.Hour, 2000, one); n != 500 {
		t.Errorf("%d answers after an hour, want 500", n)
	}
	sub := func(i int) netip.Addr {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0xd, 0xb8, 8: byte(i >> 8), 9: byte(i)})
	}
	if n := count(newLimiter(100, 500, seed), 0, 2000, sub); n != 500 {
		t.Errorf("%d answers to one /64, want 500", n)
	}
	if l = newLimiter(1, 1, seed); !l.left(0, one(0)) || !l.allow(0, one(0)) || l.left(0, one(0)) || !l.left(time.Second, one(0)) {
		t.Error("left does not say what allow would")
	}
	if n := count(newLimiter(0, 0, seed), 0, 100000, one); n != 100000 {
		t.Errorf("%d of 100000 without a limit", n)
	}
}

// Sources spread over the buckets, also with a seed of zeros (A-X19).
func TestLimiterSpreads(t *testing.T) {
	for _, seed := range [][2]uint64{{}, {1, 2}, {1 << 63, 12345}} {
		l := newLimiter(1, 1, seed)
		used := map[uint64]bool{}
		for i := range 4096 {
			a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
			used[l.hash(a)%limiterBuckets] = true
		}
		// 4096 balls into 4096 bins leave about 63 % of them used.
		if len(used) < 2200 {
			t.Errorf("seed %v: 4096 addresses in %d buckets", seed, len(used))
		}
	}
}
