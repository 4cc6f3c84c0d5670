package relay

import (
	"sync/atomic"
	"time"

	"iceserver/internal/turn"
)

// Lookups is what came of questions for the keys of users.
type Lookups struct {
	// Answers by who gave them, from memory (0) or Keys.Find (1), and by what they
	// were: keys (0), no such user (1), or that nobody could tell (2).
	Answers [2][3]uint64
	// Within says for some numbers of seconds how many answers of Keys.Find took no
	// longer, with the time in the queue; Took is the time of all of them together.
	Within map[float64]uint64
	Took   time.Duration
}

// lookupBounds are the numbers of seconds that answers are sorted by.
func lookupBounds() []float64 {
	return []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5}
}

// The first index of Lookups.Answers.
const (
	fromMemory = 0
	fromFind   = 1
)

// lookupCounts is Lookups as it grows.
type lookupCounts struct {
	answers [2][3]atomic.Uint64
	bounds  []float64
	times   []atomic.Uint64 // by the first bound that is no less; the last has none
	took    atomic.Int64
}

func newLookupCounts() *lookupCounts {
	b := lookupBounds()
	return &lookupCounts{bounds: b, times: make([]atomic.Uint64, len(b)+1)}
}

// answered counts an answer.
func (l *lookupCounts) answered(from int, r *turn.KeyReply) {
	what := 0
	switch {
	case r.Unavailable:
		what = 2
	case len(r.Keys) == 0:
		what = 1
	}
	l.answers[from][what].Add(1)
}

// lasted counts how long an answer of Find took.
func (l *lookupCounts) lasted(d time.Duration) {
	i := 0
	for i < len(l.bounds) && d.Seconds() > l.bounds[i] {
		i++
	}
	l.times[i].Add(1)
	l.took.Add(int64(d))
}

func (l *lookupCounts) load() Lookups {
	out := Lookups{Within: make(map[float64]uint64), Took: time.Duration(l.took.Load())}
	for from := range l.answers {
		for what := range l.answers[from] {
			out.Answers[from][what] = l.answers[from][what].Load()
		}
	}
	var sum uint64
	for i, bound := range l.bounds {
		sum += l.times[i].Load()
		out.Within[bound] = sum
	}
	return out
}
