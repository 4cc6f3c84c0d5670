package server

import (
	"slices"

	"iceserver/internal/config"
	"iceserver/internal/relay"
)

// ban is when sources are shut out. A proxy stands for all who come through it,
// and is never one of them.
func ban(c *config.Config) relay.Ban {
	return relay.Ban{
		After: c.BanAfter, Window: c.BanWindow, Time: c.BanTime,
		Ignore: slices.Concat(c.BanIgnore, c.TrustedProxies),
	}
}
