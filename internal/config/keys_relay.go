package config

// relayKeys say which addresses and ports peers see, and who moves the packets.
func relayKeys() []Key {
	return append([]Key{
		{Name: "relay-ip", Short: "E", Kind: kindIP, Repeat: true, at: func(c *Config) any { return &c.RelayIPs },
			Doc:     "A local address to open relayed ports on; without the key those listened on.",
			Related: []string{"external-ip"}},
		// coturn takes one address without /private and applies it, in older
		// versions, to relayed addresses of both families.
		{Name: "external-ip-stun", Own: true, Live: true, Kind: kindString, at: func(c *Config) any { return &c.ExternalSTUN },
			Doc:     "A STUN server, as host or host:port, that external-ip=auto asks for the address that the world sees.",
			Example: "stun.example.org:3478", Related: []string{"external-ip"}},
		{Name: "external-ip", Live: true, Short: "X", Kind: kindExternal, Repeat: true, at: func(c *Config) any { return &c.ExternalIPs },
			Doc:     "The address that the world sees: one for each family, or public/private pairs.",
			Coturn:  "it takes one address without /private, which until 4.18 it showed for both families; a host name is looked up once, at the start",
			Example: "203.0.113.5/10.0.0.5"},
		{Name: "min-port", Kind: kindPort, Default: "49152", at: func(c *Config) any { return &c.MinPort },
			Doc:     "The lowest relayed port.",
			Coturn:  "it starts with min-port above max-port too, and no allocation succeeds",
			Example: "50000", Related: []string{"max-port"}},
		{Name: "max-port", Kind: kindPort, Default: "65535", at: func(c *Config) any { return &c.MaxPort },
			Doc:     "The highest relayed port.",
			Coturn:  "it starts with min-port above max-port too, and no allocation succeeds",
			Example: "60000"},
		{Name: "allocation-default-address-family", Live: true, Short: "A", Kind: kindChoice, Default: "ipv4",
			Choices: []string{"ipv4", "ipv6", "keep"}, at: func(c *Config) any { return &c.AddressFamily },
			Doc:     "The family of a relayed address when the client asks for none; keep is the family it came with, which a server without IPv4 and without a configuration file does by itself.",
			Example: "keep"},
		{Name: "keep-address-family", Short: "K", Kind: kindBool, Verdict: Obsolete, Means: "allocation-default-address-family=keep",
			Doc:    "Relays in the address family that the client came with.",
			Coturn: "out of use there too, with the same meaning"},
		// Ignoring it would relay what the operator wants not relayed.
		{Name: "no-udp-relay", Kind: kindBool, Verdict: Refused,
			Doc:  "Does not relay over UDP.",
			Note: "relaying over UDP is all that this release relays; for STUN alone there is stun-only"},
		{Name: "no-tcp-relay", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:    "Does not relay over TCP (RFC 6062).",
			Note:   "relaying over TCP is not implemented yet",
			Coturn: "it relays over TCP unless the key is given"},
		{Name: "server-relay", Kind: kindBool, Verdict: Refused,
			Doc:    "Relays from everybody to everybody without permissions.",
			Note:   "it makes an open relay, which anybody can turn against your network; allowed-peer-ip opens single addresses",
			Coturn: "it leaves out every check of permissions"},
		{Name: "relay-device", Short: "i", Kind: kindInterface, at: func(c *Config) any { return &c.RelayDevice },
			Doc:    "Relays from the addresses of one network interface; not together with relay-ip.",
			Coturn: "it ties the sockets to the interface; here the system's routes decide by which one packets leave"},
	}, workerKeys()...)
}

// workerKeys are about threads and sockets.
func workerKeys() []Key {
	const ownPort = "every allocation has a relayed port of its own, as the standard wants it; min-port and max-port say which"
	return []Key{
		// 0 and nothing at all differ: coturn has one thread with 0.
		{Name: "relay-threads", Short: "m", Kind: kindInt, Max: 1024, at: func(c *Config) any { return &c.Workers },
			Doc:     "How many threads relay, 0 for a single one; without the key one for every two CPUs, but two on two or three.",
			Coturn:  "without the key it has one thread for each CPU",
			Example: "4", Related: []string{"engine"}, Follows: []string{"cpus"}},
		{Name: "cpus", Kind: kindInt, Min: 1, Max: 1024, at: func(c *Config) any { return &c.cpus },
			Doc:     "How many CPUs to count on when relay-threads does not say how many threads relay.",
			Coturn:  "since 4.8, for when it counts the CPUs of a container wrongly",
			Example: "4"},
		{Name: "sock-buf-size", Kind: kindInt, Default: "2097152", Max: 1 << 30, at: func(c *Config) any { return &c.SocketBuffer },
			Doc:     "The kernel's buffer for each socket and direction, in bytes; 0 leaves it alone.",
			Coturn:  "since 4.8, with the same default",
			Example: "4194304"},
		// One socket for all is against RFC 8656 section 7, where each allocation
		// has a transport address of its own.
		{Name: "multiplex-peer", Kind: kindBool, Verdict: Obsolete,
			Doc:    "Shares one socket towards peers between all allocations of a thread.",
			Note:   ownPort,
			Coturn: "since 4.12; it refuses EVEN-PORT and reservations then"},
		{Name: "multiplex-peer-port", Kind: kindPort, Default: "3480", Verdict: Obsolete,
			Doc:     "The first port of the shared sockets of multiplex-peer.",
			Note:    ownPort,
			Example: "3490"},
		{Name: "multiplex-peer-max-peers", Kind: kindInt, Default: "256", Verdict: Obsolete,
			Doc:     "How many peers an allocation may have with multiplex-peer.",
			Note:    ownPort,
			Example: "512"},
		{Name: "udp-recvmmsg", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:    "Reads datagrams from the kernel in batches.",
			Note:   "batches are always read where the system can; engine=std turns them off",
			Coturn: "since 4.10, with the same default on Linux"},
		{Name: "udp-gso", Kind: kindBool, Verdict: Obsolete,
			Doc:    "Hands several datagrams to the kernel as one.",
			Note:   "the engine decides by itself what the kernel can do; engine replaces it",
			Coturn: "since 4.12, and only with multiplex-peer"},
		{Name: "udp-recvmmsg-log", Kind: kindBool, Verdict: Obsolete,
			Doc:  "Logs how well reading in batches works.",
			Note: "nothing is logged per packet; counters replace it"},
		{Name: "udp-sendmmsg-log", Kind: kindBool, Verdict: Obsolete,
			Doc:  "Logs how well sending in batches works.",
			Note: "nothing is logged per packet; counters replace it"},
	}
}
