package config

import (
	"cmp"
	"net/netip"
)

// The ports of TURN that are meant where an alternate server has none (RFC 8656,
// 5).
const (
	usualPort    = 3478
	usualTLSPort = 5349
)

// checkServers completes and checks addresses with ports: where else to listen,
// and where to send clients to.
func (l *loader) checkServers() {
	c := l.cfg
	for i, a := range c.AuxServers {
		e := &l.given["aux-server"][i]
		switch {
		case a.Port() == 0:
			l.fail(e, faultf("write "+netip.AddrPortFrom(a.Addr(), usualPort+1).String(), "%s has no port", quote(e.value)))
		case a.Addr().IsUnspecified():
			l.fail(e, faultf("write an address for each; listening-ip takes all", "%s is no single address", quote(e.value)))
		}
		c.AuxServers[i] = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	for _, list := range []struct {
		key     string
		servers []netip.AddrPort
		port    uint16
	}{
		{"alternate-server", c.AlternateServers, usualPort}, {"udp-alternate-server", c.UDPAlternateServers, usualPort},
		{"tcp-alternate-server", c.TCPAlternateServers, usualPort}, {"tls-alternate-server", c.TLSAlternateServers, usualTLSPort},
	} {
		l.checkAlternates(list.key, list.servers, list.port)
	}
	l.exclusive("listening-device", "listening-ip")
	l.exclusive("relay-device", "relay-ip")
}

// checkAlternates gives each server the port that is usual, and wants addresses
// that a client can go to.
func (l *loader) checkAlternates(key string, servers []netip.AddrPort, port uint16) {
	for i, a := range servers {
		if a.Addr().IsUnspecified() || a.Addr().IsMulticast() || a.Addr().Zone() != "" {
			e := &l.given[key][i]
			l.fail(e, faultf("write the address that clients reach it at", "%s is not the address of a server", quote(e.value)))
		}
		servers[i] = netip.AddrPortFrom(a.Addr().Unmap(), cmp.Or(a.Port(), port))
	}
	if len(servers) > 0 && l.cfg.NoAuth {
		// RFC 8489 section 14.8 has that answer for who has authenticated alone.
		l.conflict(faultf("leave one of them out", "%s sends away who has authenticated, and no-auth asks nobody", key), key, "no-auth")
	}
}

// exclusive wants at most one of two keys that say the same in two ways.
func (l *loader) exclusive(one, other string) {
	if l.last(one) != nil && l.last(other) != nil {
		l.conflict(faultf("leave one of them out", "%s and %s both say which addresses", one, other), one, other)
	}
}

// checkProcess finds what is said about somebody else's log, or nobody.
func (l *loader) checkProcess() {
	c := l.cfg
	if !c.Syslog {
		l.advise(faultf("set syslog", "syslog-facility has no effect without syslog"), "syslog-facility")
	}
	if c.MySQL == "" {
		l.advise(faultf("set mysql-userdb", "secret-key-file has no effect without mysql-userdb"), "secret-key-file")
	}
	if c.ProcGroup != "" && c.ProcUser == "" {
		l.advise(faultf("set proc-user as well", "proc-group alone leaves the user as it is, who may be root"), "proc-group")
	}
}
