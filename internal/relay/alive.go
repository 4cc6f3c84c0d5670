package relay

import (
	"context"

	"iceserver/internal/turn"
)

// Alive waits until every worker has come to the end of what it is doing. A worker
// that hangs keeps it waiting until ctx ends, whose error is returned then. One
// that has ended is not waited for: Run tells of that.
func (r *Relay) Alive(ctx context.Context) error {
	// Nobody may be there any more to take a late answer.
	answers := make(chan struct{}, len(r.workers))
	answer := func(turn.Now) { answers <- struct{}{} }
	for _, w := range r.workers {
		if !w.mailbox.order(answer) {
			answers <- struct{}{}
		}
	}
	for range r.workers {
		select {
		case <-answers:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
