package relay

import (
	"sync"

	"iceserver/internal/turn"
)

// Quota limits what clients may hold at once, over all workers. A limit of 0 is
// no limit.
type Quota struct {
	PerUser int // allocations and reservations of one user
	Total   int // allocations and reservations of everybody
	// MaxBPS is how many bytes per second one allocation may carry each way.
	MaxBPS uint64
	// CapacityBPS is how many bytes per second all grants together may reach;
	// it means nothing without MaxBPS.
	CapacityBPS uint64
	// ID says who a username is counted as, so that a time-limited credential
	// minted anew does not start from zero. Nil: the username itself.
	ID func(username string) string
	// Limit says how many one user may hold instead of PerUser, where the answer
	// is above 0. It is asked with what ID returned and must be quick; nil: nobody
	// is an exception.
	Limit func(id string) int
}

// perUser is how many allocations a user may hold; 0 is no limit.
func (q *Quota) perUser(id string) int {
	if q.Limit != nil {
		if n := q.Limit(id); n > 0 {
			return n
		}
	}
	return q.PerUser
}

// ledger is the one account of what users hold. It is touched when something
// is allocated or freed, never for a packet.
type ledger struct {
	limits Quota

	mu      sync.Mutex // guards the following
	users   map[string]int
	total   int
	granted uint64 // bytes per second promised to the live allocations
}

// charge is what one allocation or reservation costs. It is given back exactly
// once, by whoever holds it.
type charge struct {
	user string // as Quota.ID has it
	bps  uint64
}

func newLedger(q Quota) *ledger {
	if q.ID == nil {
		q.ID = func(username string) string { return username }
	}
	return &ledger{limits: q, users: make(map[string]int)}
}

// allocation charges a user for one allocation, or says why not.
func (l *ledger) allocation(username string) (charge, turn.Cause) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.take(username, true)
}

// reservation charges a user for a port held back (A-X15): a reservation keeps
// a port from others just as an allocation does.
func (l *ledger) reservation(username string) (charge, turn.Cause) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.take(username, false)
}

// redeem turns the charge of a reservation into one for an allocation, which
// may be another user's. On refusal the reservation stays charged.
func (l *ledger) redeem(old charge, username string) (charge, turn.Cause) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.give(old)
	c, cause := l.take(username, true)
	if cause != turn.CauseNone {
		l.users[old.user]++
		l.total++
	}
	return c, cause
}

// release gives a charge back.
func (l *ledger) release(c charge) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.give(c)
}

func (l *ledger) take(username string, bandwidth bool) (charge, turn.Cause) {
	user := l.limits.ID(username)
	// R-8656-7.2-m (RFC 8656, 7.2): the user is counted, whatever address the
	// requests come from.
	if limit := l.limits.perUser(user); limit > 0 && l.users[user] >= limit {
		return charge{}, turn.CauseUserQuota
	}
	if l.limits.Total > 0 && l.total >= l.limits.Total {
		return charge{}, turn.CauseTotalQuota
	}
	var bps uint64
	if bandwidth {
		var ok bool
		if bps, ok = l.grant(); !ok {
			return charge{}, turn.CauseBandwidthQuota
		}
	}
	l.users[user]++
	l.total++
	l.granted += bps
	return charge{user: user, bps: bps}, turn.CauseNone
}

// grant says what bandwidth a new allocation gets: the whole of MaxBPS, or what
// is left of the capacity if that is less. 0 is no limit.
func (l *ledger) grant() (uint64, bool) {
	q := &l.limits
	if q.MaxBPS == 0 || q.CapacityBPS == 0 {
		return q.MaxBPS, true
	}
	if l.granted >= q.CapacityBPS {
		return 0, false
	}
	return min(q.MaxBPS, q.CapacityBPS-l.granted), true
}

func (l *ledger) give(c charge) {
	// The entry goes with the last charge, so that names seen once and never
	// again do not pile up.
	if l.users[c.user]--; l.users[c.user] <= 0 {
		delete(l.users, c.user)
	}
	l.total--
	l.granted -= c.bps
}
