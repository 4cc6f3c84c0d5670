package admin

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// enter says whether a request is one for the routes, and answers it if not.
func (a *API) enter(c *call) bool {
	// A proxy on this machine brings others: nobody who comes through it is local.
	local := c.client.IsLoopback() && !c.way.proxied
	if a.o.Local && !local {
		nothing(c.w)
		return false
	}
	host, ok := hostName(c.r.Host)
	switch {
	case c.way.vague:
		// A redirect would come back here by the same way, for ever.
		fail(c.w, http.StatusForbidden, "proxy", "The proxy in front of this server does not say in X-Forwarded-Proto whether you have come over HTTPS.")
		return false
	case !c.way.secure && !local:
		a.toHTTPS(c, host)
		return false
	// H-09: a name that some site has made to mean this machine is none of ours,
	// and its pages get nothing. With TLS the certificate sees to that, except
	// where somebody on this machine looks away.
	case local && !(ok && a.known(host)):
		fail(c.w, http.StatusMisdirectedRequest, "host",
			"This server does not go by that name. Use its address, or name it in web-origin.")
		return false
	case !strings.HasPrefix(c.r.URL.Path, "/"):
		fail(c.w, http.StatusBadRequest, "path", "The path does not begin with a slash.")
		return false
	}
	if a.o.HSTS && c.r.TLS != nil && !c.way.proxied {
		c.w.Header().Set("Strict-Transport-Security", "max-age=86400")
	}
	return true
}

// nothing answers as a server without pages does.
func nothing(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, "This is a STUN and TURN server. There are no pages here.\n")
}

// longestPath is how much of a path is worth repeating, in bytes.
const longestPath = 1024

// toHTTPS sends a browser to the same path behind TLS.
//
// A-C18: what goes back is a host of ours and the path as it was understood, both
// spelled anew; what is too long to be an address of ours, and everything behind
// a question mark, stays behind.
// H-25: without TLS nothing else is answered to other machines.
func (a *API) toHTTPS(c *call, host string) {
	c.w.Header().Set("Cache-Control", "no-store")
	port := a.o.TLSPort
	if c.way.proxied {
		port = 443 // of the proxy, whose other ports are not known here
	}
	if port == 0 || c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		// Whoever sends something unencrypted shall notice, not be helped along.
		fail(c.w, http.StatusForbidden, "https", "This server answers over HTTPS only.")
		return
	}
	if host == "" || !a.known(host) {
		host = a.o.Host
	}
	to := url.URL{Scheme: "https", Host: net.JoinHostPort(host, strconv.Itoa(int(port))), Path: "/"}
	if port == 443 {
		to.Host = strings.TrimSuffix(to.Host, ":443")
	}
	if p := c.r.URL.Path; strings.HasPrefix(p, "/") && len(p) <= longestPath {
		to.Path = p
	}
	c.w.Header().Set("Location", to.String())
	c.w.WriteHeader(http.StatusPermanentRedirect)
}

// known says whether a host is this server. An address always is: a name can be
// made to lead here by whoever owns it, an address cannot.
func (a *API) known(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || a.names[host] || a.o.KnownHost(host)
}

// domain is what a name of a host looks like.
var domain = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)

// hostName takes the port off a Host header and says whether the rest is a name
// or an address; an IPv6 one comes without brackets.
func hostName(header string) (host string, ok bool) {
	u := url.URL{Host: header}
	host = strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if port := u.Port(); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return "", false
		}
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return a.WithZone("").String(), a.Zone() == ""
	}
	if len(host) > 253 || !domain.MatchString(host) {
		return "", false
	}
	return host, true
}
