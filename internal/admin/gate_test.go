package admin

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
)

// fromHere makes a request without TLS from this machine.
func fromHere(target, host string) *http.Request {
	r := request("GET", target, "", "Host: "+host)
	r.TLS, r.RemoteAddr = nil, "127.0.0.1:40000"
	return r
}

// fromAfar makes one without TLS from elsewhere.
func fromAfar(target, host string) *http.Request {
	r := fromHere(target, host)
	r.RemoteAddr = "[2001:db8::7]:40000"
	return r
}

// H-09: on this machine the pages are there by the names that are ours, and by
// no other that somebody has made to lead here, with TLS or without.
func TestHosts(t *testing.T) {
	a := newAPI(t, func(o *Options) {
		o.Origins = []string{"https://app.example.com", "http://localhost:9001"}
		o.KnownHost = func(name string) bool { return name == "turn.example.org" }
	})
	for host, status := range map[string]int{
		"127.0.0.1:3478": 200, "localhost": 200, "LOCALHOST:3478": 200, "[::1]:3478": 200, "a.localhost": 200, "192.0.2.1": 200,
		"turn.example.org:3478": 200, "turn.example.org.": 200, "app.example.com": 200,
		"evil.example": 421, "127.0.0.1.evil.example": 421, "localhost.evil.example": 421, "turn.example.org.evil.example": 421,
		"": 421, "a b": 421, "localhost:port": 421, "localhost:99999": 421, "[::1%25eth0]": 421, "x/y": 421, "a@localhost": 421, strings.Repeat("a", 300): 421,
	} {
		plain, secure := fromHere("/", host), fromHere("/", host)
		secure.TLS = &tls.ConnectionState{}
		for _, r := range []*http.Request{plain, secure} {
			if w := a.do(r); w.Code != status {
				t.Errorf("%q: %d, want %d", host, w.Code, status)
			}
		}
	}
	if w := a.do(request("GET", "/", "", "Host: whatever.example")); w.Code != 200 {
		t.Errorf("over TLS from elsewhere the certificate decides: %d", w.Code)
	}
}

// A-C18: what is redirected goes to a host of ours and a path, never to what the
// client has put into its header.
// H-25: without TLS other machines get nothing else.
func TestRedirect(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.KnownHost = func(name string) bool { return name == "turn.example.org" } })
	for _, tt := range []struct{ target, host, to string }{
		{"/test", "turn.example.org:3478", "https://turn.example.org:5349/test"},
		{"/", "203.0.113.9:3478", "https://203.0.113.9:5349/"},
		{"/", "[2001:db8::1]:3478", "https://[2001:db8::1]:5349/"},
		{"/a%20b?key=secret", "evil.example", "https://192.0.2.1:5349/a%20b"},
		{"//evil.example/x", "turn.example.org", "https://turn.example.org:5349//evil.example/x"},
		{"/%0d%0aSet-Cookie:%20x=y", "turn.example.org", "https://turn.example.org:5349/%0D%0ASet-Cookie:%20x=y"},
		{"/" + strings.Repeat("x", longestPath), "turn.example.org\r\nX: y", "https://192.0.2.1:5349/"},
		{"/" + strings.Repeat("x", 64<<10), "", "https://192.0.2.1:5349/"},
	} {
		w := a.do(fromAfar(tt.target, tt.host))
		if w.Code != http.StatusPermanentRedirect || w.Header().Get("Location") != tt.to || w.Body.Len() != 0 {
			t.Errorf("%.40s at %q: %d %.200s %s", tt.target, tt.host, w.Code, w.Header().Get("Location"), w.Body)
		}
	}
	post := fromAfar("/api/v1/credentials", "turn.example.org")
	post.Method = http.MethodPost
	want(t, a.do(post), http.StatusForbidden, "https")
	a.o.TLSPort = 0
	want(t, a.do(fromAfar("/", "turn.example.org")), http.StatusForbidden, "https")
	a.o.TLSPort = 443
	if to := a.do(fromAfar("/x", "[2001:db8::1]")).Header().Get("Location"); to != "https://[2001:db8::1]/x" {
		t.Error(to)
	}
}

// With web=local other machines see a server without pages.
func TestLocal(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.Local = true })
	for _, r := range []*http.Request{fromAfar("/", "192.0.2.1"), request("GET", "/api/v1/status", "")} {
		if w := a.do(r); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "no pages here") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if w := a.do(fromHere("/", "localhost")); w.Code != http.StatusOK {
		t.Errorf("%d", w.Code)
	}
}

// H-06, H-07: pages of other sites get nothing unless they are named exactly; a
// page that hides where it is from is one of them.
// R-REST-5-a (TURN REST draft, 5): so credentials go to known pages.
func TestOrigins(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.Origins = []string{"https://app.example.com"} })
	const own = "https://turn.example.org:5349"
	for _, tt := range []struct {
		headers []string
		status  int
		allowed string
	}{
		{nil, 200, ""},
		{[]string{"Origin: " + own, "Sec-Fetch-Site: same-origin"}, 200, ""},
		{[]string{"Sec-Fetch-Site: same-origin"}, 200, ""},
		{[]string{"Sec-Fetch-Site: none"}, 200, ""},
		{[]string{"Origin: https://app.example.com", "Sec-Fetch-Site: cross-site"}, 200, "https://app.example.com"},
		{[]string{"Origin: https://app.example.com:444"}, 403, ""},
		{[]string{"Origin: http://app.example.com"}, 403, ""},
		{[]string{"Origin: https://app.example.com.evil.example"}, 403, ""},
		{[]string{"Origin: https://turn.example.org"}, 403, ""},
		{[]string{"Origin: http://turn.example.org:5349"}, 403, ""},
		{[]string{"Origin: null"}, 403, ""},
		{[]string{"Origin: "}, 403, ""},
		{[]string{"Sec-Fetch-Site: cross-site"}, 403, ""},
		{[]string{"Sec-Fetch-Site: same-site"}, 403, ""},
	} {
		for _, r := range []*http.Request{
			request("POST", "/api/v1/credentials", "{}", append(tt.headers, a.bearer())...),
			request("GET", "/?service=turn&key="+a.key, "", tt.headers...),
		} {
			w := a.do(r)
			h := w.Header()
			if w.Code != tt.status || h.Get("Access-Control-Allow-Origin") != tt.allowed || h.Get("Vary") != "Origin" || h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%q: %d %v", tt.headers, w.Code, h)
			}
		}
	}
	w := a.do(request("OPTIONS", "/api/v1/credentials", "", "Origin: https://app.example.com", "Access-Control-Request-Method: POST"))
	if h := w.Header(); w.Code != http.StatusNoContent || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := a.do(request("OPTIONS", "/api/v1/credentials", "", "Origin: https://evil.example")); w.Code != http.StatusForbidden {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
