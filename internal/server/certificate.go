package server

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"iceserver/internal/config"
	"iceserver/internal/listener"
)

const (
	// selfSignedLife is how long a certificate of our own is good: the longest
	// that every client accepts.
	selfSignedLife = 397 * 24 * time.Hour
	// renewBefore is how long before its end a new one is made: who trusts it by
	// its fingerprint has the time to take the new one.
	renewBefore = 60 * 24 * time.Hour
)

// selfSigned returns the file with the certificate and key of a data directory,
// in PEM, and makes it anew if it is missing, nearly over, or not for the
// addresses that this machine has. One file holds both, so that they always
// belong together, and it is never missing in between.
func selfSigned(dir string, hosts []netip.Addr, now time.Time) (string, error) {
	path := filepath.Join(dir, pemName)
	write := keep
	text, err := private(path)
	switch {
	case err == nil:
		pair, err := tls.X509KeyPair(text, text)
		if err != nil {
			return "", fmt.Errorf("%s is broken: mend it, or remove it to get a new certificate", path)
		}
		if now.Before(pair.Leaf.NotAfter.Add(-renewBefore)) && isFor(pair.Leaf, hosts) {
			return path, nil
		}
		write = replace
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	cert, key, err := listener.SelfSigned([]string{"localhost"}, hosts, selfSignedLife)
	if err != nil {
		return "", err
	}
	if err := write(path, append(cert, key...)); err != nil {
		return "", fmt.Errorf("cannot keep a new certificate: %w", err)
	}
	return path, nil
}

// isFor says whether a certificate names just these addresses.
func isFor(leaf *x509.Certificate, hosts []netip.Addr) bool {
	named, wanted := make(map[netip.Addr]bool), make(map[netip.Addr]bool)
	for _, ip := range leaf.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			named[a.Unmap()] = true
		}
	}
	for _, a := range hosts {
		wanted[a.Unmap()] = true
	}
	return maps.Equal(named, wanted)
}

// fingerprint returns the SHA-256 sum of the first certificate in a PEM file as
// browsers show it, or nothing.
func fingerprint(file string) string {
	rest, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	var block *pem.Block
	for block, rest = pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			sum := sha256.Sum256(block.Bytes)
			return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":")
		}
	}
	return ""
}

// openCertificates loads what TLS and DTLS show, where there is any.
func (s *Server) openCertificates() (err error) {
	if needsTLS(s.cfg()) || s.served().on() && s.cfg().WebPort != 0 {
		s.certs, err = s.certificates()
	}
	return err
}

// configuredPairs are the certificates that the configuration names.
func configuredPairs(cfg *config.Config) []listener.Pair {
	var pairs []listener.Pair
	for i, file := range cfg.CertFiles {
		pairs = append(pairs, listener.Pair{CertFile: file, KeyFile: cfg.KeyFiles[i], Passphrase: cfg.KeyPassword.Reveal()})
	}
	return pairs
}

// certificatePairs are the configured pairs, else the kept self-signed one, and
// what to do if they cannot be used.
func certificatePairs(x *setup) (pairs []listener.Pair, todo string, err error) {
	if pairs := configuredPairs(x.cfg); len(pairs) > 0 {
		return pairs, "; correct cert and pkey, or leave both out to have a self-signed one made", nil
	}
	// At the start openAccess and openLinks made sure that there is a place to keep it.
	if x.access.kept == nil {
		return nil, "", errors.New("there is no data directory to keep a self-signed certificate in: set cert and pkey, or restart")
	}
	path, err := selfSigned(x.access.kept.dir, x.place.hosts, time.Now())
	return []listener.Pair{{CertFile: path, KeyFile: path, Fallback: true}}, "; remove the file to have a new one made", err
}

// certificates loads what certificatePairs names.
func (s *Server) certificates() (*listener.Certificates, error) {
	pairs, todo, err := certificatePairs(s.setup.Load())
	if err != nil {
		return nil, err
	}
	s.certFile = pairs[0].CertFile
	c, err := listener.LoadCertificates(pairs...)
	if err != nil {
		return nil, fmt.Errorf("cannot use TLS: %w%s", err, todo)
	}
	return c, nil
}

// otherCertificates reads the files that a changed configuration names; show has
// new connections see what they hold.
func (s *Server) otherCertificates(x *setup) (show func(), err error) {
	pairs, todo, err := certificatePairs(x)
	if err != nil {
		return nil, err
	}
	if show, err = s.certs.Replace(pairs...); err != nil {
		return nil, fmt.Errorf("%w%s", err, todo)
	}
	return show, nil
}

// ReloadCertificates reads the files of the certificates anew, and has the
// client of the authority look for what is due. Connections stay as they are. The
// error names each file that something is wrong with; what was there before
// stays in use in its place.
func (s *Server) ReloadCertificates() error {
	err := s.metrics.reloadCertificates()
	if s.certs == nil {
		return err
	}
	if s.acme.client != nil {
		s.acme.client.Renew()
	}
	return errors.Join(s.certs.Reload(), err)
}

// selfSignedCheck is how often it is looked whether the self-signed certificate
// is nearly over.
const selfSignedCheck = time.Hour

// runCertificates keeps certificates in order until ctx ends.
func (s *Server) runCertificates(ctx context.Context, running *sync.WaitGroup) {
	if s.certs != nil {
		running.Go(func() { s.certs.Watch(ctx, s.log) })
		running.Go(func() { s.renewSelfSigned(ctx) })
	}
	s.runACME(ctx, running)
}

// renewSelfSigned writes a new self-signed certificate in time; that there is a
// new file is noticed like with any other.
func (s *Server) renewSelfSigned(ctx context.Context) {
	tick := time.NewTicker(selfSignedCheck)
	defer tick.Stop()
	for failed := false; ; {
		select {
		case now := <-tick.C:
			x := s.setup.Load()
			if len(x.cfg.CertFiles) > 0 || x.access.kept == nil {
				continue // it is not in use, but a reload may change that
			}
			_, err := selfSigned(x.access.kept.dir, x.place.hosts, now)
			if err != nil && !failed {
				s.log.Warn("the self-signed certificate cannot be renewed; it is tried again every hour", "error", err)
			}
			failed = err != nil
		case <-ctx.Done():
			return
		}
	}
}
