package turn

import (
	"math/bits"
	"net/netip"
	"time"
)

// limiterBuckets is the size of the table: a fixed 64 KiB a worker, whatever
// the number of sources.
const limiterBuckets = 4096

// limiter caps the answers to strangers by source address, so that a spoofed
// source gets a bounded reflection (A-D04, A-O09). The port is no part of the
// key; sources that collide share a bucket. Memory does not grow.
type limiter struct {
	rate  float64 // answers per second; 0: no limit
	burst float64
	seed  [2]uint64
	table []bucket

	window Now // how long it takes a bucket to be full again
	epoch  int // the window that now is in, from 1 on
	fresh  int // buckets that were used in it
}

type bucket struct {
	tokens float64
	last   Now
}

func newLimiter(rate, burst int, seed [2]uint64) *limiter {
	l := &limiter{rate: float64(rate), burst: float64(max(burst, rate)), seed: seed}
	if rate > 0 {
		l.window = Now(l.burst/l.rate*float64(time.Second)) + 1
		l.table = make([]bucket, limiterBuckets)
		for i := range l.table {
			l.table[i].tokens = l.burst
		}
	}
	return l
}

// allow takes one answer from the budget of an address: of its /32 in IPv4, of
// its /64 in IPv6, where one host has a whole /64 to choose from.
func (l *limiter) allow(now Now, a netip.Addr) bool {
	if l.rate == 0 {
		return true
	}
	b := l.bucket(now, a)
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// left says whether an address could take one more, without taking it.
func (l *limiter) left(now Now, a netip.Addr) bool {
	return l.rate == 0 || l.bucket(now, a).tokens >= 1
}

// bucket returns what an address has now.
func (l *limiter) bucket(now Now, a netip.Addr) *bucket {
	b := &l.table[l.hash(a)%limiterBuckets]
	if epoch := l.epochOf(now); epoch != l.epoch {
		l.epoch, l.fresh = epoch, 0
	}
	if b.last == 0 || l.epochOf(b.last) != l.epoch {
		l.fresh++
	}
	if dt := now - b.last; dt > 0 {
		b.tokens = min(l.burst, b.tokens+l.rate*float64(dt)/float64(time.Second))
		b.last = now
	}
	return b
}

// epochOf numbers the windows, from 1 on.
func (l *limiter) epochOf(now Now) int {
	if l.window == 0 {
		return 0
	}
	return int(now/l.window) + 1
}

// Strangers says how full the table is that the limit on answers to strangers goes
// by: how many of its buckets were used in the present window, which is as long as
// a bucket takes to be full again, until when that is, and how many there are; 0
// without a limit.
func (s *Server) Strangers() (used int, until Now, buckets int) {
	return s.limit.fresh, Now(s.limit.epoch) * s.limit.window, len(s.limit.table)
}

// hash mixes an address with a secret, so that nobody can aim at the bucket of
// somebody else (A-X19).
func (l *limiter) hash(a netip.Addr) uint64 {
	b := a.Unmap().As16()
	hi, lo := be64(b[:8]), be64(b[8:])
	if !a.Unmap().Is4() {
		lo = 0
	}
	return fold(hi^fold(lo^l.seed[0], l.seed[1]^0x9E3779B97F4A7C15), l.seed[0]^0xD6E8FEB86659FD93)
}

// ceiling caps the answers to sources that have not shown that they are there,
// all of them together: behind a flood with forged sources every bucket of the
// limiter may be full, and still what this worker reflects is bounded (A-D04,
// A-O09).
type ceiling struct {
	rate   float64 // answers per second; 0: no limit. One second's worth at once
	tokens float64
	last   Now
}

func newCeiling(rate int) ceiling { return ceiling{rate: float64(rate), tokens: float64(rate)} }

// allow takes one answer.
func (c *ceiling) allow(now Now) bool {
	if c.rate == 0 {
		return true
	}
	if dt := now - c.last; dt > 0 {
		c.tokens = min(c.rate, c.tokens+c.rate*float64(dt)/float64(time.Second))
		c.last = now
	}
	if c.tokens < 1 {
		return false
	}
	c.tokens--
	return true
}

// fold multiplies to 128 bits and folds the halves together.
func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}

func be64(b []byte) uint64 {
	var v uint64
	for _, c := range b[:8] {
		v = v<<8 | uint64(c)
	}
	return v
}
