package server

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"iceserver/internal/listener"
)

const (
	// selfSignedLife is how long a certificate of our own is good: the longest
	// that every client accepts.
	selfSignedLife = 397 * 24 * time.Hour
	// renewBefore is how long before its end a start makes a new one, so that
	// it does not run out under a server that is seldom started anew.
	renewBefore = 60 * 24 * time.Hour
)

// selfSigned returns the file with the certificate and key of a data directory,
// in PEM, and makes it if it is missing or nearly over. One file holds both, so
// that they always belong together.
func selfSigned(dir string, hosts []netip.Addr, now time.Time) (string, error) {
	path := filepath.Join(dir, pemName)
	text, err := private(path)
	if err == nil {
		pair, err := tls.X509KeyPair(text, text)
		if err != nil {
			return "", fmt.Errorf("%s is broken: mend it, or remove it to get a new certificate", path)
		}
		if now.Before(pair.Leaf.NotAfter.Add(-renewBefore)) {
			return path, nil
		}
		err = os.Remove(path)
		if err != nil {
			return "", fmt.Errorf("cannot replace the certificate that runs out: %w", err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	cert, key, err := listener.SelfSigned([]string{"localhost"}, hosts, selfSignedLife)
	if err != nil {
		return "", err
	}
	return path, keep(path, append(cert, key...))
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
	if needsTLS(s.cfg) || s.web.on() && s.cfg.WebPort != 0 {
		s.certs, err = s.certificates()
	}
	return err
}

// certificates loads the configured pair, else the kept self-signed one.
func (s *Server) certificates() (*listener.Certificates, error) {
	s.certFile = s.cfg.CertFile
	key := s.cfg.KeyFile
	if s.certFile == "" {
		// openAccess and openLinks made sure that there is a place to keep it.
		var err error
		s.certFile, err = selfSigned(s.access.kept.dir, s.place.hosts, time.Now())
		if err != nil {
			return nil, err
		}
		key = s.certFile
	}
	c, err := listener.LoadCertificates(s.certFile, key)
	if err != nil {
		todo := "; correct cert and pkey, or leave both out to have a self-signed one made"
		if s.cfg.CertFile == "" {
			todo = "; remove the file to have a new one made"
		}
		return nil, fmt.Errorf("cannot use TLS: %w%s", err, todo)
	}
	if end := c.NotAfter(); !end.IsZero() && time.Now().After(end) {
		s.log.Warn("the certificate has run out: browsers will refuse turns", "file", s.certFile, "since", end)
	}
	return c, nil
}
