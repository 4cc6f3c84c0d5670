package acme

import (
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/certmagic"
)

// Answer answers an authority that asks over HTTP for what only the owner of a
// name can know (RFC 8555, 8.3). It says no, and has written nothing, when the
// request is about something else.
func (c *Client) Answer(w http.ResponseWriter, r *http.Request) bool {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	// Strangers ask too: for other names nothing is looked up.
	if !c.ours(host) {
		return false
	}
	challenge, open := certmagic.GetACMEChallenge(strings.ToLower(host))
	return open && certmagic.SolveHTTPChallenge(c.config.Logger, w, r, challenge.Challenge)
}

// Certificate is what an authority is shown that asks over TLS (RFC 8737, 3).
// The error is for the handshake: there is no such question open.
func (c *Client) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(hello.ServerName)
	if _, open := certmagic.GetACMEChallenge(name); !open || !c.ours(name) {
		return nil, errNoChallenge
	}
	return c.config.GetCertificate(hello)
}

func (c *Client) ours(name string) bool {
	return slices.ContainsFunc(c.o.Domains, func(d string) bool { return strings.EqualFold(d, name) })
}
