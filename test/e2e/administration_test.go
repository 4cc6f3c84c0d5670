package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

// Realms, origins, administrators and keys of authorization servers come and go by
// command, in sentences or in JSON.
func TestRealmCommands(t *testing.T) {
	at := "--data-dir=" + started(t)
	var done struct{ Realm, Option, Peers, Origin, Done, Database string }
	must(t, "", &done, "realm", "set", "user-quota", "5", at, "--realm=one")
	if done.Realm != "one" || done.Option != "user-quota" || done.Done != "set" || !strings.HasSuffix(done.Database, "users.db") {
		t.Errorf("%+v", done)
	}
	must(t, "", nil, "realm", "set", "max-bps", "64000", at, "--realm=one")
	must(t, "", nil, "realm", "allow", "192.0.2.0/24", at, "--realm=one")
	must(t, "", nil, "realm", "deny", "198.51.100.1-198.51.100.9", at, "--realm=one")
	must(t, "", &done, "origin", "add", "https://Example.org/", at, "--realm=one")
	if done.Origin != "https://example.org:443" || done.Done != "added" {
		t.Errorf("%+v", done)
	}
	var list []struct {
		Realm   string
		Options map[string]int
		Origins []string
		Allowed []string `json:"allowed_peers"`
		Denied  []string `json:"denied_peers"`
	}
	must(t, "", &list, "realm", "list", at)
	if len(list) != 1 || !reflect.DeepEqual(list[0].Options, map[string]int{"user-quota": 5, "max-bps": 64000}) || len(list[0].Origins) != 1 || len(list[0].Allowed) != 1 || len(list[0].Denied) != 1 {
		t.Errorf("%+v", list)
	}
	if out := must(t, "", nil, "realm", "list", at); strings.Count(out, "\n") != 5 || !strings.Contains(out, "192.0.2.0/24") {
		t.Errorf("%s", out)
	}
	if out := must(t, "", nil, "origin", "list", at); out != "https://example.org:443  one\n" {
		t.Errorf("%s", out)
	}
	// The realm that is configured is not the only one of the database; --realm asks for one.
	conf := write(t, "turnserver.conf", "realm=two\n")
	for realm, want := range map[string]string{"": "https://example.org:443  one\n", "one": "https://example.org:443  one\n", "two": ""} {
		if out := must(t, "", nil, "origin", "list", at, "-c", conf, "--realm="+realm); out != want {
			t.Errorf("origins of realm %q: %s", realm, out)
		}
	}
	if out := must(t, "", nil, "realm", "list", at, "-c", conf); strings.Count(out, "one ") != 5 {
		t.Errorf("%s", out)
	}
	must(t, "", nil, "origin", "remove", "https://example.org", at)
	must(t, "", nil, "realm", "forget", "192.0.2.0/24", at, "--realm=one")
	must(t, "", nil, "realm", "unset", "max-bps", at, "--realm=one")
	oneLine(t, command(t, "", "origin", "remove", "https://example.org", at), 1, "no origin")
	oneLine(t, command(t, "", "realm", "forget", "192.0.2.0/24", at, "--realm=one"), 1, "no rule")
	oneLine(t, command(t, "", "origin", "add", "example.org", at), 2, "https://example.org")
	oneLine(t, command(t, "", "realm", "unset", "max-bps", at, "--realm=one"), 1, "no option")
	oneLine(t, command(t, "", "realm", "set", "max-bps", "0", at), 1, "realm unset")
	oneLine(t, command(t, "", "realm", "set", "max-bps", "much", at), 2, `"much"`)
	oneLine(t, command(t, "", "realm", "set", "max", "1", at), 1, "max-bps, total-quota, user-quota")
	oneLine(t, command(t, "", "realm", "allow", "example.org", at), 1, "example.org")
}

// started is a data directory of which commands know that a server had it.
func started(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	server(t, dir)
	return dir
}

func TestAdminCommands(t *testing.T) {
	at := "--data-dir=" + started(t)
	var boss row
	must(t, "", &boss, "admin", "add", "boss", at)
	if len(boss.Password) < 22 || boss.Realm != "" {
		t.Errorf("%+v", boss)
	}
	must(t, "given\n", nil, "admin", "add", "aide", at, "-p", "-", "--realm=one")
	must(t, boss.Password+"\n", nil, "admin", "check", "boss", at)
	oneLine(t, command(t, "wrong\n", "admin", "check", "boss", at), 1, `"boss"`)
	oneLine(t, command(t, "x\n", "admin", "add", "boss", at, "-p", "-"), 1, "admin set")
	must(t, "new\n", nil, "admin", "set", "aide", at, "-p", "-", "--realm=two")
	if out := must(t, "", nil, "admin", "list", at); out != "boss  all realms\naide  two\n" {
		t.Errorf("%s", out)
	}
	must(t, "", nil, "admin", "remove", "aide", at)
	oneLine(t, command(t, "", "admin", "remove", "aide", at), 1, "no administrator")
}

