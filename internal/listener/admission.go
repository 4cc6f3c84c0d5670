package listener

import (
	"net/netip"
	"slices"
	"sync"
)

// admission counts who is in. It is safe for concurrent use.
type admission struct {
	total int // set once

	mu        sync.Mutex // guards the following
	perSource int
	proxies   []netip.Prefix
	in        int
	bySource  map[netip.Addr]int
}

func newAdmission(l Limits) *admission {
	a := &admission{total: l.Connections, bySource: make(map[netip.Addr]int)}
	a.limit(l)
	return a
}

// limit changes how many one source may have from now on; who is in stays.
func (a *admission) limit(l Limits) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.perSource, a.proxies = l.PerSource, l.Proxies
}

// enter takes a place for a client. It returns the count to blame when there is
// none, and how to give the place back, which is done once.
//
// R-8489-6.2.2-d (RFC 8489, 6.2.2), A-X09: connections are limited in all and
// for each source.
func (a *admission) enter(client netip.Addr) (leave func(), why count, ok bool) {
	key := source(client)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.in >= a.total:
		return nil, overTotal, false
	case a.bySource[key] >= a.perSource && !a.proxy(client):
		return nil, overSource, false
	}
	a.in++
	a.bySource[key]++
	return sync.OnceFunc(func() { a.leave(key) }), 0, true
}

// proxy says whether a client stands for many, as the zero address does: that is a
// load balancer which has still to say whom it brings. The caller holds mu.
func (a *admission) proxy(client netip.Addr) bool {
	client = client.Unmap().WithZone("")
	return !client.IsValid() || slices.ContainsFunc(a.proxies, func(p netip.Prefix) bool { return p.Contains(client) })
}

func (a *admission) leave(key netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.in--
	if a.bySource[key]--; a.bySource[key] == 0 {
		delete(a.bySource, key)
	}
}

// source is what counts as one client: an IPv4 address, or the 64 bits of an
// IPv6 address that a site is given; the other 64 a client picks as it likes.
func source(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, _ := a.Prefix(64)
		return p.Addr()
	}
	return a
}
