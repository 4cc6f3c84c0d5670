package admin

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"iceserver/internal/auth"
)

// shelf is a set of links in memory.
type shelf struct {
	mu    sync.Mutex
	links map[[32]byte]Link
	used  map[string]time.Time
	err   error
}

func (s *shelf) Find(_ context.Context, sum [32]byte) (Link, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return Link{}, s.err
	}
	if k, ok := s.links[sum]; ok {
		return k, nil
	}
	return Link{}, ErrNoLink
}

func (s *shelf) Used(id string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[id] = now
}

// api is an API under test, with a key and a clock.
type api struct {
	*API
	shelf *shelf
	key   string
	link  Link
	now   time.Time
}

const secret = "of no use elsewhere"

// newAPI makes one with a good link. The settings may change its options.
func newAPI(t *testing.T, settings ...func(*Options)) *api {
	t.Helper()
	a := &api{shelf: &shelf{links: map[[32]byte]Link{}, used: map[string]time.Time{}}, now: time.Unix(2_000_000_000, 0)}
	a.key, a.link = a.add(Link{MaxTTL: 2 * time.Hour})
	text := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(name)) })
	}
	o := Options{
		Links: a.shelf, Attempts: NewAttempts(), Secret: secret, Host: "192.0.2.1", TLSPort: 5349,
		Status: func() Status { return Status{Name: "iceserver", STUN: "ok", STUNURLs: []string{"stun:h:3478"}} },
		Servers: func(host, username, credential string) []ICEServer {
			return []ICEServer{{URLs: []string{"turn:" + host + "?transport=udp", "turns:" + host + "?transport=tcp"}, Username: username, Credential: credential}}
		},
		Signaling: text("signaling"), Pages: text("pages"), Clock: func() time.Time { return a.now },
		Reach: Reach{
			May: func(netip.Addr) string { return "" }, From: func(netip.Addr) []netip.Addr { return nil },
			Probe: func(context.Context, netip.Addr, []Probe, []byte) []Probed { return nil },
		},
	}
	for _, set := range settings {
		set(&o)
	}
	a.API = New(o)
	return a
}

// add makes a key for a link.
func (a *api) add(k Link) (string, Link) {
	key, sum, id := NewKey()
	k.ID = id
	a.shelf.mu.Lock()
	defer a.shelf.mu.Unlock()
	a.shelf.links[sum] = k
	return key, k
}

// request makes a request over TLS from far away. Headers are "Name: value".
func request(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host, r.RemoteAddr, r.TLS = "turn.example.org:5349", "198.51.100.7:40000", &tls.ConnectionState{}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	return r
}

// do sends a request.
func (a *api) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func (a *api) bearer() string { return "Authorization: Bearer " + a.key }

// want requires a status, and the word of an error if it is one of the API's.
func want(t *testing.T, w *httptest.ResponseRecorder, status int, word string) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("%d, want %d: %s", w.Code, status, w.Body)
	}
	if word == "" {
		return
	}
	var e struct{ Code, Error string }
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Code != word || e.Error == "" {
		t.Errorf("%s, want the error %q", w.Body, word)
	}
}

// decode reads a success.
func decode[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	want(t, w, http.StatusOK, "")
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return v
}

// grant is what both ways of asking for credentials answer.
type grant struct {
	Username, Password string
	TTL                int64
	URIs               []string
	ICEServers         []ICEServer
}

func (a *api) ask(body string, headers ...string) *httptest.ResponseRecorder {
	return a.do(request("POST", "/api/v1/credentials", body, headers...))
}

// A key gives an array that is ready to use, whose credential speaks of the link
// and never of the key.
//
// R-REST-2-b (TURN REST draft, 2): time, separator, whose it is; the password is
// the MAC.
func TestCredentials(t *testing.T) {
	a := newAPI(t)
	for body, ttl := range map[string]int64{
		`{}`: 3600, `{"ttl":60}`: 60, `{"ttl":7200,"label":"tab-1"}`: 7200, `{"ttl":31536000}`: 7200, `{"label":"tab-1"}`: 3600,
	} {
		w := a.ask(body, a.bearer())
		g := decode[grant](t, w)
		s := g.ICEServers[0]
		if g.TTL != ttl || len(s.URLs) != 2 || s.URLs[0] != "turn:turn.example.org?transport=udp" {
			t.Errorf("%s: %+v", body, g)
		}
		expires, id, err := auth.REST{}.Parse(s.Username)
		if err != nil || expires.Unix() != a.now.Unix()+ttl || s.Credential != (auth.REST{}).Password(secret, s.Username) {
			t.Errorf("%s: %+v, error %v", body, s, err)
		}
		if holder, ok := Holder(auth.REST{}, s.Username); !ok || holder != a.link.ID || strings.HasSuffix(body, `"tab-1"}`) != strings.HasSuffix(id, ".tab-1") {
			t.Errorf("%s: %s is of %s", body, s.Username, holder)
		}
		if strings.Contains(w.Body.String(), a.key[4:]) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%v %s", w.Header(), w.Body)
		}
	}
	if !a.shelf.used[a.link.ID].Equal(a.now) {
		t.Error("the use was not noted")
	}
}

