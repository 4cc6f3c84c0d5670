package listener

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync/atomic"
)

// The application protocols that a client may name in its ClientHello.
const (
	alpnTURN  = "stun.turn" // RFC 7443
	alpnSTUN  = "stun.nat-discovery"
	alpnHTTP1 = "http/1.1"
	alpnHTTP2 = "h2"
	alpnACME  = "acme-tls/1" // RFC 8737
)

// tlsConfig is how this server speaks TLS.
//
// R-9325-3.1-a (RFC 9325, 3.1): TLS 1.2 and 1.3 and nothing older.
// R-8489-6.2.3-a, R-8489-6.2.3-b, R-9325-4-a (RFC 8489, 6.2.3; RFC 9325, 4.2):
// forward secrecy and authenticated encryption only. Of the two suites that
// RFC 8489 asks for, R-8489-6.2.3-c, the one with finite-field DHE is left out,
// since RFC 9325 advises against it and the library does not have it (X2).
// R-8656-3.1-a, R-8656-21.1.6-a (RFC 8656, 3.1 and 21.1.6): so a client can hide
// its name, if it likes to, from everybody on the way.
// R-7443-1-a (RFC 7443, 1): both names of RFC 7443 are accepted, a client
// without ALPN too, and one that offers only unknown names is turned away with
// no_application_protocol by the library.
// Renegotiation, compression and early data are things that the library does
// not do as a server (R-9325-3.5-a, R-9325-3.10-a); it makes ticket keys of its
// own, a new one each day, and forgets them after a week (R-9325-3.4-a).
func (l *Listener) tlsConfig(o Options) *tls.Config {
	config := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		CipherSuites:   l.suites,
		NextProtos:     protocols(l.open != nil, o.HTTP != nil),
		GetCertificate: o.Certificates.forTLS,
	}
	if o.TLS13Only {
		config.MinVersion = tls.VersionTLS13
	}
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		err := hello.Conn.(*gated).pass.enter(hello.Context(), l.gate)
		if err == nil && o.ChallengeCertificate != nil && slices.Equal(hello.SupportedProtos, []string{alpnACME}) {
			return challengeConfig(o.ChallengeCertificate), nil
		}
		return nil, err
	}
	return config
}

// challengeConfig shows a certificate authority what it looks for. Nothing but
// that name may be agreed on, and no data follows (RFC 8737, 3).
func challengeConfig(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{alpnACME}, GetCertificate: certificate}
}

// suites are the cipher suites of TLS 1.2 that are offered, the preferred first,
// for certificates with an RSA key or with one of an elliptic curve.
func suites(rsa bool) []uint16 {
	if rsa {
		return []uint16{
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		}
	}
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// offered are the suites that the operator wants, of those that there are.
func offered(wanted []uint16) []uint16 {
	all := slices.Concat(suites(false), suites(true))
	good := slices.DeleteFunc(slices.Clone(wanted), func(id uint16) bool { return !slices.Contains(all, id) })
	if len(good) == 0 {
		return all
	}
	return good
}

// protocols are what a client may name. One that only gets a short 404 needs no
// HTTP/2 for it.
func protocols(turn, pages bool) []string {
	var names []string
	if turn {
		names = append(names, alpnTURN, alpnSTUN)
	}
	if pages {
		names = append(names, alpnHTTP2)
	}
	return append(names, alpnHTTP1)
}

// serveTLS shakes hands and then serves what ALPN has named, or without ALPN
// what the first bytes are.
func (l *Listener) serveTLS(ctx context.Context, c *conn, head []byte) {
	config := l.config.Load()
	if config == nil {
		l.counts.add(noCertificate)
		c.Close()
		return
	}
	t := tls.Server(&gated{Conn: &ahead{Conn: c, head: head}}, config)
	if err := l.shakeHands(ctx, c, t); err != nil {
		l.counts.add(handshakeFailed)
		c.Close()
		return
	}
	l.counts.add(versionOf(t))
	_ = c.SetReadDeadline(c.since.Add(l.limits.Message))
	alpn := t.ConnectionState().NegotiatedProtocol
	if alpn == alpnACME {
		l.counts.add(challenged)
		t.Close()
		return
	}
	if alpn == alpnHTTP2 {
		// The HTTP server wants this one as it is, and closes it when it
		// does not begin with the preface of HTTP/2.
		l.serveHTTP(ctx, c, t)
		return
	}
	head, p, err := readHead(t)
	switch {
	case err != nil:
		l.countLate(err, firstLate)
		c.Close()
	case !agrees(alpn, p):
		l.counts.add(crossProtocol)
		c.Close()
	case p == speaksTURN && l.open != nil:
		defer l.note(c.client, c.server, tlsEncryption(t.ConnectionState()))()
		l.serveStream(ctx, c, t, head, overTLS)
	case p == speaksHTTP:
		l.serveHTTP(ctx, c, &tlsAhead{ahead: ahead{Conn: t, head: head}, tls: t})
	default:
		l.counts.add(unrecognised)
		c.Close()
	}
}

// versionOf says under what a handshake is counted: there are two versions.
func versionOf(t *tls.Conn) count {
	if t.ConnectionState().Version == tls.VersionTLS13 {
		return tls13
	}
	return tls12
}

// shakeHands does the handshake within its deadline, which counts from the
// moment the connection was accepted (A-X09).
func (l *Listener) shakeHands(ctx context.Context, c *conn, t *tls.Conn) error {
	ctx, cancel := context.WithDeadline(ctx, c.since.Add(l.limits.Handshake))
	defer cancel()
	defer t.NetConn().(*gated).pass.leave()
	_ = c.SetReadDeadline(c.since.Add(l.limits.Handshake))
	_ = c.SetWriteDeadline(c.since.Add(l.limits.Handshake))
	return t.HandshakeContext(ctx)
}

// agrees says whether a client speaks what it has announced.
//
// A-O12: a browser that was lured to a TURN port sends HTTP where TURN was
// agreed upon, or the other way round; the connection is closed and nothing of
// it is ever answered.
func agrees(alpn string, p protocol) bool {
	switch alpn {
	case alpnTURN, alpnSTUN:
		return p == speaksTURN
	case alpnHTTP1:
		return p == speaksHTTP
	}
	return true
}

// tlsAhead is ahead for the HTTP server, which asks it for the state of TLS.
type tlsAhead struct {
	ahead
	tls *tls.Conn
}

// ConnectionState is what http.Request.TLS will be.
func (a *tlsAhead) ConnectionState() tls.ConnectionState { return a.tls.ConnectionState() }

// gate lets so many handshakes be computed at a time as it has places.
type gate chan struct{}

// pass is one handshake's way through the gate. It is held from the moment when
// the ClientHello is there to the moment when the answer has been sent: a
// client that dawdles holds a connection, but never a place here (A-X11).
type pass struct {
	held atomic.Pointer[gate]
}

func (p *pass) enter(ctx context.Context, g gate) error {
	select {
	case g <- struct{}{}:
		p.held.Store(&g)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave gives the place back, if there is one to give back.
func (p *pass) leave() {
	if g := p.held.Swap(nil); g != nil {
		<-*g
	}
}

// gated is a connection during its handshake.
type gated struct {
	net.Conn
	pass pass
}

// Read is called after the ClientHello only when the server's flight is out.
func (g *gated) Read(b []byte) (int, error) {
	g.pass.leave()
	return g.Conn.Read(b)
}
