package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

// One file with every name that coturn ever had, through the program itself: each
// line that is not simply in force is told, and what is refused ends it with 1.
// The same file without what is refused, and what contradicts itself, is taken.
func TestConfigCheckEveryName(t *testing.T) {
	root, err := servertest.Root()
	if err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadFile(filepath.Join(root, "internal/config/testdata/names.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ Key, Example, Verdict, Type string }
	must(t, "", &all, "config", "explain")
	example := map[string]string{}
	for _, k := range all {
		example[k.Key] = k.Example
	}
	// Together these leave nothing to do, or say two things at once.
	apart := map[string]bool{
		"no-udp": true, "no-tcp": true, "no-stun": true, "no-auth": true, "keep-address-family": true,
		"listening-device": true, "relay-device": true, // beside listening-ip and relay-ip
		"db": true, "userdb": true, "sql-userdb": true, "psql-userdb": true, "mysql-userdb": true, "mongo-userdb": true,
	}
	var whole, right strings.Builder
	told := map[int]string{}
	line := 0
	for l := range strings.Lines(string(names)) {
		name, verdict, ok := strings.Cut(strings.TrimSpace(l), " ")
		if !ok || name == "#" || apart[name] {
			continue
		}
		if example[name] == "" {
			t.Fatalf("explain does not know %s", name)
		}
		line++
		fmt.Fprintln(&whole, example[name])
		if verdict != "refused" {
			fmt.Fprintln(&right, example[name])
		}
		if verdict != "supported" && verdict != "settled" {
			told[line] = name
		}
	}
	conf := write(t, "turnserver.conf", whole.String())
	r := command(t, "", "config", "check", conf)
	if r.code != 1 || !strings.HasPrefix(r.err, "iceserver: "+conf+": ") || strings.Count(r.err, "\n") != 1 {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	for line, name := range told {
		if !strings.Contains(r.out, fmt.Sprintf("%s:%d:1: ", conf, line)) {
			t.Errorf("line %d with %s is not told of in\n%s", line, name, r.out)
		}
	}
	conf = write(t, "turnserver.conf", right.String())
	if r := command(t, "", "config", "check", conf); r.code != 0 || r.err != "" || !strings.Contains(r.out, "\n"+conf+": no mistakes, ") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.err)
	}
	if r := command(t, "", "config", "show", conf); r.code != 0 || strings.Contains(r.out, "a-long-") || !strings.Contains(r.out, "# "+conf+":") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.err)
	}
}
