package listener

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Keys as openssl encrypts them, in all its forms, are opened by their passphrase
// and by no other; a key without encryption needs none and is not harmed by one.
func TestPassphrase(t *testing.T) {
	const passphrase = "open-sesame"
	cert := "testdata/passphrase-cert.pem"
	for _, form := range []string{"pkcs8", "scrypt", "traditional"} {
		key := "testdata/passphrase-" + form + ".pem"
		c, err := LoadCertificates(Pair{CertFile: cert, KeyFile: key, Passphrase: passphrase})
		if err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		handshake(t, c)
		_, err = LoadCertificates(Pair{CertFile: cert, KeyFile: key, Passphrase: "open-barley"})
		if !errors.Is(err, errPassphrase) || !strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "barley") {
			t.Errorf("%s with a wrong passphrase: %v", form, err)
		}
		_, err = LoadCertificates(Pair{CertFile: cert, KeyFile: key})
		if err == nil || !strings.Contains(err.Error(), "pkey-pwd") {
			t.Errorf("%s without a passphrase: %v", form, err)
		}
	}
	chain, key, err := SelfSigned([]string{"localhost"}, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	both := filepath.Join(t.TempDir(), "both.pem")
	if err := os.WriteFile(both, append(chain, key...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadCertificates(Pair{CertFile: both, KeyFile: both, Passphrase: passphrase}); err != nil {
		t.Errorf("a key without encryption: %v", err)
	}
}

// handshake shows that the key belongs to the certificate and signs.
func handshake(t *testing.T, c *Certificates) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: c.forTLS})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			err = conn.(*tls.Conn).HandshakeContext(t.Context())
			conn.Close()
		}
		done <- err
	}()
	conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Error(err)
	} else {
		conn.Close()
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
