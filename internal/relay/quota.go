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
	// Realms has limits for realms of their own, instead of PerUser and MaxBPS
	// and beside Total. The map is not written to any more.
	Realms map[string]RealmQuota
	// ID says who a username is counted as, so that a time-limited credential
	// minted anew does not start from zero. Nil: the username itself.
	ID func(username string) string
	// Limit says how many one user may hold instead of PerUser, where the answer
	// is above 0. It is asked with what ID returned and must be quick; nil: nobody
	// is an exception.
	Limit func(id string) int
	// Barred says who may hold nothing more for now: it is asked with the realm
	// and with what ID returned, and must be quick. Nil: nobody is.
	Barred func(realm, id string) bool
}

// RealmQuota limits what the users of one realm may hold. 0 leaves what the
// server has for everybody.
type RealmQuota struct {
	PerUser, Total int
	MaxBPS         uint64
}

// perUser is how many allocations a user may hold; 0 is no limit.
func (q *Quota) perUser(a account) int {
	if q.Limit != nil {
		if n := q.Limit(a.user); n > 0 {
			return n
		}
	}
	if n := q.Realms[a.realm].PerUser; n > 0 {
		return n
	}
	return q.PerUser
}

// maxBPS is what one allocation in a realm may carry; 0 is no limit.
func (q *Quota) maxBPS(realm string) uint64 {
	if n := q.Realms[realm].MaxBPS; n > 0 {
		return n
	}
	return q.MaxBPS
}

// account is who is charged. The same name in another realm is somebody else
// (A-A08).
type account struct{ realm, user string }

// ledger is the one account of what users hold. It is touched when something
// is allocated or freed, never for a packet.
type ledger struct {
	mu      sync.Mutex // guards the following
	limits  Quota
	users   map[account]int
	realms  map[string]int
	total   int
	granted uint64 // bytes per second promised to the live allocations
}

// charge is what one allocation or reservation costs. It is given back exactly
// once, by whoever holds it.
type charge struct {
	account // the user as Quota.ID has it
	bps     uint64
}

func newLedger(q Quota) *ledger {
	l := &ledger{users: make(map[account]int), realms: make(map[string]int)}
	l.configure(q)
	return l
}

// configure puts other limits in force. Who holds more than they allow keeps it.
func (l *ledger) configure(q Quota) {
	if q.ID == nil {
		q.ID = func(username string) string { return username }
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limits = q
}

// count is how many users hold something.
func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.users)
}

// id says who a username is counted as.
func (l *ledger) id(username string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.limits.ID(username)
}

// allocation charges a user for one allocation, or says why not.
func (l *ledger) allocation(realm, username string) (charge, turn.Cause) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.take(realm, username, true)
}

// reservation charges a user for a port held back (A-X15): a reservation keeps
// a port from others just as an allocation does.
func (l *ledger) reservation(realm, username string) (charge, turn.Cause) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.take(realm, username, false)
}

// redeem turns the charge of a reservation into one for an allocation, which
// may be another user's. On refusal the reservation stays charged.
func (l *ledger) redeem(old charge, realm, username string) (charge, turn.Cause) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.give(old)
	c, cause := l.take(realm, username, true)
	if cause != turn.CauseNone {
		l.add(old)
	}
	return c, cause
}

// release gives a charge back.
func (l *ledger) release(c charge) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.give(c)
}

func (l *ledger) take(realm, username string, bandwidth bool) (charge, turn.Cause) {
	c := charge{account: account{realm, l.limits.ID(username)}}
	if l.limits.Barred != nil && l.limits.Barred(realm, c.user) {
		return charge{}, turn.CauseTrafficQuota
	}
	// R-8656-7.2-m (RFC 8656, 7.2): the user is counted, whatever address the
	// requests come from.
	if limit := l.limits.perUser(c.account); limit > 0 && l.users[c.account] >= limit {
		return charge{}, turn.CauseUserQuota
	}
	if l.limits.Total > 0 && l.total >= l.limits.Total {
		return charge{}, turn.CauseTotalQuota
	}
	if limit := l.limits.Realms[realm].Total; limit > 0 && l.realms[realm] >= limit {
		return charge{}, turn.CauseTotalQuota
	}
	if bandwidth {
		var ok bool
		if c.bps, ok = l.grant(realm); !ok {
			return charge{}, turn.CauseBandwidthQuota
		}
	}
	l.add(c)
	return c, turn.CauseNone
}

func (l *ledger) add(c charge) {
	l.users[c.account]++
	l.realms[c.realm]++
	l.total++
	l.granted += c.bps
}

// grant says what bandwidth a new allocation gets: the whole of the most that its
// realm may have, or what is left of the capacity if that is less. 0 is no limit.
func (l *ledger) grant(realm string) (uint64, bool) {
	most, capacity := l.limits.maxBPS(realm), l.limits.CapacityBPS
	if most == 0 || capacity == 0 {
		return most, true
	}
	if l.granted >= capacity {
		return 0, false
	}
	return min(most, capacity-l.granted), true
}

func (l *ledger) give(c charge) {
	// The entry goes with the last charge, so that names seen once and never
	// again do not pile up.
	if l.users[c.account]--; l.users[c.account] <= 0 {
		delete(l.users, c.account)
	}
	if l.realms[c.realm]--; l.realms[c.realm] <= 0 {
		delete(l.realms, c.realm)
	}
	l.total--
	l.granted -= c.bps
}
