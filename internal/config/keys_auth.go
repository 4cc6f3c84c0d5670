package config

// authKeys say who may relay. Unlike in coturn, accounts and time-limited
// credentials work side by side.
func authKeys() []Key {
	return append([]Key{
		// What coturn needs this for, it gets anyway. It is kept to catch a file
		// that asks for credentials and for none.
		{Name: "lt-cred-mech", Short: "a", Kind: kindBool, at: func(c *Config) any { return &c.LongTerm },
			Doc: "Asks for long-term credentials, which is so anyway unless no-auth is given."},
		// In coturn this is so whenever nothing else is configured.
		{Name: "no-auth", Short: "z", Kind: kindBool, at: func(c *Config) any { return &c.NoAuth },
			Doc: "Relays for everybody without credentials: an open relay, so never the default."},
		{Name: "user", Short: "u", Kind: kindUser, Repeat: true, at: func(c *Config) any { return &c.Users },
			Doc: "An account, as name:password or as name:0x and the 32 hexadecimal digits of its key."},
		{Name: "realm", Short: "r", Kind: kindRealm, at: func(c *Config) any { return &c.Realm },
			Doc: "The realm that clients are shown and that keys are made with, at most 127 bytes."},
		{Name: "use-auth-secret", Kind: kindBool, at: func(c *Config) any { return &c.AuthSecret },
			Doc: "Takes time-limited credentials made with a shared secret."},
		{Name: "static-auth-secret", Kind: kindSecret, Repeat: true, at: func(c *Config) any { return &c.Secrets },
			Doc: "A shared secret of time-limited credentials; of several any may match."},
		{Name: "rest-api-separator", Short: "C", Kind: kindChar, Default: ":", at: func(c *Config) any { return &c.RESTSeparator },
			Doc: "The character between time and name in a time-limited user name."},
		{Name: "secure-stun", Kind: kindBool, at: func(c *Config) any { return &c.SecureSTUN },
			Doc: "Asks for credentials on Binding requests too."},
		// On here and off in coturn; 100 a second and not 10, so that an office
		// behind one address is not harmed.
		{Name: "unauthorized-ratelimit", Kind: kindBool, Default: "true", at: func(c *Config) any { return &c.UnauthorizedRateLimit },
			Doc: "Bounds how many answers a source address gets that has not authenticated."},
		{Name: "unauthorized-ratelimit-rps", Kind: kindInt, Default: "100", Implied: "100", Min: 1, Max: 1000000,
			at:  func(c *Config) any { return &c.UnauthorizedRateLimitRPS },
			Doc: "How many answers a second unauthorized-ratelimit leaves to a source address."},
	}, laterAuthKeys()...)
}

// laterAuthKeys are about dynamic tables and tokens.
func laterAuthKeys() []Key {
	return []Key{
		{Name: "no-auth-pings", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:  "Does not ask the database every few seconds whether it is there.",
			Note: "the database is only asked when a user is looked up"},
		{Name: "no-dynamic-ip-list", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:  "Does not read rules about peers from the database.",
			Note: "rules about peers are not read from the database yet; allowed-peer-ip and denied-peer-ip hold them"},
		{Name: "no-dynamic-realms", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:  "Does not read realms and origins from the database.",
			Note: "realms are not read from the database yet; realm sets the one there is"},
		{Name: "server-name", Kind: kindString, Verdict: Pending,
			Doc: "The name that clients with a token (RFC 7635) are told; without the key the realm."},
		{Name: "oauth", Kind: kindBool, Verdict: Pending,
			Doc: "Takes tokens of an authorization server (RFC 7635)."},
		{Name: "check-origin-consistency", Kind: kindBool, Verdict: Pending,
			Doc: "Wants the ORIGIN attribute to stay the same for a whole session."},
	}
}

// lifetimeKeys say how long things live.
func lifetimeKeys() []Key {
	return []Key{
		// Bare, these four mean their defaults.
		{Name: "stale-nonce", Kind: kindSeconds, Default: "600", Implied: "600", at: func(c *Config) any { return &c.StaleNonce },
			Doc: "How long a nonce is good; 0 means for ever."},
		{Name: "max-allocate-lifetime", Kind: kindSeconds, Default: "3600", Implied: "3600", Min: 1,
			at:  func(c *Config) any { return &c.MaxAllocateLifetime },
			Doc: "The longest lifetime of an allocation that a client may ask for."},
		{Name: "channel-lifetime", Kind: kindSeconds, Default: "600", Implied: "600", Min: 1,
			at:  func(c *Config) any { return &c.ChannelLifetime },
			Doc: "How long a channel lives without a refresh."},
		{Name: "permission-lifetime", Kind: kindSeconds, Default: "300", Implied: "300", Min: 1,
			at:  func(c *Config) any { return &c.PermissionLifetime },
			Doc: "How long a permission lives without a refresh."},
		{Name: "max-allocate-timeout", Kind: kindSeconds, Default: "60", Verdict: Pending,
			Doc:  "How long a client may stay without an allocation.",
			Note: "deadlines before authentication are in force with values of their own"},
		// A stranger costs no memory, so there is no other way to make them.
		{Name: "stateless-nonce", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:  "Makes nonces that need no memory.",
			Note: "nonces never need memory here"},
		{Name: "stateless-nonce-secret", Kind: kindSecret, Verdict: Pending,
			Doc: "The secret that several servers of one name make their nonces with."},
	}
}
