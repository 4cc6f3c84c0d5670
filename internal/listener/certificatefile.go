package listener

import (
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

// minRSABits is the shortest RSA key that is accepted, in bits (RFC 9325, 4.5).
const minRSABits = 2048

// Pair names the PEM files of a certificate chain and of its key, which may be
// one and the same.
type Pair struct {
	CertFile, KeyFile string
	// Passphrase opens the key if it is encrypted; empty: it must not be.
	Passphrase string
	// Fallback is shown only as long as there is no other certificate.
	Fallback bool
}

// LoadCertificates reads certificate chains and their keys from files, in the
// order of their preference. The error says which file is at fault and what to
// do. A certificate that has expired is loaded: ask NotAfter, or Watch will tell
// the log.
func LoadCertificates(pairs ...Pair) (*Certificates, error) {
	c := new(Certificates)
	for _, p := range pairs {
		s := &slot{name: p.CertFile, pair: p}
		s.watch.loaded = stampOf(p)
		cert, err := p.read()
		if err != nil {
			return nil, err
		}
		s.cert = cert
		c.slots = append(c.slots, s)
	}
	c.arrange()
	return c, nil
}

// Replace reads other files than those until now. Nothing has changed before show
// is called: then new connections are shown what they hold, and what Put brought
// stays. With an error, which says which file is at fault, there is no show.
//
// A-L05: what is broken or of no use today does not replace a certificate that is.
func (c *Certificates) Replace(pairs ...Pair) (show func(), err error) {
	next, err := LoadCertificates(pairs...)
	if err != nil {
		return nil, err
	}
	for _, s := range next.slots {
		if err := s.pair.timely(s.cert, time.Now()); err != nil {
			return nil, err
		}
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, s := range c.slots {
			if s.pair.CertFile == "" {
				next.slots = append(next.slots, s)
			}
		}
		c.slots = next.slots
		c.arrange()
	}, nil
}

// Reload reads all files anew, whether they have changed or not. Those with
// which something is wrong keep what they had, and the error names them all.
func (c *Certificates) Reload() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var failed []error
	now := time.Now()
	for _, s := range c.slots {
		if s.pair.CertFile != "" {
			s.refused = s.reload(now)
			failed = append(failed, s.refused)
		}
	}
	c.arrange()
	return errors.Join(failed...)
}

// reload reads the files of a slot.
//
// A-L05: what is broken, belongs to another key or is of no use today does not
// replace a certificate that is.
func (s *slot) reload(now time.Time) error {
	at := stampOf(s.pair) // before reading: what changes meanwhile is seen later
	cert, err := s.pair.read()
	if err == nil {
		err = s.pair.timely(cert, now)
	}
	if err != nil {
		return err
	}
	s.cert, s.watch.loaded, s.refused = cert, at, nil
	return nil
}

// read reads and checks a certificate and its key.
func (p Pair) read() (*tls.Certificate, error) {
	cert, err := readPEM(p.CertFile)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	key, err := readPEM(p.KeyFile)
	if err == nil {
		if key, err = unlock(key, p.Passphrase); err != nil {
			err = fmt.Errorf("%s: %w", p.KeyFile, err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with private key %s: %w", p.CertFile, p.KeyFile, advise(err))
	}
	// R-9325-4-a (RFC 9325, 4.5): short RSA keys can be broken.
	if k, ok := pair.Leaf.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() < minRSABits {
		return nil, fmt.Errorf("certificate %s: its RSA key has %d bits, and %d is the least that is safe: have a new one issued",
			p.CertFile, k.N.BitLen(), minRSABits)
	}
	return &pair, nil
}

// timely refuses what no client would accept now.
func (p Pair) timely(cert *tls.Certificate, now time.Time) error {
	switch leaf := cert.Leaf; {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("certificate %s has run out at %v: have a new one issued", p.CertFile, leaf.NotAfter.Local())
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("certificate %s is good only from %v on: is this machine's clock right?", p.CertFile, leaf.NotBefore.Local())
	}
	return nil
}

// longestPEM is more than any chain of certificates takes, in bytes.
const longestPEM = 1 << 20

// readPEM reads a file; its error names the file and, where the process may not
// read it, how to change that.
func readPEM(file string) ([]byte, error) {
	info, err := os.Stat(file)
	// What blocks when it is opened, as a pipe does, or has no end is no file.
	if err == nil && (!info.Mode().IsRegular() || info.Size() > longestPEM) {
		return nil, fmt.Errorf("%s is no plain file of at most %d bytes", file, longestPEM)
	}
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
		return fmt.Errorf("the key cannot be read; if it has a passphrase, give it in pkey-pwd: %w", err)
	}
	return err
}

// stamp tells two states of a pair of files apart without reading them. A file
// that is not there has none.
type stamp [2]fs.FileInfo

// stampOf follows symbolic links: tools that renew certificates change those.
func stampOf(p Pair) (s stamp) {
	for i, file := range []string{p.CertFile, p.KeyFile} {
		if info, err := os.Stat(file); err == nil {
			s[i] = info
		}
	}
	return s
}

func (s stamp) equal(other stamp) bool {
	for i, a := range s {
		b := other[i]
		if (a == nil) != (b == nil) {
			return false
		}
		if a != nil && (!os.SameFile(a, b) || a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime())) {
			return false
		}
	}
	return true
}
