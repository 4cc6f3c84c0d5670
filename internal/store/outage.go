package store

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"
)

// A database that fails is left alone for downTTL. Then one look-up tries it
// again, while the others are still told that it is down: a crowd of clients does
// not wait for it one after the other. Who tries has probeTTL before the next one
// may.
const (
	downTTL  = time.Second
	probeTTL = 3 * time.Second
)

// errDown stands for the error that was logged when the database failed.
var errDown = errors.New("the user database does not answer")

// outage is what is known of a database that fails.
type outage struct {
	log   *slog.Logger
	clock func() time.Time
	until atomic.Int64 // Unix nanoseconds; 0: the database answers
}

// down says whether the database failed a moment ago.
func (o *outage) down(now time.Time) bool { return now.UnixNano() < o.until.Load() }

// mayAsk says whether the caller may ask the database: everybody while it
// answers, one at a time while it is tried again.
func (o *outage) mayAsk(now time.Time) bool {
	until := o.until.Load()
	if until == 0 {
		return true
	}
	return now.UnixNano() >= until && o.until.CompareAndSwap(until, now.Add(probeTTL).UnixNano())
}

// failed notes that the database gave an error, and says so once until it
// answers again. The time counts from now on: to find out may have taken long.
func (o *outage) failed(err error) error {
	if o.until.Swap(o.clock().Add(downTTL).UnixNano()) == 0 {
		o.log.Error("the user database does not answer; configured users and secrets go on working", "error", err)
	}
	return err
}

// answered notes that the database gave an answer.
func (o *outage) answered() {
	if o.until.Swap(0) != 0 {
		o.log.Info("the user database answers again")
	}
}
