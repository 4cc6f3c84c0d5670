package config

// listenerKeys say where clients are listened for. coturn's automatic
// recognition of protocols holds here too: every TCP port takes TLS and HTTP.
func listenerKeys() []Key {
	return []Key{
		{Name: "listening-port", Short: "p", Kind: kindPort, Default: "3478", at: func(c *Config) any { return &c.ListeningPort },
			Doc:     "The UDP and TCP port for STUN and TURN; TLS and HTTP are recognised on it too.",
			Example: "3479", Related: []string{"tls-listening-port", "listening-ip"}},
		{Name: "tls-listening-port", Kind: kindPort, Default: "5349", Off: "no-tls", at: func(c *Config) any { return &c.TLSListeningPort },
			Doc:     "The port for TURN over TLS and, with dtls, over DTLS; what comes unencrypted is recognised on it too.",
			Example: "443"},
		// coturn lists addresses of interfaces and leaves link-local ones out.
		{Name: "listening-ip", Short: "L", Kind: kindIP, Repeat: true, at: func(c *Config) any { return &c.ListeningIPs },
			Doc:     "An address to listen on; 0.0.0.0 and :: mean every address of their family, and without the key every address is meant.",
			Coturn:  "without the key it listens on every address but link-local ones, as here",
			Related: []string{"relay-ip", "external-ip"}},
		{Name: "no-udp", Kind: kindBool, at: func(c *Config) any { return &c.NoUDP },
			Doc:     "Does not listen for clients on UDP.",
			Related: []string{"no-tcp", "no-tls"}},
		{Name: "no-tcp", Kind: kindBool, at: func(c *Config) any { return &c.NoTCP },
			Doc: "Does not listen for clients on TCP without TLS."},
		{Name: "no-tls", Kind: kindBool, at: func(c *Config) any { return &c.NoTLS },
			Doc:    "Does not listen for clients on TLS.",
			Coturn: "it also goes without TLS, with a warning, when the certificate cannot be read; here that stops the start"},
		{Name: "dtls", Kind: kindBool, at: func(c *Config) any { return &c.DTLS },
			Doc:    "Listens for clients on DTLS, on the TLS port over UDP.",
			Coturn: "since 4.17; before, DTLS was on unless no-dtls was given"},
		// Off by default in coturn too since 4.17, when it dropped this key and so
		// stopped containers that gave it as a flag.
		{Name: "no-dtls", Kind: kindBool, Verdict: Obsolete,
			Doc:    "Does not listen for clients on DTLS.",
			Note:   "DTLS is off unless dtls asks for it",
			Coturn: "dropped after 4.17.1; given as a flag it has stopped coturn since"},
		{Name: "alt-listening-port", Kind: kindPort, Default: "0", Verdict: Pending,
			Doc:     "The second port of NAT behaviour discovery (RFC 5780); 0 is the first one plus 1.",
			Example: "3480"},
		{Name: "alt-tls-listening-port", Kind: kindPort, Default: "0", Verdict: Pending,
			Doc:     "The second TLS port of NAT behaviour discovery (RFC 5780); 0 is the first one plus 1.",
			Example: "5350"},
		{Name: "listening-device", Short: "d", Kind: kindInterface, at: func(c *Config) any { return &c.ListeningDevice },
			Doc:    "Listens on the addresses of one network interface; not together with listening-ip.",
			Coturn: "it ties the sockets to the interface, so that what comes in by another one for that address is not seen"},
		{Name: "aux-server", Kind: kindIPPort, Repeat: true, at: func(c *Config) any { return &c.AuxServers },
			Doc: "One more address and port to listen on, over UDP and TCP, where those are not switched off."},
		{Name: "tcp-proxy-port", Kind: kindPort, Default: "0", at: func(c *Config) any { return &c.TCPProxyPort },
			Doc:     "One more TCP port, for a load balancer that sends a PROXY header first, of version 1 or 2: clients are who that names. TURN, TLS and pages are recognised behind it as on the other ports; 0 is none.",
			Coturn:  "it takes the place of the TCP port, knows version 2 of the protocol only, no TLS behind it, and believes everybody",
			Example: "5555", Related: []string{"tcp-proxy-source"}},
		// Behind the address translation of containers and clouds the whole world
		// has a private address: hence no network is trusted unasked.
		{Name: "tcp-proxy-source", Own: true, Kind: kindNetwork, Repeat: true, at: func(c *Config) any { return &c.TCPProxySources },
			Doc:     "An address or block of load balancers that may speak on tcp-proxy-port; others are turned away. Without the key only this machine may, with it only who is named.",
			Example: "10.0.0.5", Related: []string{"tcp-proxy-port"}},
		{Name: "udp-self-balance", Kind: kindBool, Verdict: Obsolete,
			Doc:    "Spreads clients over the auxiliary servers.",
			Note:   "the kernel spreads clients over the workers",
			Coturn: "it answers 300 (Try Alternate) to spread clients over aux-server"},
	}
}
