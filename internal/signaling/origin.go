package signaling

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// allowed says whether a request may come in, judged by the page that makes it.
//
// W-11, W-S2, H-08: pages of this host, and of those configured; nothing else. Where
// we speak TLS a page of this host that has come without is none of ours: anybody on
// its way could have written it.
// Clients without an origin are no pages, so nobody's session can be abused; a
// browser that sends none for some other site's image or frame says so in another
// header, and its user's share of sessions is not for that site to spend.
func (s *Server) allowed(r *http.Request) bool {
	all := r.Header.Values("Origin")
	if len(all) == 0 {
		site := r.Header.Get("Sec-Fetch-Site")
		return site != "cross-site" && site != "same-site"
	}
	u, err := url.Parse(all[0])
	if err == nil && len(all) == 1 && u.Host != "" &&
		(strings.EqualFold(u.Host, r.Host) && (r.TLS == nil || strings.EqualFold(u.Scheme, "https")) || s.rules.Load().origins[strings.ToLower(u.Scheme+"://"+u.Host)]) {
		return true
	}
	s.notes.tell(time.Now(), otherSite, foreign("origin", all[0]), slog.String("client", peer(r)))
	return false
}

// peer names the network that a request comes from.
func peer(r *http.Request) string {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "unknown"
	}
	return network(a.Addr().Unmap())
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
