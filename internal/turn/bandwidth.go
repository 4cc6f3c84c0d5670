package turn

import "time"

// meter is a token bucket that holds a second's worth of bytes, or of whatever
// its tokens stand for. The zero value lets everything through.
type meter struct {
	rate   float64 // tokens per second; 0: no limit
	tokens float64
	last   Now
}

func newMeter(now Now, rate uint64) meter {
	return meter{rate: float64(rate), tokens: float64(rate), last: now}
}

// take says whether n tokens are left in the budget and takes them if so.
//
// R-8656-5-i (RFC 8656, 5): what is over a user's bandwidth is dropped.
func (m *meter) take(now Now, n int) bool {
	if m.rate == 0 {
		return true
	}
	if dt := now - m.last; dt > 0 {
		m.tokens = min(m.rate, m.tokens+m.rate*float64(dt)/float64(time.Second))
		m.last = now
	}
	if m.tokens < float64(n) {
		return false
	}
	m.tokens -= float64(n)
	return true
}
