package config

// signalingKeys are about the signaling for pages of RTCMultiConnection: who may
// open rooms, and what clients may use up. What is no operator's business, such as
// the bound on a payload's packets, has no key.
func signalingKeys() []Key {
	return []Key{
		{Name: "signaling-auth", Live: true, Kind: kindChoice, Default: "off", Choices: []string{"off", "token"}, at: func(c *Config) any { return &c.SignalingAuth },
			Doc:     "Whether opening and joining a room of the signaling takes a token that an application has signed, with signaling-secret or with a key in signaling-jwks.",
			Example: "token"},
		{Name: "signaling-secret", Live: true, Kind: kindSecret, at: func(c *Config) any { return &c.SignalingSecret },
			Doc:     "The secret that the tokens of rooms are signed with (HS256).",
			Example: "a-secret-of-your-application-with-32-bytes"},
		{Name: "signaling-jwks", Live: true, Kind: kindPath, at: func(c *Config) any { return &c.SignalingJWKS },
			Doc: "A file with the public keys that the tokens of rooms are signed with (a JSON Web Key Set; RS256, ES256, EdDSA); it is read again when it changes."},
		{Name: "signaling-audience", Live: true, Kind: kindString, at: func(c *Config) any { return &c.SignalingAudience },
			Doc: "What the tokens of rooms name as their audience (aud); without it a token for a named audience is not taken."},
		{Name: "signaling-max-connections", Live: true, Kind: kindInt, Default: "10000", Min: 1, at: func(c *Config) any { return &c.SignalingMaxConnections },
			Doc: "How many clients of the signaling there may be at one time."},
		{Name: "signaling-max-per-address", Live: true, Kind: kindInt, Default: "1000", Min: 1, at: func(c *Config) any { return &c.SignalingMaxPerAddress },
			Doc: "How many of them one IPv4 address or IPv6 /64 may have; over WebSocket 256, since a port with pages takes no more connections of one address, so that one subscriber cannot take them all. An office behind one address counts as one; proxies in web-trusted-proxies may hold any number."},
		{Name: "signaling-max-rooms", Live: true, Kind: kindInt, Default: "10000", Min: 1, at: func(c *Config) any { return &c.SignalingMaxRooms },
			Doc: "How many rooms there may be at one time."},
		{Name: "signaling-max-participants", Live: true, Kind: kindInt, Default: "1000", Min: 2, at: func(c *Config) any { return &c.SignalingMaxParticipants },
			Doc: "How many clients a room may have, whatever its page asks for."},
		{Name: "signaling-max-message", Live: true, Kind: kindInt, Default: "1000000", Min: 16 << 10, Max: 16 << 20, at: func(c *Config) any { return &c.SignalingMaxMessage },
			Doc: "How many bytes a message may have."},
		{Name: "signaling-max-buffer", Live: true, Kind: kindInt, Default: "2097152", Min: 64 << 10, Max: 256 << 20, at: func(c *Config) any { return &c.SignalingMaxBuffer },
			Doc:     "How many bytes may wait for a client that reads slowly, before it is put out.",
			Example: "4194304"},
		{Name: "signaling-message-rate", Live: true, Kind: kindInt, Default: "50", Max: 1_000_000, at: func(c *Config) any { return &c.SignalingMessageRate },
			Doc: "How many messages a second are taken from one client, after ten times as many at once; what comes faster waits; 0 means any number."},
		{Name: "signaling-grace-period", Live: true, Kind: kindSeconds, Default: "15", Max: 3600, at: func(c *Config) any { return &c.SignalingGrace },
			Doc: "How many seconds a lost connection may take to come back before others in the room are told; 0 tells them at once."},
		{Name: "signaling-heartbeat", Live: true, Kind: kindSeconds, Default: "25", Min: 5, Max: 300, at: func(c *Config) any { return &c.SignalingHeartbeat },
			Doc: "After how many seconds an idle connection is asked whether it is still there; a proxy in front has to wait longer than that."},
	}
}

// Secrets with fewer bytes can be guessed offline, from a single credential or a
// single token; what signs tokens has as many as the digest (RFC 7518, 3.2).
const (
	shortestSecret      = 16
	shortestTokenSecret = 32
)

// checkSignaling finds keys of the signaling that together do not do what they
// say.
func (l *loader) checkSignaling() {
	c := l.cfg
	if c.SignalingMaxBuffer < c.SignalingMaxMessage {
		l.conflict(faultf("make signaling-max-buffer the larger one", "signaling-max-message %d does not fit into signaling-max-buffer %d",
			c.SignalingMaxMessage, c.SignalingMaxBuffer), "signaling-max-message", "signaling-max-buffer")
	}
	if c.SignalingAuth == "token" {
		l.checkTokens()
		return
	}
	for _, key := range []string{"signaling-secret", "signaling-jwks", "signaling-audience"} {
		l.advise(faultf("set signaling-auth=token", "%s has no effect without signaling-auth=token", key), key)
	}
}

// checkTokens wants one way in which tokens are signed. Keys of somebody who signs
// for many, as an identity provider does, need the audience: else a token made for
// another service would open rooms here.
func (l *loader) checkTokens() {
	c, secret := l.cfg, l.cfg.SignalingSecret.Reveal()
	switch {
	case secret == "" && c.SignalingJWKS == "":
		l.conflict(faultf("set signaling-secret to what your application signs with, or signaling-jwks to the file with its public keys",
			"signaling-auth=token needs signaling-secret or signaling-jwks"), "signaling-auth")
	case secret != "" && c.SignalingJWKS != "":
		l.conflict(faultf("leave one of them out", "signaling-secret and signaling-jwks both say how tokens are signed"),
			"signaling-secret", "signaling-jwks")
	case c.SignalingJWKS != "" && c.SignalingAudience == "":
		l.conflict(faultf("set it to what your tokens have as aud", "signaling-jwks needs signaling-audience"), "signaling-jwks")
	case secret != "" && len(secret) < shortestTokenSecret:
		l.conflict(faultf("take a longer one", "signaling-secret has %d bytes, and %d are the least that cannot be guessed", len(secret), shortestTokenSecret),
			"signaling-secret")
	}
}
