package config

// protocolKeys are about what messages say.
func protocolKeys() []Key {
	return append([]Key{
		{Name: "fingerprint", Live: true, Short: "f", Kind: kindBool, at: func(c *Config) any { return &c.Fingerprint },
			Doc: "Adds FINGERPRINT to every message."},
		{Name: "software-attribute", Live: true, Kind: kindBool, at: func(c *Config) any { return &c.Software },
			Doc:    "Adds SOFTWARE to messages to clients that have authenticated.",
			Coturn: "since 4.7; before, SOFTWARE was always added"},
		// Off, since every byte in answers to strangers is a gift to attackers with
		// forged addresses.
		{Name: "include-reason-string", Live: true, Kind: kindBool, at: func(c *Config) any { return &c.ReasonString },
			Doc:    "Adds the reason in words to error codes.",
			Coturn: "since 4.10"},
		{Name: "stun-only", Live: true, Short: "S", Kind: kindBool, at: func(c *Config) any { return &c.STUNOnly },
			Doc: "Answers Binding requests and does not relay."},
		{Name: "no-stun", Live: true, Kind: kindBool, at: func(c *Config) any { return &c.NoSTUN },
			Doc: "Relays and does not answer Binding requests."},
		// Off, since RFC 8656 section 12 ends at 0x4FFF and leaves the first bytes
		// above it to other protocols.
		{Name: "rfc5766-channel-numbers", Live: true, Kind: kindBool, at: func(c *Config) any { return &c.OldChannelNumbers },
			Doc:    "Accepts the channel numbers 0x5000 to 0x7FFF of older clients.",
			Coturn: "since 4.16; before, these numbers were always accepted"},
		{Name: "respond-http-unsupported", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:    "Answers HTTP on the TCP ports instead of closing the connection.",
			Note:   "HTTP is always answered",
			Coturn: "off, so that HTTP gets no answer; with it the answer is 400"},
		{Name: "drop-invalid-packets", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:    "Drops what is neither STUN nor ChannelData.",
			Note:   "such packets are always dropped",
			Coturn: "since 4.8; dropped in 4.18, which always drops them"},
		{Name: "drop-invalid-packets-log", Kind: kindBool, Verdict: Obsolete,
			Doc:  "Logs dropped packets.",
			Note: "nothing is logged per packet; counters by reason replace it"},
	}, laterProtocolKeys()...)
}

// laterProtocolKeys are about NAT discovery, mobility and the oldest clients.
func laterProtocolKeys() []Key {
	return []Key{
		{Name: "mobility", Kind: kindBool, Verdict: Pending,
			Doc: "Lets a client keep its allocation when its address changes (RFC 8016)."},
		{Name: "rfc5780", Kind: kindBool, Verdict: Pending,
			Doc:     "Answers NAT behaviour discovery (RFC 5780).",
			Coturn:  "since 4.7; before, it was on unless no-rfc5780 was given; any value switches it on",
			Related: []string{"alt-listening-port", "alt-tls-listening-port"}},
		// Debian installed this one and two more for years.
		{Name: "no-rfc5780", Kind: kindBool, Verdict: Obsolete,
			Doc: "Does not answer NAT behaviour discovery.", Note: "it is off unless rfc5780 asks for it",
			Coturn: "without effect since 4.7"},
		// Off, since the sender of a Binding request may be forged.
		{Name: "stun-backward-compatibility", Live: true, Kind: kindBool, at: func(c *Config) any { return &c.MappedAddress },
			Doc:    "Adds MAPPED-ADDRESS to Binding responses, for clients that know no XOR-MAPPED-ADDRESS; an answer to anybody then has 44 bytes instead of 32 (IPv6: 68 instead of 44).",
			Coturn: "since 4.7; before, MAPPED-ADDRESS was always added"},
		{Name: "rfc3489-compatibility", Kind: kindBool, Verdict: Pending,
			Doc:    "Answers classic STUN (RFC 3489).",
			Coturn: "since 4.16; before, classic STUN was always answered"},
		{Name: "response-origin-only-with-rfc5780", Kind: kindBool, Verdict: Obsolete,
			Doc: "Adds RESPONSE-ORIGIN for NAT behaviour discovery only.", Note: "it is never added otherwise"},
		{Name: "no-software-attribute", Kind: kindBool, Verdict: Obsolete,
			Doc: "Does not add SOFTWARE.", Note: "it is not added unless software-attribute asks for it"},
		{Name: "acme-redirect", Kind: kindURL, at: func(c *Config) any { return &c.ACMERedirect },
			Doc:     "Where requests for ACME challenges on the TURN ports are sent, with the token behind it.",
			Coturn:  "since 4.5.2",
			Example: "http://redirect.example.org/.well-known/acme-challenge/"},
	}
}

// alternateKeys send clients to other servers.
func alternateKeys() []Key {
	return []Key{
		{Name: "alternate-server", Live: true, Kind: kindIPPort, Repeat: true, at: func(c *Config) any { return &c.AlternateServers },
			Doc:     "A server that clients over UDP and TCP are sent to instead (300, Try Alternate), to each of several in turn; one of the address family that a client came with, and where there is none it is served here. Port 3478 unless given.",
			Coturn:  "it sends away before it asks who somebody is; here who has authenticated is, since clients believe nothing else",
			Related: []string{"udp-alternate-server", "tcp-alternate-server", "tls-alternate-server"}},
		{Name: "udp-alternate-server", Live: true, Kind: kindIPPort, Repeat: true, at: func(c *Config) any { return &c.UDPAlternateServers },
			Doc:    "A server that clients over UDP are sent to, instead of alternate-server.",
			Coturn: "since 4.15"},
		{Name: "tcp-alternate-server", Live: true, Kind: kindIPPort, Repeat: true, at: func(c *Config) any { return &c.TCPAlternateServers },
			Doc:    "A server that clients over TCP are sent to, instead of alternate-server.",
			Coturn: "since 4.15"},
		{Name: "tls-alternate-server", Live: true, Kind: kindIPPort, Repeat: true, at: func(c *Config) any { return &c.TLSAlternateServers },
			Doc: "A server that clients over TLS and DTLS are sent to, where alternate-server does not hold. Port 5349 unless given. Its certificate has to have the name that clients asked for here."},
	}
}
