package server

import (
	"net/netip"

	"iceserver/internal/config"
	"iceserver/internal/turn"
)

// policy builds the one function that decides about peers. Listeners are where
// this server itself listens.
func policy(cfg *config.Config, p *place, listeners []netip.AddrPort) *turn.Policy {
	var self []netip.Addr
	for _, r := range p.relays {
		self = append(self, r.Local, seen(r))
	}
	return turn.NewPolicy(turn.PolicyOptions{
		Allowed: ranges(cfg.AllowedPeers), Denied: ranges(cfg.DeniedPeers),
		AllowLoopback: cfg.AllowLoopbackPeers, LAN: p.lan,
		Self: distinct(self), Listeners: listeners,
	})
}

func ranges(rules []config.PeerRange) []turn.PeerRange {
	var out []turn.PeerRange
	for _, r := range rules {
		out = append(out, turn.PeerRange{From: r.From, To: r.To, Text: r.Text})
	}
	return out
}
