package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"iceserver/internal/auth"
)

// made is what credentials prints.
type made struct {
	URLs                 []string
	Username, Credential string
}

// credentialsOf runs credentials with the data directory alone.
func credentialsOf(t *testing.T, dir string, more ...string) made {
	t.Helper()
	var servers []made
	out := must(t, "", nil, append([]string{"credentials", "--data-dir=" + dir}, more...)...)
	if err := json.Unmarshal([]byte(out), &servers); err != nil || len(servers) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	return servers[0]
}

// What commands do that are told no more than where the data is, for servers that
// were told more: what they print works, or they say why not and what to do.
func TestCommandsFindServer(t *testing.T) {
	conf := func(text string) []string { return []string{"-c", write(t, "turnserver.conf", text)} }
	long := strings.Repeat("CANARY", 4)
	tests := []struct {
		name        string
		flags       []string
		user        string // what user add is refused with, or empty
		credentials string // the same of credentials
	}{
		{"nothing", nil, "", ""},
		{"flags", []string{"--realm=r.example", "--external-ip=203.0.113.9"}, "", ""},
		{"another separator", []string{"--rest-api-separator=|"}, "", ""},
		{"a silent file", conf("realm=r.example\n"), "", ""},
		{"a file with users", conf("realm=r.example\nuser=alice:CANARY\n"), "", "iceserver secret add"},
		{"users as flags", []string{"--user=alice:CANARY"}, "", "iceserver secret add"},
		{"a file with a secret", conf("realm=r.example\nstatic-auth-secret=" + long + "\n"), "", ""},
		{"a secret as flag", []string{"--static-auth-secret=" + long}, "", "command line"},
		{"a database of its own", []string{"--userdb=" + filepath.Join(t.TempDir(), "own.db"), "--realm=r"}, "", "iceserver secret add"},
		{"no-auth", []string{"--no-auth"}, "no-auth", "no-auth"},
		{"stun-only", []string{"--stun-only", "--user=alice:CANARY"}, "", "stun-only"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			p := server(t, dir, append(tt.flags, "--json")...)
			url := "turn:" + udpOf(t, p) + "?transport=udp"
			add := command(t, "", "user", "add", "dave", "-p", "pw", "--data-dir="+dir)
			if tt.user != "" {
				oneLine(t, add, 1, tt.user)
			} else if add.code != 0 {
				t.Errorf("user add: %s", add.err)
			} else if tt.name != "stun-only" {
				allocates(t, url, "dave", "pw")
			}
			if tt.credentials != "" {
				oneLine(t, command(t, "", "credentials", "--data-dir="+dir), 1, tt.credentials)
			} else {
				c := credentialsOf(t, dir)
				if want := greetingOf(t, p).ICEServers[0].URLs; !slices.Equal(c.URLs, want) {
					t.Errorf("%q, want %q", c.URLs, want)
				}
				allocates(t, url, c.Username, c.Credential)
			}
			if strings.Contains(tt.credentials, "secret add") {
				must(t, "", nil, "secret", "add", "--data-dir="+dir)
				c := credentialsOf(t, dir)
				allocates(t, url, c.Username, c.Credential)
			}
			text, err := os.ReadFile(filepath.Join(dir, "started.json"))
			if err != nil || strings.Contains(string(text), "CANARY") {
				t.Errorf("error %v: %s", err, text)
			}
		})
	}
}

func allocates(t *testing.T, url, username, password string) {
	t.Helper()
	if _, code := dial(t, url, username, password, "").allocate(); code != 0 {
		t.Errorf("%s is refused with %d", username, code)
	}
}

