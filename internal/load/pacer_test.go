package load

import (
	"testing"
	"time"
)

// Whatever the ticks are, a pacer that is asked in time gives the rate, to the
// packet.
func TestPacerKeepsTheRate(t *testing.T) {
	for _, c := range []struct {
		rate, burst int
		tick        time.Duration
	}{
		{50_000, 1, time.Millisecond},
		{50_000, 1, 700 * time.Microsecond},
		{40_000, 8, time.Millisecond},
		{3, 1, time.Millisecond},
		{1, 1, 100 * time.Microsecond},
		{2_000_000, 1, 15 * time.Millisecond},
		{10, 64, 15 * time.Millisecond},
	} {
		const length = 60 * time.Second
		start := 5 * time.Second
		p := newPacer(c.rate, c.burst, start)
		sent := 0
		for now := start; now < start+length; now += c.tick {
			sent += p.due(now)
		}
		sent += p.due(start + length)
		if want := c.rate * int(length.Seconds()) / c.burst; sent < want-1 || sent > want || p.skipped != 0 {
			t.Errorf("rate %d, burst %d, tick %v: %d bursts in a minute and %d skipped, want %d", c.rate, c.burst, c.tick, sent, p.skipped, want)
		}
	}
}

// Being late by less than the backlog is made good; being later is skipped, and
// what is skipped and what is sent together are all that was due.
func TestPacerSkipsWhatIsTooLate(t *testing.T) {
	p := newPacer(1000, 1, 0)
	if got := p.due(maxBacklog / 2); got != 10 || p.skipped != 0 {
		t.Errorf("after half the backlog: %d due, %d skipped", got, p.skipped)
	}
	if got := p.due(time.Second); got != 20 || p.skipped != 970 {
		t.Errorf("after a second: %d due, %d skipped", got, p.skipped)
	}
	if got := p.due(time.Second); got != 0 {
		t.Errorf("asked again at the same time: %d due", got)
	}
	if got := p.due(time.Second - time.Millisecond); got != 0 {
		t.Errorf("asked for an earlier time: %d due", got)
	}
}

// A rate of less than one burst in the backlog still sends.
func TestPacerSendsSlowRates(t *testing.T) {
	p := newPacer(1, 1, 0)
	if got := p.due(999 * time.Millisecond); got != 0 {
		t.Errorf("%d due before the first second is over", got)
	}
	if got := p.due(time.Second); got != 1 || p.skipped != 0 {
		t.Errorf("%d due and %d skipped after a second", got, p.skipped)
	}
}
