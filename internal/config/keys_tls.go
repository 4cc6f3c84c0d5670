package config

// tlsKeys are about TLS and DTLS towards clients.
func tlsKeys() []Key {
	return append([]Key{
		// coturn looks for turn_server_cert.pem in many places when nothing is said,
		// and goes without TLS when none has it. Here the path is what it says.
		{Name: "cert", Live: true, Kind: kindPath, Repeat: true, Instead: true, at: func(c *Config) any { return &c.CertFiles },
			Doc:     "The file with the certificate chain in PEM; without the key a self-signed certificate is made and kept. Given several times, each with its pkey, clients get the one that has the name they ask for, and else the first. The files are looked at every few seconds.",
			Coturn:  "it takes one, looks for turn_server_cert.pem in a number of folders, and goes without TLS when it finds none",
			Example: "/etc/ssl/turn/fullchain.pem", Related: []string{"no-tls"}},
		{Name: "pkey", Live: true, Kind: kindPath, Repeat: true, Instead: true, at: func(c *Config) any { return &c.KeyFiles },
			Doc:     "The file with the private key of cert in PEM; with several certificates, in their order.",
			Coturn:  "it takes one, and looks for turn_server_pkey.pem in a number of folders, and goes without TLS when it finds none",
			Example: "/etc/ssl/turn/privkey.pem"},
		{Name: "pkey-pwd", Live: true, Kind: kindSecret, Zero: true, at: func(c *Config) any { return &c.KeyPassword },
			Doc:     "The passphrase of every pkey that is encrypted.",
			Example: "a-long-password", Related: []string{"pkey"}},
		// Ignoring it would let in whom it is to keep out.
		{Name: "CA-file", Kind: kindPath, Verdict: Refused,
			Doc:     "Wants a certificate from every client, signed by one of this file.",
			Note:    "client certificates are not checked yet, and serving clients without them is not what it asks for",
			Example: "/etc/ssl/turn/clients.pem"},
		{Name: "no-tlsv1_2", Kind: kindBool, at: func(c *Config) any { return &c.TLS13Only },
			Doc:    "Wants TLS 1.3 or later; DTLS stays at 1.2.",
			Coturn: "the same"},
		{Name: "cipher-list", Kind: kindString, at: func(c *Config) any { return &c.CipherList },
			Doc:     "The cipher suites of TLS and DTLS 1.2, in OpenSSL's notation; of what it names those are offered that have authenticated encryption and forward secrecy.",
			Coturn:  "whatever its OpenSSL has",
			Example: "ECDHE+AESGCM"},
		{Name: "secret-key-file", Kind: kindPath, at: func(c *Config) any { return &c.SecretKeyFile },
			Doc:     "The file with the 16 bytes of the AES key that the password in mysql-userdb is encrypted with, as turnadmin -E does.",
			Example: "/etc/turn/secret.key"},
		{Name: "raw-public-keys", Kind: kindBool, Verdict: Obsolete,
			Doc:    "Takes raw public keys instead of certificates (RFC 7250).",
			Note:   "clients check certificates, and no browser knows raw public keys; cert is what they are shown",
			Coturn: "since 4.6.3, with OpenSSL 3.2"},
	}, pastTLSKeys()...)
}

// pastTLSKeys are about mechanisms that are not used any more.
func pastTLSKeys() []Key {
	const noFiniteFields = "key exchange is over elliptic curves only"
	return []Key{
		{Name: "ec-curve-name", Kind: kindString, Verdict: Obsolete,
			Doc: "The elliptic curve of the key exchange.", Note: "the curve is agreed on with each client",
			Example: "prime256v1"},
		{Name: "dh-file", Kind: kindPath, Verdict: Obsolete,
			Doc: "The file with Diffie-Hellman parameters.", Note: noFiniteFields,
			Example: "/etc/ssl/turn/dh.pem"},
		{Name: "dh566", Kind: kindBool, Verdict: Obsolete,
			Doc: "Uses 566-bit Diffie-Hellman.", Note: noFiniteFields},
		{Name: "dh1066", Kind: kindBool, Verdict: Obsolete,
			Doc: "Uses 1066-bit Diffie-Hellman.", Note: noFiniteFields},
		{Name: "tlsv1", Kind: kindBool, Verdict: Obsolete,
			Doc: "Offers TLS 1.0.", Note: "TLS 1.0 is broken and never offered; clients need TLS 1.2",
			Coturn: "since 4.7; before, TLS 1.0 was on unless no-tlsv1 was given"},
		{Name: "tlsv1_1", Kind: kindBool, Verdict: Obsolete,
			Doc: "Offers TLS 1.1.", Note: "TLS 1.1 is broken and never offered; clients need TLS 1.2",
			Coturn: "since 4.7; before, TLS 1.1 was on unless no-tlsv1_1 was given"},
	}
}
