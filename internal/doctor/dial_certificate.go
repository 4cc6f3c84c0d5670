package doctor

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ShownCertificate is what a server showed to prove who it is, and what a client
// that verifies thinks of it.
type ShownCertificate struct {
	Subject  string    `json:"subject"`
	Names    []string  `json:"names"` // subject alternative names: host names and addresses
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"not_after"`
	DaysLeft int       `json:"days_left"` // negative once it has ended
	// Chain says how many certificates came, Complete that a client which has the
	// root alone can get to it.
	Chain      int    `json:"chain"`
	Complete   bool   `json:"complete"`
	SelfSigned bool   `json:"self_signed"`
	Trusted    bool   `json:"trusted"`
	Problem    string `json:"problem,omitempty"` // why it is not trusted

	soon  bool // it is about to end, and who renews it has not done so
	early bool // it is not good yet
	// refused is why no client takes it, untrusted why only one does that knows more
	// than this machine. Neither has to do with its names. Both are in words, or empty.
	refused, untrusted string
}

// nearEnd is how long before its end a certificate that nobody has renewed is a
// worry, at most. What renews them by itself does it with a third of their life
// left, or with 30 days; so a short life has a shorter worry: a sixth of it.
const nearEnd = 14 * 24 * time.Hour

func endsSoon(c *x509.Certificate, now time.Time) bool {
	return c.NotAfter.Sub(now) < min(nearEnd, c.NotAfter.Sub(c.NotBefore)/6)
}

// examineChain verifies what a server showed, for a name, as a client would that
// trusts roots, or the system's if nil. The chain has the server's own first.
func examineChain(chain []*x509.Certificate, name string, roots *x509.CertPool, now time.Time) *ShownCertificate {
	leaf := chain[0]
	s := &ShownCertificate{
		Subject: printable(leaf.Subject.String()), Issuer: printable(leaf.Issuer.String()), NotAfter: leaf.NotAfter,
		Names: []string{}, Chain: len(chain), SelfSigned: signsItself(leaf),
		soon: endsSoon(leaf, now), early: now.Before(leaf.NotBefore),
	}
	for _, name := range leaf.DNSNames {
		s.Names = append(s.Names, printable(name))
	}
	for _, ip := range leaf.IPAddresses {
		s.Names = append(s.Names, ip.String())
	}
	left := leaf.NotAfter.Sub(now)
	s.DaysLeft = int(left / (24 * time.Hour))
	if left < 0 {
		s.DaysLeft--
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	o := x509.VerifyOptions{DNSName: verifiable(name), Roots: roots, Intermediates: between, CurrentTime: now}
	_, err := leaf.Verify(o)
	s.Trusted, s.Complete = err == nil, complete(chain)
	if err == nil {
		s.Complete = true
		return s
	}
	s.Problem = s.problem(leaf, name, err, now)
	// The verifier looks at the name first, and a wrong one hides all the rest.
	o.DNSName = ""
	if _, err = leaf.Verify(o); err != nil {
		s.distrust(leaf, err, now)
	}
	return s
}

// distrust notes what the verifier found that has nothing to do with the name.
func (s *ShownCertificate) distrust(leaf *x509.Certificate, err error, now time.Time) {
	var invalid x509.CertificateInvalidError
	if what := s.problem(leaf, "", err, now); errors.As(err, &invalid) {
		s.refused = what
	} else {
		s.untrusted = what
	}
}

// verifiable puts an IPv6 address into the brackets that tell the verifier that it
// is an address.
func verifiable(name string) string {
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}

// complete says whether every certificate is signed by the next and the last one
// comes from a root: by itself, or by one that signs servers' certificates not
// directly. A server's certificate alone, signed by somebody else, is the classic
// mistake of cert.pem in place of fullchain.pem. Such a one says where the missing
// certificate is to be had; one of a company's own root, which lacks nothing, does
// not.
func complete(chain []*x509.Certificate) bool {
	for i, c := range chain[:len(chain)-1] {
		if c.CheckSignatureFrom(chain[i+1]) != nil {
			return false
		}
	}
	return len(chain) > 1 || signsItself(chain[0]) || len(chain[0].IssuingCertificateURL) == 0
}

func signsItself(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// problem says in words what the verifier found.
func (s *ShownCertificate) problem(leaf *x509.Certificate, name string, err error, now time.Time) string {
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Sprintf("it expired on %s", leaf.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		return fmt.Sprintf("it is good from %s on only: the clock of this machine or of the authority is wrong", leaf.NotBefore.UTC().Format(time.DateOnly))
	case errors.As(err, &host):
		return fmt.Sprintf("it is not for %s but for %s", name, s.forWhom())
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return "it is not made for servers: serverAuth is not among its extended key usages"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "a certificate between it and the root has expired"
	case errors.As(err, &authority) && s.SelfSigned:
		return "it is self-signed"
	case errors.As(err, &authority) && !s.Complete:
		return fmt.Sprintf("the chain is incomplete: the certificate of %q is missing", s.Issuer)
	case errors.As(err, &authority):
		return fmt.Sprintf("nobody here knows the authority %q", s.Issuer)
	}
	return printable(err.Error())
}

// forWhom lists the first of the names.
func (s *ShownCertificate) forWhom() string {
	const few = 5
	switch {
	case len(s.Names) == 0:
		return "no name at all"
	case len(s.Names) > few:
		return strings.Join(s.Names[:few], ", ") + fmt.Sprintf(" and %d more", len(s.Names)-few)
	}
	return strings.Join(s.Names, ", ")
}
