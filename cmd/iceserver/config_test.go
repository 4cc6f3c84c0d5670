package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iceserver/internal/config"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/check.txt anew")

// called is what a run of the program has done.
type called struct {
	code     int
	out, err string
}

// call runs the program within the test, with nothing of ours in the environment.
func call(t *testing.T, stdin string, args ...string) called {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "ICESERVER_") {
			t.Setenv(name, "") // which counts as not set
		}
	}
	var out, err bytes.Buffer
	code := run(append([]string{"iceserver"}, args...), strings.NewReader(stdin), &out, &err)
	return called{code, out.String(), err.String()}
}

// coturnNames are all names that a key of coturn's server has or had, with the
// verdict of each.
func coturnNames(t *testing.T) [][2]string {
	t.Helper()
	text, err := os.ReadFile("../../internal/config/testdata/names.txt")
	if err != nil {
		t.Fatal(err)
	}
	var names [][2]string
	for line := range strings.Lines(string(text)) {
		if name, verdict, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			names = append(names, [2]string{name, verdict})
		}
	}
	if len(names) != 166 {
		t.Fatalf("the list has %d names, want 166", len(names))
	}
	return names
}

// partners are what a key is a mistake without.
var partners = map[string]string{
	"cert": "pkey=k.pem\n", "pkey": "cert=c.pem\n", "bps-capacity": "max-bps=1000\n", "max-port": "min-port=1024\n",
}

// Every name that coturn ever had, one file each, through config check: what is
// said, and how it ends, stands in testdata/check.txt.
func TestCheckEveryNameOfCoturn(t *testing.T) {
	const golden = "testdata/check.txt"
	var b strings.Builder
	b.WriteString("What config check says to a file with one key, for each name that coturn ever had.\n" +
		"Made by go test ./cmd/iceserver -run TestCheckEveryNameOfCoturn -rewrite; read the diff.\n")
	for _, n := range coturnNames(t) {
		name, verdict := n[0], n[1]
		e, _, ok := config.Explain(name)
		if !ok {
			t.Errorf("there is no key %s", name)
			continue
		}
		r := call(t, e.Example+"\n"+partners[name], "config", "check", "-")
		fmt.Fprintf(&b, "\n%s is %s: exit %d\n%s%s", e.Example, verdict, r.code, indent(r.out), indent(r.err))
		want := map[string]string{"pending": "is not implemented yet and has no effect", "refused": "is refused", "obsolete": "warning"}[verdict]
		if (r.code == 1) != (verdict == "refused") || !strings.Contains(r.out, want) || string(e.Verdict) != verdict {
			t.Errorf("%s is %s, want %s; exit %d: %s%s", name, e.Verdict, verdict, r.code, r.out, r.err)
		}
		if verdict == "settled" && r.out != "standard input: no mistakes\n" {
			t.Errorf("%s asks for what is so anyway, and more than that is said: %s", name, r.out)
		}
	}
	if *rewrite {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	got, old := strings.Split(b.String(), "\n\n"), strings.Split(string(want), "\n\n")
	for i := range max(len(got), len(old)) {
		if i >= len(got) || i >= len(old) || strings.TrimSpace(got[i]) != strings.TrimSpace(old[i]) {
			t.Fatalf("%s differs first in:\n%s", golden, strings.Join(got[min(i, len(got)-1):min(i+1, len(got))], ""))
		}
	}
}

func indent(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString("  " + line)
	}
	return b.String()
}

