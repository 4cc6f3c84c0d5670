package config

// tlsKeys are about TLS and DTLS towards clients.
func tlsKeys() []Key {
	return append([]Key{
		// coturn looks for turn_server_cert.pem in many places when nothing is said,
		// and goes without TLS when none has it. Here the path is what it says.
		{Name: "cert", Kind: kindPath, at: func(c *Config) any { return &c.CertFile },
			Doc: "The file with the certificate chain in PEM; without the key a self-signed certificate is made and kept."},
		{Name: "pkey", Kind: kindPath, at: func(c *Config) any { return &c.KeyFile },
			Doc: "The file with the private key of cert in PEM."},
		{Name: "pkey-pwd", Kind: kindSecret, Verdict: Pending,
			Doc:  "The passphrase of an encrypted pkey.",
			Note: "until then the key must not be encrypted"},
		// Ignoring it would let in whom it is to keep out.
		{Name: "CA-file", Kind: kindPath, Verdict: Refused,
			Doc:  "Wants a certificate from every client, signed by one of this file.",
			Note: "client certificates are not checked yet, and serving clients without them is not what it asks for"},
		{Name: "no-tlsv1_2", Kind: kindBool, Verdict: Pending,
			Doc:  "Wants TLS 1.3 or later.",
			Note: "until then TLS 1.2 is offered too"},
		{Name: "cipher-list", Kind: kindString, Verdict: Pending,
			Doc:  "The cipher suites of TLS 1.2, in OpenSSL's notation.",
			Note: "only authenticated encryption with forward secrecy is offered"},
		{Name: "secret-key-file", Kind: kindPath, Verdict: Pending,
			Doc: "The file with the AES key of an encrypted database password."},
		{Name: "raw-public-keys", Kind: kindBool, Verdict: Pending,
			Doc: "Takes raw public keys instead of certificates (RFC 7250)."},
	}, pastTLSKeys()...)
}

// pastTLSKeys are about mechanisms that are not used any more.
func pastTLSKeys() []Key {
	const noFiniteFields = "key exchange is over elliptic curves only"
	return []Key{
		{Name: "ec-curve-name", Kind: kindString, Verdict: Obsolete,
			Doc: "The elliptic curve of the key exchange.", Note: "the curve is agreed on with each client"},
		{Name: "dh-file", Kind: kindPath, Verdict: Obsolete,
			Doc: "The file with Diffie-Hellman parameters.", Note: noFiniteFields},
		{Name: "dh566", Kind: kindBool, Verdict: Obsolete,
			Doc: "Uses 566-bit Diffie-Hellman.", Note: noFiniteFields},
		{Name: "dh1066", Kind: kindBool, Verdict: Obsolete,
			Doc: "Uses 1066-bit Diffie-Hellman.", Note: noFiniteFields},
		{Name: "tlsv1", Kind: kindBool, Verdict: Obsolete,
			Doc: "Offers TLS 1.0.", Note: "TLS 1.0 is broken and never offered; clients need TLS 1.2"},
		{Name: "tlsv1_1", Kind: kindBool, Verdict: Obsolete,
			Doc: "Offers TLS 1.1.", Note: "TLS 1.1 is broken and never offered; clients need TLS 1.2"},
	}
}
