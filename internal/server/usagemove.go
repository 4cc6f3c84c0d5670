package server

import (
	"context"
	"time"
)

// moving is how the last move of what users did into the database went.
type moving struct {
	state movingState
	again time.Time // when one that refused is asked again
}

type movingState uint8

const (
	moves movingState = iota
	silent
	refuses
)

// refusedInterval is how often a database that does not let usage be kept is asked
// whether it does now: its own log has a line about it each time.
const refusedInterval = time.Hour

// move takes what is written down into the database that servers share, and says
// whether that can be asked for sums. What cannot be moved stays in the file until
// it can, which is told once.
func (a *accounting) move(ctx context.Context, now time.Time) bool {
	if a.moving.state == refuses && now.Before(a.moving.again) {
		return false
	}
	refused, err := a.book.Move(ctx, now)
	next := moves
	switch {
	case err == nil && a.moving.state != moves:
		a.log.Info("what users did is in the database again")
	case refused:
		next, a.moving.again = refuses, now.Add(refusedInterval)
		if a.moving.state != refuses {
			a.log.Warn("the database does not let its user keep what users did: it is kept in the file, and counts on this server alone",
				"file", usageName, "error", err)
		}
	case err != nil:
		next = silent
		if a.moving.state != silent {
			a.log.Warn("the database does not take what users did: it is kept in the file until it does", "file", usageName, "error", err)
		}
	}
	a.moving.state = next
	return err == nil
}
