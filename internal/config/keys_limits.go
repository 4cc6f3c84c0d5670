package config

// limitKeys bound what users may use. coturn's names say bits where it counts
// bytes; the unit stays, so that old files mean what they meant.
func limitKeys() []Key {
	return []Key{
		{Name: "user-quota", Short: "q", Kind: kindInt, Default: "0", at: func(c *Config) any { return &c.UserQuota },
			Doc: "How many allocations a user may have at one time; 0 means any number."},
		{Name: "total-quota", Short: "Q", Kind: kindInt, Default: "0", at: func(c *Config) any { return &c.TotalQuota },
			Doc: "How many allocations there may be at one time; 0 means any number."},
		{Name: "max-bps", Short: "s", Kind: kindBytes, Default: "0", at: func(c *Config) any { return &c.MaxBPS },
			Doc: "How many bytes (not bits) a second an allocation may move in each direction; 0 means any number."},
		{Name: "bps-capacity", Short: "B", Kind: kindBytes, Default: "0", at: func(c *Config) any { return &c.CapacityBPS },
			Doc: "How many bytes (not bits) a second all allocations share; needs max-bps; 0 means any number."},
		{Name: "drain-min-allocations", Kind: kindInt, Default: "0", Verdict: Pending,
			Doc: "Ends a draining server once it has no more allocations than this."},
		{Name: "cli-max-output-sessions", Kind: kindInt, Default: "256", Verdict: Pending,
			Doc: "How many sessions the telnet interface lists."},
	}
}

// peerKeys are the rules about peers. What is denied without any rule is the
// relay's business, not the file's.
func peerKeys() []Key {
	return []Key{
		// As in coturn, what is allowed beats what is denied, whatever the order.
		{Name: "allowed-peer-ip", Kind: kindPeer, Repeat: true, at: func(c *Config) any { return &c.AllowedPeers },
			Doc: "Peers to allow, whatever denies them: an address, a range a-b, or a CIDR block."},
		{Name: "denied-peer-ip", Kind: kindPeer, Repeat: true, at: func(c *Config) any { return &c.DeniedPeers },
			Doc: "Peers to deny: an address, a range a-b, or a CIDR block."},
		{Name: "allow-loopback-peers", Kind: kindBool, at: func(c *Config) any { return &c.AllowLoopbackPeers },
			Doc: "Allows 127.0.0.0/8 and ::1 as peers, which opens this machine's own services to clients: for tests only."},
		// Relaying to a group multiplies packets, so this is not left to choice.
		{Name: "no-multicast-peers", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:  "Denies multicast and broadcast addresses as peers.",
			Note: "multicast peers are always denied"},
	}
}
