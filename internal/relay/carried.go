package relay

import (
	"sync"
	"sync/atomic"

	"iceserver/internal/turn"
)

// mostCarried is how many names the traffic is kept apart by. What comes later is
// counted under otherNames.
//
// A-L03: a table that users can make grow has a bound.
const mostCarried = 1000

// otherNames stands for the realms and users that there was no more room for.
const otherNames = "(others)"

// carried is what was relayed for a realm, or for a user, by one worker. It lives
// as long as the relay does, since a counter must not go back.
type carried struct {
	turn.Carried // of the worker
	who          turn.Account
	published    [4]atomic.Uint64
}

// publish makes known what the worker has counted.
func (c *carried) publish() {
	c.published[0].Store(c.ClientPackets)
	c.published[1].Store(c.ClientBytes)
	c.published[2].Store(c.PeerPackets)
	c.published[3].Store(c.PeerBytes)
}

// addTo adds what was published.
func (c *carried) addTo(u *turn.Usage) {
	u.ClientPackets += c.published[0].Load()
	u.ClientBytes += c.published[1].Load()
	u.PeerPackets += c.published[2].Load()
	u.PeerBytes += c.published[3].Load()
}

// carriers are those of one worker.
type carriers struct {
	byName map[turn.Account]*carried
	byID   []*carried
}

// carriage is what all workers have relayed, by name.
type carriage struct {
	users bool // kept apart too, not realms alone

	mu    sync.Mutex // guards the following; nobody holds it for long
	names map[turn.Account]bool
	all   []*carried // grows at its end only, so that a reader may keep what it saw
}

// name says whom a user is counted as.
func (c *carriage) name(realm, id string) turn.Account {
	who := turn.Account{Realm: realm}
	if c.users {
		who.Username = id
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.names[who] && len(c.names) >= mostCarried {
		return turn.Account{Realm: otherNames, Username: otherNames}
	}
	c.names[who] = true
	return who
}

func (c *carriage) add(one *carried) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, one)
}

// seen are all that there are by now.
func (c *carriage) seen() []*carried {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

// Carried returns what allocations have carried since the relay was made, those
// that live included, by realm or, with Options.CountUsers, by realm and what
// Quota.ID says of the user name. It may be called from any goroutine but a
// worker's.
func (r *Relay) Carried() map[turn.Account]turn.Usage {
	r.reading.Lock()
	defer r.reading.Unlock()
	r.askCounters()
	return r.carriedBefore()
}

// carriedBefore sums up what was published.
func (r *Relay) carriedBefore() map[turn.Account]turn.Usage {
	sum := make(map[turn.Account]turn.Usage)
	for _, c := range r.carriage.seen() {
		u := sum[c.who]
		c.addTo(&u)
		sum[c.who] = u
	}
	return sum
}

// carriedFor is what an allocation of a user is counted in. It is asked when one
// begins, never for a packet.
func (w *worker) carriedFor(realm, id string) *turn.Carried {
	who := w.relay.carriage.name(realm, id)
	one := w.carried.byName[who]
	if one == nil {
		one = &carried{Carried: turn.Carried{ID: len(w.carried.byID)}, who: who}
		w.carried.byName[who] = one
		w.carried.byID = append(w.carried.byID, one)
		w.relay.carriage.add(one)
	}
	return &one.Carried
}