// All mistakes of a run are told, wherever they are, each with what to do.
func TestCheckTellsAll(t *testing.T) {
	file := filepath.Join(t.TempDir(), "turnserver.conf")
	if err := os.WriteFile(file, []byte("listen-port=1\nno-sslv3\nmin-port=9x\n  static-auth-secret:CANARY\nserver-relay\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ICESERVER_REALM", `a"b`)
	var out, errs bytes.Buffer
	code := run([]string{"iceserver", "config", "check", file, "--no-tpc", "--max-port=x"}, strings.NewReader(""), &out, &errs)
	want := []string{
		file + `:1:1: unknown key "listen-port"; did you mean "listening-port"?`,
		file + ":2:1: warning: no-sslv3 ",
		file + `:3:10: min-port: "9x" is not a whole number; write`,
		file + `:4:3: unknown key "static-auth-secret..."; write static-auth-secret=VALUE`,
		file + ":5:1: server-relay is refused: ",
		"environment: ICESERVER_REALM: ",
		"command line: --max-port: ",
		`command line: unknown flag "--no-tpc"; did you mean "--no-tcp"?`,
	}
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	if code != exitFailure || len(got) != len(want) || errs.String() != "iceserver: "+file+": 7 mistakes, 1 warning\n" {
		t.Fatalf("exit %d:\n%s%s", code, &out, &errs)
	}
	for i, w := range want {
		if !strings.HasPrefix(got[i], w) {
			t.Errorf("line %d is %s\nwant %s", i+1, got[i], w)
		}
	}
	if strings.Contains(out.String(), "CANARY") {
		t.Error("a secret is printed")
	}
}

// What check says where nothing is wrong, and in how it was called.
func TestCheckCalls(t *testing.T) {
	for _, c := range []struct {
		stdin, args string
		code        int
		out, err    string
	}{
		{"realm=a", "-", 0, "standard input: no mistakes\n", ""},
		{"", "", 0, "flags and environment (no file is named): no mistakes\n", ""},
		{"", "-n --min-port=1024", 0, "flags and environment (no file is named): no mistakes\n", ""},
		{"", "--min-port=60000 --max-port=50000", 1, "command line: min-port 60000 is above max-port 50000; swap them\n",
			"iceserver: flags and environment (no file is named): 1 mistake\n"},
		{"realm=a", "- --json", 0, "[]\n", ""},
		{"no-auth", "-", 0, "open relay", ""},
		{"", "/nowhere.conf", 1, "", "no such file"},
		{"", "-c /nowhere.conf", 1, "", "no such file"},
		{"", "a.conf b.conf", 2, "", `unexpected argument "b.conf"`},
		{"", "--help", 0, "tells every mistake", ""},
	} {
		r := call(t, c.stdin, append([]string{"config", "check"}, strings.Fields(c.args)...)...)
		if r.code != c.code || !strings.Contains(r.out, c.out) || !strings.Contains(r.err, c.err) {
			t.Errorf("check %s: %+v", c.args, r)
		}
	}
	var problems []config.Problem
	r := call(t, "min-port=x", "config", "check", "-", "--json")
	if err := json.Unmarshal([]byte(r.out), &problems); err != nil || r.code != 1 || len(problems) != 1 {
		t.Fatalf("%v: %+v", err, r)
	}
	if p := problems[0]; p.File != "standard input" || p.Line != 1 || p.Column != 10 || p.Key != "min-port" || p.Message == "" || p.Suggestion == "" || p.Warning {
		t.Errorf("%+v", p)
	}
}

// show tells where each value comes from, and no secret.
//
// A-L02: passwords and secrets are hidden.
func TestShow(t *testing.T) {
	const file = "realm=file\nmin-port=50000\nuser=alice:CANARY\nstatic-auth-secret=CANARY-CANARY-CANARY\n" +
		"redis-statsdb=password=CANARY\nkeep-address-family\nverbose\nno-sslv3\nno-cli\n"
	t.Setenv("ICESERVER_MAX_PORT", "50999")
	t.Setenv("ICESERVER_USER", "bob:CANARY")
	args := []string{"iceserver", "config", "show", "-", "--realm=flag"}
	var out, errs bytes.Buffer
	if code := run(args, strings.NewReader(file), &out, &errs); code != 0 || errs.Len() > 0 {
		t.Fatalf("exit %d: %s", code, &errs)
	}
	for _, want := range []string{
		"realm=flag # command line --realm", "min-port=50000 # standard input:2", "max-port=50999 # environment ICESERVER_MAX_PORT",
		"user=alice:[redacted] # standard input:3", "user=bob:[redacted] # environment ICESERVER_USER",
		"static-auth-secret=[redacted] # standard input:4", "allocation-default-address-family=keep # standard input:6",
		"log-min-level=debug # follows from verbose, standard input:7", "listening-port=3478 # default", "# external-ip # not set",
		"# no-sslv3 (standard input:8): It has no effect any more", "# Who may relay",
	} {
		if !slices.ContainsFunc(strings.Split(out.String(), "\n"), func(l string) bool {
			return strings.HasPrefix(strings.Join(strings.Fields(l), " "), want)
		}) {
			t.Errorf("%q is missing in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "CANARY") {
		t.Errorf("a secret is shown:\n%s", &out)
	}
	var asJSON bytes.Buffer
	if code := run(append(args, "--json"), strings.NewReader(file), &asJSON, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, &errs)
	}
	var settings []config.Setting
	if err := json.Unmarshal(asJSON.Bytes(), &settings); err != nil || strings.Contains(asJSON.String(), "CANARY") {
		t.Fatalf("%v: %s", err, &asJSON)
	}
	i := slices.IndexFunc(settings, func(s config.Setting) bool { return s.Key == "user" })
	if s := settings[i]; !slices.Equal(s.Values, []string{"alice:[redacted]", "bob:[redacted]"}) || len(s.From) != 2 {
		t.Errorf("%+v", s)
	}
	if r := call(t, "min-port=x\nmax-port=y\n", "config", "show", "-"); r.code != 1 || r.out != "" || strings.Count(r.err, "standard input:") != 2 {
		t.Errorf("with mistakes: %+v", r)
	}
}

// What show prints is a file that says the same, but for what is hidden.
func TestShowIsAFile(t *testing.T) {
	first := call(t, "min-port=50000\nlistening-ip=127.0.0.1\nno-tcp\nlog-file=\"a # b\"\ndenied-peer-ip=10.0.0.0/8\n", "config", "show", "-")
	second := call(t, first.out, "config", "show", "-", "--json")
	third := call(t, first.out, "config", "check", "-")
	if third.code != 0 {
		t.Fatalf("%+v", third)
	}
	var settings []config.Setting
	if err := json.Unmarshal([]byte(second.out), &settings); err != nil {
		t.Fatalf("%v: %+v", err, second)
	}
	for key, want := range map[string]string{"min-port": "50000", "listening-ip": "127.0.0.1", "no-tcp": "true", "denied-peer-ip": "10.0.0.0/8", "log-file": "a # b"} {
		i := slices.IndexFunc(settings, func(s config.Setting) bool { return s.Key == key })
		if s := settings[i]; len(s.Values) != 1 || strings.Trim(s.Values[0], `"`) != want {
			t.Errorf("%+v, want %s", s, want)
		}
	}
}

// explain knows a key by all its names, and the nearest one to a mistake.
func TestExplain(t *testing.T) {
	for args, want := range map[string]string{
		"min-port":                          "type port: 1 to 65535",
		"--min-port":                        "default 49152",
		"ICESERVER_MIN_PORT":                "related max-port",
		"-m":                                "relay-threads: ",
		"mobility":                          "verdict pending. Not implemented yet",
		"no-sslv3":                          "in coturn Dropped in 4.7.",
		"server-relay":                      "verdict refused. It is refused: ",
		"no-multicast-peers":                "verdict settled. What it asks for is so anyway",
		"keep-address-family":               "read as allocation-default-address-family=keep",
		"db":                                "It is another name of userdb.",
		"data-dir":                          "in coturn coturn has no such key.",
		"stale-nonce":                       "as a flag --stale-nonce[=SECONDS]",
		"user":                              "every mention adds one",
		"static-auth-secret --json":         `"variable": "ICESERVER_STATIC_AUTH_SECRET"`,
		"":                                  "max-port The highest relayed port.",
		"no-tlsv1":                          "in a file no-tlsv1 ",
		"unauthorized-ratelimit":            "in a file unauthorized-ratelimit=false",
		"external-ip":                       "in a file external-ip=203.0.113.5/10.0.0.5",
		"multiplex-peer-max-peers":          "default 256",
		"allocation-default-address-family": "choice: ipv4, ipv6, keep",
	} {
		r := call(t, "", append([]string{"config", "explain"}, strings.Fields(args)...)...)
		if r.code != 0 || !strings.Contains(strings.Join(strings.Fields(r.out), " ")+" ", want) {
			t.Errorf("explain %s: %+v, want %q", args, r, want)
		}
	}
	for name, want := range map[string]string{
		"min-prt": `did you mean "min-port"?`, "ICESERVER_RELM": `did you mean "realm"?`, "--lisening-ip": `did you mean "listening-ip"?`,
		"xyzzy-plugh": "lists all keys", "": "lists all keys",
	} {
		if r := call(t, "", "config", "explain", "--", name); r.code != 1 || !strings.Contains(r.err, want) || r.out != "" {
			t.Errorf("explain %s: %+v", name, r)
		}
	}
}

// A configuration that nobody writes to its end does not hold up whoever asks for it.
func TestCheckIsEnded(t *testing.T) {
	never, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { writer.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cmd := rootCommand()
	cmd.SetArgs([]string{"config", "check", "-"})
	cmd.SetIn(never)
	cmd.SetOut(io.Discard)
	if err := cmd.ExecuteContext(ctx); err == nil || !strings.Contains(err.Error(), "ended while") {
		t.Error(err)
	}
}

// A connection string that stops the start is a mistake of the file, and one of a
// database that is down is none. No password is told.
func TestCheckConnection(t *testing.T) {
	const password = "not-to-be-told"
	for text, want := range map[string]string{
		"realm=a\nmysql-userdb=\"host=x dbname=d user=u port=99999 password=" + password + "\"": "standard input:2:1: mysql-userdb: port of the connection string",
		"mysql-userdb=root:" + password + "@tcp(127.0.0.1:1)/x":                                 "standard input:1:1: mysql-userdb: word 1",
		"redis-userdb=\"ip=127.0.0.1 passwrod=" + password + "\"":                               "standard input:1:1: redis-userdb: word 2",
		"psql-userdb=postgresql://u:" + password + "%zz@127.0.0.1/x":                            "standard input:1:1: psql-userdb: the connection string cannot be used",
		"psql-userdb=postgresql://u:" + password + "@127.0.0.1:1/x":                             "standard input: no mistakes",
		"redis-userdb=\"ip=127.0.0.1 port=1 password=" + password + "\"":                        "standard input: no mistakes",
		"mysql-userdb=\"host=127.0.0.1 dbname=d user=u ca=/nowhere/ca.pem\"":                    "standard input: no mistakes",
	} {
		c := call(t, text+"\n", "config", "check", "-")
		if failed := !strings.Contains(want, "no mistakes"); !strings.HasPrefix(c.out, want) || failed != (c.code == 1) || strings.Contains(c.out+c.err, password) {
			t.Errorf("%s: %d\n%s%s\nwant %s", text, c.code, c.out, c.err, want)
		}
	}
}
