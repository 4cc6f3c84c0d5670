package load

import "time"

// maxBacklog is how far the generator may fall behind and still catch up. What
// is older is skipped and reported: sending it in one rush would measure the
// rush, not the rate that was asked for.
const maxBacklog = 20 * time.Millisecond

// A pacer tells how many bursts are due. It counts from the start of the run and
// not from the last tick, so that the errors of ticks do not add up.
type pacer struct {
	perSecond float64 // bursts
	started   time.Duration
	done      uint64 // bursts sent or skipped
	skipped   uint64 // bursts that were due for longer than maxBacklog
}

// newPacer returns a pacer for rate packets a second in bursts of burst, that
// starts at now.
func newPacer(rate, burst int, now time.Duration) *pacer {
	return &pacer{perSecond: float64(rate) / float64(burst), started: now}
}

// due returns how many bursts to send at once.
func (p *pacer) due(now time.Duration) int {
	owed := uint64(max(now-p.started, 0).Seconds() * p.perSecond)
	if owed <= p.done {
		return 0
	}
	limit := max(uint64(maxBacklog.Seconds()*p.perSecond), 1)
	if behind := owed - p.done; behind > limit {
		p.skipped += behind - limit
		p.done = owed - limit
	}
	n := owed - p.done
	p.done = owed
	return int(n)
}
