package admin

import (
	"math"
	"net/http"
	"sync"
	"time"
)

// maxBuckets is how many addresses or keys a rate keeps apart.
const maxBuckets = 8192

// rate is a token bucket for each of a bounded number of names (H-18).
type rate struct {
	perSecond, burst float64

	mu       sync.Mutex // guards the following
	buckets  map[string]*bucket
	overflow bucket // of those for whom there is no room
}

// bucket holds what is left; full at the beginning.
type bucket struct {
	spent float64 // below burst: so much is missing
	at    time.Time
}

func newRate(perSecond, burst float64) *rate {
	return &rate{perSecond: perSecond, burst: burst, buckets: map[string]*bucket{}}
}

// take takes n from the bucket of a name, and reports false if there was not one
// left. A cost above one may leave it in debt.
func (r *rate) take(now time.Time, name string, n float64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.buckets[name]
	if b == nil {
		b = r.add(now, name)
	}
	b.refill(now, r.perSecond)
	if b.spent > r.burst-1 {
		return false
	}
	b.spent += n
	return true
}

func (b *bucket) refill(now time.Time, perSecond float64) {
	if gone := now.Sub(b.at).Seconds(); gone > 0 {
		b.spent = max(0, b.spent-gone*perSecond)
		b.at = now
	}
}

// add makes a bucket. When there is no room, those that are full again go; if
// there are none, everybody new shares one: a crowd of sources is slowed down
// together and grows nothing.
func (r *rate) add(now time.Time, name string) *bucket {
	if len(r.buckets) >= maxBuckets {
		for old, b := range r.buckets {
			if b.refill(now, r.perSecond); b.spent == 0 {
				delete(r.buckets, old)
			}
		}
	}
	if len(r.buckets) >= maxBuckets {
		return &r.overflow
	}
	b := &bucket{at: now}
	r.buckets[name] = b
	return b
}

// tooMany is 429, with when to come back.
func tooMany(r *rate) *refusal {
	return &refusal{
		status: http.StatusTooManyRequests, code: "too-many", text: "Too many requests: come back later.",
		after: int(math.Ceil(1 / r.perSecond)),
	}
}
