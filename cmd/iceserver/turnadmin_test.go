package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A command line is read as the C library reads one.
func TestGetopt(t *testing.T) {
	flags := []getoptFlag{
		{names: []string{"list"}, short: 'l'}, {names: []string{"list-admin"}, short: 'L'}, {names: []string{"user"}, short: 'u', value: "NAME"},
		{names: []string{"origins"}, short: 'I', ignored: true}, {names: []string{"userdb", "db"}, short: 'b', value: "FILE"},
	}
	tests := []struct{ args, want, wrong string }{
		{"-l", "list=", ""},
		{"-lu x", "list= user=x", ""},
		{"-lux -L", "list= user=x list-admin=", ""},
		{"word -l -- -u", "list= | word -u", ""},
		{"--user=a=b --user -l --db x", "user=a=b user=-l userdb=x", ""},
		{"--orig --origins=x -", "origins= origins=x | -", ""},
		{"--list", "list=", ""},
		{"--lis", "", "--list, --list-admin"},
		{"--list=x", "", "no value"},
		{"-l -u", "list=", "-u requires"},
		{"--user", "", "--user requires"},
		{"-lZ", "", "-Z"},
		{"--nothing", "", "--nothing"},
		{"-\x1b", "", `"\x1b"`},
	}
	for _, tt := range tests {
		calls, rest, err := getopt(flags, strings.Fields(tt.args))
		var words []string
		for _, c := range calls {
			words = append(words, c.name+"="+c.value)
		}
		if len(rest) > 0 {
			words = append(append(words, "|"), rest...)
		}
		got := strings.Join(words, " ")
		if got != tt.want || (err != nil) != (tt.wrong != "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
			t.Errorf("%q: %q, error %v; want %q, %q", tt.args, got, err, tt.want, tt.wrong)
		}
	}
}

// Help is asked for where it stands, the last command counts, and -P counts before
// all others.
func TestParseTurnadmin(t *testing.T) {
	for args, want := range map[string]string{
		"-l -S": "show-secret", "-P -k -p x": "generate-encrypted-password", "-s a -X b": "delete-secret b",
		"-x file": "generate-encrypted-password-aes", "-f file -v x": "generate-encrypted-password-aes", "--list-realm-option": "list-realm-options",
	} {
		c, err := parseTurnadmin(strings.Fields(args))
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		if got := strings.TrimSpace(c.command + " " + c.secret); got != want {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
	if _, err := parseTurnadmin([]string{"-l", "-h", "--nonsense"}); !errors.Is(err, errHelp) {
		t.Errorf("error %v", err)
	}
	if _, err := parseTurnadmin([]string{"--nonsense", "-h"}); err == nil || errors.Is(err, errHelp) {
		t.Errorf("error %v", err)
	}
}

// turnadmin runs the program by coturn's name.
func turnadmin(args ...string) (code int, out, stderr string) {
	var o, e bytes.Buffer
	code = run(append([]string{"/usr/bin/turnadmin"}, args...), strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

// The exit codes are coturn's, data alone is on standard output, and a mistake is
// told by one line, with the help before it where the call was wrong.
func TestTurnadminExit(t *testing.T) {
	db := filepath.Join(t.TempDir(), "db")
	tests := []struct {
		args, out, stderr string
		code              int
	}{
		{"-k -u ninefingers -r north.gov -p youhavetoberealistic", "0xbc807ee29df3c9ffa736523fb2c4e8ee\n", "", 0},
		{"-a -u bob -p x -b " + db, "", "The operation cannot be completed: the realm must be set.\n", 255},
		{"-g -r x -b " + db, "", "The operation cannot be completed: a realm option must be set.\n", 255},
		{"-k -u bob -p \xff", "", "the password has a character in it that passwords cannot have, or is not UTF-8\n", 255},
		{"-h", turnadminUsage(), "", 0},
		{"--help", turnadminUsage(), "", 0},
		{"", "", turnadminUsage() + "\nturnadmin: a command is missing\n", 255},
		{"-l word", "", turnadminUsage() + "\nturnadmin: unexpected argument \"word\"\n", 255},
		{"-a -u bob -r one -p x -b " + db, "", "", 0},
		{"-l --userdb=" + db, "bob[one]\n", "", 0},
		{"-g -r one --user-quota=0 -b " + db, "", "", 0},
		{"-s= -r one -b " + db, "", "", 0},
		{"-S -b " + db, "=[one]\n", "", 0},
	}
	for _, tt := range tests {
		code, out, stderr := turnadmin(strings.Fields(tt.args)...)
		if code != tt.code || out != tt.out || stderr != tt.stderr {
			t.Errorf("turnadmin %s: exit %d, %q, %q", tt.args, code, out, stderr)
		}
	}
	if code, _, stderr := turnadmin("-s", "", "-r", "one", "-b", db); code != 255 || stderr != "turnadmin: the secret is empty\n" {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// A key file is for its owner alone, is not written over, and gives back what was
// encrypted with it, whatever the order of the options.
//
// A-L06: what lets somebody in is for its owner.
func TestTurnadminKeyFile(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if code, out, stderr := turnadmin("-E", "-x", key); code != 0 || out+stderr != "" {
		t.Fatalf("exit %d: %s%s", code, out, stderr)
	}
	info, err := os.Stat(key)
	if err != nil || info.Size() != 16 || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, error %v", info, err)
	}
	before, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := turnadmin("-x", key); code != 255 || !strings.Contains(stderr, "exists") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if after, err := os.ReadFile(key); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key has changed, error %v", err)
	}
	_, sealed, _ := turnadmin("-E", "-p", "secret", "-f", key)
	if code, out, _ := turnadmin("-v", strings.TrimSpace(sealed), "-f", key); code != 0 || out != "secret\n" {
		t.Errorf("exit %d: %q of %q", code, out, sealed)
	}
	if err := os.WriteFile(key+"2", []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"-v !! -f " + key, "-E -p x -f " + key + "2", "-v Zm9v"} {
		if code, out, stderr := turnadmin(strings.Fields(args)...); code != 255 || out != "" || strings.Count(stderr, "\n") != 1 {
			t.Errorf("turnadmin %s: exit %d: %q %q", args, code, out, stderr)
		}
	}
}

// The SQLite database is where coturn has it, if none is named, and ~ is the home of
// whoever calls.
func TestCoturnDatabase(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	for given, want := range map[string]string{"~/db": filepath.Join(home, "db"), "x": "x"} {
		if got := coturnDatabase(given); got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
	}
	if got := coturnDatabase(""); !strings.Contains(fmt.Sprint(coturnDatabases()), got) {
		t.Errorf("%s", got)
	}
}
