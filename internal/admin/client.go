package admin

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// The headers in which a reverse proxy says for whom it asks, and how that one has
// come.
const (
	forwardedFor   = "X-Forwarded-For"
	forwardedProto = "X-Forwarded-Proto"
)

// way is how a request has come.
type way struct {
	secure  bool // over HTTPS
	proxied bool // by a trusted proxy
	vague   bool // and that one does not say whether over HTTPS
}

// clientOf finds out who a request comes from: the other end of the connection,
// or, if that is a trusted proxy, whom that one names; the zero address if it
// names nobody.
//
// H-18: what anybody else says in these headers does not count. Each hop adds its
// client at the end, so they are read from the end, for as long as who has added
// them is trusted: what the client itself has put there is never reached.
func clientOf(r *http.Request, trusted []netip.Prefix) (netip.Addr, way) {
	at, by := hop(r.RemoteAddr), way{secure: r.TLS != nil}
	said := list(r.Header, forwardedFor)
	if len(said) == 0 || !trusts(trusted, at) {
		return at, by
	}
	by.proxied = true
	for _, text := range slices.Backward(said) {
		if !trusts(trusted, at) {
			break
		}
		at = hop(text)
	}
	scheme := list(r.Header, forwardedProto)
	if len(scheme) == 0 {
		by.vague = !by.secure
		return at, by
	}
	by.secure = strings.EqualFold(scheme[len(scheme)-1], "https")
	return at, by
}

// direct is a proxied request as it would be had the client come without the
// proxy, so that nobody behind this has to know of proxies, or can be told of
// others.
func direct(r *http.Request, from netip.Addr, secure bool) *http.Request {
	r = r.Clone(r.Context())
	switch {
	case !secure:
		r.TLS = nil
	case r.TLS == nil:
		r.TLS = &tls.ConnectionState{}
	}
	r.RemoteAddr = ""
	if from.IsValid() {
		r.RemoteAddr = netip.AddrPortFrom(from, 0).String()
	}
	r.Header.Del(forwardedFor)
	r.Header.Del(forwardedProto)
	return r
}

// list takes a header of several values, in one line or more, apart.
func list(h http.Header, name string) []string {
	lines := h.Values(name)
	if len(lines) == 0 {
		return nil
	}
	all := strings.Split(strings.Join(lines, ","), ",")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

// hop reads an address, with a port or without, or returns the zero address.
func hop(text string) netip.Addr {
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}
		}
		a = ap.Addr()
	}
	return a.Unmap().WithZone("")
}

func trusts(trusted []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}
