package listener

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
)

// named makes a certificate with a serial number to know it by.
func named(t *testing.T, serial int64, key crypto.Signer, names ...string) tls.Certificate {
	t.Helper()
	template := x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// several are, in this order: 1 for a.example with RSA, 2 the same with an
// elliptic curve, 3 for b.example, 4 for all names below example.org.
func several(t *testing.T) *Certificates {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := new(Certificates)
	c.Expect("1", "2", "3", "4")
	c.Put("4", named(t, 4, e, "*.example.org"))
	c.Put("3", named(t, 3, r, "B.example"))
	c.Put("2", named(t, 2, e, "a.example"))
	c.Put("1", named(t, 1, r, "a.example"))
	return c
}

// Clients get the certificate for the name they want, of the kind they can use,
// over TLS and over DTLS; without a name the first.
func TestChoose(t *testing.T) {
	certs := several(t)
	s := serve(t, func(o *Options, _ *linkKind) { o.Certificates = certs })
	both, onlyRSA, onlyEC := append(suites(true), suites(false)...), suites(true), suites(false)
	for _, c := range []struct {
		name   string
		suites []uint16
		want   int64
	}{
		{"a.example", both, 2},
		{"A.EXAMPLE", onlyRSA, 1},
		{"a.example", onlyEC, 2},
		{"b.example", both, 3},
		{"turn.example.org", both, 4},
		{"x.turn.example.org", both, 2}, // a wildcard stands for one label
		{"example.org", onlyRSA, 1},
		{"unknown.example", both, 2},
		{"", both, 2},
		{"", onlyRSA, 1},
		{"b.example", onlyEC, 2}, // a wrong name beats no handshake
	} {
		client := tls.Client(dial(t, s.tls), &tls.Config{
			InsecureSkipVerify: true, ServerName: c.name, CipherSuites: c.suites, MaxVersion: tls.VersionTLS12,
		})
		if err := client.Handshake(); err != nil {
			t.Errorf("TLS %q: %v", c.name, err)
			continue
		}
		if got := client.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != c.want {
			t.Errorf("TLS %q with %x: certificate %d, want %d", c.name, c.suites, got, c.want)
		}
		client.Close()
		if got := overDTLSShown(t, s, c.name, c.suites); got != c.want {
			t.Errorf("DTLS %q with %x: certificate %d, want %d", c.name, c.suites, got, c.want)
		}
	}
	if certs.Leaf().SerialNumber.Int64() != 1 || !certs.Covers("b.example") || !certs.Covers("x.example.org") || certs.Covers("c.example") {
		t.Error("Leaf or Covers")
	}
}

// overDTLSShown is the serial number of the certificate that a DTLS client sees.
func overDTLSShown(t *testing.T, s *server, name string, suites []uint16) int64 {
	t.Helper()
	options := []dtls.ClientOption{dtls.WithInsecureSkipVerify(true)}
	var ids []dtls.CipherSuiteID
	for _, id := range suites {
		ids = append(ids, dtls.CipherSuiteID(id))
	}
	options = append(options, dtls.WithCipherSuites(ids...))
	if name != "" {
		options = append(options, dtls.WithServerName(name))
	}
	conn, err := shakeDTLS(t, s, udpSocket(t), options...)
	if err != nil {
		t.Errorf("DTLS %q: %v", name, err)
		return 0
	}
	defer conn.Close()
	state, ok := conn.ConnectionState()
	if !ok {
		t.Fatal("no state")
	}
	leaf, err := x509.ParseCertificate(state.PeerCertificates[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf.SerialNumber.Int64()
}

// The fallback is shown as long as there is nothing else, and not beside it.
func TestFallback(t *testing.T) {
	cert, key, err := SelfSigned(nil, []netip.Addr{netip.MustParseAddr("127.0.0.1")}, 0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := LoadCertificates(Pair{CertFile: writeFile(t, "c", cert), KeyFile: writeFile(t, "k", key), Fallback: true})
	if err != nil {
		t.Fatal(err)
	}
	c.Expect("issued")
	if !c.Covers("127.0.0.1") {
		t.Error("the fallback is not shown")
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.Put("issued", named(t, 1, e, "a.example"))
	if err := c.Reload(); err != nil {
		t.Error(err)
	}
	if c.Covers("127.0.0.1") || !c.Covers("a.example") {
		t.Error("the fallback is shown still")
	}
}

// A client that comes before there is any certificate is turned away.
func TestNoneYet(t *testing.T) {
	s := serve(t, func(o *Options, _ *linkKind) { o.Certificates = new(Certificates) })
	if err := tls.Client(dial(t, s.tls), &tls.Config{InsecureSkipVerify: true}).Handshake(); err == nil {
		t.Error("TLS")
	}
	if _, err := shakeDTLS(t, s, udpSocket(t), dtls.WithInsecureSkipVerify(true)); err == nil {
		t.Error("DTLS")
	}
	if s.certs = new(Certificates); s.certs.Leaf() != nil || s.certs.Covers("x") {
		t.Error("there is something")
	}
}

// R-9325-3.1-a (RFC 9325, 3.1): TLS 1.2 can be switched off, and suites of it left
// out, for DTLS too; suites that are not good cannot be had.
func TestFewerVersionsAndSuites(t *testing.T) {
	s := serve(t, withEcho, func(o *Options, _ *linkKind) { o.TLS13Only = true })
	for version, ok := range map[uint16]bool{tls.VersionTLS12: false, tls.VersionTLS13: true} {
		c := tls.Client(dial(t, s.tls), &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
		if err := c.Handshake(); (err == nil) != ok {
			t.Errorf("version %x: %v", version, err)
		}
	}
	wanted := []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
	s = serve(t, withEcho, func(o *Options, _ *linkKind) { o.CipherSuites = wanted })
	for id, ok := range map[uint16]bool{
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: true, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: false, tls.TLS_RSA_WITH_AES_128_CBC_SHA: false,
	} {
		c := tls.Client(dial(t, s.tls), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{id}})
		if err := c.Handshake(); (err == nil) != ok {
			t.Errorf("TLS, suite %x: %v", id, err)
		}
	}
	conn, err := shakeDTLS(t, s, udpSocket(t), dtls.WithInsecureSkipVerify(true))
	if err != nil {
		t.Fatal(err)
	}
	if state, _ := conn.ConnectionState(); uint16(state.CipherSuiteID) != wanted[1] {
		t.Errorf("DTLS, suite %v", state.CipherSuiteID)
	}
	if len(offered(wanted[:1])) != 6 {
		t.Error("nothing at all is offered")
	}
}

// A certificate authority that asks by ALPN sees the certificate for its
// question and nothing else; without somebody who answers it is refused.
func TestChallengeCertificate(t *testing.T) {
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	answer := named(t, 77, e, "a.example")
	s := serve(t, func(o *Options, _ *linkKind) {
		o.ChallengeCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if hello.ServerName != "a.example" {
				return nil, net.ErrClosed
			}
			return &answer, nil
		}
	})
	for _, at := range []string{s.tls, s.tcp} {
		c := tls.Client(dial(t, at), &tls.Config{InsecureSkipVerify: true, ServerName: "a.example", NextProtos: []string{alpnACME}})
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		state := c.ConnectionState()
		if state.NegotiatedProtocol != alpnACME || state.PeerCertificates[0].SerialNumber.Int64() != 77 {
			t.Errorf("%q, certificate %d", state.NegotiatedProtocol, state.PeerCertificates[0].SerialNumber)
		}
		mustEnd(t, c)
	}
	s.counted(t, challenged, 2)
	refused := func(s *server, name string, offer ...string) {
		t.Helper()
		c := tls.Client(dial(t, s.tls), &tls.Config{InsecureSkipVerify: true, ServerName: name, NextProtos: offer})
		if c.Handshake() == nil && (c.ConnectionState().NegotiatedProtocol == alpnACME || len(offer) == 1) {
			t.Errorf("%s was agreed on for %s", offer, name)
		}
	}
	refused(s, "b.example", alpnACME)
	refused(s, "a.example", alpnACME, alpnTURN)
	refused(serve(t), "a.example", alpnACME)
}
