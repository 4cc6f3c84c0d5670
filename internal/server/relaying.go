package server

import (
	"context"
	"slices"

	"iceserver/internal/netio"
	"iceserver/internal/relay"
	"iceserver/internal/turn"
)

// openRelay opens the data plane, with what the configuration says of it.
func (s *Server) openRelay() error {
	c, now := s.cfg(), s.settings()
	o := relay.Options{
		Workers: c.Workers, Listen: s.listeners(!c.NoUDP), MinPort: c.MinPort, MaxPort: c.MaxPort,
		Relays: now.Relays, Quota: now.Quota, Keys: now.Keys, Turn: now.Turn, NonceLife: now.NonceLife, Ban: now.Ban, CountUsers: c.PrometheusUsers,
		SocketBuffer: c.SocketBuffer, Log: s.log,
		Engine: func() (netio.Engine, error) { return netio.NewNamed(engineName(c.Engine)) },
	}
	s.warnAlternates()
	o.Observe = s.observe
	key, err := s.nonceKey()
	if err != nil {
		return err
	}
	o.NonceKey = key
	r, err := relay.New(o)
	if err != nil {
		return err
	}
	s.relay = r
	s.defers(func() {
		if !s.running {
			// A relay that never ran is closed by a run that ends at once.
			over, cancel := context.WithCancel(context.Background())
			cancel()
			_ = r.Run(over)
		}
	})
	return nil
}

func engineName(name string) string {
	if name == "auto" {
		return ""
	}
	return name
}

// keepsFamily says whether clients that name no family, which browsers are, get the one
// that they came with though nobody has asked for that. A start without a configuration
// is to end in a relay that works: where there is no IPv4, all of them would be refused.
// Who has written a configuration gets what the standard says (R-8656-7.2-i), and what
// the doctor advises.
func (s *Server) keepsFamily(x *setup) bool {
	chosen := s.o.ConfigFile != "" || len(x.cfg.Sources["allocation-default-address-family"]) > 0
	return !chosen && !slices.ContainsFunc(x.place.relays, func(r relay.RelayAddr) bool { return r.Local.Is4() })
}

// turnOptions translates the configuration for the core.
func (s *Server) turnOptions() turn.Options {
	x := s.setup.Load()
	c := x.cfg
	o := turn.Options{
		Realm: x.access.realm, Realms: x.tables.origins, Draining: s.draining.Load(),
		MaxLifetime: c.MaxAllocateLifetime, PermissionLifetime: c.PermissionLifetime, ChannelLifetime: c.ChannelLifetime,
		NoAuth: c.NoAuth, NoSTUN: c.NoSTUN, NoTURN: c.STUNOnly, SecureSTUN: c.SecureSTUN,
		Fingerprint: c.Fingerprint, Reasons: c.ReasonString, WideChannels: c.OldChannelNumbers, MappedAddress: c.MappedAddress,
		SameOrigin: c.SameOrigin, TellBindings: c.LogBinding, TellTraffic: s.stats != nil, Alternates: s.alternates(), Resident: s.resident(),
	}
	o.Policy, o.Policies = s.policies(x)
	if c.AddressFamily == "ipv6" {
		o.DefaultFamily = turn.IPv6
	}
	o.KeepFamily = c.AddressFamily == "keep" || s.keepsFamily(x)
	if c.Software {
		o.Software = "iceserver"
	}
	if c.UnauthorizedRateLimit {
		o.ChallengeRate = c.UnauthorizedRateLimitRPS
		o.ChallengeBurst = challengeBurst * c.UnauthorizedRateLimitRPS
		o.ChallengeTotal = max(challengeTotal, o.ChallengeBurst)
	}
	return o
}

// challengeTotal is how many answers a second a worker gives to all strangers
// together whose address may be forged: more clients than begin a call on any one
// machine, and about 20 Mbit/s of what a forger could make this server send. One
// source alone is never stopped by it before its own burst is used up.
const challengeTotal = 20000
