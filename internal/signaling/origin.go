package signaling

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// allowed says whether a request may come in, judged by the page that makes it.
//
// W-11, W-S2, H-08: pages of this host, and of those configured; nothing else.
// Clients without an origin are no pages, so nobody's session can be abused.
func (s *Server) allowed(r *http.Request) bool {
	all := r.Header.Values("Origin")
	if len(all) == 0 {
		return true
	}
	u, err := url.Parse(all[0])
	if err != nil || len(all) > 1 || u.Host == "" {
		return false
	}
	return strings.EqualFold(u.Host, r.Host) || s.origins[strings.ToLower(u.Scheme+"://"+u.Host)]
}

// address is where a client is: the other end of the connection, or what a
// trusted proxy there says.
//
// H-18: what others say in X-Forwarded-For does not count.
func (s *Server) address(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	at := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	// The last hop was added by the proxy that talks to us.
	for _, hop := range slices.Backward(hops) {
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil || !s.trusted(at) {
			return at
		}
		at = next.Unmap().WithZone("")
	}
	return at
}

func (s *Server) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(s.o.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// network names what one subscriber holds: an IPv4 address or an IPv6 /64.
func network(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
