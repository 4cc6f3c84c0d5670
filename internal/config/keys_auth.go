package config

// authKeys say who may relay. Unlike in coturn, accounts and time-limited
// credentials work side by side.
func authKeys() []Key {
	return append([]Key{
		// What coturn needs this for, it gets anyway. It is kept to catch a file
		// that asks for credentials and for none.
		{Name: "lt-cred-mech", Short: "a", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:    "Asks every client for credentials.",
			Note:   "credentials are asked for unless no-auth is given",
			Coturn: "it needs the key or an account, and is an open relay otherwise"},
		// In coturn this is so whenever nothing else is configured.
		{Name: "no-auth", Live: true, Short: "z", Kind: kindBool, at: func(c *Config) any { return &c.NoAuth },
			Doc:    "Relays for everybody without credentials: an open relay, so never the default.",
			Coturn: "this is what it does whenever nothing else is configured"},
		{Name: "user", Live: true, Short: "u", Kind: kindUser, Repeat: true, at: func(c *Config) any { return &c.Users },
			Doc:     "An account, as name:password or as name:0x and the 32 hexadecimal digits of its key.",
			Coturn:  "accounts are not asked for beside use-auth-secret; here both work side by side",
			Example: "alice:a-long-password", Related: []string{"userdb"}},
		{Name: "realm", Live: true, Short: "r", Kind: kindRealm, at: func(c *Config) any { return &c.Realm },
			Doc:     "The realm that clients are shown and that keys are made with, at most 127 bytes.",
			Coturn:  "without the key it takes the domain of the machine's name",
			Example: "turn.example.org"},
		{Name: "use-auth-secret", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:     "Takes time-limited credentials made with a shared secret.",
			Note:    "they are taken whenever there is a shared secret, in static-auth-secret or in the database",
			Coturn:  "any value, false too, switches it on, and accounts are not asked for any more",
			Related: []string{"static-auth-secret"}},
		{Name: "static-auth-secret", Live: true, Kind: kindSecret, Repeat: true, at: func(c *Config) any { return &c.Secrets },
			Doc:     "A shared secret of time-limited credentials; of several any may match.",
			Coturn:  "it implies use-auth-secret",
			Example: "a-long-shared-secret-of-yours", Related: []string{"rest-api-separator"}},
		{Name: "rest-api-separator", Live: true, Short: "C", Kind: kindChar, Default: ":", at: func(c *Config) any { return &c.RESTSeparator },
			Doc:     "The character between time and name in a time-limited user name.",
			Example: "|"},
		{Name: "secure-stun", Live: true, Kind: kindBool, at: func(c *Config) any { return &c.SecureSTUN },
			Doc: "Asks for credentials on Binding requests too."},
		// On here and off in coturn; 100 a second and not 10, so that an office
		// behind one address is not harmed.
		{Name: "unauthorized-ratelimit", Live: true, Kind: kindBool, Default: "true", at: func(c *Config) any { return &c.UnauthorizedRateLimit },
			Doc:     "Bounds how many answers a source address gets that has not authenticated.",
			Coturn:  "since 4.14, off, and for UDP only",
			Example: "false"},
		{Name: "unauthorized-ratelimit-rps", Live: true, Kind: kindInt, Default: "100", Implied: "100", Min: 1, Max: 1000000,
			at:      func(c *Config) any { return &c.UnauthorizedRateLimitRPS },
			Doc:     "How many answers a second unauthorized-ratelimit leaves to a source address.",
			Coturn:  "the default is 10",
			Example: "50"},
	}, laterAuthKeys()...)
}

// laterAuthKeys are about dynamic tables and tokens.
func laterAuthKeys() []Key {
	return []Key{
		{Name: "no-auth-pings", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:    "Does not ask the database every few seconds whether it is there.",
			Note:   "the database is only asked when a user is looked up",
			Coturn: "any value switches it on; without the key the database is asked every five seconds"},
		{Name: "no-dynamic-ip-list", Kind: kindBool, at: func(c *Config) any { return &c.NoDatabaseRules },
			Doc:     "Does not read rules about peers from the database.",
			Coturn:  "any value switches it on",
			Related: []string{"allowed-peer-ip", "denied-peer-ip"}},
		{Name: "no-dynamic-realms", Kind: kindBool, at: func(c *Config) any { return &c.NoDatabaseRealms },
			Doc:     "Does not read realms, their origins and their limits from the database: there is the one that realm names.",
			Coturn:  "any value switches it on",
			Related: []string{"realm"}},
		{Name: "server-name", Kind: kindString, Verdict: Pending,
			Doc:     "The name that clients with a token (RFC 7635) are told; without the key the realm.",
			Example: "turn.example.org"},
		{Name: "oauth", Kind: kindBool, Verdict: Pending,
			Doc:     "Takes tokens of an authorization server (RFC 7635).",
			Related: []string{"server-name"}},
		{Name: "check-origin-consistency", Live: true, Kind: kindBool, at: func(c *Config) any { return &c.SameOrigin },
			Doc: "Wants the ORIGIN attribute to stay the same for a whole session; what comes with another one is refused with 441."},
	}
}

// lifetimeKeys say how long things live.
func lifetimeKeys() []Key {
	return []Key{
		// Bare, these four mean their defaults.
		{Name: "stale-nonce", Live: true, Kind: kindSeconds, Default: "600", Implied: "600", at: func(c *Config) any { return &c.StaleNonce },
			Doc:     "How long a nonce is good; 0 means for ever.",
			Coturn:  "as a flag it takes the number only behind =, and ignores it otherwise",
			Example: "3600"},
		{Name: "max-allocate-lifetime", Live: true, Kind: kindSeconds, Default: "3600", Implied: "3600", Min: 1,
			at:      func(c *Config) any { return &c.MaxAllocateLifetime },
			Doc:     "The longest lifetime of an allocation that a client may ask for.",
			Example: "7200"},
		{Name: "channel-lifetime", Live: true, Kind: kindSeconds, Default: "600", Implied: "600", Min: 1,
			at:      func(c *Config) any { return &c.ChannelLifetime },
			Doc:     "How long a channel lives without a refresh.",
			Example: "900", Related: []string{"permission-lifetime", "max-allocate-lifetime"}},
		{Name: "permission-lifetime", Live: true, Kind: kindSeconds, Default: "300", Implied: "300", Min: 1,
			at:      func(c *Config) any { return &c.PermissionLifetime },
			Doc:     "How long a permission lives without a refresh.",
			Example: "600"},
		{Name: "max-allocate-timeout", Kind: kindSeconds, Default: "60", Implied: "60", Min: 1, Max: 86400, at: func(c *Config) any { return &c.AllocateTimeout },
			Doc:     "How long a connection over TCP, TLS or DTLS may stay without having had an allocation; over UDP nothing is kept of such a client.",
			Coturn:  "it holds for UDP too, where it keeps something of every client",
			Example: "30"},
		// A stranger costs no memory, so there is no other way to make them.
		{Name: "stateless-nonce", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:    "Makes nonces that need no memory.",
			Note:   "nonces never need memory here",
			Coturn: "since 4.16, and the default since 4.17"},
		{Name: "stateless-nonce-secret", Kind: kindSecret, at: func(c *Config) any { return &c.NonceSecret },
			Doc:     "The secret that several servers of one name make their nonces with, so that each takes the others'; without the key one that was drawn at the first start.",
			Coturn:  "since 4.16; its servers and these have nonces of another form, and do not take each other's",
			Example: "a-long-shared-secret-of-yours"},
	}
}
