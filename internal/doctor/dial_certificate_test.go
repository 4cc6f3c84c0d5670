package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"iceserver/internal/turn"
)

// authority signs certificates.
type authority struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// issue makes a certificate; by nobody it signs itself.
func issue(t *testing.T, by *authority, template x509.Certificate) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour+time.Hour)
	}
	parent, signer := &template, key
	if by != nil {
		parent, signer = by.Certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{c, key}
}

func named(name string, ca bool) x509.Certificate {
	c := x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: ca, BasicConstraintsValid: ca}
	if ca {
		c.KeyUsage = x509.KeyUsageCertSign
	} else {
		c.DNSNames, c.IPAddresses = []string{name}, []net.IP{net.ParseIP("192.0.2.1"), net.ParseIP("2001:db8::1")}
	}
	return c
}

func TestExamineChain(t *testing.T) {
	root := issue(t, nil, named("Root", true))
	middle := issue(t, root, named("Middle", true))
	public := named("turn.example.org", false)
	public.IssuingCertificateURL = []string{"http://ca.example/middle.cer"}
	leaf := issue(t, middle, public)
	company := issue(t, root, named("turn.example.org", false))
	old := named("turn.example.org", false)
	old.NotBefore, old.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-25*time.Hour)
	expired := issue(t, middle, old)
	own := issue(t, nil, named("turn.example.org", false))
	nameless := issue(t, middle, x509.Certificate{Subject: pkix.Name{CommonName: "x\x1b[2J"}})
	trust, none := x509.NewCertPool(), x509.NewCertPool()
	trust.AddCert(root.Certificate)
	for _, c := range []struct {
		what, name     string
		chain          []*x509.Certificate
		roots          *x509.CertPool
		complete       bool
		problem, means string
	}{
		{"good", "turn.example.org", []*x509.Certificate{leaf.Certificate, middle.Certificate}, trust, true, "", ""},
		{"address", "192.0.2.1", []*x509.Certificate{leaf.Certificate, middle.Certificate}, trust, true, "", ""},
		{"IPv6 address", "2001:db8::1", []*x509.Certificate{leaf.Certificate, middle.Certificate}, trust, true, "", ""},
		{"expired", "turn.example.org", []*x509.Certificate{expired.Certificate, middle.Certificate}, trust, true, "it expired on", "Renew"},
		{"name", "other.example", []*x509.Certificate{leaf.Certificate, middle.Certificate}, trust, true, "it is not for other.example but for turn.example.org, 192.0.2.1, 2001:db8::1", "one of the certificate's names"},
		{"no name", "other.example", []*x509.Certificate{nameless.Certificate, middle.Certificate}, trust, true, "for no name at all", "one of the certificate's names"},
		{"cert.pem", "turn.example.org", []*x509.Certificate{leaf.Certificate}, trust, false, "the chain is incomplete", "fullchain.pem"},
		{"unrelated", "turn.example.org", []*x509.Certificate{leaf.Certificate, root.Certificate}, trust, false, "the chain is incomplete", "fullchain.pem"},
		{"self-signed", "turn.example.org", []*x509.Certificate{own.Certificate}, trust, true, "it is self-signed", "public authority"},
		{"a company's own root", "turn.example.org", []*x509.Certificate{company.Certificate}, none, true, "nobody here knows the authority", "unless they know the authority"},
		{"unknown", "turn.example.org", []*x509.Certificate{leaf.Certificate, middle.Certificate}, none, true, "nobody here knows the authority", "unless they know the authority"},
	} {
		s := examineChain(c.chain, c.name, c.roots, time.Now())
		if s.Trusted != (c.problem == "") || s.Complete != c.complete || !strings.Contains(s.Problem, c.problem) {
			t.Errorf("%s: %+v", c.what, s)
		}
		if !s.Trusted && !strings.Contains(s.advice(), c.means) {
			t.Errorf("%s: the advice is %q", c.what, s.advice())
		}
		if want := 90; c.what != "expired" && s.DaysLeft != want || c.what == "expired" && s.DaysLeft != -2 {
			t.Errorf("%s: %d days left", c.what, s.DaysLeft)
		}
		if strings.Contains(s.line(), "\x1b") {
			t.Errorf("%s: what a server wrote reaches the terminal: %q", c.what, s.line())
		}
	}
}

// Who verifies does not even begin to talk to a server whose certificate is not
// trusted: neither name nor key of the user reach it.
func TestCertificateRefused(t *testing.T) {
	server := startServer(t)
	for _, proto := range []turn.Proto{turn.TLS, turn.DTLS} {
		e := server.endpoint(proto)
		e.roots = x509.NewCertPool()
		_, err := dial(t.Context(), e)
		var refused *certificateError
		if !errors.As(err, &refused) || refused.shown.SelfSigned != true {
			t.Fatalf("%v: got %v", proto, err)
		}
		e.insecure = true
		if s := withAllocation(t, e); s.certificate.Trusted || s.certificate.Problem == "" {
			t.Errorf("%v: insecure, %+v", proto, s.certificate)
		}
	}
}

// What renews certificates by itself does it in time for each length of life; only
// who has not done so is a worry.
func TestEndsSoon(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		life, left time.Duration
		want       bool
	}{
		{90 * day, 30 * day, false}, {90 * day, 29 * day, false}, {90 * day, 15 * day, false}, {90 * day, 13 * day, true},
		{6 * day, 3 * day, false}, {6 * day, 2 * day, false}, {6 * day, day - time.Hour, true},
		{365 * day, 15 * day, false}, {365 * day, 13 * day, true}, {45 * day, 14 * day, false}, {45 * day, 7 * day, true},
	} {
		now := time.Now()
		if got := endsSoon(&x509.Certificate{NotBefore: now.Add(c.left - c.life), NotAfter: now.Add(c.left)}, now); got != c.want {
			t.Errorf("%v of %v left: %v", c.left, c.life, got)
		}
	}
}
