package config

// adminKeys are coturn's telnet and web interfaces.
func adminKeys() []Key {
	return []Key{
		// Off in coturn too since 4.10.
		{Name: "cli", Kind: kindBool, Verdict: Pending,
			Doc: "Opens the telnet interface for administration."},
		{Name: "no-cli", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc: "Does not open the telnet interface.", Note: "there is no telnet interface yet"},
		{Name: "cli-ip", Kind: kindIP, Default: "127.0.0.1", Verdict: Pending,
			Doc: "The address of the telnet interface."},
		{Name: "cli-port", Kind: kindPort, Default: "5766", Verdict: Pending,
			Doc: "The port of the telnet interface."},
		{Name: "cli-password", Kind: kindSecret, Verdict: Pending,
			Doc: "The password of the telnet interface."},
		{Name: "web-admin", Kind: kindBool, Verdict: Pending,
			Doc: "Opens the web interface for administration."},
		{Name: "web-admin-ip", Kind: kindIP, Default: "127.0.0.1", Verdict: Pending,
			Doc: "The address of the web interface."},
		{Name: "web-admin-port", Kind: kindPort, Default: "8080", Verdict: Pending,
			Doc: "The port of the web interface."},
		// coturn had several holes before authentication in its web interface.
		{Name: "web-admin-listen-on-workers", Kind: kindBool, Verdict: Refused,
			Doc:  "Opens the web interface on the TURN ports, to everybody.",
			Note: "administration does not belong on the ports that are open to the world"},
	}
}

// metricsKeys are the exporter for Prometheus.
func metricsKeys() []Key {
	return []Key{
		{Name: "prometheus", Kind: kindBool, Verdict: Pending,
			Doc: "Serves metrics for Prometheus."},
		{Name: "prometheus-port", Kind: kindPort, Default: "9641", Verdict: Pending,
			Doc: "The port of the metrics."},
		{Name: "prometheus-address", Kind: kindIP, Verdict: Pending,
			Doc: "The address of the metrics."},
		{Name: "prometheus-path", Kind: kindString, Default: "/metrics", Verdict: Pending,
			Doc: "The path of the metrics."},
		{Name: "prometheus-username-labels", Kind: kindBool, Verdict: Pending,
			Doc: "Labels the metrics of traffic with user names."},
		{Name: "prometheus-tls", Kind: kindBool, Verdict: Pending,
			Doc: "Serves the metrics over TLS."},
		{Name: "prometheus-cert", Kind: kindPath, Verdict: Pending,
			Doc: "The certificate of the metrics in PEM."},
		{Name: "prometheus-key", Kind: kindPath, Verdict: Pending,
			Doc: "The private key of the metrics' certificate in PEM."},
	}
}

// databaseKeys say where users and secrets are kept. Those that hold passwords
// are of a kind that is never printed.
func databaseKeys() []Key {
	return []Key{
		// coturn opens a database in /var/lib/turn without being told. Here the one
		// in the data directory stands in for it.
		{Name: "userdb", Short: "b", Kind: kindPath, at: func(c *Config) any { return &c.Database },
			Doc: "The SQLite file with users and secrets, in coturn's schema."},
		{Name: "db", Kind: kindPath, Means: "userdb",
			Doc: "Another name of userdb."},
		{Name: "psql-userdb", Short: "e", Kind: kindDatabase, Verdict: Pending,
			Doc: "The PostgreSQL database with users and secrets."},
		{Name: "sql-userdb", Kind: kindDatabase, Verdict: Pending, Means: "psql-userdb",
			Doc: "Another name of psql-userdb."},
		{Name: "mysql-userdb", Short: "M", Kind: kindDatabase, Verdict: Pending,
			Doc: "The MySQL or MariaDB database with users and secrets."},
		{Name: "mongo-userdb", Short: "J", Kind: kindDatabase, Verdict: Pending,
			Doc: "The MongoDB database with users and secrets."},
		{Name: "redis-userdb", Short: "N", Kind: kindDatabase, Verdict: Pending,
			Doc: "The Redis database with users and secrets."},
		{Name: "redis-statsdb", Short: "O", Kind: kindDatabase, Verdict: Pending,
			Doc: "The Redis database to report sessions and traffic to."},
	}
}
