package config

import (
	"fmt"
	"net/netip"
	"slices"
)

// check finds what is wrong between keys, each of which is right by itself.
func (l *loader) check() {
	l.checkPorts()
	l.checkProxyPort()
	l.checkListeners()
	l.checkAuth()
	l.checkDatabases()
	l.checkExternal()
	l.checkLimits()
	l.checkFiles()
	l.checkCiphers()
	l.checkACME()
	l.checkWeb()
	l.checkMetrics()
	l.checkSignaling()
	l.checkServers()
	l.checkProcess()
	l.cfg.ListeningIPs = l.unique("listening-ip", l.cfg.ListeningIPs)
	l.cfg.RelayIPs = l.unique("relay-ip", l.cfg.RelayIPs)
}

// last returns the latest entry among some keys, to point at. Where none was
// given the fault lies in what is missing.
func (l *loader) last(keys ...string) *entry {
	var found *entry
	for _, k := range keys {
		if g := l.given[k]; len(g) > 0 {
			e := &g[len(g)-1]
			if found == nil || e.weight() > found.weight() || e.weight() == found.weight() && e.line > found.line {
				found = e
			}
		}
	}
	return found
}

// conflict reports a mistake between keys at the latest of them.
func (l *loader) conflict(f *fault, keys ...string) {
	if e := l.last(keys...); e != nil {
		l.add(e.problem(f))
	}
}

// advise is conflict as a warning.
func (l *loader) advise(f *fault, keys ...string) {
	if e := l.last(keys...); e != nil {
		p := e.problem(f)
		p.Warning = true
		l.add(p)
	}
}

// checkPorts finds an empty range of relayed ports. coturn starts with
// one all the same, and no allocation can succeed.
func (l *loader) checkPorts() {
	if c := l.cfg; c.MinPort > c.MaxPort {
		l.conflict(faultf("swap them", "min-port %d is above max-port %d", c.MinPort, c.MaxPort), "min-port", "max-port")
	}
}

// checkProxyPort finds a port that clients with and without a PROXY header would
// share, and load balancers that there is no port for.
func (l *loader) checkProxyPort() {
	c := l.cfg
	if c.TCPProxyPort == 0 {
		l.advise(faultf("set tcp-proxy-port", "tcp-proxy-source has no effect without tcp-proxy-port"), "tcp-proxy-source")
		return
	}
	for _, other := range []struct {
		on   bool
		key  string
		port uint16
	}{
		{true, "listening-port", c.ListeningPort}, {true, "tls-listening-port", c.TLSListeningPort},
		{true, "web-port", c.WebPort}, {c.Prometheus, "prometheus-port", c.PrometheusPort},
	} {
		if other.on && c.TCPProxyPort == other.port {
			l.conflict(faultf("choose another one: what comes to tcp-proxy-port begins with a PROXY header",
				"tcp-proxy-port and %s are both %d", other.key, other.port), "tcp-proxy-port", other.key)
		}
	}
}

// checkListeners finds switches that each make sense and together switch
// everything off.
func (l *loader) checkListeners() {
	c := l.cfg
	if c.NoUDP && c.NoTCP && c.NoTLS && !c.DTLS {
		l.conflict(faultf("leave one of them out", "no-udp, no-tcp and no-tls together leave nothing to listen on"),
			"no-udp", "no-tcp", "no-tls")
	}
	if c.STUNOnly && c.NoSTUN {
		l.conflict(faultf("leave one of them out", "stun-only and no-stun together leave nothing to do"), "stun-only", "no-stun")
	}
	if c.AllowLoopbackPeers {
		l.advise(faultf("", "allow-loopback-peers opens this machine's own services to clients; it is for tests only"),
			"allow-loopback-peers")
	}
}

// asks says whether a switch without a field of its own is on: the latest mention
// counts.
func (l *loader) asks(key string) bool {
	e := l.last(key)
	if e == nil {
		return false
	}
	on, f := parseBool(nil, e.value)
	return f == nil && on == true
}

// checkAuth keeps an open relay from happening beside credentials that the
// operator believes in.
func (l *loader) checkAuth() {
	c := l.cfg
	if c.NoAuth {
		for _, other := range []struct {
			key string
			set bool
		}{
			{"lt-cred-mech", l.asks("lt-cred-mech")},
			{"use-auth-secret", l.asks("use-auth-secret")},
			{"user", len(c.Users) > 0},
			{"static-auth-secret", len(c.Secrets) > 0},
		} {
			if other.set {
				l.conflict(faultf("leave one of them out", "no-auth relays for everybody, and %s asks for credentials", other.key),
					"no-auth", other.key)
			}
		}
		l.advise(faultf("", "no-auth makes an open relay: everybody can send through this server, also to your network"), "no-auth")
	}
	keyed := slices.ContainsFunc(c.Users, func(u User) bool { return u.Key != "" })
	if keyed && c.Realm == "" {
		l.advise(faultf("set realm", "keys of users only work with the realm that they were made for"), "user")
	}
}

