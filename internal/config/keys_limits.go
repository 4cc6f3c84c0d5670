package config

// limitKeys bound what users may use. coturn's names say bits where it counts
// bytes; the unit stays, so that old files mean what they meant.
func limitKeys() []Key {
	return []Key{
		{Name: "user-quota", Live: true, Short: "q", Kind: kindInt, Default: "0", at: func(c *Config) any { return &c.UserQuota },
			Doc:     "How many allocations a user may have at one time; 0 means any number.",
			Example: "12", Related: []string{"total-quota"}},
		{Name: "total-quota", Live: true, Short: "Q", Kind: kindInt, Default: "0", at: func(c *Config) any { return &c.TotalQuota },
			Doc:     "How many allocations there may be at one time; 0 means any number.",
			Example: "1200"},
		{Name: "user-monthly-quota", Own: true, Live: true, Kind: kindBytes, Default: "0", at: func(c *Config) any { return &c.UserMonthlyQuota },
			Doc:     "How many bytes a user may have relayed in a calendar month (UTC), both ways together, on all servers that share a database of users (docs/databases.md); 0 means any number.",
			Example: "50000000000", Related: []string{"user-quota"}},
		{Name: "max-bps", Live: true, Short: "s", Kind: kindBytes, Default: "0", at: func(c *Config) any { return &c.MaxBPS },
			Doc:     "How many bytes (not bits) a second an allocation may move in each direction; 0 means any number.",
			Coturn:  "it counts bytes too, whatever the name says",
			Example: "250000"},
		{Name: "bps-capacity", Live: true, Short: "B", Kind: kindBytes, Default: "0", at: func(c *Config) any { return &c.CapacityBPS },
			Doc:     "How many bytes (not bits) a second all allocations share; needs max-bps; 0 means any number.",
			Coturn:  "it counts bytes too, whatever the name says",
			Example: "100000000"},
		{Name: "drain-min-allocations", Live: true, Kind: kindInt, Default: "0", at: func(c *Config) any { return &c.DrainMinAllocations },
			Doc:     "A draining server ends once it has no more allocations than this.",
			Coturn:  "since 4.15",
			Example: "10"},
		{Name: "ban-after", Own: true, Live: true, Kind: kindInt, Default: "0", at: func(c *Config) any { return &c.BanAfter },
			Doc:     "How many wrong credentials within ban-window shut their source out for ban-time; 0 means never. A source is an IPv4 address or an IPv6 /64; what it has already allocated goes on.",
			Example: "20", Related: []string{"ban-window", "ban-time", "ban-ignore"}},
		{Name: "ban-window", Own: true, Live: true, Kind: kindSeconds, Default: "600", Min: 1, at: func(c *Config) any { return &c.BanWindow },
			Doc:     "How long wrong credentials are counted for, from the first one on.",
			Example: "300", Related: []string{"ban-after"}},
		{Name: "ban-time", Own: true, Live: true, Kind: kindSeconds, Default: "3600", Min: 1, at: func(c *Config) any { return &c.BanTime },
			Doc:     "How long a source stays shut out.",
			Example: "600", Related: []string{"ban-after"}},
		{Name: "ban-ignore", Own: true, Live: true, Kind: kindNetwork, Repeat: true, at: func(c *Config) any { return &c.BanIgnore },
			Doc:     "Sources that are never banned, beside loopback, this machine's own addresses and web-trusted-proxies.",
			Example: "192.0.2.0/24", Related: []string{"ban-after"}},
		{Name: "cli-max-output-sessions", Kind: kindInt, Default: "256", Verdict: Obsolete,
			Doc:     "How many sessions the telnet interface lists.",
			Note:    "there is no telnet interface; iceserver usage lists what users do",
			Example: "100"},
	}
}

// peerKeys are the rules about peers. What is denied without any rule is the
// relay's business, not the file's.
func peerKeys() []Key {
	return []Key{
		// As in coturn, what is allowed beats what is denied, whatever the order.
		{Name: "allowed-peer-ip", Live: true, Kind: kindPeer, Repeat: true, at: func(c *Config) any { return &c.AllowedPeers },
			Doc:     "Peers to allow, whatever denies them: an address, a range a-b, or a CIDR block.",
			Coturn:  "it knows no CIDR (ignored without a word until 4.10, the end of the start since 4.11), and takes host names; what is allowed beats what is denied there too",
			Example: "10.0.0.7", Related: []string{"denied-peer-ip", "allow-loopback-peers"}},
		{Name: "denied-peer-ip", Live: true, Kind: kindPeer, Repeat: true, at: func(c *Config) any { return &c.DeniedPeers },
			Doc:     "Peers to deny: an address, a range a-b, or a CIDR block.",
			Coturn:  "it knows no CIDR (ignored without a word until 4.10, the end of the start since 4.11); private networks are open unless denied",
			Example: "203.0.113.0/24"},
		{Name: "allow-loopback-peers", Live: true, Kind: kindBool, at: func(c *Config) any { return &c.AllowLoopbackPeers },
			Doc: "Allows 127.0.0.0/8 and ::1 as peers, which opens this machine's own services to clients: for tests only."},
		// Relaying to a group multiplies packets, so this is not left to choice.
		{Name: "no-multicast-peers", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:    "Denies multicast and broadcast addresses as peers.",
			Note:   "multicast peers are always denied",
			Coturn: "multicast peers are allowed unless the key is given"},
	}
}
