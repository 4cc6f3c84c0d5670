package config

// loggingKeys say what is logged and where to.
func loggingKeys() []Key {
	return append([]Key{
		{Name: "verbose", Live: true, Short: "v", Kind: kindBool, at: func(c *Config) any { return &c.Verbose },
			Doc:     "Logs more: the level debug, unless log-min-level is given.",
			Coturn:  "without it most lines about sessions are missing",
			Related: []string{"Verbose"}},
		{Name: "Verbose", Live: true, Short: "V", Kind: kindBool, at: func(c *Config) any { return &c.ExtraVerbose },
			Doc: "Logs more: the level debug, unless log-min-level is given."},
		{Name: "log-file", Live: true, Said: true, Short: "l", Kind: kindPath, Default: "stdout", at: func(c *Config) any { return &c.LogFile },
			Doc:     "Where the log goes: a path, or stdout or - for standard output.",
			Coturn:  "without the key it tries a number of folders; process number and date come into the name unless simple-log is given",
			Example: "/var/log/turnserver.log", Related: []string{"log-format"}},
		{Name: "no-stdout-log", Live: true, Kind: kindBool, at: func(c *Config) any { return &c.NoStdoutLog },
			Doc: "Keeps the log off standard output."},
		// Without verbose coturn leaves most lines about sessions out.
		{Name: "log-min-level", Live: true, Kind: kindChoice, Default: "info", Choices: []string{"debug", "info", "warning", "error"},
			at:      func(c *Config) any { return &c.LogLevel },
			Doc:     "The least level that is logged.",
			Follows: []string{"Verbose", "verbose"},
			Coturn:  "since 4.15, and debug without the key",
			Example: "warning"},
		// In coturn the name is a wish: process number and date come into it unless
		// simple-log is given.
		{Name: "simple-log", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:    "Takes the name of the log file as it is, without process number and date.",
			Note:   "the name is always taken as it is; logrotate turns files over",
			Coturn: "off; log files get a name of their own for each process and day"},
		{Name: "new-log-timestamp", Kind: kindBool, Default: "true", Verdict: Settled,
			Doc:    "Begins log lines with date and time as ISO 8601 has them.",
			Note:   "log lines always begin with date and time",
			Coturn: "since 4.5.2, and the default since 4.17"},
	}, laterLoggingKeys()...)
}

// laterLoggingKeys are about the system's log and special cases.
func laterLoggingKeys() []Key {
	return []Key{
		{Name: "syslog", Live: true, Kind: kindBool, at: func(c *Config) any { return &c.Syslog },
			Doc:     "Sends the log to syslog instead; where there is none it goes where it would go without the key. The same as log-file=syslog.",
			Related: []string{"syslog-facility", "log-file"}},
		{Name: "syslog-facility", Live: true, Kind: kindChoice, Default: "LOG_DAEMON", Choices: facilities(), at: func(c *Config) any { return &c.SyslogFacility },
			Doc:     "The facility of the log in syslog.",
			Coturn:  "since 4.6",
			Example: "LOG_LOCAL1"},
		{Name: "new-log-timestamp-format", Live: true, Kind: kindTimestamp, at: func(c *Config) any { return &c.LogTimestamp },
			Doc:     "How date and time in the log look, as strftime has it, with %f for milliseconds; without the key as in RFC 3339. Syslog has its own.",
			Coturn:  "since 4.5.2; %FT%T.%f%z without the key",
			Example: "%FT%T%z"},
		{Name: "log-binding", Live: true, Kind: kindBool, at: func(c *Config) any { return &c.LogBinding },
			Doc:    "Logs Binding requests: ten a second of each thread, and how many more there were.",
			Coturn: "since 4.5.2, and every one"},
	}
}

// processKeys are about the process itself.
func processKeys() []Key {
	return []Key{
		{Name: "daemon", Short: "o", Kind: kindBool, Verdict: Obsolete,
			Doc:    "Goes to the background.",
			Note:   "the program stays in the foreground; systemd or a container keeps it running",
			Coturn: "it goes to the background and logs to a file"},
		// Units of distributions say --pidfile= to have none.
		{Name: "pidfile", Kind: kindPath, at: func(c *Config) any { return &c.PIDFile },
			Doc:     "The file that holds the process number while the server runs; empty for none.",
			Coturn:  "without the key it writes to /var/run/turnserver.pid",
			Example: "/run/turnserver.pid"},
		{Name: "proc-user", Kind: kindString, at: func(c *Config) any { return &c.ProcUser },
			Doc:     "The user to become once the ports are open and the certificates read, by name or number; the data directory becomes that user's.",
			Example: "turnserver", Related: []string{"proc-group"}},
		{Name: "proc-group", Kind: kindString, at: func(c *Config) any { return &c.ProcGroup },
			Doc:     "The group to become once the ports are open, by name or number; without the key that of proc-user.",
			Example: "turnserver"},
		{Name: "version", Kind: kindBool, Verdict: Obsolete,
			Doc: "Prints the version.", Note: "it is a command: iceserver version"},
	}
}

// ownKeys are those that coturn never had.
func ownKeys() []Key {
	return []Key{
		// Where it is without the key depends on the user, which server finds out.
		{Name: "data-dir", Kind: kindPath, at: func(c *Config) any { return &c.DataDir },
			Doc:     "The directory for what is made at the first start: secret, user, password, certificate.",
			Example: "/var/lib/iceserver", Related: []string{"userdb"}},
		{Name: "log-format", Live: true, Kind: kindChoice, Default: "text", Choices: []string{"text", "json", "coturn", "coturn-4.17"},
			at:      func(c *Config) any { return &c.LogFormat },
			Doc:     "The form of log lines. coturn is that of coturn 4.18, coturn-4.17 has the number of the session in front.",
			Example: "json"},
		{Name: "engine", Kind: kindChoice, Default: "auto", Choices: []string{"auto", "mmsg", "std"},
			at:      func(c *Config) any { return &c.Engine },
			Doc:     "How datagrams are moved: mmsg in batches (Linux), std one by one, auto the best there is.",
			Example: "std"},
	}
}