// checkDatabases finds two databases, of which coturn takes the one that it reads
// last.
func (l *loader) checkDatabases() {
	var given []string
	for _, db := range []struct {
		key   string
		value Secret
	}{
		{"userdb", Secret(l.cfg.Database)}, {"psql-userdb", l.cfg.PostgreSQL}, {"mysql-userdb", l.cfg.MySQL},
		{"mongo-userdb", l.cfg.MongoDB}, {"redis-userdb", l.cfg.Redis},
	} {
		if db.value != "" {
			given = append(given, db.key)
		}
	}
	if len(given) > 1 {
		l.conflict(faultf("leave one of them out", "%s and %s name two databases, and users can be kept in one", given[0], given[1]),
			given...)
	}
}

// checkExternal allows what coturn allows, and one address for each family.
func (l *loader) checkExternal() {
	type slot struct {
		private netip.Addr
		v4      bool
	}
	seen := map[slot]netip.Addr{}
	for i, x := range l.cfg.ExternalIPs {
		if x.Name != "" {
			continue // of which family it is shows later
		}
		if f := hiddenFault(x); f != nil {
			l.warn(&l.given["external-ip"][i], f)
		}
		s := slot{x.Private, x.Public.Is4()}
		first, twice := seen[s]
		seen[s] = x.Public
		if !twice {
			continue
		}
		what := x.Private.String() + " is mapped to both"
		if !x.Private.IsValid() {
			what = "there can be only one address without /private for each family, and there are"
		}
		l.conflict(faultf("leave one of them out, or write public/private pairs", "external-ip: %s %s and %s", what, first, x.Public),
			"external-ip")
	}
}

// hiddenFault warns of an external address that the world cannot reach: clients
// would be told it, and no peer gets an answer. Behind loopback is a test.
func hiddenFault(x ExternalIP) *fault {
	switch {
	case !hidden(x.Public) || x.Private.IsLoopback():
		return nil
	case x.Private.IsValid() && !hidden(x.Private):
		return faultf(fmt.Sprintf("write %v/%v: the public one is first", x.Private, x.Public),
			"has its addresses the wrong way round: %v is the one that the world cannot reach", x.Public)
	}
	return faultf("write the address that the world sees, or auto; for that network alone it is right",
		"tells clients %v, which cannot be reached from outside of its network", x.Public)
}

// hidden says whether an address means something in one network or machine alone.
func hidden(a netip.Addr) bool {
	carrier := netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || carrier.Contains(a)
}

// checkLimits wants max-bps with bps-capacity, as coturn does:
// without it the key would be a limit in name only.
func (l *loader) checkLimits() {
	if c := l.cfg; c.CapacityBPS > 0 && c.MaxBPS == 0 {
		l.conflict(faultf("set max-bps", "bps-capacity %d has no effect without max-bps", c.CapacityBPS), "bps-capacity")
	}
}

// checkFiles wants certificate and key together, and a place for the log.
func (l *loader) checkFiles() {
	c := l.cfg
	switch certs, keys := len(c.CertFiles), len(c.KeyFiles); {
	case certs > keys && keys == 0:
		l.conflict(faultf("set pkey to the file with its private key", "cert is set and pkey is not"), "cert")
	case keys > certs && certs == 0:
		l.conflict(faultf("set cert to the file with its certificate", "pkey is set and cert is not"), "pkey")
	case certs != keys:
		l.conflict(faultf("give one pkey for each cert, in their order", "there are %d of cert and %d of pkey", certs, keys), "cert", "pkey")
	}
	if c.LogFile == "syslog" {
		c.Syslog, c.LogFile = true, "stdout"
	}
	if c.LogFile == "-" || c.LogFile == "" {
		c.LogFile = "stdout"
	}
	if c.NoStdoutLog && c.LogFile == "stdout" && !c.Syslog {
		l.advise(faultf("set log-file to a path", "no-stdout-log leaves no place for the log"), "no-stdout-log", "log-file")
	}
}

// unique drops addresses that are listed twice; binding one twice would fail.
// The entries go with them: of a list each value has its own.
func (l *loader) unique(key string, addrs []netip.Addr) []netip.Addr {
	var out []netip.Addr
	var given []entry
	for i, a := range addrs {
		if slices.Contains(out, a) {
			l.advise(faultf("remove one of them", "%s: %s is given twice", key, a), key)
			continue
		}
		out, given = append(out, a), append(given, l.given[key][i])
	}
	if len(given) > 0 {
		l.given[key] = given
	}
	return out
}

// finish decides what several keys decide together.
func (l *loader) finish() {
	c := l.cfg
	if (c.Verbose || c.ExtraVerbose) && l.last("log-min-level") == nil {
		c.LogLevel = "debug"
	}
	switch {
	case l.last("relay-threads") == nil:
		c.Workers = c.cpus
	case c.Workers == 0: // as in coturn: no threads of their own, so one
		c.Workers = 1
	}
	c.Sources = make(map[string][]Source, len(l.given))
	for name, entries := range l.given {
		for i := range entries {
			c.Sources[name] = append(c.Sources[name], entries[i].source())
		}
	}
}
