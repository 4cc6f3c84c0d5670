package admin

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// target is an address that a row takes.
func target(t *route) string {
	if t.query != "" {
		return t.path + "?" + t.query + "=turn"
	}
	return t.path
}

// H-05: every row that is not for everybody answers 401 to who has no key, 200
// with one, and each row says for whom it is.
// H-19: without a key there are credentials only where the operator wants that,
// and nothing else even then.
func TestRoutesNeedKeys(t *testing.T) {
	closed, open := newAPI(t), newAPI(t, func(o *Options) { o.Anonymous = true })
	var free []string
	for _, row := range closed.routes {
		method, body := row.method, ""
		if method == "" {
			method = http.MethodGet
		}
		if method == http.MethodPost {
			body = "{}"
		}
		ask := func(a *api, headers ...string) *httptest.ResponseRecorder {
			return a.do(request(method, target(&row), body, headers...))
		}
		if !slices.Contains([]who{everybody, keyHolders, strangersToo, thisMachine}, row.who) {
			t.Errorf("%s %s is for nobody or everybody", row.method, row.path)
		}
		if row.who == everybody {
			free = append(free, strings.TrimSpace(row.method+" "+row.path))
			want(t, ask(closed), http.StatusOK, "")
			continue
		}
		if row.who == thisMachine {
			want(t, ask(closed), http.StatusNotFound, "not-found")
			want(t, ask(closed, closed.bearer()), http.StatusNotFound, "not-found")
			continue
		}
		want(t, ask(closed), http.StatusUnauthorized, "key-missing")
		want(t, ask(closed, "Authorization: Bearer "+strings.Repeat("x", keyLength)), http.StatusUnauthorized, "key-unknown")
		want(t, ask(closed, closed.bearer()), http.StatusOK, "")
		if row.who == strangersToo {
			want(t, ask(open), http.StatusOK, "")
		} else {
			want(t, ask(open), http.StatusUnauthorized, "key-missing")
		}
		want(t, ask(open, "Authorization: Bearer x"), http.StatusUnauthorized, "key-unknown")
	}
	// Whoever makes something public says so here as well.
	if public := []string{"GET /api/v1/status", "/healthz", "/readyz", "/socket.io/", "/"}; !slices.Equal(free, public) {
		t.Errorf("without a key: %q, want %q", free, public)
	}
}

// Who gets what, whatever way it is asked for.
func TestRoutes(t *testing.T) {
	a := newAPI(t)
	for _, tt := range []struct {
		method, target string
		status         int
		body, allow    string
	}{
		{"GET", "/", 200, "pages", ""},
		{"GET", "/test", 200, "pages", ""},
		{"POST", "/socket.io/?EIO=4", 200, "signaling", ""},
		{"GET", "/socket.io?EIO=4", 200, "pages", ""},
		{"GET", "/socket.io/socket.io.js", 200, "pages", ""},
		{"GET", "/?x=service", 200, "pages", ""},
		{"PUT", "/api/v1/status", 405, "", "GET"},
		{"GET", "/api/v1/credentials", 405, "", "POST"},
		{"DELETE", "/?service=turn", 405, "", "GET, POST"},
		{"GET", "/api/", 404, "not-found", ""},
		{"GET", "/api/v1/Status", 404, "not-found", ""},
		{"GET", "/api/v1/status/", 404, "not-found", ""},
		{"GET", "/api/v2/status", 404, "not-found", ""},
		{"GET", "/api/v1/../v1/x", 404, "not-found", ""},
	} {
		w := a.do(request(tt.method, tt.target, ""))
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) || w.Header().Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d %v %s", tt.method, tt.target, w.Code, w.Header(), w.Body)
		}
	}
}

// H-11: what every answer says, whoever gives it and whatever it is; nothing
// tells the release.
func TestHeaders(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.HSTS = true })
	local := newAPI(t, func(o *Options) { o.Local = true })
	for name, w := range map[string]*httptest.ResponseRecorder{
		"pages": a.do(request("GET", "/", "")), "signaling": a.do(request("GET", "/socket.io/", "")), "status": a.do(request("GET", "/api/v1/status", "")),
		"nothing there": a.do(request("GET", "/api/x", "")), "no key": a.do(request("GET", "/api/v1/attempts", "")), "draft": a.do(request("GET", "/?service=turn", "")),
		"method": a.do(request("PUT", "/api/v1/status", "")), "foreign host": a.do(fromHere("/", "evil.example")), "redirect": a.do(fromAfar("/test", "192.0.2.1")),
		"origin": a.do(request("POST", "/api/v1/credentials", "{}", "Origin: null")), "preflight": a.do(request("OPTIONS", "/api/v1/credentials", "")), "nobody": local.do(request("GET", "/", "")),
	} {
		for header, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Server": "",
		} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s (%d): %s is %q", name, w.Code, header, got)
			}
		}
	}
	if h := a.do(request("GET", "/", "")).Header(); h.Get("Strict-Transport-Security") == "" {
		t.Errorf("%v", h)
	}
	if h := newAPI(t).do(request("GET", "/", "")).Header(); h.Get("Strict-Transport-Security") != "" {
		t.Errorf("%v", h)
	}
}

// The status tells whether it is worth asking without a key.
func TestStatusTellsOfStrangers(t *testing.T) {
	for _, open := range []bool{false, true} {
		a := newAPI(t, func(o *Options) { o.Anonymous = open })
		w := a.do(request("GET", "/api/v1/status", ""))
		if got := decode[Status](t, w).Anonymous; got != open {
			t.Errorf("strangers %v: %s", open, w.Body)
		}
		if code := a.ask("{}").Code; (code == http.StatusOK) != open {
			t.Errorf("strangers %v: %d", open, code)
		}
	}
}

// R-REST-2-a (TURN REST draft, 2): what the draft's clients read, by GET and POST,
// with the key in the header or where they put it.
func TestDraft(t *testing.T) {
	a := newAPI(t)
	for _, r := range []*http.Request{
		request("GET", "/?service=turn&username=ann@example.org&key="+a.key, ""),
		request("POST", "/?service=turn&username=ann@example.org", "", a.bearer()),
	} {
		g := decode[grant](t, a.do(r))
		if g.TTL != 7200 || len(g.URIs) != 2 || !strings.HasPrefix(g.URIs[0], "turn:") || g.Password == "" ||
			!strings.HasSuffix(g.Username, ":"+a.link.ID+".ann@example.org") || g.ICEServers[0].Credential != g.Password {
			t.Errorf("%+v", g)
		}
	}
	want(t, a.do(request("GET", "/?service=stun&key="+a.key, "")), http.StatusBadRequest, "service")
	want(t, a.do(request("GET", "/?service=turn&username=a%20b&key="+a.key, "")), http.StatusBadRequest, "username")
}
