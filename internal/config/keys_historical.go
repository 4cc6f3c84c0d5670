package config

// historicalKeys are names that coturn itself has dropped, but files still hold.
func historicalKeys() []Key {
	return append([]Key{
		{Name: "no-sslv2", Kind: kindBool, Verdict: Obsolete, Doc: "Does not offer SSL 2.", Note: "SSL 2 is never offered",
			Coturn: "dropped in 4.7"},
		{Name: "no-sslv3", Kind: kindBool, Verdict: Obsolete, Doc: "Does not offer SSL 3.", Note: "SSL 3 is never offered",
			Coturn: "dropped in 4.7"},
		{Name: "no-tlsv1", Kind: kindBool, Verdict: Obsolete, Doc: "Does not offer TLS 1.0.", Note: "TLS 1.0 is never offered",
			Coturn: "dropped in 4.7"},
		{Name: "no-tlsv1_1", Kind: kindBool, Verdict: Obsolete, Doc: "Does not offer TLS 1.1.", Note: "TLS 1.1 is never offered",
			Coturn: "dropped in 4.7"},
		{Name: "dh2066", Kind: kindBool, Verdict: Obsolete, Doc: "Uses 2066-bit Diffie-Hellman.",
			Note:   "key exchange is over elliptic curves only",
			Coturn: "dropped in 4.5.1.3"},
		{Name: "no-loopback-peers", Kind: kindBool, Verdict: Obsolete, Doc: "Denies loopback addresses as peers.",
			Note:   "they are denied unless allow-loopback-peers asks for them",
			Coturn: "dropped in 4.5.1.0, when loopback peers were denied unless allowed"},
		{Name: "no-stun-backward-compatibility", Kind: kindBool, Verdict: Obsolete, Doc: "Does not add MAPPED-ADDRESS.",
			Note:   "it is not added unless stun-backward-compatibility asks for it",
			Coturn: "dropped in 4.7"},
		{Name: "no-http", Kind: kindBool, Verdict: Obsolete, Doc: "Does not open the web interface.",
			Note:   "there is no such interface unless web-admin asks for it",
			Coturn: "dropped in 4.5.1.0"},
		{Name: "no-web-admin", Kind: kindBool, Verdict: Obsolete, Doc: "Does not open the web interface.",
			Note: "there is no such interface unless web-admin asks for it"},
		{Name: "no-prometheus", Kind: kindBool, Verdict: Obsolete, Doc: "Does not serve metrics.",
			Note: "there are no metrics for Prometheus unless prometheus asks for them"},
		{Name: "prometheus-no-username-labels", Kind: kindBool, Verdict: Obsolete, Doc: "Keeps user names out of the metrics.",
			Note: "they are kept out unless prometheus-username-labels asks for them"},
		{Name: "prod", Kind: kindBool, Verdict: Obsolete, Doc: "Does not tell the software's version.",
			Note:   "the version is never told; software-attribute tells the name",
			Coturn: "dropped in 4.7"},
		{Name: "systemd", Kind: kindBool, Verdict: Obsolete, Doc: "Runs under systemd.",
			Note: "it makes no difference"},
	}, forgottenKeys()...)
}

// forgottenKeys are the historical names that hardly a file holds any more.
func forgottenKeys() []Key {
	const oldHash = "clients and server agree on the hash of integrity themselves"
	return []Key{
		{Name: "allow-encoding-with-aes", Kind: kindBool, Verdict: Obsolete, Doc: "Allows an older form of tokens.",
			Note: "that form did not become part of RFC 7635"},
		{Name: "sha256", Kind: kindBool, Verdict: Obsolete, Doc: "Wants HMAC-SHA256 for integrity.", Note: oldHash},
		{Name: "sha384", Kind: kindBool, Verdict: Obsolete, Doc: "Wants HMAC-SHA384 for integrity.", Note: oldHash},
		{Name: "sha512", Kind: kindBool, Verdict: Obsolete, Doc: "Wants HMAC-SHA512 for integrity.", Note: oldHash},
		{Name: "st-cred-mech", Kind: kindBool, Verdict: Obsolete, Doc: "Asks for short-term credentials.",
			Note:   "TURN has no short-term credentials; use-auth-secret gives credentials that expire",
			Coturn: "dropped in 4.5"},
		{Name: "secret-ts-exp-time", Kind: kindSeconds, Verdict: Obsolete, Doc: "How old a time-limited user name may be.",
			Note:    "a time-limited user name tells itself when it expires",
			Coturn:  "dropped in 4.7",
			Example: "86400"},
		{Name: "ne", Kind: kindInt, Verdict: Obsolete, Doc: "The network engine, as a number.", Note: "engine replaces it",
			Coturn:  "dropped in 4.10",
			Example: "3"},
		{Name: "udp-sendmmsg", Kind: kindBool, Verdict: Obsolete, Doc: "Sends datagrams in batches.",
			Note: "batches are always sent where the system can; engine replaces it"},
		{Name: "new-timestamp-format", Kind: kindString, Verdict: Obsolete, Doc: "How date and time in the log look.",
			Note:    "new-log-timestamp-format replaces it",
			Example: "%FT%T%z"},
		{Name: "new-timestamp_format", Kind: kindString, Verdict: Obsolete, Doc: "How date and time in the log look.",
			Note:    "new-log-timestamp-format replaces it",
			Example: "%FT%T%z"},
	}
}
