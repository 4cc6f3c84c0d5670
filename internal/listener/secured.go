package listener

import (
	"crypto/tls"
	"net/netip"
	"strings"

	"github.com/pion/dtls/v3"
)

// ends are the two ends of a connection, as the relay writes them.
type ends struct{ client, server netip.AddrPort }

func endsOf(client, server netip.AddrPort) ends {
	plain := func(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
	return ends{plain(client), plain(server)}
}

// encryption is what a connection was agreed to be protected with.
type encryption struct {
	version string
	suite   string // as the registry of IANA calls it
}

// tlsEncryption and dtlsEncryption are what a handshake came to.
func tlsEncryption(s tls.ConnectionState) encryption {
	return encryption{strings.Replace(tls.VersionName(s.Version), "TLS ", "TLSv", 1), tls.CipherSuiteName(s.CipherSuite)}
}

func dtlsEncryption(c *dtls.Conn) encryption {
	state, ok := c.ConnectionState()
	if !ok {
		return encryption{}
	}
	return encryption{"DTLSv1.2", dtls.CipherSuiteName(state.CipherSuiteID)}
}

// note remembers how a connection of TURN is protected until forget is called or
// another connection with the same ends is noted: a client that reconnects from its
// port, or that a load balancer names twice, may come before its former connection
// is forgotten. So one without TLS is noted too, as the zero encryption.
func (l *Listener) note(client, server netip.AddrPort, e encryption) (forget func()) {
	at, noted := endsOf(client, server), &e
	l.secured.Store(at, noted)
	// By its address: an equal one may be that of the connection that came after.
	return func() { l.secured.CompareAndDelete(at, noted) }
}

// Secured returns the version of TLS or DTLS by which a client of TURN is connected
// and its cipher suite, both as OpenSSL writes them; they are empty where there is
// no such connection.
func (l *Listener) Secured(client, server netip.AddrPort) (version, cipher string) {
	v, ok := l.secured.Load(endsOf(client, server))
	if !ok {
		return "", ""
	}
	e := v.(*encryption)
	return e.version, openSSLName(e.suite)
}

// openSSLName is the name that OpenSSL has for a suite. It takes the registry's for
// those of TLS 1.3.
func openSSLName(suite string) string {
	kind, rest, old := strings.Cut(strings.TrimPrefix(suite, "TLS_"), "_WITH_")
	if !old {
		return suite
	}
	name := strings.NewReplacer("AES_", "AES", "_", "-").Replace(kind + "_" + rest)
	if strings.Contains(name, "CHACHA20") {
		name = strings.TrimSuffix(name, "-SHA256")
	}
	return name
}
