package listener

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net/netip"
	"time"
)

const (
	// DefaultValidity of a self-signed certificate. Nobody renews it on a
	// schedule, so it should last; and some clients refuse anything that is
	// valid for more than 398 days.
	DefaultValidity = 365 * 24 * time.Hour
	// backdate lets a client whose clock is a little slow accept it at once.
	backdate = time.Hour
)

// SelfSigned makes an ECDSA P-256 key and a certificate for it that is signed
// with the same key, both as PEM. It names the given host names and addresses
// and is valid from now for the given time, DefaultValidity if that is 0.
func SelfSigned(names []string, ips []netip.Addr, validity time.Duration) (cert, key []byte, err error) {
	if validity <= 0 {
		validity = DefaultValidity
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("listener: new key: %w", err)
	}
	now := time.Now()
	template := x509.Certificate{
		// A common name is no longer looked at, but tools show it.
		Subject:               pkix.Name{CommonName: commonName(names, ips)},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(validity),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              names,
	}
	for _, ip := range ips {
		template.IPAddresses = append(template.IPAddresses, ip.Unmap().AsSlice())
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, private.Public(), private)
	if err != nil {
		return nil, nil, fmt.Errorf("listener: self-signed certificate: %w", err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("listener: new key: %w", err)
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
	return cert, key, nil
}

func commonName(names []string, ips []netip.Addr) string {
	switch {
	case len(names) > 0:
		return names[0]
	case len(ips) > 0:
		return ips[0].Unmap().String()
	}
	return "iceserver"
}
