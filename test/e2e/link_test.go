package e2e

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// pages is the HTTP side of a server as the holder of a key uses it.
type pages struct {
	t      *testing.T
	base   string // ends with a slash
	key    string
	client *http.Client
}

// open takes a link as it was printed.
func open(t *testing.T, link, certFile string) *pages {
	t.Helper()
	base, key, ok := strings.Cut(link, "test#key=")
	if !ok || !strings.HasPrefix(key, "ice_") {
		t.Fatalf("%q is no link with a key", link)
	}
	tr := &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool(t, certFile)}}
	return &pages{t, base, key, &http.Client{Transport: tr, Timeout: limit}}
}

// ask sends a request and returns the status; a success is decoded.
func (p *pages) ask(method, path, key, body string, into any) int {
	p.t.Helper()
	r, err := http.NewRequest(method, p.base+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode == 200 && into != nil {
		err = json.NewDecoder(bytes.NewReader(text)).Decode(into)
	}
	if err != nil {
		p.t.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
	return answer.StatusCode
}

// granted are credentials as the API answers.
type granted struct {
	ICEServers []struct {
		URLs                 []string
		Username, Credential string
	}
	TTL int
}

// credentials asks for some with the key.
func (p *pages) credentials() (g granted) {
	p.t.Helper()
	if code := p.ask("POST", "api/v1/credentials", p.key, `{"ttl":600,"label":"e2e"}`, &g); code != 200 {
		p.t.Fatalf("credentials: %d", code)
	}
	return g
}

// attempt is a line of the server's own view.
type attempt struct {
	Time                                      time.Time
	Method, Cause, Rule, Peer, Username, More string
	Code                                      int
}

// attempts waits until the server tells of one like that.
func (p *pages) attempts(like func(attempt) bool) []attempt {
	p.t.Helper()
	var answer struct{ Attempts []attempt }
	for over := time.Now().Add(limit); time.Now().Before(over); time.Sleep(50 * time.Millisecond) {
		if code := p.ask("GET", "api/v1/attempts", p.key, "", &answer); code != 200 {
			p.t.Fatalf("attempts: %d", code)
		}
		for _, a := range answer.Attempts {
			if like(a) {
				return answer.Attempts
			}
		}
	}
	p.t.Fatalf("not among %+v", answer.Attempts)
	return nil
}

// The first run prints links whose key gives credentials with which a relay
// works over every transport; without the key, or with another, there are none.
//
// H-05, H-19: and strangers get none at all.
// R-REST-2-a (TURN REST draft, 2): the old way of asking gives the same.
func TestLinkOfFirstRun(t *testing.T) {
	p := serve(t, append(onLoopback(t, t.TempDir()), "--json")...)
	p.wait(t, "msg=ready")
	g := greetingOf(t, p)
	if len(g.Links) != 2 || !strings.HasPrefix(g.Links[0], "https://") || !strings.HasPrefix(g.Links[1], "http://127.0.0.1:") {
		t.Fatalf("links %q", g.Links)
	}
	for _, link := range g.Links {
		web := open(t, link, g.Certificate)
		got := web.credentials()
		if s := got.ICEServers; got.TTL != 600 || len(s) != 1 || strings.Join(s[0].URLs, " ") != strings.Join(g.ICEServers[0].URLs, " ") {
			t.Errorf("%+v", got)
		}
		for _, url := range got.ICEServers[0].URLs {
			relays(t, url, got.ICEServers[0].Username, got.ICEServers[0].Credential, g.Certificate)
		}
		for _, key := range []string{"", "x", web.key[:len(web.key)-1], "ice_" + strings.Repeat("A", 43)} {
			if code := web.ask("POST", "api/v1/credentials", key, "{}", nil); code != 401 {
				t.Errorf("key %q: %d", key, code)
			}
		}
		var draft struct {
			Username, Password string
			URIs               []string
		}
		if code := web.ask("GET", "?service=turn&username=ann&key="+web.key, "", "", &draft); code != 200 {
			t.Fatalf("draft: %d", code)
		}
		relays(t, draft.URIs[0], draft.Username, draft.Password, g.Certificate)
		if code := web.ask("GET", "?service=turn&username=ann", "", "", nil); code != 401 {
			t.Errorf("draft without a key: %d", code)
		}
	}
}

// A revoked link opens nothing: not the API at once, not the relay within
// seconds, and other links go on.
//
// H-04: keys are made, limited and revoked one by one, also while the server runs.
func TestLinkCommands(t *testing.T) {
	dir := t.TempDir()
	p := server(t, dir, "--json")
	g := greetingOf(t, p)
	at := "--data-dir=" + dir
	var made struct {
		ID, Key string
		URLs    []string
	}
	must(t, "", &made, "link", "add", at, "--label", "for Ann", "--ttl", "1h", "--max-ttl", "2m", "--quota", "1")
	web, first := open(t, made.URLs[0], g.Certificate), open(t, g.Links[0], g.Certificate)
	got := web.credentials()
	s := got.ICEServers[0]
	if got.TTL != 120 || !strings.Contains(s.Username, made.ID) {
		t.Errorf("%+v", got)
	}
	// The quota is the link's: one allocation at a time, whatever the credential.
	holder := dial(t, s.URLs[0], s.Username, s.Credential, "")
	if _, code := holder.allocate(); code != 0 {
		t.Fatalf("refused with %d", code)
	}
	again := web.credentials().ICEServers[0]
	if _, code := dial(t, s.URLs[0], again.Username, again.Credential, "").allocate(); code != 486 {
		t.Errorf("beyond the quota: %d, want 486", code)
	}
	list := must(t, "", nil, "link", "list", at)
	if !strings.Contains(list, "for Ann") || strings.Contains(list, made.Key) || strings.Count(list, "\n") != 3 {
		t.Errorf("list:\n%s", list)
	}
	must(t, "", nil, "link", "revoke", made.ID, at)
	if code := web.ask("POST", "api/v1/credentials", web.key, "{}", nil); code != 401 {
		t.Errorf("revoked: %d", code)
	}
	for over := time.Now().Add(limit); ; time.Sleep(250 * time.Millisecond) {
		if _, code := dial(t, s.URLs[0], s.Username, s.Credential, "").allocate(); code == 401 {
			break
		} else if time.Now().After(over) {
			t.Fatalf("a credential of the revoked link is answered with %d", code)
		}
	}
	other := first.credentials().ICEServers[0]
	relays(t, other.URLs[0], other.Username, other.Credential, "")
	oneLine(t, command(t, "", "link", "revoke", made.ID, at), 1, made.ID, "link list")
	oneLine(t, command(t, "", "link", "add", at, "--ttl", "1s"), 1, "--ttl")
	oneLine(t, command(t, "", "link", "add", at, "--max-ttl", "9999h"), 1, "--max-ttl")
}

// The server says to the holder of a link why it refused: a wrong password, and a
// peer with the rule; and nothing of what others did.
func TestAttempts(t *testing.T) {
	dir := t.TempDir()
	p := server(t, dir, "--json")
	g := greetingOf(t, p)
	first := open(t, g.Links[1], g.Certificate)
	s := first.credentials().ICEServers[0]
	refused(t, s.URLs[0], s.Username, "wrong")
	c := dial(t, s.URLs[0], s.Username, s.Credential, "")
	if _, code := c.allocate(); code != 0 {
		t.Fatalf("refused with %d", code)
	}
	if code := c.permit(netip.MustParseAddr("169.254.169.254")); code != 403 {
		t.Fatalf("the peer was answered with %d", code)
	}
	first.attempts(func(a attempt) bool { return a.Method == "Allocate" && a.Code == 401 && a.Cause == "wrong-password" })
	first.attempts(func(a attempt) bool { return a.Method == "Allocate" && a.Code == 0 })
	all := first.attempts(func(a attempt) bool {
		return a.Method == "CreatePermission" && a.Code == 403 && a.Peer == "169.254.169.254" && a.Rule != "" && a.Cause == "peer-policy"
	})
	for _, a := range all {
		if a.Username != s.Username || time.Since(a.Time) > time.Hour {
			t.Errorf("%+v", a)
		}
	}

	var made struct{ URLs []string }
	must(t, "", &made, "link", "add", "--data-dir="+dir)
	second := open(t, made.URLs[1], g.Certificate)
	other := second.credentials().ICEServers[0]
	refused(t, other.URLs[0], other.Username, "wrong")
	for _, a := range second.attempts(func(a attempt) bool { return a.Code == 401 }) {
		if a.Username != other.Username {
			t.Errorf("another's attempt: %+v", a)
		}
	}
	if code := first.ask("GET", "api/v1/attempts", "", "", nil); code != 401 {
		t.Errorf("without a key: %d", code)
	}
}

// Strangers have credentials only where the operator says so by name: few, short
// and with a quota, and never a way around the rules about peers.
//
// H-19: six a minute; A-C03: no configuration that is silent opens anything.
func TestAnonymousCredentials(t *testing.T) {
	p := server(t, t.TempDir(), "--web-anonymous-credentials", "--json")
	g := greetingOf(t, p)
	web := open(t, g.Links[1], g.Certificate)
	var got granted
	for range 6 {
		if code := web.ask("POST", "api/v1/credentials", "", `{"ttl":86400}`, &got); code != 200 || got.TTL > 600 {
			t.Fatalf("%d %+v", code, got)
		}
	}
	if code := web.ask("POST", "api/v1/credentials", "", "{}", nil); code != 429 {
		t.Errorf("the seventh: %d", code)
	}
	s := got.ICEServers[0]
	held := 0
	for ; held < 20; held++ {
		c := dial(t, s.URLs[0], s.Username, s.Credential, "")
		_, code := c.allocate()
		if code == 486 {
			break
		}
		if code != 0 {
			t.Fatalf("refused with %d", code)
		}
		if held == 0 {
			if code := c.permit(netip.MustParseAddr("10.0.0.1")); code != 403 {
				t.Errorf("a private peer: %d", code)
			}
		}
	}
	if held != 8 {
		t.Errorf("%d allocations at a time", held)
	}
	if code := web.ask("GET", "api/v1/attempts", "", "", nil); code != 401 {
		t.Errorf("attempts: %d", code)
	}
}

// A configuration file that says nothing of the web has none, and makes no link.
func TestWebOffWithFile(t *testing.T) {
	conf := write(t, "turnserver.conf", "fingerprint\n")
	p := server(t, t.TempDir(), "-c", conf, "--json")
	g := greetingOf(t, p)
	if len(g.Pages) != 0 || len(g.Links) != 0 {
		t.Errorf("%q %q", g.Pages, g.Links)
	}
	_, port, _ := strings.Cut(udpOf(t, p), ":")
	for _, path := range []string{"", "test", "api/v1/status", "socket.io/?EIO=4&transport=polling"} {
		answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://127.0.0.1:" + port + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != 404 {
			t.Errorf("/%s: %s", path, answer.Status)
		}
	}
	r := command(t, "", "link", "add", "-c", conf, "--data-dir="+t.TempDir())
	if r.code != 0 || !strings.Contains(r.err, "web=on") || !strings.Contains(r.out, "#key=") && !strings.HasPrefix(r.out, "ice_") {
		t.Errorf("%+v", r)
	}
}
