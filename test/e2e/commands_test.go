package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// must runs a command that works, and decodes its JSON if it is to print any.
func must(t *testing.T, stdin string, into any, args ...string) string {
	t.Helper()
	if into != nil {
		args = append(args, "--json")
	}
	r := command(t, stdin, args...)
	if r.code != 0 || r.err != "" {
		t.Fatalf("%v: exit %d: %s", args, r.code, r.err)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(r.out), into); err != nil {
			t.Fatalf("%v: %v:\n%s", args, err, r.out)
		}
	}
	return r.out
}

type row struct{ Name, Realm, Password, Key, Secret, Database string }

// Users come and go by command while the server runs: a newcomer relays at
// once, and one who is removed does not come back.
func TestUserCommands(t *testing.T) {
	dir := t.TempDir()
	p := server(t, dir)
	url := "turn:" + udpOf(t, p) + "?transport=udp"
	at := "--data-dir=" + dir

	var alice row
	must(t, "", &alice, "user", "add", "alice", at)
	if len(alice.Password) < 22 || alice.Realm != "iceserver" || alice.Database != filepath.Join(dir, "users.db") {
		t.Errorf("%+v", alice)
	}
	relays(t, url, "alice", alice.Password, "")
	if out := must(t, "", nil, "user", "add", "bob", at, "--password", "builder"); strings.Contains(out, "builder") {
		t.Errorf("a password that was given is printed: %s", out)
	}
	relays(t, url, "bob", "builder", "")
	must(t, "from stdin\r\nsecond line\n", nil, "user", "set", "carol", at, "-p", "-")
	relays(t, url, "carol", "from stdin", "")
	refused(t, url, "carol", "second line")

	var list []row
	must(t, "", &list, "user", "list", at)
	if len(list) != 3 || list[0].Name != "alice" || list[0].Realm != "iceserver" || list[0].Key != "" {
		t.Errorf("%+v", list)
	}
	if out := must(t, "", nil, "user", "list", at); strings.Contains(out, "0x") || strings.Count(out, "\n") != 3 {
		t.Errorf("the list shows keys, or not 3 users:\n%s", out)
	}
	must(t, "", &list, "user", "list", at, "--keys")
	if len(list[0].Key) != 34 {
		t.Errorf("%+v", list[0])
	}
	must(t, "", &list, "user", "list", at, "--realm=elsewhere")
	if len(list) != 0 {
		t.Errorf("%+v", list)
	}
	must(t, "", nil, "user", "remove", "bob", at)
	oneLine(t, command(t, "", "user", "remove", "bob", at), 1, `"bob"`, dir)
	oneLine(t, command(t, "", "user", "add", "alice", at), 1, "exists already", "user set")
	oneLine(t, command(t, "\n", "user", "set", "alice", at, "-p", "-"), 1, "password is empty")
	oneLine(t, command(t, "", "user", "add", "", at), 1, "no name")
}

// A newcomer who was refused a moment ago, before being added, gets in soon: a
// refusal is remembered for seconds only.
func TestNewcomerAfterRefusal(t *testing.T) {
	t.Parallel() // it waits
	dir := t.TempDir()
	p := server(t, dir)
	url := "turn:" + udpOf(t, p) + "?transport=udp"
	refused(t, url, "late", "pw")
	must(t, "", nil, "user", "add", "late", "--data-dir="+dir, "-p", "pw")
	for over := time.Now().Add(limit); ; time.Sleep(250 * time.Millisecond) {
		if _, code := dial(t, url, "late", "pw", "").allocate(); code == 0 {
			return
		} else if time.Now().After(over) {
			t.Fatalf("still refused with %d", code)
		}
	}
}

// Secrets come and go by command, and what credentials prints is let in.
//
// R-REST-4-b (TURN REST draft, 4): several secrets are valid at a time.
// R-REST-2-b (TURN REST draft, 2): the name is the time, alone or with an id.
func TestSecretAndCredentials(t *testing.T) {
	dir := t.TempDir()
	// With a configured user the kept secret is not let in, so that it is the
	// database's that counts.
	conf := write(t, "turnserver.conf", "realm=example.org\nuser=alice:pw\n")
	flags := append(onLoopback(t, dir), "-c", conf)
	select1 := []string{"-c", conf, "--data-dir=" + dir}
	sub := func(words ...string) []string { return append(words, select1...) }
	oneLine(t, command(t, "", sub("credentials")...), 1, "iceserver secret add", "static-auth-secret")

	var first, second row
	must(t, "", &first, sub("secret", "add")...)
	must(t, "given\n", &second, sub("secret", "add", "-")...)
	if len(first.Secret) != 64 || second.Secret != "given" || first.Realm != "example.org" {
		t.Errorf("%+v %+v", first, second)
	}
	p := serve(t, flags...)
	url := "turn:" + udpOf(t, p) + "?transport=udp"
	relays(t, url, "alice", "pw", "")

	var list []row
	must(t, "", &list, sub("secret", "list")...)
	if len(list) != 2 {
		t.Errorf("%+v", list)
	}
	for range list {
		var c struct {
			ICEServers []struct {
				URLs                 []string
				Username, Credential string
			}
			Expires time.Time
		}
		must(t, "", &c, sub("credentials", "--user", "dave", "--ttl", "2h")...)
		if d := time.Until(c.Expires); d < time.Hour || d > 2*time.Hour || !strings.HasSuffix(c.ICEServers[0].Username, ":dave") {
			t.Errorf("%+v", c)
		}
		relays(t, url, c.ICEServers[0].Username, c.ICEServers[0].Credential, "")
		refused(t, url, c.ICEServers[0].Username, "x")
		// The next round mints from the other secret.
		must(t, "", &list, sub("secret", "list")...)
		must(t, "", nil, sub("secret", "remove", list[0].Secret)...)
	}
	oneLine(t, command(t, "", sub("secret", "remove", "CANARY")...), 1, "no such secret")
	if r := command(t, "", sub("secret", "remove", "CANARY")...); strings.Contains(r.err, "CANARY") {
		t.Errorf("a secret is printed: %s", r.err)
	}
}

// What credentials prints for a first run works over every URL as it stands.
// A-O11: a page needs no lasting password.
func TestCredentialsOfFirstRun(t *testing.T) {
	dir := t.TempDir()
	flags := onLoopback(t, dir)
	p := serve(t, append(flags, "--json")...)
	p.wait(t, "msg=ready")
	cert := greetingOf(t, p).Certificate
	conf := write(t, "turnserver.conf", strings.ReplaceAll(strings.Join(flags, "\n"), "--", "")+"\n")
	var servers []struct {
		URLs                 []string
		Username, Credential string
	}
	if err := json.Unmarshal([]byte(must(t, "", nil, "credentials", "-c", conf)), &servers); err != nil {
		t.Fatal(err)
	}
	for _, url := range servers[0].URLs {
		relays(t, url, servers[0].Username, servers[0].Credential, cert)
	}
	oneLine(t, command(t, "", "credentials", "-c", conf, "--ttl", "0s"), 1, "--ttl")
	oneLine(t, command(t, "", "credentials", "-c", conf, "--ttl", "900000h"), 1, "2106")
}
