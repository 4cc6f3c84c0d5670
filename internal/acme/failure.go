package acme

import (
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/mholt/acmez/v3/acme"
)

var errNoChallenge = errors.New("acme: nobody is asking for this name")

// fail tells the log why there is no certificate, and what to do: once, until
// the reason is another.
func (c *Client) fail(domain string, err error) {
	todo := advice(err, c.o.HTTP.IsValid(), c.o.TLS.IsValid())
	c.mu.Lock()
	defer c.mu.Unlock()
	log := c.o.Log.Warn
	if c.failed[domain] == todo {
		log = c.o.Log.Debug
	}
	c.failed[domain] = todo
	log("no certificate was issued; it is tried again later, and what is there stays in use", "name", domain, "ca", c.o.CA, "todo", todo, "error", err)
}

// advice says what to do about a failure, as far as it is known.
func advice(err error, http, tls bool) string {
	var problem acme.Problem
	var authority x509.UnknownAuthorityError
	var network net.Error
	switch {
	case errors.As(err, &problem):
		return adviceFor(problem, http, tls)
	case errors.As(err, &authority):
		return "the authority's own certificate is not trusted here: set acme-ca-root to its root, or correct acme-ca"
	case errors.As(err, &network):
		return "the authority cannot be reached from here: see to acme-ca, the DNS, the firewall and proxies of this machine"
	}
	return "see to what the error says"
}

// adviceFor says what to do about what the authority has said (RFC 8555, 6.7).
func adviceFor(p acme.Problem, http, tls bool) string {
	switch p.Type {
	case acme.ProblemTypeDNS:
		return "make a record for this name in the DNS (A, AAAA) with the public address of this machine"
	case acme.ProblemTypeConnection, acme.ProblemTypeTLS, acme.ProblemTypeUnauthorized, acme.ProblemTypeIncorrectResponse:
		var ports []string
		if http {
			ports = append(ports, "80")
		}
		if tls {
			ports = append(ports, "443")
		}
		return "the authority must reach this server by the name: let the DNS point here, and open TCP port " +
			strings.Join(ports, " or ") + " in every firewall on the way"
	case acme.ProblemTypeCAA:
		return "a CAA record in the DNS forbids this authority: change it, or acme-ca"
	case acme.ProblemTypeRateLimited:
		return "wait: the authority has had too many requests for this name"
	case acme.ProblemTypeExternalAccountRequired:
		return "set acme-eab-kid and acme-eab-hmac-key to what the authority has given out"
	case acme.ProblemTypeRejectedIdentifier:
		return "the authority issues nothing for this name: correct acme-domain, or take another acme-ca"
	case acme.ProblemTypeInvalidContact, acme.ProblemTypeUnsupportedContact:
		return "correct acme-email"
	}
	return "see to what the authority says"
}
