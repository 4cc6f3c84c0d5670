package config

// adminKeys are coturn's telnet and web interfaces.
func adminKeys() []Key {
	const noTelnet = "there is no telnet interface; iceserver reload, drain, user and usage replace it"
	return []Key{
		// Off in coturn too since 4.10.
		{Name: "cli", Kind: kindBool, Verdict: Obsolete,
			Doc:    "Opens the telnet interface for administration.",
			Note:   noTelnet,
			Coturn: "since 4.10; before, the interface was open unless no-cli was given"},
		{Name: "no-cli", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc: "Does not open the telnet interface.", Note: "there is no telnet interface",
			Coturn: "without effect since 4.10"},
		{Name: "cli-ip", Kind: kindIP, Default: "127.0.0.1", Verdict: Obsolete,
			Doc:     "The address of the telnet interface.",
			Note:    noTelnet,
			Example: "127.0.0.2", Related: []string{"cli-port", "cli-password"}},
		{Name: "cli-port", Kind: kindPort, Zero: true, Default: "5766", Verdict: Obsolete,
			Doc:     "The port of the telnet interface.",
			Note:    noTelnet,
			Example: "5767"},
		{Name: "cli-password", Kind: kindSecret, Verdict: Obsolete,
			Doc:     "The password of the telnet interface.",
			Note:    noTelnet,
			Coturn:  "as it is, or as a hash that begins with $5$; without one the interface refuses everybody",
			Example: "a-long-password"},
		{Name: "web-admin", Kind: kindBool, Verdict: Pending,
			Doc:     "Opens the web interface for administration.",
			Coturn:  "it needs a certificate",
			Related: []string{"web", "web-admin-ip", "web-admin-port"}},
		{Name: "web-admin-ip", Kind: kindIP, Default: "127.0.0.1", Verdict: Pending,
			Doc:     "The address of the web interface.",
			Example: "127.0.0.2"},
		{Name: "web-admin-port", Kind: kindPort, Default: "8080", Verdict: Pending,
			Doc:     "The port of the web interface.",
			Example: "8081"},
		// coturn had several holes before authentication in its web interface.
		{Name: "web-admin-listen-on-workers", Kind: kindBool, Verdict: Refused,
			Doc:  "Opens the web interface on the TURN ports, to everybody.",
			Note: "administration does not belong on the ports that are open to the world"},
	}
}

// metricsKeys are the exporter for Prometheus.
func metricsKeys() []Key {
	return []Key{
		{Name: "prometheus", Kind: kindBool, at: func(c *Config) any { return &c.Prometheus },
			Doc:     "Serves metrics for Prometheus, /healthz and /readyz on a port of their own.",
			Coturn:  "since 4.5.2, and not in every build: Debian's has none; any value switches it on",
			Related: []string{"prometheus-port", "prometheus-address", "prometheus-path", "prometheus-tls"}},
		{Name: "prometheus-port", Kind: kindPort, Default: "9641", at: func(c *Config) any { return &c.PrometheusPort },
			Doc:     "The TCP port of the metrics.",
			Example: "9642"},
		{Name: "prometheus-address", Kind: kindIP, at: func(c *Config) any { return &c.PrometheusAddress },
			Doc:     "The address of the metrics, such as 0.0.0.0 for a Prometheus elsewhere; without it only this machine gets them, at 127.0.0.1 and ::1.",
			Coturn:  "without it it serves everybody on every address",
			Example: "127.0.0.1"},
		{Name: "prometheus-path", Kind: kindString, Default: "/metrics", at: func(c *Config) any { return &c.PrometheusPath },
			Doc:     "The path of the metrics.",
			Example: "/turn-metrics"},
		{Name: "prometheus-username-labels", Kind: kindBool, at: func(c *Config) any { return &c.PrometheusUsers },
			Doc:    "Labels the metrics of traffic with user names too, of a thousand users at most; without it their names stay out.",
			Coturn: "any value switches it on, and the number of users has no bound"},
		{Name: "prometheus-tls", Kind: kindBool, at: func(c *Config) any { return &c.PrometheusTLS },
			Doc:     "Serves the metrics over TLS, with the certificate of prometheus-cert or, without that, the server's own.",
			Coturn:  "since 4.14",
			Related: []string{"prometheus-cert", "prometheus-key"}},
		{Name: "prometheus-cert", Kind: kindPath, at: func(c *Config) any { return &c.PrometheusCert },
			Doc:     "The file with the certificate of the metrics, in PEM.",
			Example: "/etc/ssl/turn/fullchain.pem"},
		{Name: "prometheus-key", Kind: kindPath, at: func(c *Config) any { return &c.PrometheusKey },
			Doc:     "The file with the private key of that certificate, in PEM.",
			Example: "/etc/ssl/turn/privkey.pem"},
	}
}

// databaseKeys say where users and secrets are kept. Those that hold passwords
// are of a kind that is never printed.
func databaseKeys() []Key {
	return []Key{
		// coturn opens a database in /var/lib/turn without being told. Here the one
		// in the data directory stands in for it, unless we are called by its name.
		{Name: "userdb", Short: "b", Kind: kindPath, at: func(c *Config) any { return &c.Database },
			Doc:     "The SQLite file with users and secrets, in coturn's schema.",
			Coturn:  "without the key it opens a file that was chosen when it was built, on Debian /var/lib/turn/turndb; under the name turnserver this does too, unless data-dir is set",
			Example: "/var/lib/turn/turndb"},
		{Name: "db", Kind: kindPath, Means: "userdb",
			Doc:     "Another name of userdb.",
			Coturn:  "there too another name of userdb",
			Example: "/var/lib/turn/turndb"},
		{Name: "psql-userdb", Short: "e", Kind: kindDatabase, at: func(c *Config) any { return &c.PostgreSQL },
			Doc:     "The PostgreSQL database with users and secrets.",
			Example: "host=localhost dbname=turn user=turn password=a-password"},
		{Name: "sql-userdb", Kind: kindDatabase, Means: "psql-userdb",
			Doc:     "Another name of psql-userdb.",
			Example: "host=localhost dbname=turn user=turn password=a-password"},
		{Name: "mysql-userdb", Short: "M", Kind: kindDatabase, at: func(c *Config) any { return &c.MySQL },
			Doc:     "The MySQL or MariaDB database with users and secrets.",
			Example: "host=localhost dbname=turn user=turn password=a-password"},
		{Name: "mongo-userdb", Short: "J", Kind: kindDatabase, at: func(c *Config) any { return &c.MongoDB },
			Doc:     "The MongoDB database with users and secrets.",
			Example: "mongodb://localhost/turn"},
		{Name: "redis-userdb", Short: "N", Kind: kindDatabase, at: func(c *Config) any { return &c.Redis },
			Doc:     "The Redis database with users and secrets.",
			Example: "ip=127.0.0.1 dbname=2 password=a-password"},
		{Name: "redis-statsdb", Short: "O", Kind: kindDatabase, at: func(c *Config) any { return &c.StatsRedis },
			Doc:     "The Redis database to report sessions and traffic to; while it is down reports are lost, and nothing waits.",
			Coturn:  "it deletes the reports of all other servers when it starts; here they end by themselves with the lifetime that they tell",
			Example: "ip=127.0.0.1 dbname=3 password=a-password"},
	}
}