// A label is for people: what cannot stand in a user name is left out of it.
func TestLabels(t *testing.T) {
	a := newAPI(t)
	for label, want := range map[string]string{
		"start page": ".start-page", "": "", " \u4f1a\u8bae ": "", "a:b\\n.c": ".a-b-n-c", "ann@example.org": ".ann@example-org", "../../etc": ".etc",
	} {
		g := decode[grant](t, a.ask(`{"label":"`+strings.ReplaceAll(label, `\`, `\\`)+`"}`, a.bearer()))
		if _, id, _ := (auth.REST{}).Parse(g.ICEServers[0].Username); id != a.link.ID+want {
			t.Errorf("%q becomes %q, want %q", label, id, want)
		}
	}
}

// A credential does not outlive its link.
func TestCredentialEndsWithLink(t *testing.T) {
	a := newAPI(t)
	key, _ := a.add(Link{Expires: a.now.Add(time.Minute)})
	if g := decode[grant](t, a.ask(`{}`, "Authorization: bearer "+key)); g.TTL != 60 {
		t.Errorf("%+v", g)
	}
}

// H-13: what is not exactly wanted is refused, with a word and a sentence.
func TestStrictBody(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.Clock = time.Now })
	for body, word := range map[string]string{
		`{"ttl":0}`: "ttl", `{"ttl":-1}`: "ttl", `{"ttl":31536001}`: "ttl", `{"ttl":1.5}`: "json", `{"ttl":"60"}`: "json", `{"ttl":1e99}`: "json",
		`{"quota":5}`: "json", `{`: "json", `{}{}`: "json", `[]`: "json", `"x"`: "json", `null`: "json", ``: "json", ` `: "json", `{"x":1}`: "json",
		`{"label":"` + strings.Repeat("x", longestLabel+1) + `"}`: "label", strings.Repeat("[", 1000): "json", "{\"label\":\"a\x00b\"}": "json", `{"label":5}`: "json",
	} {
		a.API.clients = newRate(1000, 1000)
		a.API.keys = newRate(1000, 1000)
		w := a.ask(body, a.bearer(), "Content-Type: application/json")
		want(t, w, http.StatusBadRequest, word)
		// It is told in words for people: not in those of the language this is written in.
		for _, foreign := range []string{"Go ", "struct", "unmarshal", "json: "} {
			if strings.Contains(w.Body.String(), foreign) {
				t.Errorf("%.40q: %s", body, w.Body)
			}
		}
	}
	want(t, a.ask(`{"label":"`+strings.Repeat("x", maxBody)+`"}`, a.bearer()), http.StatusRequestEntityTooLarge, "too-long")
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "", "application/json-seq"} {
		want(t, a.ask(`{}`, a.bearer(), "Content-Type: "+kind), http.StatusUnsupportedMediaType, "content-type")
	}
	decode[grant](t, a.ask(`{}`, a.bearer(), "Content-Type: application/json; charset=utf-8"))
}

// Keys that are none, or none any more.
//
// H-04: every one of them is a 401, also one that is nearly right.
func TestKeys(t *testing.T) {
	a := newAPI(t)
	revoked, _ := a.add(Link{Revoked: a.now.Add(-time.Second)})
	expired, _ := a.add(Link{Expires: a.now})
	for key, word := range map[string]string{
		revoked: "link-revoked", expired: "link-expired", "": "key-missing", "x": "key-unknown", a.key + "x": "key-unknown",
		a.key[:len(a.key)-1] + "~": "key-unknown", strings.ToUpper(a.key): "key-unknown", a.link.ID: "key-unknown", strings.Repeat("k", 1<<14): "key-unknown",
	} {
		a.API.clients = newRate(1000, 1000)
		for _, w := range []*httptest.ResponseRecorder{
			a.ask(`{}`, "Authorization: Bearer "+key), a.do(request("GET", "/api/v1/attempts", "", "Authorization: Bearer "+key)),
			a.do(request("GET", "/?service=turn&key="+key, "")),
		} {
			want(t, w, http.StatusUnauthorized, word)
			if !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%v", w.Header())
			}
		}
	}
	// H-04: the key does not count in an address, nor in another scheme.
	want(t, a.do(request("GET", "/api/v1/attempts?key="+a.key, "")), http.StatusUnauthorized, "key-missing")
	want(t, a.ask(`{}`, "Authorization: Basic "+a.key), http.StatusUnauthorized, "key-missing")
	a.shelf.err = errors.New("no file")
	want(t, a.ask(`{}`, a.bearer()), http.StatusServiceUnavailable, "keys-unavailable")
}

// Keys never repeat, and only their sums are handed out to be kept.
func TestNewKey(t *testing.T) {
	k1, s1, i1 := NewKey()
	k2, _, i2 := NewKey()
	if k1 == k2 || i1 == i2 || len(k1) != keyLength || s1 != sha256.Sum256([]byte(k1)) || strings.Contains(k1, strings.TrimPrefix(i1, linkPrefix)) {
		t.Errorf("%s %s, %s %s", k1, i1, k2, i2)
	}
	for _, name := range []string{"", "alice", "2000000000:alice", "2000000000", "link-x", "2000000000:xlink-a"} {
		if id, ok := Holder(auth.REST{}, name); ok {
			t.Errorf("%q is of %q", name, id)
		}
	}
}
