package relay

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/turn"
)

// Settings are what a Relay that runs can be given anew. They mean what they
// mean in Options.
type Settings struct {
	Quota     Quota
	Keys      Keys
	Ban       Ban
	Turn      turn.Options
	NonceLife time.Duration
	// Relays must have the Local addresses that the relay started with. New
	// allocations are told the External ones; those of old keep working.
	Relays []RelayAddr
}

// ErrRestart is what an error of Reconfigure is where only a restart helps.
var ErrRestart = errors.New("this takes a restart")

// Reconfigure puts other settings in force, without losing an allocation or a
// packet. It returns when every worker has them. On an error, which names what
// is wrong, nothing has changed.
func (r *Relay) Reconfigure(s Settings) error {
	o := Options{Relays: s.Relays, Turn: s.Turn, Quota: s.Quota, Keys: s.Keys}
	o, err := o.check()
	if err != nil {
		return err
	}
	if !slices.EqualFunc(o.Relays, r.ports.ranges, func(a RelayAddr, p *portRange) bool { return a.Local == p.local }) {
		return fmt.Errorf("relay: other addresses to relay from: %w", ErrRestart)
	}
	r.lookups.keys.Store(&o.Keys)
	r.ledger.configure(o.Quota)
	r.bans.configure(s.Ban)
	r.ports.rename(o.Relays)
	r.each(func(w *worker, now turn.Now) {
		// Each worker has its own, which is for one goroutine; one key makes them alike.
		own := o.Turn
		own.Nonces = auth.NewNonces(r.nonceKey, s.NonceLife)
		w.server.Reconfigure(now, own, w.filling)
	})
	return nil
}

// End ends the allocations that match says so of, by the realm of their users and
// what Quota.ID says of their names, and returns how many those were.
func (r *Relay) End(match func(realm, id string) bool) int {
	counts := make([]int, len(r.workers))
	byName := func(realm, username string) bool { return match(realm, r.ledger.id(username)) }
	r.each(func(w *worker, now turn.Now) { counts[w.index] = w.server.End(now, byName, w.filling) })
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// Tallies hands over what every user has done since the last time. After Run it
// gives the rest. The usernames are those of Quota.ID, since a time-limited
// credential has another name each time it is made.
func (r *Relay) Tallies() map[turn.Account]turn.Tally {
	var mu sync.Mutex
	sum := make(map[turn.Account]turn.Tally)
	add := func(all map[turn.Account]turn.Tally) {
		mu.Lock()
		defer mu.Unlock()
		for k, t := range all {
			k.Username = r.ledger.id(k.Username)
			both := sum[k]
			both.Add(t)
			sum[k] = both
		}
	}
	r.each(func(w *worker, now turn.Now) { add(w.server.Tallies(now)) })
	for _, w := range r.workers {
		if rest := w.rest.Swap(nil); rest != nil {
			add(*rest)
		}
	}
	return sum
}

// each has every worker do something between two packets, and waits for them.
// A worker that has ended is left out.
func (r *Relay) each(do func(*worker, turn.Now)) {
	var done sync.WaitGroup
	for _, w := range r.workers {
		done.Add(1)
		finish := sync.OnceFunc(done.Done)
		if !w.mailbox.order(func(now turn.Now) { defer finish(); do(w, now) }) {
			finish()
		}
	}
	done.Wait()
}
