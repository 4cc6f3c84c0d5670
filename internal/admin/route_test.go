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
	guarded := 0
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
		if !slices.Contains([]who{everybody, keyHolders, strangersToo}, row.who) {
			t.Errorf("%s %s is for nobody or everybody", row.method, row.path)
		}
		if row.who == everybody {
			want(t, ask(closed), http.StatusOK, "")
			continue
		}
		guarded++
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
	if guarded < 4 {
		t.Errorf("only %d rows need a key", guarded)
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

// H-11: what every answer says, and what those of the API say besides; nothing
// tells the release.
func TestHeaders(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.HSTS = true })
	for _, tt := range []struct {
		target string
		api    bool
	}{{"/", false}, {"/socket.io/", false}, {"/api/v1/status", true}, {"/api/x", true}, {"/api/v1/attempts", true}, {"/?service=turn", true}} {
		h := a.do(request("GET", tt.target, "")).Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Strict-Transport-Security") == "" || h.Get("Server") != "" {
			t.Errorf("%s: %v", tt.target, h)
		}
		if tt.api != (h.Get("Cache-Control") == "no-store") || tt.api != strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v", tt.target, h)
		}
	}
	if h := newAPI(t).do(request("GET", "/", "")).Header(); h.Get("Strict-Transport-Security") != "" {
		t.Errorf("%v", h)
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
