package admin

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func metricsHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("metrics")) })
}

// The metrics are for clients of this machine: nobody else gets them, whatever a
// request says of itself, and no proxy gets them for somebody else, whether this
// server knows it for one or not.
// H-26: nothing is given away, not even that there are any.
// H-25: and without TLS those elsewhere are sent to TLS first.
func TestMetricsOfTheWeb(t *testing.T) {
	a := newAPI(t, func(o *Options) {
		o.Metrics = metricsHandler()
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}
	})
	ask := func(from string, headers ...string) *httptest.ResponseRecorder {
		r := request("GET", "/metrics", "", append([]string{"Host: localhost"}, headers...)...)
		r.RemoteAddr = from
		return a.do(r)
	}
	for _, from := range []string{"127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"} {
		if w := ask(from); w.Code != 200 || w.Body.String() != "metrics" {
			t.Errorf("%s: %d %s", from, w.Code, w.Body)
		}
	}
	want(t, ask("198.51.100.7:1"), http.StatusNotFound, "not-found")
	want(t, ask("10.0.0.1:1", "X-Forwarded-For: 127.0.0.1"), http.StatusNotFound, "not-found")
	want(t, ask("127.0.0.2:1", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: https"), http.StatusNotFound, "not-found")
	for _, header := range []string{"X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "X-Real-IP: 127.0.0.1", "Via: 1.1 proxy"} {
		want(t, ask("127.0.0.1:1", header), http.StatusNotFound, "not-found")
	}
	// H-09: a name that means this machine today is no name of this server's.
	want(t, ask("127.0.0.1:1", "Host: rebound.example"), http.StatusMisdirectedRequest, "host")
	plain := request("GET", "/metrics", "")
	plain.TLS = nil
	if w := a.do(plain); w.Code != http.StatusPermanentRedirect {
		t.Errorf("without TLS from elsewhere: %d %s", w.Code, w.Body)
	}
	post := request("POST", "/metrics", "", "Host: localhost")
	post.RemoteAddr = "127.0.0.1:1"
	if w := a.do(post); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
	without := newAPI(t)
	r := request("GET", "/metrics", "", "Host: localhost")
	r.RemoteAddr = "127.0.0.1:1"
	want(t, without.do(r), http.StatusNotFound, "not-found")
}

// Everybody may know whether the server serves and takes new clients, and this
// machine alone why it does not.
//
// H-26: others learn one word.
func TestHealth(t *testing.T) {
	why := ""
	a := newAPI(t, func(o *Options) { o.Ready = func() string { return why } })
	for _, step := range []struct {
		why, path, from string
		code            int
		body            string
	}{
		{"", "/healthz", "198.51.100.7:1", 200, "ok\n"},
		{"", "/readyz", "198.51.100.7:1", 200, "ok\n"},
		{"draining", "/healthz", "198.51.100.7:1", 200, "ok\n"},
		{"draining", "/readyz", "198.51.100.7:1", 503, "not ready\n"},
		{"draining", "/readyz", "127.0.0.1:1", 503, "draining\n"},
	} {
		why = step.why
		r := request("GET", step.path, "", "Host: localhost")
		r.RemoteAddr = step.from
		if w := a.do(r); w.Code != step.code || w.Body.String() != step.body {
			t.Errorf("%s for %s while %q: %d %q", step.path, step.from, step.why, w.Code, w.Body)
		}
	}
	// Load balancers ask with HEAD.
	if w := a.do(request("HEAD", "/healthz", "")); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
	if w := a.do(request("DELETE", "/healthz", "")); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: %d", w.Code)
	}
}

// The port of the metrics has four addresses, and nothing without TLS where that
// was asked for.
func TestExporter(t *testing.T) {
	e := Exporter{Path: "/turn", Metrics: metricsHandler(), Ready: func() string { return "starting" }, Healthy: func() string { return "" }}
	hung := e
	hung.Healthy = func() string { return "hangs" }
	secured := e
	secured.TLS = true
	for _, step := range []struct {
		e          Exporter
		path, host string
		tls        bool
		code       int
		body       string
	}{
		{e, "/", "x.example", false, 200, "ok"},
		{e, "/turn", "127.0.0.1:9641", false, 200, "metrics"},
		{e, "/turn", "[::1]:9641", false, 200, "metrics"},
		{e, "/turn", "localhost:9641", false, 200, "metrics"},
		{e, "/turn", "rebound.example:9641", false, 421, "address"},
		{e, "/metrics", "localhost", false, 404, "nothing"},
		{e, "/turn/", "localhost", false, 404, "nothing"},
		{e, "/healthz", "", false, 200, "ok"},
		{e, "/readyz", "", false, 503, "starting"},
		{hung, "/healthz", "", false, 503, "hangs"},
		{hung, "/", "", false, 200, "ok"},
		{secured, "/turn", "localhost", false, 403, "TLS"},
		{secured, "/healthz", "localhost", false, 403, "TLS"},
		{secured, "/turn", "localhost", true, 200, "metrics"},
	} {
		r := httptest.NewRequest("GET", step.path, nil)
		r.RemoteAddr, r.Host = "127.0.0.1:1", step.host
		if step.tls {
			r.TLS = &tls.ConnectionState{}
		}
		w := httptest.NewRecorder()
		step.e.ServeHTTP(w, r)
		if w.Code != step.code || !strings.Contains(w.Body.String(), step.body) {
			t.Errorf("%s at %q, TLS %v of %v: %d %s", step.path, step.host, step.tls, step.e.TLS, w.Code, w.Body)
		}
	}
	// Whoever asks from elsewhere may call this server what he likes.
	r := httptest.NewRequest("GET", "/turn", nil)
	r.RemoteAddr, r.Host = "198.51.100.7:1", "turn.example.org"
	w := httptest.NewRecorder()
	if e.ServeHTTP(w, r); w.Code != 200 {
		t.Errorf("from elsewhere: %d %s", w.Code, w.Body)
	}
}
