package admin

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// H-05: a link's holder sees what was done with its credentials, in order, and
// of another's nothing, whatever is asked for.
func TestAttempts(t *testing.T) {
	a := newAPI(t)
	otherKey, other := a.add(Link{})
	a.o.Attempts.Add(a.link.ID, Attempt{Time: a.now, Method: "Allocate", Code: 401, Cause: "wrong-password", Username: "1:" + a.link.ID})
	a.o.Attempts.Add(other.ID, Attempt{Time: a.now, Method: "CreatePermission", Code: 403, Cause: "peer-policy", Rule: "10.0.0.0/8", Peer: "10.0.0.1"})
	a.o.Attempts.Add(a.link.ID, Attempt{Time: a.now, Method: "Allocate"})
	type answer struct{ Attempts []Attempt }
	for key, want := range map[string]string{
		a.key: "[Allocate 401 wrong-password  ][Allocate 0   ]", otherKey: "[CreatePermission 403 peer-policy 10.0.0.0/8 10.0.0.1]",
	} {
		got := ""
		for _, at := range decode[answer](t, a.do(request("GET", "/api/v1/attempts?holder="+other.ID, "", "Authorization: Bearer "+key))).Attempts {
			got += fmt.Sprintf("[%s %d %s %s %s]", at.Method, at.Code, at.Cause, at.Rule, at.Peer)
		}
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	third, _ := a.add(Link{})
	w := a.do(request("GET", "/api/v1/attempts", "", "Authorization: Bearer "+third))
	if want(t, w, http.StatusOK, ""); w.Body.String() != "{\"attempts\":[]}\n" {
		t.Errorf("%s", w.Body)
	}
}

// What is remembered is bounded, and the latest stay.
func TestAttemptsAreBounded(t *testing.T) {
	a := NewAttempts()
	for i := range attemptsKept + 5 {
		a.Add("one", Attempt{Code: i})
	}
	list := a.of("one")
	if len(list) != attemptsKept || list[0].Code != 5 || list[attemptsKept-1].Code != attemptsKept+4 {
		t.Errorf("%d, from %d to %d", len(list), list[0].Code, list[len(list)-1].Code)
	}
	// Who knows the name alone pushes out nothing of the holder's.
	for range 3 * attemptsKept {
		a.Add("one", Attempt{Code: unauthorized})
	}
	list = a.of("one")
	if len(list) != attemptsKept+wrongKept || list[0].Code != 5 || list[len(list)-1].Code != unauthorized {
		t.Errorf("%d, from %d to %d", len(list), list[0].Code, list[len(list)-1].Code)
	}
	for i := range holdersKept {
		a.Add(fmt.Sprint(i), Attempt{})
	}
	if len(a.holders) != holdersKept || len(a.of("one")) != 0 || len(a.of("0")) != 1 {
		t.Errorf("%d holders", len(a.holders))
	}
}

// Where somebody came from is told on the server's own machine alone: a link may
// have many holders, who are nobody's business to each other.
func TestAttemptsTellTheClientHere(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")} })
	a.o.Attempts.Add(a.link.ID, Attempt{Method: "Allocate", Client: "203.0.113.9"})
	for _, tt := range []struct {
		name, from, at string
		headers        []string
		told           bool
	}{
		{"from afar", "198.51.100.7:1", "192.0.2.1:5349", nil, false},
		{"loopback", "127.0.0.1:1", "127.0.0.1:3478", []string{"Host: localhost"}, true},
		{"own address", "192.0.2.1:1", "192.0.2.1:5349", nil, true},
		{"by a proxy here", "127.0.0.9:1", "127.0.0.9:5349", []string{"X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: https"}, false},
		{"who says that he is here", "127.0.0.9:1", "127.0.0.9:5349", []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: https"}, false},
	} {
		r := request("GET", "/api/v1/attempts", "", append(tt.headers, a.bearer())...)
		r.RemoteAddr = tt.from
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(tt.at))))
		w := a.do(r)
		if want(t, w, http.StatusOK, ""); strings.Contains(w.Body.String(), "203.0.113.9") != tt.told {
			t.Errorf("%s: %s", tt.name, w.Body)
		}
	}
}
