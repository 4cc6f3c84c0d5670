package server

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"iceserver/internal/admin"
	"iceserver/internal/doctor"
)

// reach is how this server looks at others that ask for it from outside.
func (s *Server) reach() admin.Reach {
	return admin.Reach{
		May: s.mayReach,
		From: func(asker netip.Addr) []netip.Addr {
			if _, external, ok := s.reachFrom(asker); ok {
				return []netip.Addr{external}
			}
			return []netip.Addr{}
		},
		Probe: func(ctx context.Context, asker netip.Addr, all []admin.Probe, token []byte) []admin.Probed {
			local, _, _ := s.reachFrom(asker)
			results := make([]admin.Probed, len(all))
			var running sync.WaitGroup
			for i, p := range all {
				running.Go(func() {
					began := time.Now()
					at := netip.AddrPortFrom(asker, p.Port)
					results[i] = admin.Probed{Transport: p.Transport, Port: p.Port, Result: doctor.Look(ctx, local, at, p.Transport, token)}
					results[i].Took = time.Since(began)
				})
			}
			running.Wait()
			return results
		},
	}
}

// mayReach says why an address is not looked at; empty: it is.
//
// Whoever comes from this machine, or through something on it or
// near it that hides where he comes from, would look at what is open to this
// server alone. So the server looks at public addresses, and at its neighbours
// where it is itself a server for nobody but them.
func (s *Server) mayReach(asker netip.Addr) string {
	x := s.setup.Load()
	v := s.policy(x, x.tables.rules[""]).Check(asker)
	switch {
	case v.Inside || slices.Contains(x.place.listen, asker):
		return "You come from an address of this server itself, which is no view from outside: ask from another machine."
	case v.Denied:
		return "This server looks at no address of yours: its rules about peers have " + v.Rule + "."
	case !public(asker) && !x.place.near(asker):
		return "You come from a private address, and this server is not for that network alone: use its public address, or name the proxy in front of it in web-trusted-proxies."
	}
	return ""
}

// near says whether an address is a neighbour of a server that has no public
// address.
func (p *place) near(a netip.Addr) bool {
	if a.IsLoopback() {
		return !slices.ContainsFunc(p.listen, func(l netip.Addr) bool { return !l.IsLoopback() })
	}
	return slices.ContainsFunc(p.lan, func(n netip.Prefix) bool { return n.Contains(a) })
}

// reachFrom is the address that an asker is looked at from, and what the world
// sees of it. That it is a relay's counts for users who allow no other peers.
func (s *Server) reachFrom(asker netip.Addr) (local, external netip.Addr, ok bool) {
	for _, r := range s.place().relays {
		if r.Local.Is4() == asker.Is4() && r.Local.IsLoopback() == asker.IsLoopback() {
			return r.Local, seen(r), true
		}
	}
	return netip.Addr{}, netip.Addr{}, false
}
