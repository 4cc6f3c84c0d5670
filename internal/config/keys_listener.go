package config

// listenerKeys say where clients are listened for. coturn's automatic
// recognition of protocols holds here too: every TCP port takes TLS and HTTP.
func listenerKeys() []Key {
	return []Key{
		{Name: "listening-port", Short: "p", Kind: kindPort, Default: "3478", at: func(c *Config) any { return &c.ListeningPort },
			Doc: "The UDP and TCP port for STUN and TURN; TLS and HTTP are recognised on it too."},
		{Name: "tls-listening-port", Kind: kindPort, Default: "5349", at: func(c *Config) any { return &c.TLSListeningPort },
			Doc: "The port for TURN over TLS and, with dtls, over DTLS; what comes unencrypted is recognised on it too."},
		// coturn lists addresses of interfaces and leaves link-local ones out.
		{Name: "listening-ip", Short: "L", Kind: kindIP, Repeat: true, at: func(c *Config) any { return &c.ListeningIPs },
			Doc: "An address to listen on; 0.0.0.0 and :: mean every address of their family, and without the key every address is meant."},
		{Name: "no-udp", Kind: kindBool, at: func(c *Config) any { return &c.NoUDP },
			Doc: "Does not listen for clients on UDP."},
		{Name: "no-tcp", Kind: kindBool, at: func(c *Config) any { return &c.NoTCP },
			Doc: "Does not listen for clients on TCP without TLS."},
		{Name: "no-tls", Kind: kindBool, at: func(c *Config) any { return &c.NoTLS },
			Doc: "Does not listen for clients on TLS."},
		{Name: "dtls", Kind: kindBool, at: func(c *Config) any { return &c.DTLS },
			Doc: "Listens for clients on DTLS, on the TLS port over UDP."},
		// Off by default in coturn too since 4.17, when it dropped this key and so
		// stopped containers that gave it as a flag.
		{Name: "no-dtls", Kind: kindBool, Verdict: Obsolete,
			Doc:  "Does not listen for clients on DTLS.",
			Note: "DTLS is off unless dtls asks for it"},
		{Name: "alt-listening-port", Kind: kindPort, Default: "0", Verdict: Pending,
			Doc: "The second port of NAT behaviour discovery (RFC 5780); 0 is the first one plus 1."},
		{Name: "alt-tls-listening-port", Kind: kindPort, Default: "0", Verdict: Pending,
			Doc: "The second TLS port of NAT behaviour discovery (RFC 5780); 0 is the first one plus 1."},
		{Name: "listening-device", Short: "d", Kind: kindInterface, Verdict: Pending,
			Doc:  "Ties the listening sockets to one network interface.",
			Note: "until then listening-ip chooses the addresses"},
		{Name: "aux-server", Kind: kindIPPort, Repeat: true, Verdict: Pending,
			Doc: "One more address and port to listen on, over UDP and TCP."},
		{Name: "tcp-proxy-port", Kind: kindPort, Default: "0", Verdict: Pending,
			Doc: "A TCP port behind a load balancer that speaks the PROXY protocol."},
		{Name: "udp-self-balance", Kind: kindBool, Verdict: Obsolete,
			Doc:  "Spreads clients over the auxiliary servers.",
			Note: "the kernel spreads clients over the workers"},
	}
}
