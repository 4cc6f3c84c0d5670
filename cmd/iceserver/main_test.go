package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"iceserver/internal/server"
)

// Which command is meant where none is named, and under coturn's name.
func TestArguments(t *testing.T) {
	tests := []struct{ args, want string }{
		{"iceserver", "serve"},
		{"iceserver --min-port=1 -v", "serve --min-port=1 -v"},
		{"/usr/bin/iceserver -c x", "serve -c x"},
		{"iceserver serve -v", "serve -v"},
		{"iceserver user list", "user list"},
		{"iceserver --help", "--help"},
		{"iceserver -h", "-h"},
		{"iceserver --version", "version"},
		{"turnserver", "serve " + coturnFlag},
		{"/usr/bin/turnserver -v user", "serve " + coturnFlag + " -v user"},
		{"/usr/bin/turnadmin -l -b x", "turnadmin -l -b x"},
		{"turnadmin", "turnadmin"},
		{"turnserver.exe --help", "serve " + coturnFlag + " --help"},
	}
	for _, tt := range tests {
		got := strings.Join(arguments(strings.Fields(tt.args)), " ")
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.args, got, tt.want)
		}
	}
}

// Under coturn's name the configuration is found where coturn would find it,
// unless one is named or -n says that there is none.
func TestCoturnFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.MkdirAll(filepath.Join("etc", "coturn"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("etc", "coturn", "turnserver.conf"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		coturnFlag: "etc/coturn/turnserver.conf", coturnFlag + " -n": "", coturnFlag + " -c x": "x", "-v": "", "-c y": "y",
	} {
		c, err := parseServe(strings.Fields(args), &bytes.Buffer{})
		if err != nil || c.file != want {
			t.Errorf("%s: file %q, error %v", args, c.file, err)
		}
	}
}

// Errors fit into one line, whatever a library puts into them.
func TestRunErrors(t *testing.T) {
	for args, want := range map[string]int{
		"iceserver nonsense": exitUsage, "iceserver user list -c /nowhere": exitFailure, "iceserver version": 0,
	} {
		var out, err bytes.Buffer
		code := run(strings.Fields(args), strings.NewReader(""), &out, &err)
		if code != want || (code == 0) != (err.Len() == 0) || strings.Count(err.String(), "\n") > 1 {
			t.Errorf("%s: exit %d, want %d: %s", args, code, want, &err)
		}
	}
}

// The help of serve lists every key that has an effect and none that has not.
func TestPrintKeys(t *testing.T) {
	var b bytes.Buffer
	if err := printKeys(&b); err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(b.String())
	for flag, want := range map[string]bool{"--listening-port=PORT": true, "--no-auth": true, "--data-dir=PATH": true, "--cli": false, "--no-sslv2": false} {
		if slices.Contains(words, flag) != want {
			t.Errorf("%s is there: %v", flag, !want)
		}
	}
}

// A-L01: a name that somebody else has put into the database writes neither lines
// of its own nor to the terminal's controls.
func TestPrintUsers(t *testing.T) {
	list := []server.Account{{Name: "a\nroot", Realm: "r"}, {Name: "\x1b[2J", Realm: "r\x07"}, {Name: "b\u202ec", Realm: "\xff"}, {Name: "王 x", Realm: "r"}}
	got := userTable(list)
	if strings.Count(got, "\n") != len(list) || strings.ContainsAny(got, "\x1b\x07\u202e") || !utf8.ValidString(got) || !strings.Contains(got, "王 x ") || !strings.Contains(got, `"a\nroot"`) {
		t.Errorf("%q", got)
	}
}
