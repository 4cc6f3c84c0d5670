package server

import (
	"slices"

	"iceserver/internal/config"
	"iceserver/internal/turn"
)

// policies builds the one function that decides about peers, and those of realms
// for which the database has rules of their own.
func (s *Server) policies(x *setup) (all *turn.Policy, of map[string]*turn.Policy) {
	common := x.tables.rules[""]
	of = make(map[string]*turn.Policy)
	for realm, own := range x.tables.rules {
		if realm != "" {
			of[realm] = s.policy(x, common, own)
		}
	}
	return s.policy(x, common), of
}

// policy builds it for the rules of the configuration and more. Listeners are
// where this server itself listens.
func (s *Server) policy(x *setup, more ...peerRules) *turn.Policy {
	self := slices.Clone(x.former)
	for _, r := range x.place.relays {
		self = append(self, r.Local, seen(r))
	}
	allowed, denied := ranges(x.cfg.AllowedPeers), ranges(x.cfg.DeniedPeers)
	for _, m := range more {
		allowed, denied = append(allowed, ranges(m.allowed)...), append(denied, ranges(m.denied)...)
	}
	return turn.NewPolicy(turn.PolicyOptions{
		Allowed: allowed, Denied: denied, AllowLoopback: x.cfg.AllowLoopbackPeers, LAN: x.place.lan,
		Self: distinct(self), Listeners: s.listening(),
	})
}

func ranges(rules []config.PeerRange) []turn.PeerRange {
	var out []turn.PeerRange
	for _, r := range rules {
		out = append(out, turn.PeerRange{From: r.From, To: r.To, Text: r.Text})
	}
	return out
}
