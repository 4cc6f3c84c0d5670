package admin

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func proxies(o *Options) {
	o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
}

// H-18: the address is whom the last trusted proxy names; what stands before that
// in the header, and the whole header from anybody else, counts for nothing.
func TestForwardedFor(t *testing.T) {
	var o Options
	proxies(&o)
	for _, tt := range []struct {
		peer string
		said []string
		want string
	}{
		{"198.51.100.7:40000", nil, "198.51.100.7"},
		{"198.51.100.7:40000", []string{"127.0.0.1"}, "198.51.100.7"},
		{"127.0.0.1:40000", nil, "127.0.0.1"},
		{"127.0.0.1:40000", []string{"203.0.113.1"}, "203.0.113.1"},
		{"127.0.0.1:40000", []string{"127.0.0.1, 10.1.1.1, 203.0.113.1"}, "203.0.113.1"},
		{"127.0.0.1:40000", []string{"127.0.0.1", "203.0.113.1"}, "203.0.113.1"},
		{"127.0.0.1:40000", []string{"6.6.6.6, 203.0.113.1,10.1.1.1"}, "203.0.113.1"},
		{"127.0.0.1:40000", []string{"10.1.1.1, 10.1.1.2"}, "10.1.1.1"},
		{"127.0.0.1:40000", []string{"[2001:db8:1::5]:443, [2001:db8:1::6]"}, "2001:db8:1::5"},
		{"127.0.0.1:40000", []string{"203.0.113.1:4711"}, "203.0.113.1"},
		{"127.0.0.1:40000", []string{"::ffff:203.0.113.1"}, "203.0.113.1"},
		{"[::ffff:127.0.0.1]:40000", []string{"203.0.113.1"}, "203.0.113.1"},
		{"[2001:db8:1::1]:40000", []string{"2001:db8::9"}, "2001:db8::9"},
		{"[::1]:40000", []string{"203.0.113.1"}, "::1"},
		// A proxy that names nobody: whoever it is, it is not the proxy.
		{"127.0.0.1:40000", []string{"unknown"}, "invalid IP"},
		{"127.0.0.1:40000", []string{"203.0.113.1, nonsense"}, "invalid IP"},
		{"127.0.0.1:40000", []string{""}, "invalid IP"},
		{"127.0.0.1:40000", []string{"127.0.0.1, "}, "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.peer
		r.Header["X-Forwarded-For"] = tt.said
		if got, _ := clientOf(r, o.TrustedProxies); got.String() != tt.want {
			t.Errorf("%s with %q: %s, want %s", tt.peer, tt.said, got, tt.want)
		}
		if got, by := clientOf(r, nil); got.String() != netip.MustParseAddrPort(tt.peer).Addr().Unmap().String() || by.proxied {
			t.Errorf("%s with %q, trusting nobody: %s", tt.peer, tt.said, got)
		}
	}
}

// H-25: who came to the proxy without TLS is sent to HTTPS, at the proxy; who came
// with it is let in, though the proxy comes without. Only a trusted one may say so.
// H-09: and nobody who comes through a proxy is of this machine.
func TestForwardedProto(t *testing.T) {
	const proxy, stranger = "127.0.0.1:40000", "198.51.100.7:40000"
	a := newAPI(t, proxies, func(o *Options) {
		o.HSTS = true
		o.KnownHost = func(name string) bool { return name == "app.example.com" }
	})
	for _, tt := range []struct {
		peer   string
		tls    bool
		scheme []string
		status int
		to     string
	}{
		{proxy, false, []string{"https"}, 200, ""},
		{proxy, false, []string{"HTTPS"}, 200, ""},
		{proxy, true, []string{"https"}, 200, ""},
		{proxy, true, nil, 200, ""},
		{proxy, false, []string{"http"}, 308, "https://app.example.com/test"},
		{proxy, true, []string{"http"}, 308, "https://app.example.com/test"},
		{proxy, false, []string{"https, http"}, 308, "https://app.example.com/test"},
		{proxy, false, []string{"https", "http"}, 308, "https://app.example.com/test"},
		{proxy, false, []string{""}, 308, "https://app.example.com/test"},
		{proxy, false, nil, 403, ""},
		{stranger, false, []string{"https"}, 308, "https://app.example.com:5349/test"},
	} {
		r := request("GET", "/test", "", "Host: app.example.com", "X-Forwarded-For: 203.0.113.1")
		r.RemoteAddr, r.TLS = tt.peer, nil
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if tt.scheme != nil {
			r.Header["X-Forwarded-Proto"] = tt.scheme
		}
		w := a.do(r)
		if w.Code != tt.status || w.Header().Get("Location") != tt.to || w.Header().Get("Strict-Transport-Security") != "" {
			t.Errorf("%s, TLS %v, %q: %d %v", tt.peer, tt.tls, tt.scheme, w.Code, w.Header())
		}
	}
	a.o.Local = true
	for _, said := range []string{"127.0.0.1", "203.0.113.1", "unknown"} {
		r := request("GET", "/", "", "Host: localhost", "X-Forwarded-For: "+said, "X-Forwarded-Proto: https")
		r.RemoteAddr = proxy
		if w := a.do(r); w.Code != http.StatusNotFound {
			t.Errorf("%s is taken for somebody of this machine: %d", said, w.Code)
		}
	}
}

// H-06: behind a proxy the page's own origin is the one that its browser sees.
func TestOriginBehindProxy(t *testing.T) {
	a := newAPI(t, proxies)
	for origin, status := range map[string]int{"https://app.example.com": 200, "http://app.example.com": 403, "https://evil.example": 403} {
		r := request("POST", "/api/v1/credentials", "{}", a.bearer(), "Host: app.example.com", "Origin: "+origin,
			"X-Forwarded-For: 203.0.113.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example")
		r.RemoteAddr, r.TLS = "127.0.0.1:40000", nil
		if w := a.do(r); w.Code != status {
			t.Errorf("%s: %d %s", origin, w.Code, w.Body)
		}
	}
}

// H-18: behind a proxy each client has its own allowance, and one that is no proxy
// does not get another by claiming to be somebody else. What is behind the routes
// sees the client and no claims.
func TestRatesBehindProxy(t *testing.T) {
	var seen string
	a := newAPI(t, proxies, func(o *Options) {
		o.Signaling = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			seen = fmt.Sprint(r.RemoteAddr, r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"], r.TLS != nil)
		})
	})
	ask := func(peer, said string) int {
		r := request("GET", "/api/v1/status", "", "X-Forwarded-For: "+said, "X-Forwarded-Proto: https")
		r.RemoteAddr = peer
		return a.do(r).Code
	}
	for i := range 2 * clientBurst {
		if code := ask("127.0.0.1:1", fmt.Sprintf("127.0.0.1, 203.0.113.%d", i%2)); code != http.StatusOK {
			t.Fatalf("request %d of two clients: %d", i, code)
		}
	}
	if code := ask("127.0.0.1:1", "198.51.100.99, 203.0.113.1"); code != http.StatusTooManyRequests {
		t.Errorf("one client has two allowances: %d", code)
	}
	refused := 0
	for i := range clientBurst + 10 {
		if ask("198.51.100.1:1", fmt.Sprintf("192.0.2.%d", i)) != http.StatusOK {
			refused++
		}
	}
	if refused != 10 {
		t.Errorf("%d requests of a stranger were refused, want 10", refused)
	}
	for said, want := range map[string]string{"203.0.113.1": "203.0.113.1:0[] [] true", "2001:db8::1": "[2001:db8::1]:0[] [] true", "unknown": "[] [] true"} {
		r := request("GET", "/socket.io/", "", "X-Forwarded-For: "+said, "X-Forwarded-Proto: https")
		r.RemoteAddr = "127.0.0.1:1"
		if a.do(r); seen != want {
			t.Errorf("behind the routes %q is seen, want %q", seen, want)
		}
	}
}
