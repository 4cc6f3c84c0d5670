package listener

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// issue makes a certificate for a key, both as PEM, valid for two days until the
// given time.
func issue(t *testing.T, key crypto.Signer, until time.Time) (cert, private []byte) {
	t.Helper()
	return issueFrom(t, key, until.Add(-48*time.Hour), until)
}

func issueFrom(t *testing.T, key crypto.Signer, from, until time.Time) (cert, private []byte) {
	t.Helper()
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// The self-signed certificate says what it was asked to say, and a client that
// trusts it connects by name and by address.
func TestSelfSigned(t *testing.T) {
	addr := netip.MustParseAddr("::ffff:192.0.2.7")
	certPEM, keyPEM, err := SelfSigned([]string{"turn.example.org"}, []netip.Addr{addr}, 10*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	leaf := pair.Leaf
	for _, host := range []string{"turn.example.org", "192.0.2.7"} {
		if err := leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if key, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("key %T", leaf.PublicKey)
	}
	if left := time.Until(leaf.NotAfter); left > 10*time.Hour || left < 9*time.Hour || !leaf.NotBefore.Before(time.Now()) {
		t.Errorf("valid from %v to %v", leaf.NotBefore, leaf.NotAfter)
	}
	if leaf.Subject.CommonName != "turn.example.org" {
		t.Errorf("common name %q", leaf.Subject.CommonName)
	}
	s := serve(t)
	if left := time.Until(s.certs.NotAfter()); left > DefaultValidity || left < DefaultValidity-time.Hour {
		t.Errorf("by default valid for %v", left)
	}
	for _, name := range []string{"localhost", "127.0.0.1"} {
		c := tls.Client(dial(t, s.tls), &tls.Config{RootCAs: trust(s.certs), ServerName: name})
		if err := c.Handshake(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each mistake with the two files gets an error that says what to do about it.
func TestLoadCertificates(t *testing.T) {
	cert, key, _ := SelfSigned(nil, nil, 0)
	_, otherKey, _ := SelfSigned(nil, nil, 0)
	good, goodKey := writeFile(t, "c.pem", cert), writeFile(t, "k.pem", key)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this library makes no short RSA keys at all")
	}
	weakCert, weakKey := issue(t, weak, time.Now().Add(time.Hour))
	for _, c := range []struct{ name, cert, key, want string }{
		{"no certificate file", filepath.Join(t.TempDir(), "none"), goodKey, "no such file"},
		{"no key file", good, filepath.Join(t.TempDir(), "none"), "private key: "},
		{"not PEM", writeFile(t, "der", []byte{0x30, 0x82}), goodKey, "not in PEM form"},
		{"another's key", good, writeFile(t, "other", otherKey), "belongs to another certificate"},
		{"a key with a passphrase", good, writeFile(t, "enc", pem.EncodeToMemory(&pem.Block{
			Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{0x30, 0}})), "passphrase"},
		{"a short key", writeFile(t, "weak", weakCert), writeFile(t, "weakkey", weakKey), "2048"},
		{"a directory", t.TempDir(), goodKey, "is no plain file"},
		{"a file without an end", "/dev/zero", goodKey, "is no plain file"},
	} {
		if _, err := LoadCertificates(Pair{CertFile: c.cert, KeyFile: c.key}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if os.Geteuid() != 0 {
		secret := writeFile(t, "secret", key)
		if err := os.Chmod(secret, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadCertificates(Pair{CertFile: good, KeyFile: secret}); err == nil || !strings.Contains(err.Error(), "chmod") {
			t.Errorf("unreadable: %v", err)
		}
	}
}

// An expired certificate loads, and says since when it is.
func TestExpired(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(-time.Hour).Truncate(time.Second)
	cert, private := issue(t, key, until)
	c, err := LoadCertificates(Pair{CertFile: writeFile(t, "c", cert), KeyFile: writeFile(t, "k", private)})
	if err != nil || !c.NotAfter().Equal(until) {
		t.Errorf("%v, %v", c.NotAfter(), err)
	}
	if !new(Certificates).NotAfter().IsZero() {
		t.Error("nothing expires some time")
	}
}

// A-L05, A-D17: a reload that fails keeps what was there, and one that succeeds is seen by the
// next client and by nobody else, whatever the load.
func TestSwapUnderLoad(t *testing.T) {
	s := serve(t, withEcho)
	first := s.certs.Leaf()
	old := dialTLS(t, s.tls)
	file := s.certs.slots[0].name
	if err := os.WriteFile(file, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.certs.Reload(); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("the error is %v", err)
	}
	if s.certs.Leaf() != first {
		t.Error("the failed reload has changed the certificate")
	}
	var clients sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c, err := tls.Dial("tcp", s.tls, &tls.Config{InsecureSkipVerify: true})
				if err != nil {
					t.Error(err)
					return
				}
				c.Close()
			}
		})
	}
	for range 20 {
		next := selfSigned(t).shown.Load().all[0]
		s.certs.replace(*next)
		c := dialTLS(t, s.tls)
		if !c.ConnectionState().PeerCertificates[0].Equal(next.Leaf) {
			t.Error("an old certificate")
		}
		c.Close()
	}
	close(stop)
	clients.Wait()
	send(t, old, binding(0))
	receive(t, old, binding(0))
}
