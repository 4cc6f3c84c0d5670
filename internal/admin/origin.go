package admin

import (
	"net/http"
	"strings"
)

// origin says whether the page that asks, if it is a page, may do so. The answer
// to another one is given here.
//
// H-06, H-07: pages of this very server and of the sites that the operator has
// named, each by its exact origin; a page without one is nobody's. There are no
// cookies, so nothing is ever done in the name of a browser's user.
// R-REST-5-a (TURN REST draft, 5): credentials go to known pages only.
func (a *API) origin(c *call) bool {
	h := c.w.Header()
	h.Add("Vary", "Origin")
	origin, sent := c.r.Header["Origin"]
	switch {
	case !sent:
		// A browser that sends none tells by this header where it comes from; a
		// program has neither.
		site := c.r.Header.Get("Sec-Fetch-Site")
		if site != "cross-site" && site != "same-site" {
			return true
		}
	case len(origin) == 1 && c.own(origin[0]):
		return true
	case len(origin) == 1 && a.origins[origin[0]]:
		h.Set("Access-Control-Allow-Origin", origin[0])
		h.Set("Access-Control-Expose-Headers", "Retry-After, Date")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		return true
	}
	fail(c.w, http.StatusForbidden, "origin", "Pages of that site may not ask this server; its operator can name them in web-origin.")
	return false
}

// own says whether an origin is this server as the request names it.
func (c *call) own(origin string) bool {
	scheme := "http://"
	if c.way.secure {
		scheme = "https://"
	}
	return strings.EqualFold(origin, scheme+c.r.Host)
}

// preflight answers what a browser asks before it lets another site's page ask.
func (a *API) preflight(c *call) {
	h := c.w.Header()
	if h.Get("Access-Control-Allow-Origin") != "" {
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "600")
	}
	c.w.WriteHeader(http.StatusNoContent)
}

// hostOfOrigin is the host in scheme://host[:port].
func hostOfOrigin(origin string) string {
	_, authority, _ := strings.Cut(origin, "://")
	host, _ := hostName(authority)
	return host
}
