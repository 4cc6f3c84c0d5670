package listener

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// minRSABits is the shortest RSA key that is accepted, in bits (RFC 9325, 4.5).
const minRSABits = 2048

// Certificates holds the certificate that new connections are shown. It may be
// changed while the server runs; those who are connected do not notice.
type Certificates struct {
	current atomic.Pointer[tls.Certificate]
}

// LoadCertificates reads a certificate chain and its key from PEM files. The
// error says which file is at fault and what to do. A certificate that has
// expired is loaded: ask NotAfter.
func LoadCertificates(certFile, keyFile string) (*Certificates, error) {
	c := new(Certificates)
	if err := c.Load(certFile, keyFile); err != nil {
		return nil, err
	}
	return c, nil
}

// Load reads the files as LoadCertificates does, for new connections to be
// shown. After an error those before stay in use.
func (c *Certificates) Load(certFile, keyFile string) error {
	cert, err := readPEM(certFile)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	key, err := readPEM(keyFile)
	if err != nil {
		return fmt.Errorf("private key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("certificate %s with private key %s: %w", certFile, keyFile, advise(err))
	}
	// R-9325-4-a (RFC 9325, 4.5): short RSA keys can be broken.
	if k, ok := pair.Leaf.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() < minRSABits {
		return fmt.Errorf("certificate %s: its RSA key has %d bits, and %d is the least that is safe: have a new one issued",
			certFile, k.N.BitLen(), minRSABits)
	}
	c.Set(pair)
	return nil
}

// readPEM reads a file; its error names the file and, where the process may not
// read it, how to change that.
func readPEM(file string) ([]byte, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: user %d may not read it; give its group the right to (chgrp, chmod g+r) or copy it where this user can",
			err, os.Geteuid())
	}
	if err == nil && !strings.Contains(string(b), "-----BEGIN ") {
		return nil, fmt.Errorf("%s is not in PEM form (no line -----BEGIN); openssl can convert it", file)
	}
	return b, err
}

// advise adds to what crypto/tls says about a pair, in the cases that happen.
func advise(err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, "does not match"):
		return fmt.Errorf("the key belongs to another certificate: %w", err)
	case strings.Contains(text, "ENCRYPTED"), strings.Contains(text, "failed to parse private key"):
		return fmt.Errorf("the key cannot be read; if it has a passphrase, remove it (openssl pkey -in KEY -out NEW): %w", err)
	}
	return err
}

// Set replaces the certificate for those who connect from now on.
func (c *Certificates) Set(pair tls.Certificate) { c.current.Store(&pair) }

// Leaf is the certificate itself, the first of its chain; nil if there is none.
// It must not be changed.
func (c *Certificates) Leaf() *x509.Certificate {
	if pair := c.current.Load(); pair != nil {
		return pair.Leaf
	}
	return nil
}

// NotAfter is when the certificate expires, or the zero time if that is not known.
func (c *Certificates) NotAfter() time.Time {
	if leaf := c.Leaf(); leaf != nil {
		return leaf.NotAfter
	}
	return time.Time{}
}
