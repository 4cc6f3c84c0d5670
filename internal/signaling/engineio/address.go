package engineio

import (
	"net/netip"
	"time"
)

// addresses counts the sessions of each client address and bounds how fast an
// address opens new ones.
//
// W-S10, H-18: one address cannot fill the server.
type addresses struct {
	most  int
	rate  float64 // sessions a second
	known map[netip.Prefix]*allowance
}

type allowance struct {
	sessions int
	tokens   float64
	at       time.Time
}

// burst is how many seconds' worth of new sessions may come at once.
const burst = 10

func newAddresses(most int, rate float64) addresses {
	return addresses{most: most, rate: rate, known: map[netip.Prefix]*allowance{}}
}

// network is what one subscriber holds: an IPv4 address or an IPv6 /64.
func network(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address: all such share one allowance
	}
	return p
}

// take counts a new session, or says why the address gets none.
func (a *addresses) take(now time.Time, from netip.Addr) (why Refusal, ok bool) {
	key := network(from)
	w := a.known[key]
	if w == nil {
		w = &allowance{tokens: a.rate * burst, at: now}
		a.known[key] = w
	}
	w.tokens = min(a.rate*burst, w.tokens+now.Sub(w.at).Seconds()*a.rate)
	w.at = now
	switch {
	case w.sessions >= a.most:
		return AddressFull, false
	case a.rate > 0 && w.tokens < 1:
		return AddressFast, false
	}
	w.sessions++
	w.tokens--
	return 0, true
}

func (a *addresses) release(from netip.Addr) {
	if w := a.known[network(from)]; w != nil {
		w.sessions--
	}
}

// forget drops the addresses without sessions that have their full allowance
// again, so that the table does not grow with every passer-by.
func (a *addresses) forget(now time.Time) {
	for key, w := range a.known {
		if w.sessions == 0 && now.Sub(w.at) > burst*time.Second {
			delete(a.known, key)
		}
	}
}
