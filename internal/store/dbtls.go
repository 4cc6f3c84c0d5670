package store

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// tlsOptions are what coturn's connection strings say of TLS.
type tlsOptions struct {
	kind       Kind
	ca, capath string // a file, and a folder, with certificates of authorities
	cert, key  string // files with the certificate and key of this client
	cipher     string // names of OpenSSL with colons between them; empty: Go's choice
	name       string // of the server; empty: that of the host
	skip       bool   // the server's certificate is not looked at
	skipName   bool   // the name on it is not
}

// config makes them Go's.
func (o tlsOptions) config() (*tls.Config, error) {
	c := &tls.Config{ServerName: o.name, MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.skip}
	roots, err := o.roots()
	if err != nil {
		return nil, err
	}
	c.RootCAs = roots
	if o.cert != "" || o.key != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return nil, fmt.Errorf("%s: cannot use the certificate and key of the connection string: %w", o.kind, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if c.CipherSuites, err = suites(o.kind, o.cipher); err != nil {
		return nil, err
	}
	if o.skipName && !o.skip {
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, roots) }
	}
	return c, nil
}

// roots are the authorities that are named, or nil for those of the system.
func (o tlsOptions) roots() (*x509.CertPool, error) {
	files := []string{}
	if o.ca != "" {
		files = append(files, o.ca)
	}
	if o.capath != "" {
		found, err := filepath.Glob(filepath.Join(o.capath, "*"))
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("%s: there are no certificates in capath of the connection string", o.kind)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, nil
	}
	pool, some := x509.NewCertPool(), false
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil && file == o.ca {
			return nil, fmt.Errorf("%s: cannot read ca of the connection string: %w", o.kind, err)
		}
		some = pool.AppendCertsFromPEM(text) || some
	}
	if !some {
		return nil, fmt.Errorf("%s: ca and capath of the connection string hold no certificate in PEM", o.kind)
	}
	return pool, nil
}

// verifyChain checks a certificate, but not whose name is on it: as MySQL's own
// client does with ssl-ca. Hosts there are often addresses.
func verifyChain(s tls.ConnectionState, roots *x509.CertPool) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server showed no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	return err
}

// suites translates OpenSSL's names of cipher suites. TLS 1.3 chooses by itself.
func suites(kind Kind, list string) ([]uint16, error) {
	var ids []uint16
	for name := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ':' || r == ',' }) {
		id := suite(name)
		if id == 0 {
			return nil, fmt.Errorf("%s: there is no cipher suite %q here", kind, name)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// suite finds a cipher suite by OpenSSL's name, as ECDHE-RSA-AES128-GCM-SHA256,
// or by its own.
func suite(name string) uint16 {
	openssl := strings.NewReplacer("TLS_RSA_WITH_", "", "TLS_", "", "_WITH_", "-", "AES_", "AES", "CBC_", "",
		"CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305", "_", "-")
	for _, s := range tls.CipherSuites() {
		if s.Name == name || openssl.Replace(s.Name) == name {
			return s.ID
		}
	}
	return 0
}
