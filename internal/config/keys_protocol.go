package config

// protocolKeys are about what messages say.
func protocolKeys() []Key {
	return append([]Key{
		{Name: "fingerprint", Short: "f", Kind: kindBool, at: func(c *Config) any { return &c.Fingerprint },
			Doc: "Adds FINGERPRINT to every message."},
		{Name: "software-attribute", Kind: kindBool, at: func(c *Config) any { return &c.Software },
			Doc: "Adds SOFTWARE to messages to clients that have authenticated."},
		// Off, since every byte in answers to strangers is a gift to attackers with
		// forged addresses.
		{Name: "include-reason-string", Kind: kindBool, at: func(c *Config) any { return &c.ReasonString },
			Doc: "Adds the reason in words to error codes."},
		{Name: "stun-only", Short: "S", Kind: kindBool, at: func(c *Config) any { return &c.STUNOnly },
			Doc: "Answers Binding requests and does not relay."},
		{Name: "no-stun", Kind: kindBool, at: func(c *Config) any { return &c.NoSTUN },
			Doc: "Relays and does not answer Binding requests."},
		// Off, since RFC 8656 section 12 ends at 0x4FFF and leaves the first bytes
		// above it to other protocols.
		{Name: "rfc5766-channel-numbers", Kind: kindBool, at: func(c *Config) any { return &c.OldChannelNumbers },
			Doc: "Accepts the channel numbers 0x5000 to 0x7FFF of older clients."},
		{Name: "respond-http-unsupported", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:  "Answers HTTP on the TCP ports instead of closing the connection.",
			Note: "HTTP is always answered"},
		{Name: "drop-invalid-packets", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:  "Drops what is neither STUN nor ChannelData.",
			Note: "such packets are always dropped"},
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
			Doc: "Answers NAT behaviour discovery (RFC 5780)."},
		// Debian installed this one and two more for years.
		{Name: "no-rfc5780", Kind: kindBool, Verdict: Obsolete,
			Doc: "Does not answer NAT behaviour discovery.", Note: "it is off unless rfc5780 asks for it"},
		{Name: "stun-backward-compatibility", Kind: kindBool, Verdict: Pending,
			Doc: "Adds MAPPED-ADDRESS to Binding responses for old clients."},
		{Name: "rfc3489-compatibility", Kind: kindBool, Verdict: Pending,
			Doc: "Answers classic STUN (RFC 3489)."},
		{Name: "response-origin-only-with-rfc5780", Kind: kindBool, Verdict: Obsolete,
			Doc: "Adds RESPONSE-ORIGIN for NAT behaviour discovery only.", Note: "it is never added otherwise"},
		{Name: "no-software-attribute", Kind: kindBool, Verdict: Obsolete,
			Doc: "Does not add SOFTWARE.", Note: "it is not added unless software-attribute asks for it"},
		{Name: "acme-redirect", Kind: kindURL, Verdict: Pending,
			Doc: "Where requests for ACME challenges on the TURN ports are sent."},
	}
}

// alternateKeys send clients to other servers.
func alternateKeys() []Key {
	return []Key{
		{Name: "alternate-server", Kind: kindIPPort, Repeat: true, Verdict: Pending,
			Doc: "A server that clients are sent to instead."},
		{Name: "udp-alternate-server", Kind: kindIPPort, Repeat: true, Verdict: Pending,
			Doc: "A server that UDP clients are sent to instead."},
		{Name: "tcp-alternate-server", Kind: kindIPPort, Repeat: true, Verdict: Pending,
			Doc: "A server that TCP clients are sent to instead."},
		{Name: "tls-alternate-server", Kind: kindIPPort, Repeat: true, Verdict: Pending,
			Doc: "A server that TLS and DTLS clients are sent to instead."},
	}
}
