package rooms

import "time"

// throttle bounds how often something may happen for each key.
type throttle struct {
	rate  float64 // a second; not positive: no limit
	burst float64
	known map[string]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// mostBuckets bounds the table. When it is full, whoever is not in it waits.
const mostBuckets = 100_000

func newThrottle(rate, burst float64) throttle {
	return throttle{rate: rate, burst: burst, known: map[string]*bucket{}}
}

// ready says whether it may happen now, without counting it.
func (t *throttle) ready(now time.Time, key string) bool {
	b := t.known[key]
	if t.rate <= 0 || b == nil {
		return t.rate <= 0 || len(t.known) < mostBuckets
	}
	return min(t.burst, b.tokens+now.Sub(b.at).Seconds()*t.rate) >= 1
}

// count notes that it happened.
func (t *throttle) count(now time.Time, key string) {
	b := t.known[key]
	if b == nil {
		if len(t.known) >= mostBuckets {
			return
		}
		b = &bucket{tokens: t.burst, at: now}
		t.known[key] = b
	}
	b.tokens = max(0, min(t.burst, b.tokens+now.Sub(b.at).Seconds()*t.rate)-1)
	b.at = now
}

// forget drops the keys that have their whole burst again.
func (t *throttle) forget(now time.Time) {
	for key, b := range t.known {
		if t.rate <= 0 || b.tokens+now.Sub(b.at).Seconds()*t.rate >= t.burst {
			delete(t.known, key)
		}
	}
}