func TestOAuthKeyCommands(t *testing.T) {
	at := "--data-dir=" + started(t)
	var made, shown struct{ KID, Realm, Algorithm, Key, Expires string }
	must(t, "", &made, "oauth-key", "add", "first", at, "--lifetime=24h")
	must(t, "", &shown, "oauth-key", "show", "first", at)
	if made != shown || len(made.Key) != 44 || made.Expires == "" || made.Realm != "iceserver" {
		t.Errorf("%+v, and shown %+v", made, shown)
	}
	const key = "MDEyMzQ1Njc4OWFiY2RlZg=="
	if out := must(t, key+"\n", nil, "oauth-key", "add", "second", at, "--key=-", "--algorithm=A128GCM"); strings.Contains(out, key) {
		t.Errorf("a key that was given is printed: %s", out)
	}
	if out := must(t, "", nil, "oauth-key", "list", at); strings.Contains(out, key) || strings.Count(out, "\n") != 2 {
		t.Errorf("%s", out)
	}
	if out := must(t, "", nil, "oauth-key", "list", at, "--keys"); !strings.Contains(out, key) {
		t.Errorf("%s", out)
	}
	must(t, "", nil, "oauth-key", "remove", "first", at)
	oneLine(t, command(t, "", "oauth-key", "show", "first", at), 1, `"first"`)
	oneLine(t, command(t, "", "oauth-key", "add", "third", at, "--key=CANARY"), 1, "base64")
}

// What is exported comes back by an import, in either format, and lets its users in;
// one mistake, and nothing is imported.
func TestUserImportExport(t *testing.T) {
	dir := t.TempDir()
	p := server(t, dir)
	url := "turn:" + udpOf(t, p) + "?transport=udp"
	at := "--data-dir=" + dir
	if out := must(t, "password,name,realm\n\"p,w\",alice,\nx,bob,two\n", nil, "user", "import", "-", "--format=csv", at); !strings.HasPrefix(out, "imported 2 users") {
		t.Errorf("%s", out)
	}
	relays(t, url, "alice", "p,w", "")
	files := t.TempDir()
	for _, name := range []string{"users.csv", "users.json"} {
		path := filepath.Join(files, name)
		must(t, "", nil, "user", "export", path, at)
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v, error %v", info, err)
		}
		want := must(t, "", nil, "user", "list", "--keys", at)
		must(t, "", nil, "user", "remove", "alice", at)
		must(t, "", nil, "user", "set", "bob", at, "--realm=two", "-p", "another")
		oneLine(t, command(t, "", "user", "import", path, at), 1, path+":", "two", "--replace")
		if r := must(t, "", nil, "user", "import", path, at, "--replace", "--dry-run"); !strings.HasPrefix(r, "could import 2") {
			t.Errorf("%s", r)
		}
		if got := must(t, "", nil, "user", "list", "--keys", at); got == want || strings.Contains(got, "alice") {
			t.Errorf("a dry run has imported:\n%s", got)
		}
		must(t, "", nil, "user", "import", path, at, "--replace")
		if got := must(t, "", nil, "user", "list", "--keys", at); got != want {
			t.Errorf("%s came back as\n%s\nwant\n%s", name, got, want)
		}
	}
	relays(t, url, "alice", "p,w", "")
	r := command(t, "name,password\ncarol,pw\ndave,\ncarol,x\n,y\n", "user", "import", "-", "--format=csv", at)
	if want := "iceserver: -:3: there is neither a password nor a key\niceserver: -:4: user \"carol\" of realm \"iceserver\" comes twice, first as number 1\niceserver: -:5: the user has no name\n"; r.code != 1 || r.err != want {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	if got := must(t, "", nil, "user", "list", at); strings.Contains(got, "carol") {
		t.Errorf("half of an import:\n%s", got)
	}
	oneLine(t, command(t, "", "user", "import", "-", at), 2, "--format csv")
	oneLine(t, command(t, "", "user", "import", filepath.Join(files, "none.csv"), at), 1, "none.csv")
	oneLine(t, command(t, "", "user", "import", "x.txt", at), 2, `"txt"`)
}

// By the name of coturn's tool the program is that tool, on the file that a server
// uses: a user who is added so relays.
func TestTurnadminName(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "turndb")
	name := filepath.Join(dir, "turnadmin")
	if err := os.Symlink(servertest.Binary(t), name); err != nil {
		t.Fatal(err)
	}
	p := server(t, dir, "--userdb="+db, "--realm=example.org")
	for args, want := range map[string]result{
		"-a -u alice -r example.org -p pw -b " + db: {},
		"-a -u alice -r example.org -b " + db:       {255, "", "The operation cannot be completed: the password must be set.\n"},
	} {
		if got := execute(exec.Command(name, strings.Fields(args)...), ""); got != want {
			t.Errorf("turnadmin %s: %+v", args, got)
		}
	}
	relays(t, "turn:"+udpOf(t, p)+"?transport=udp", "alice", "pw", "")
	if r := command(t, "", "turnadmin", "-l", "-b", db); r != (result{0, "alice[example.org]\n", ""}) {
		t.Errorf("%+v", r)
	}
	var list []row
	if err := json.Unmarshal([]byte(must(t, "", nil, "user", "list", "--json", "--data-dir="+dir, "--userdb="+db)), &list); err != nil || len(list) != 1 {
		t.Errorf("%+v, error %v", list, err)
	}
}