// A file that was changed since the start is told from what the server takes; the
// file by its name says what it says now.
func TestCommandsAfterChange(t *testing.T) {
	dir := t.TempDir()
	conf := write(t, "turnserver.conf", "realm=r.example\nuser=alice:pw\nstatic-auth-secret=the-first-of-the-secrets\n")
	p := server(t, dir, "-c", conf)
	url := "turn:" + udpOf(t, p) + "?transport=udp"
	for _, more := range [][]string{nil, {"-c", conf}, {"--realm=r.example"}} {
		c := credentialsOf(t, dir, more...)
		allocates(t, url, c.Username, c.Credential)
		if c.URLs[0] != url {
			t.Errorf("%q: %q, want %s", more, c.URLs, url)
		}
	}
	oneLine(t, command(t, "", "user", "add", "alice", "--data-dir="+dir), 1, "alice", "configuration", "change it there")
	if err := os.WriteFile(conf, []byte("realm=new.example\nstatic-auth-secret=the-second-of-the-secrets\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	oneLine(t, command(t, "", "credentials", "--data-dir="+dir), 1, conf, "start it anew")
	must(t, "", nil, "user", "add", "dave", "-p", "pw", "--data-dir="+dir)
	allocates(t, url, "dave", "pw")
	var r row
	must(t, "", &r, "user", "add", "erin", "--data-dir="+dir, "-c", conf)
	if r.Realm != "new.example" {
		t.Errorf("with the changed file the realm is %q", r.Realm)
	}
	if err := os.Remove(conf); err != nil {
		t.Fatal(err)
	}
	oneLine(t, command(t, "", "credentials", "--data-dir="+dir), 1, conf, "no such file")
	if err := os.WriteFile(filepath.Join(dir, "started.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	oneLine(t, command(t, "", "user", "list", "--data-dir="+dir), 1, "started.json", "start the server anew")
}

// A new password, a removal and a newcomer count long before what was remembered
// of them runs out.
func TestUserChangesAtOnce(t *testing.T) {
	t.Parallel() // it waits
	dir := t.TempDir()
	at := "--data-dir=" + dir
	url := "turn:" + udpOf(t, server(t, dir)) + "?transport=udp"
	become := func(name, password string, want int) {
		t.Helper()
		for over := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			_, code := dial(t, url, name, password, "").allocate()
			if code == want {
				return
			}
			if time.Now().After(over) {
				t.Fatalf("%s with %s: still %d, want %d", name, password, code, want)
			}
		}
	}
	must(t, "", nil, "user", "add", "alice", at, "-p", "old")
	become("alice", "old", 0)
	must(t, "", nil, "user", "set", "alice", at, "-p", "new")
	become("alice", "new", 0)
	become("alice", "old", 401)
	must(t, "", nil, "user", "remove", "alice", at)
	become("alice", "new", 401)
}

// R-REST-4-d (TURN REST draft, 4): a credential for nobody in particular has an
// id, and those that others have made without one count as one user.
func TestQuotaWithoutID(t *testing.T) {
	dir := t.TempDir()
	p := server(t, dir, "-c", write(t, "turnserver.conf", "user-quota=1\nstatic-auth-secret=the-secret-of-the-pages\n"), "--json")
	s := greetingOf(t, p).ICEServers[0]
	if !strings.HasSuffix(s.Username, ":web") {
		t.Errorf("the greeting has a credential for %q", s.Username)
	}
	allocates(t, s.URLs[0], s.Username, s.Credential)
	for i, want := range []int{0, 486} {
		expires := time.Now().Add(time.Hour + time.Duration(i)*time.Minute)
		username, credential := auth.REST{}.Mint("the-secret-of-the-pages", "", expires)
		if _, code := dial(t, s.URLs[0], username, credential, "").allocate(); code != want {
			t.Errorf("credential %d without an id got %d, want %d", i, code, want)
		}
	}
	if c := credentialsOf(t, dir); !strings.HasSuffix(c.Username, ":web") {
		t.Errorf("credentials are for %q", c.Username)
	}
}

// Where no server was ever started a command works, for the one that will be, and
// says so: the one that is meant may run elsewhere.
func TestCommandsBeforeStart(t *testing.T) {
	dir := t.TempDir()
	r := command(t, "", "user", "add", "dave", "-p", "pw", "--data-dir="+dir)
	if r.code != 0 || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, "no server was started") {
		t.Errorf("%+v", r)
	}
	url := "turn:" + udpOf(t, server(t, dir)) + "?transport=udp"
	allocates(t, url, "dave", "pw")
	must(t, "", nil, "user", "list", "--data-dir="+dir) // which warns no more
}

// A-L01: no name with a line break gets into the list, and one that others have
// put there writes no line of its own.
func TestUserNames(t *testing.T) {
	dir := t.TempDir()
	server(t, dir)
	for _, name := range []string{"a\nb", "\x1b[31mred", "a\rb", "\x7f", "\u009b1m", "\xff"} {
		for _, use := range []string{"add", "set"} {
			oneLine(t, command(t, "", "user", use, name, "-p", "x", "--data-dir="+dir), 1, "control character")
		}
	}
	must(t, "", nil, "user", "add", "王小明 @x", "-p", "x", "--data-dir="+dir)
	if out := must(t, "", nil, "user", "list", "--data-dir="+dir); !strings.HasPrefix(out, "王小明 @x ") {
		t.Errorf("%q", out)
	}
}

// All mistakes are told to a command too, and no warnings.
func TestCommandTellsAllMistakes(t *testing.T) {
	conf := write(t, "turnserver.conf", "min-port=1x\ncli\nstatic-auth-secret=x\nlisten-port=1\nrealm=a\"b\n")
	r := command(t, "", "user", "list", "-c", conf, "--data-dir="+t.TempDir())
	if r.code != 1 || strings.Count(r.err, "\n") != 3 || strings.Contains(r.err, "warning") {
		t.Errorf("exit %d:\n%s", r.code, r.err)
	}
	for _, want := range []string{conf + ":1:", conf + ":4:", conf + ":5:"} {
		if !strings.Contains(r.err, want) {
			t.Errorf("%s is missing in:\n%s", want, r.err)
		}
	}
}

// A-L06: a configuration with secrets that everybody can read is warned of, one
// without secrets, or for its owner alone, is not.
func TestReadableConfiguration(t *testing.T) {
	for _, tt := range []struct {
		text string
		mode os.FileMode
		warn bool
	}{
		{"user=alice:pw\n", 0o644, true}, {"user=alice:pw\n", 0o640, false}, {"realm=r\n", 0o644, false},
		{"static-auth-secret=the-secret-of-the-pages\n", 0o604, true},
	} {
		conf := write(t, "turnserver.conf", tt.text)
		if err := os.Chmod(conf, tt.mode); err != nil {
			t.Fatal(err)
		}
		p := server(t, t.TempDir(), "-c", conf)
		if got := strings.Contains(p.err.String(), "can read "+conf+", which holds"); got != tt.warn {
			t.Errorf("%q with mode %v: warned %v:\n%s", tt.text, tt.mode, got, p.err)
		}
	}
}
