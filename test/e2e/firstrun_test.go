package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"iceserver/test/servertest"
)

// greeting is what --json prints, as somebody who reads the documentation
// would decode it.
type greeting struct {
	Host       string
	Realm      string
	ICEServers []struct {
		URLs                 []string
		Username, Credential string
	}
	RTCMultiConnection             string
	Ports                          []struct{ From, To int }
	Fingerprint, Certificate       string
	DataDir, Database, Credentials string
	Pages, Links                   []string
}

func greetingOf(t *testing.T, p *process) greeting {
	t.Helper()
	var g greeting
	p.until(t, p.out, "the greeting", func(all string) bool { return json.Unmarshal([]byte(all), &g) == nil })
	if len(g.ICEServers) != 1 {
		t.Fatalf("iceServers: %+v", g.ICEServers)
	}
	return g
}

// From an empty folder to a relay: what is printed works over every URL, a
// second start finds everything again, and the end is clean.
func TestFirstRunTwice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	flags := append(onLoopback(t, dir), "--json")
	var first greeting
	var state string
	for i := range 2 {
		p := serve(t, flags...)
		if line := p.wait(t, "msg=ready"); !strings.Contains(line, "self_test=true") {
			t.Errorf("start %d: %s", i, line)
		}
		g := greetingOf(t, p)
		s := g.ICEServers[0]
		if len(s.URLs) != 3 {
			t.Errorf("URLs %q", s.URLs)
		}
		for _, url := range s.URLs {
			relays(t, url, s.Username, s.Credential, g.Certificate)
			refused(t, s.URLs[0], s.Username, s.Credential+"x")
		}
		text, err := os.ReadFile(filepath.Join(dir, "state.json"))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first, state = g, string(text)
		}
		if s.Username != first.ICEServers[0].Username || s.Credential != first.ICEServers[0].Credential ||
			g.Fingerprint != first.Fingerprint || g.Fingerprint == "" || string(text) != state {
			t.Errorf("the second start found something else:\n%+v\n%+v", first, g)
		}
		if code := p.end(t, syscall.SIGTERM); code != 0 {
			t.Errorf("start %d: exit %d:\n%s", i, code, p.err)
		}
	}
	checkModes(t, dir)
}

// A-L06: all that is kept is for its owner alone.
func checkModes(t *testing.T, dir string) {
	t.Helper()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%s: %v, error %v", dir, info.Mode(), err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 7 {
		t.Errorf("kept: %v, error %v", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, error %v", f.Name(), info.Mode(), err)
		}
	}
}

// The text names the same things, ready to paste.
func TestGreetingText(t *testing.T) {
	dir := t.TempDir()
	p := server(t, dir)
	p.until(t, p.out, "the greeting", func(all string) bool { return strings.Contains(all, "does not get through") })
	text := p.out.String()
	for _, want := range []string{
		"const iceServers = [", "connection.iceServers = [{", "?transport=udp", "?transport=tcp", "turns:127.0.0.1:",
		"udp  49152-65535", "iceserver credentials --data-dir " + dir, "iceserver doctor --data-dir " + dir, filepath.Join(dir, "users.db"),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "msg=") {
		t.Errorf("the log stands in standard output:\n%s", text)
	}
}

// Without flags and file the data directory is where the system has it.
func TestDefaultDataDir(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_DATA_HOME", home)
	r := command(t, "", "user", "add", "alice", "--json")
	if r.code != 0 {
		t.Fatalf("exit %d: %s", r.code, r.err)
	}
	if _, err := os.Stat(filepath.Join(home, "iceserver", "users.db")); err != nil {
		t.Error(err)
	}
}

// SIGTERM and SIGINT end a server with live allocations cleanly: each is closed
// with its line in the log, and the exit code is 0.
func TestSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := server(t, t.TempDir(), "--json")
		g := greetingOf(t, p)
		s := g.ICEServers[0]
		for _, url := range s.URLs {
			if _, code := dial(t, url, s.Username, s.Credential, g.Certificate).allocate(); code != 0 {
				t.Fatalf("%s: refused with %d", url, code)
			}
		}
		if code := p.end(t, sig); code != 0 {
			t.Errorf("%v: exit %d:\n%s", sig, code, p.err)
		}
		log := p.err.String()
		if n := strings.Count(log, "msg=deleted"); n != 4 { // the self test's too
			t.Errorf("%v: %d allocations closed, want 4:\n%s", sig, n, log)
		}
		if strings.Contains(log, "level=ERROR") || !strings.Contains(log, "msg=stopped") {
			t.Errorf("%v: log:\n%s", sig, log)
		}
	}
}

// A configuration file without any word about credentials makes no open relay.
//
// A-C03, A-L04: only no-auth opens the relay, and only by name.
func TestFileWithoutCredentials(t *testing.T) {
	conf := write(t, "turnserver.conf", "# nothing about users\nfingerprint\n")
	p := server(t, t.TempDir(), "-c", conf, "--json")
	p.wait(t, "only the account and the users of the data directory are let in")
	s := greetingOf(t, p).ICEServers[0]
	relays(t, s.URLs[0], s.Username, s.Credential, "")
	refused(t, s.URLs[0], "stranger", "anything")
	if _, code := dial(t, s.URLs[0], "", "", "").allocate(); code != 401 {
		t.Errorf("without credentials: got %d, want 401", code)
	}
}

// Users and secrets of a configuration work side by side, and the data
// directory's own account does not.
func TestFileWithCredentials(t *testing.T) {
	conf := write(t, "turnserver.conf", "realm=example.org\nuser=alice:wonder land\n"+
		"user=bob:0xb70615a74a524becc6960f540634bb00\n"+ // bob:example.org:builder
		"static-auth-secret=north # the first\n")
	p := server(t, t.TempDir(), "-c", conf, "--json")
	g := greetingOf(t, p)
	url := g.ICEServers[0].URLs[0]
	relays(t, url, "alice", "wonder land", "")
	relays(t, url, "bob", "builder", "")
	relays(t, url, g.ICEServers[0].Username, g.ICEServers[0].Credential, "")
	refused(t, url, "iceserver", "anything")
	if g.Realm != "example.org" {
		t.Errorf("realm %q", g.Realm)
	}
}

// write makes a file for its owner alone and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Called by coturn's name it is coturn's server: its flags, no command.
func TestCalledAsTurnserver(t *testing.T) {
	link := filepath.Join(t.TempDir(), "turnserver")
	if err := os.Symlink(servertest.Binary(t), link); err != nil {
		t.Fatal(err)
	}
	p := serveAs(t, link, append(onLoopback(t, t.TempDir()), "-n", "-a", "-u", "alice:pw", "-r", "example.org", "--no-cli", "word")...)
	p.wait(t, "msg=ready")
	if !strings.Contains(p.err.String(), `"word" means nothing`) {
		t.Errorf("log:\n%s", p.err)
	}
	url := "turn:" + udpOf(t, p) + "?transport=udp"
	relays(t, url, "alice", "pw", "")
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
}
