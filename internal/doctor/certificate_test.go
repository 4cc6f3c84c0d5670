package doctor

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"iceserver/internal/config"
	"iceserver/internal/turn"
	"iceserver/test/servertest"
)

// pemFile writes a certificate with what follows it.
func pemFile(t *testing.T, chain ...*authority) string {
	t.Helper()
	var text []byte
	for _, c := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	path := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// keyFile writes the key of a certificate under a title.
func keyFile(t *testing.T, of *authority, title string) string {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(of.key)
	path := filepath.Join(t.TempDir(), "key.pem")
	if err == nil {
		err = os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: title, Bytes: der}), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// ended is a certificate whose time was over yesterday.
func ended(name string) x509.Certificate {
	c := named(name, false)
	c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	return c
}

// The files tell why a server does not start, or soon will not.
func TestCertificateFiles(t *testing.T) {
	made := issue(t, nil, named("turn.example.org", false))
	good, key := pemFile(t, made), keyFile(t, made, "EC PRIVATE KEY")
	other := issue(t, nil, named("turn.example.org", false))
	yesterday := ended("turn.example.org")
	old := issue(t, nil, yesterday)
	empty := pemFile(t)
	for _, c := range []struct {
		name, cert, key string
		wants           []want
	}{
		{"good", good, key, nil},
		{"two in the file", pemFile(t, made, other), key, nil},
		{"in the wrong order", pemFile(t, other, made), key, []want{{Fail, "certificate", "is not that of the first certificate in", "stands first"}}},
		{"no key in it", good, good, []want{{Fail, "certificate", "holds no key of " + good, "privkey.pem"}}},
		{"encrypted", good, keyFile(t, made, "ENCRYPTED PRIVATE KEY"), []want{{Fail, "certificate", "no passphrase", "pkey-pwd"}}},
		{"missing", "/nowhere/cert.pem", good, []want{{Fail, "certificate", "the certificate is missing: there is no /nowhere/cert.pem", "acme-domain"}}},
		{"no key", good, "/nowhere/key.pem", []want{{Fail, "certificate", "there is no /nowhere/key.pem", "correct cert and pkey"}}},
		{"expired", pemFile(t, old), keyFile(t, old, "EC PRIVATE KEY"), []want{{Fail, "certificate", "expired on " + yesterday.NotAfter.UTC().Format(time.DateOnly), "renew it"}}},
		{"something else", empty, good, []want{{Fail, "certificate", "holds no certificate", "fullchain.pem"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := &Target{Config: new(config.Config), Facts: Facts{CertFiles: []string{c.cert}, KeyFiles: []string{c.key}}}
			compareChecks(t, target.certificateFiles(time.Now()), c.wants...)
		})
	}
	// What the server itself says of a file is said once.
	target := &Target{Facts: Facts{CertFiles: []string{empty}, KeyFiles: []string{good}, CertRefused: map[string]string{empty: "the key is of another"}}}
	compareChecks(t, target.certificateFiles(time.Now()), want{Warn, "certificate", "still shown: the key is of another", "the whole chain"})
}

// What a server shows is judged as clients do it.
func TestJudge(t *testing.T) {
	root := issue(t, nil, named("Some Root", true))
	roots := x509.NewCertPool()
	roots.AddCert(root.Certificate)
	byName := func(organisation string) *authority {
		c := named("E1", true)
		c.Subject.Organization = []string{organisation}
		return issue(t, root, c)
	}
	plain, le, zero := byName("Nobody"), byName("Let's Encrypt"), byName("ZeroSSL")
	soon := named("turn.example.org", false)
	soon.NotBefore, soon.NotAfter = time.Now().Add(-80*24*time.Hour), time.Now().Add(5*24*time.Hour+time.Hour)
	leaf := func(by *authority) *authority { return issue(t, by, named("turn.example.org", false)) }
	world := Facts{Realm: "example.org", Relays: relayAt("8.8.8.8", "8.8.8.8")}
	elsewhere, issuing := world, world
	elsewhere.Realm, issuing.ACMEDomains = "other.example", []string{"turn.example.org"}
	public := named("turn.example.org", false)
	public.IssuingCertificateURL = []string{"http://ca.example/middle.cer"}
	for _, c := range []struct {
		name  string
		chain []*authority
		facts Facts
		far   string
		wants []want
	}{
		{"good", []*authority{leaf(plain), plain}, world, "", []want{{OK, "certificate", "for turn.example.org", ""}}},
		{"Let's Encrypt", []*authority{leaf(le), le}, world, "", []want{{OK, "certificate", "Let's Encrypt", ""}, {Warn, "native apps", "libwebrtc", "ZeroSSL"}}},
		{"ZeroSSL", []*authority{leaf(zero), zero}, world, "", []want{{OK, "certificate", "", ""}, {OK, "native apps", "ZeroSSL", ""}}},
		{"expired", []*authority{issue(t, plain, ended("turn.example.org")), plain}, world, "", []want{{Fail, "certificate", "expired on", "renew it"}}},
		{"nearly expired", []*authority{issue(t, plain, soon), plain}, world, "", []want{{Warn, "certificate", "5 days", "renew it"}}},
		{"chain cut", []*authority{issue(t, plain, public)}, world, "", []want{{Fail, "certificate", "the chain is incomplete", "fullchain.pem"}}},
		{"self-signed", []*authority{issue(t, nil, named("localhost", false))}, world, "", []want{{Warn, "certificate", "browsers refuse turns:", "acme-domain"}}},
		{"self-signed, local", []*authority{issue(t, nil, named("localhost", false))}, Facts{Relays: relayAt("127.0.0.1", "127.0.0.1")}, "", []want{{OK, "certificate", "only this machine", ""}}},
		{"not issued yet", []*authority{issue(t, nil, named("localhost", false))}, issuing, "", []want{{Fail, "certificate", "no certificate was issued for turn.example.org", "port 80"}}},
		{"another name", []*authority{leaf(plain), plain}, elsewhere, "", []want{{Warn, "certificate", "clients know this server as other.example", "get one"}}},
		{"another name, far", []*authority{leaf(plain), plain}, Facts{}, "far.example", []want{{Fail, "certificate", "it is not for far.example", "get one"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := &Target{Facts: c.facts, farHost: c.far}
			var chain []*x509.Certificate
			for _, a := range c.chain {
				chain = append(chain, a.Certificate)
			}
			compareChecks(t, target.judge(examineChain(chain, target.certificateName(), roots, time.Now()), target.names()), c.wants...)
		})
	}
	// Of an authority that is not known here.
	shown := examineChain([]*x509.Certificate{leaf(plain).Certificate, plain.Certificate}, "turn.example.org", x509.NewCertPool(), time.Now())
	compareChecks(t, (&Target{Facts: world}).judge(shown, nil), want{Warn, "certificate", "nobody here knows the authority", "know that authority"})
}

// What no client takes is a failure, also where the name by which clients know the
// server is not known here: the verifier looks at the name first and stops there.
func TestJudgeWithoutName(t *testing.T) {
	const day = 24 * time.Hour
	root := issue(t, nil, named("Some Root", true))
	roots := x509.NewCertPool()
	roots.AddCert(root.Certificate)
	early, client, short := named("turn.example.org", false), named("turn.example.org", false), named("Middle", true)
	early.NotBefore, early.NotAfter = time.Now().Add(10*day), time.Now().Add(100*day)
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	short.NotBefore, short.NotAfter = time.Now().Add(-10*day), time.Now().Add(-day)
	middle, over := issue(t, root, named("Middle", true)), issue(t, root, short)
	stranger := issue(t, nil, named("Nobody's Root", true))
	for _, c := range []struct {
		name string
		by   *authority
		leaf x509.Certificate
		want want
	}{
		{"good", middle, named("turn.example.org", false), want{OK, "certificate", "for turn.example.org", ""}},
		{"not yet", middle, early, want{Fail, "certificate", "it is good from", "clock"}},
		{"for clients", middle, client, want{Fail, "certificate", "not made for servers", "fullchain.pem"}},
		{"no names", middle, x509.Certificate{Subject: pkix.Name{CommonName: "turn.example.org"}}, want{Fail, "certificate", "for no name at all", "get one"}},
		{"middle has ended", over, named("turn.example.org", false), want{Fail, "certificate", "between it and the root", "fullchain.pem"}},
		{"unknown authority", stranger, named("turn.example.org", false), want{Warn, "certificate", "nobody here knows the authority", "know that authority"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := &Target{Facts: Facts{Realm: "example", Host: "198.51.100.1", Relays: relayAt("8.8.8.8", "8.8.8.8")}}
			chain := []*x509.Certificate{issue(t, c.by, c.leaf).Certificate, c.by.Certificate}
			compareChecks(t, target.judge(examineChain(chain, target.certificateName(), roots, time.Now()), nil), c.want)
		})
	}
}

// The real server shows its own.
func TestShownCertificate(t *testing.T) {
	target := startServer(t).target()
	target.Realm = "localhost"
	compareChecks(t, checkCertificate(t.Context(), target), want{OK, "certificate", "self-signed", ""})
	target.Relays = relayAt("8.8.8.8", "8.8.8.8")
	compareChecks(t, checkCertificate(t.Context(), target), want{Warn, "certificate", "no certificate that clients trust", "acme-domain"})
	target.CertFiles = []string{"/nowhere/cert.pem"}
	compareChecks(t, checkCertificate(t.Context(), target), want{Fail, "certificate", "missing", "cert and pkey"})
	target.Listen.TLS, target.Listen.DTLS = nil, nil
	compareChecks(t, checkCertificate(t.Context(), target))
}

// A server far away is examined by its ways, and its certificate once.
func TestExamineFar(t *testing.T) {
	s := startServer(t)
	o := ProbeOptions{URLs: []string{fmt.Sprint("turn:localhost:", s.port), fmt.Sprint("turns:localhost:", s.tlsPort)},
		Username: "alice", Password: "pw", IPv4: true, Duration: quick, Timeout: patience}
	r, err := ExamineFar(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	compareChecks(t, r.Checks,
		want{OK, fmt.Sprintf("udp 127.0.0.1:%d", s.port), "relay 127.0.0.1:", ""}, want{OK, fmt.Sprintf("tcp 127.0.0.1:%d", s.port), "relay", ""},
		want{OK, fmt.Sprintf("tls 127.0.0.1:%d", s.tlsPort), "relay", ""}, want{OK, fmt.Sprintf("dtls 127.0.0.1:%d", s.tlsPort), "relay", ""},
		want{Warn, "certificate", "self-signed", "acme-domain"})
	o.Password, o.URLs = "wrong", o.URLs[:1]
	if r, err = ExamineFar(t.Context(), o); err != nil || r.Worst() != Fail || !strings.Contains(r.Checks[0].Seen, "401") || r.Checks[0].Advice == "" {
		t.Errorf("%+v %v", r, err)
	}
	// Without a name to log in with, that it asks for one is all that can be seen.
	o.Username, o.Password = "", ""
	if r, err = ExamineFar(t.Context(), o); err != nil || r.Worst() != Warn || !strings.Contains(r.Checks[0].Seen, "asks for a user of realm") {
		t.Errorf("%+v %v", r, err)
	}
	o.Username = "alice"
	// What nobody asked for by name need not be there.
	plain := servertest.FreePorts(t, 1)
	servertest.Start(t, servertest.Options{Conf: fmt.Sprintf("listening-ip=127.0.0.1\nlistening-port=%d\nno-tls\nno-tcp\nuser=alice:pw\nrealm=r\n", plain)})
	o.Password, o.URLs, o.Timeout = "pw", []string{fmt.Sprint("127.0.0.1:", plain)}, 2*time.Second
	if r, err = ExamineFar(t.Context(), o); err != nil || r.Checks[0].Status != OK {
		t.Errorf("%+v %v", r, err)
	}
	if _, err = ExamineFar(t.Context(), ProbeOptions{}); err == nil {
		t.Error("nothing was asked, and that was right")
	}
}

// A server in the world that tells a private address is the classic mistake.
func TestFarAddresses(t *testing.T) {
	compareChecks(t, farAddresses([]Way{{Server: "8.8.8.8:3478", Relayed: "10.0.0.5:50000"}}),
		want{Fail, "address", "wrong external-ip: the server is reached at 8.8.8.8 and tells clients 10.0.0.5", "external-ip=8.8.8.8/10.0.0.5"})
	compareChecks(t, farAddresses([]Way{{Server: "8.8.8.8:3478"}, {Server: "8.8.8.8:3478", Relayed: "9.9.9.9:50000"}}), want{OK, "address", "9.9.9.9", ""})
	compareChecks(t, farAddresses([]Way{{Server: "10.0.0.5:3478", Relayed: "10.0.0.5:50000"}}))
}

// A realm need not be the name of a machine: only one that leads here is what
// clients know the server by.
func TestCertificateOfRealm(t *testing.T) {
	s := startServer(t)
	target := s.target()
	target.Resolver = nameServer(t, map[string][]byte{"here.example. 1": {127, 0, 0, 1}, "other.example. 1": {9, 9, 9, 9}})
	for realm, want := range map[string]string{"here.example": "[here.example]", "other.example": "[]", "nowhere.example": "[]", "iceserver": "[]"} {
		target.Realm = realm
		if got := fmt.Sprint(target.calledBy(t.Context())); got != want {
			t.Errorf("%s: %s, want %s", realm, got, want)
		}
	}
}

// That this machine has no IPv6 says nothing of the server, and no advice of the
// doctor names a flag that it has not.
func TestExamineFarWords(t *testing.T) {
	to := target{endpoint: endpoint{proto: turn.UDP, server: netip.MustParseAddrPort("[2001:db8::1]:3478")}}
	w := newWay(to)
	w.failed(&unreachableError{to: to.endpoint, err: syscall.ENETUNREACH}, true)
	compareChecks(t, []Check{w.check()}, want{OK, "udp [2001:db8::1]:3478", "not tried: this machine has no way to 2001:db8::1", ""})
	for _, advice := range []string{
		(&ShownCertificate{SelfSigned: true}).advice(), (&ShownCertificate{Complete: true}).advice(),
		(&refusedError{Result: turn.Result{Code: 401, Realm: "r"}}).explain(time.Now()),
	} {
		if strings.Contains(advice, "--insecure") || strings.Contains(advice, "--secret") {
			t.Error(advice)
		}
	}
	// The probe has it, and says so.
	w.failed(&certificateError{&ShownCertificate{SelfSigned: true}}, false)
	if !strings.Contains(w.Advice, "--insecure") {
		t.Error(w.Advice)
	}
}

// What a running server shows is judged as a doctor would who connects to it.
func TestJudgeCertificate(t *testing.T) {
	root := issue(t, nil, named("Root", true))
	good := issue(t, root, named("turn.example.org", false))
	over := issue(t, root, ended("turn.example.org"))
	self := issue(t, nil, named("turn.example.org", false))
	public := Facts{Host: "198.41.1.9", Relays: []Relay{{Local: netip.MustParseAddr("198.41.1.9"), External: netip.MustParseAddr("198.41.1.9")}}}
	issued := public
	issued.ACMEDomains = []string{"turn.example.org"}
	local := Facts{Host: "127.0.0.1", Relays: []Relay{{Local: netip.MustParseAddr("127.0.0.1"), External: netip.MustParseAddr("127.0.0.1")}}}
	for _, c := range []struct {
		name  string
		facts Facts
		leaf  *authority
		after time.Duration
		want  want
	}{
		{"expired", public, over, 0, want{Fail, "certificate", "the certificate expired on", "renew it"}},
		{"nearly", issued, good, 85 * 24 * time.Hour, want{Warn, "certificate", "(5 days), and nobody has renewed it", "port 80"}},
		{"self-signed", public, self, 0, want{Warn, "certificate", "self-signed", "acme-domain"}},
		{"self-signed for this machine", local, self, 0, want{OK, "certificate", "only this machine", ""}},
		{"not issued yet", issued, self, 0, want{Fail, "certificate", "no certificate was issued for turn.example.org", "port 80"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			chain := []*x509.Certificate{c.leaf.Certificate, root.Certificate}
			compareChecks(t, []Check{JudgeCertificate(c.facts, chain, time.Now().Add(c.after))}, c.want)
		})
	}
}
