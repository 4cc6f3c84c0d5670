package admin

import (
	"net/http"
	"strconv"
	"strings"
)

// who may use a route.
type who uint8

const (
	// everybody may. A route is nobody's by default: this is said of each one.
	everybody who = iota + 1
	// keyHolders may: those with the key of a link that is good.
	keyHolders
	// strangersToo may where the operator wants that, and key holders.
	strangersToo
	// thisMachine may: its clients, and nobody who comes through a proxy.
	thisMachine
)

// route is one row of the table.
type route struct {
	method string // empty: every method, and what stands behind decides
	path   string // up to a slash at the end: everything below too
	query  string // a parameter that must be there, or empty
	who    who
	api    bool // for programs: the origin is checked and nothing may be kept
	serve  func(*call)
}

// table is all there is to ask for. Of two rows that fit the first counts.
//
// H-05: what is not in it is not there, and who may is part of each row.
func (a *API) table() []route {
	pages := func(c *call) { a.o.Pages.ServeHTTP(c.w, c.r) }
	signaling := func(c *call) {
		// Below the one path that is spoken on lie the scripts that speak on it.
		if strings.TrimSuffix(c.r.URL.Path, "/") != "/socket.io" {
			pages(c)
			return
		}
		a.o.Signaling.ServeHTTP(c.w, c.r)
	}
	return []route{
		{http.MethodGet, "/api/v1/status", "", everybody, true, a.status},
		{http.MethodPost, "/api/v1/credentials", "", strangersToo, true, a.credentials},
		{http.MethodGet, "/api/v1/attempts", "", keyHolders, true, a.attempts},
		{http.MethodPost, "/api/v1/reach", "", keyHolders, true, a.reach},
		{http.MethodGet, "/", "service", strangersToo, true, a.draft},
		{http.MethodPost, "/", "service", strangersToo, true, a.draft},
		{"", healthPath, "", everybody, true, a.health},
		{"", readyPath, "", everybody, true, a.ready},
		{"", metricsPath, "", thisMachine, true, a.metrics},
		{"", "/socket.io/", "", everybody, false, signaling},
		{"", "/", "", everybody, false, pages},
	}
}

// fits says whether a row is about a path and its parameters.
func (t *route) fits(r *http.Request) bool {
	if t.query != "" {
		return r.URL.Path == t.path && r.URL.Query().Has(t.query)
	}
	if strings.HasSuffix(t.path, "/") {
		return strings.HasPrefix(r.URL.Path, t.path)
	}
	return r.URL.Path == t.path
}

// dispatch finds the row for a request and lets it through if it may pass.
func (a *API) dispatch(c *call) {
	var allowed []string
	for i := range a.routes {
		t := &a.routes[i]
		if !t.fits(c.r) || !t.api && len(allowed) > 0 {
			continue
		}
		preflight := t.api && c.r.Method == http.MethodOptions
		if t.method == "" || t.method == c.r.Method || preflight {
			a.pass(c, t, preflight)
			return
		}
		allowed = append(allowed, t.method)
	}
	a.refuseMethod(c, allowed)
}

// refuseMethod answers what no row takes: the last row takes whatever is not
// the API's.
func (a *API) refuseMethod(c *call, allowed []string) {
	c.w.Header().Set("Allow", strings.Join(allowed, ", "))
	fail(c.w, http.StatusMethodNotAllowed, "method", "This address does not take "+strconv.Quote(clip(c.r.Method))+".")
}

// pass asks for everything that a row demands, the cheapest first.
func (a *API) pass(c *call, t *route, preflight bool) {
	if !t.api {
		if strings.HasPrefix(c.r.URL.Path, "/api/") {
			// Not a page: whoever asks is a program, and is told in its terms.
			fail(c.w, http.StatusNotFound, "not-found", "There is nothing at this address of the API.")
			return
		}
		t.serve(c)
		return
	}
	switch {
	case !a.origin(c):
	case preflight:
		a.preflight(c)
	case !a.clients.take(c.now, sourceOf(c.client), 1):
		tooMany(a.clients).answer(c.w)
	case a.authorize(c, t):
		t.serve(c)
	}
}

// secure sets what every answer says beside its content, refusals, redirects and
// the signaling included. The pages widen it for themselves.
//
// H-11, R-REST-5-a (TURN REST draft, 5): nothing of it is to be kept on the way,
// guessed at or shown as a page, and no site learns where a person came from.
// Which release this is stands in no header.
func secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
