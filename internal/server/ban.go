package server

import (
	"net/netip"
	"slices"

	"iceserver/internal/config"
	"iceserver/internal/relay"
)

// ban is when sources are shut out. A proxy stands for all who come through it,
// and is never one of them; nor is this machine, by whatever address of its own it
// calls: else one mistaken program here would have the doctor find a dead server.
func ban(c *config.Config, own []netip.Addr) relay.Ban {
	ignore := slices.Concat(c.BanIgnore, c.TrustedProxies)
	for _, a := range own {
		ignore = append(ignore, netip.PrefixFrom(a, a.BitLen()))
	}
	return relay.Ban{After: c.BanAfter, Window: c.BanWindow, Time: c.BanTime, Ignore: ignore}
}
