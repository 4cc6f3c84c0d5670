package admin

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"iceserver/internal/auth"
)

// H-18: an address has its share of requests, a key has one, and both come back
// with time; the answer says when.
func TestRates(t *testing.T) {
	a := newAPI(t)
	for range clientBurst {
		want(t, a.do(request("GET", "/api/v1/status", "")), http.StatusOK, "")
	}
	w := a.do(request("GET", "/api/v1/status", ""))
	want(t, w, http.StatusTooManyRequests, "too-many")
	if w.Header().Get("Retry-After") != "1" {
		t.Errorf("%v", w.Header())
	}
	other := request("GET", "/api/v1/status", "")
	other.RemoteAddr = "198.51.100.8:1"
	want(t, a.do(other), http.StatusOK, "")
	a.now = a.now.Add(time.Second)
	want(t, a.do(request("GET", "/api/v1/status", "")), http.StatusOK, "")

	// Many addresses, one key.
	ask := func(i int) int {
		r := request("POST", "/api/v1/credentials", "{}", a.bearer())
		r.RemoteAddr = fmt.Sprintf("[2001:db8:%x::1]:1", i)
		return a.do(r).Code
	}
	for i := range keyBurst {
		if code := ask(i); code != http.StatusOK {
			t.Fatalf("request %d: %d", i, code)
		}
	}
	if code := ask(keyBurst); code != http.StatusTooManyRequests {
		t.Errorf("%d", code)
	}
}

// H-02, H-18: guessing keys ends soon, before it costs look-ups; one IPv6 user is
// one however many addresses there are.
func TestGuessing(t *testing.T) {
	a := newAPI(t)
	refused := 0
	for i := range 50 {
		r := request("GET", "/api/v1/attempts", "", "Authorization: Bearer x")
		r.RemoteAddr = fmt.Sprintf("[2001:db8::%x]:1", i)
		if a.do(r).Code == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < 50-clientBurst/wrongKey-1 {
		t.Errorf("only %d of 50 guesses were refused", refused)
	}
}

// H-19: without a key six a minute, for ten minutes at most, all counted as one.
func TestAnonymous(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.Anonymous = true })
	names := map[string]bool{}
	for range strangerBurst {
		g := decode[grant](t, a.ask(`{"ttl":7200,"label":"x"}`))
		id, ok := Holder(auth.REST{}, g.ICEServers[0].Username)
		if g.TTL != 600 || !ok || !Anonymous(id) {
			t.Errorf("%+v", g)
		}
		names[id] = true
	}
	w := a.ask(`{}`)
	want(t, w, http.StatusTooManyRequests, "too-many")
	if w.Header().Get("Retry-After") != "10" || len(names) != 1 {
		t.Errorf("%v %v", w.Header(), names)
	}
	a.now = a.now.Add(10 * time.Second)
	decode[grant](t, a.ask(`{}`))
	other := request("POST", "/api/v1/credentials", "{}")
	other.RemoteAddr = "203.0.113.9:1"
	g := decode[grant](t, a.do(other))
	if id, _ := Holder(auth.REST{}, g.ICEServers[0].Username); names[id] {
		t.Error("two addresses are counted as one")
	}
	// Who has a key is no stranger.
	if g := decode[grant](t, a.ask(`{"ttl":7200}`, a.bearer())); g.TTL != 7200 {
		t.Errorf("%+v", g)
	}
}

// The demos that cannot ask get what their address entitles to, and STUN else.
func TestServersFor(t *testing.T) {
	a, open := newAPI(t), newAPI(t, func(o *Options) { o.Anonymous = true })
	for _, tt := range []struct {
		a           *api
		query, want string
	}{
		{a, "", "stun:"}, {a, "?key=x", "stun:"}, {a, "?key=" + a.key, a.link.ID}, {open, "", anonPrefix}, {open, "?key=" + open.key, open.link.ID},
	} {
		servers := tt.a.ServersFor(request("GET", "/demos/x.html"+tt.query, ""))
		if len(servers) != 1 || !strings.Contains(servers[0].URLs[0]+servers[0].Username, tt.want) || (servers[0].Credential == "") != (tt.want == "stun:") {
			t.Errorf("%q: %+v", tt.query, servers)
		}
	}
	// A call that such a page begins is not cut off before the link says so.
	day, _ := a.add(Link{MaxTTL: 48 * time.Hour})
	for key, life := range map[string]time.Duration{a.key: 2 * time.Hour, day: 24 * time.Hour} {
		name := a.ServersFor(request("GET", "/demos/x.html?key="+key, ""))[0].Username
		if want := fmt.Sprint(a.now.Add(life).Unix()); !strings.HasPrefix(name, want+":") {
			t.Errorf("%s, want it to end at %s", name, want)
		}
	}
}

// A rate keeps so many apart and no more, and forgets those that are full.
func TestRateIsBounded(t *testing.T) {
	r := newRate(1, 2)
	now := time.Unix(1000, 0)
	for i := range maxBuckets {
		r.take(now, fmt.Sprint(i), 1)
	}
	for i := range 3 {
		if ok := r.take(now, fmt.Sprint("new ", i), 1); ok != (i < 2) {
			t.Errorf("newcomer %d: %v", i, ok)
		}
	}
	if len(r.buckets) != maxBuckets {
		t.Errorf("%d buckets", len(r.buckets))
	}
	now = now.Add(time.Minute)
	if !r.take(now, "later", 1) || len(r.buckets) != 1 {
		t.Errorf("%d buckets", len(r.buckets))
	}
	// A clock that goes back gives and takes nothing.
	if !r.take(now.Add(-time.Hour), "later", 1) || r.take(now.Add(-time.Hour), "later", 1) {
		t.Error("a clock that went back")
	}
}
