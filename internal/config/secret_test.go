package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// A-L02: however the configuration is printed, no secret of it is shown.
func TestSecretsAreNotPrinted(t *testing.T) {
	const file = "static-auth-secret=canary1\nuser=bob:canary2\nuser=eve:0x00112233445566778899aabbccddeeff\nrealm=r\n" +
		"psql-userdb=host=x password=canary3\ncli-password=canary4\nmin-port=5000\nmin-port=canary5 is printed, being no secret"
	c, problems := Load(Input{
		File: "f", Text: strings.NewReader(file),
		Environ: []string{"ICESERVER_STATIC_AUTH_SECRET=canary6", "ICESERVER_REDIS_USERDB=password=canary7"},
		Flags:   []Flag{{Key: "static-auth-secret", Value: "canary8"}, {Key: "user", Value: "canary9"}},
	})
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "config", *c, "secrets", c.Secrets, "user", c.Users[0])
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", *c, "secrets", c.Secrets, "user", c.Users[0])
	js, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out := log.String() + string(js) + c.String() + fmt.Sprint(c) + lines(problems) + fmt.Sprint(problems, c.Sources)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		out += fmt.Sprintf(verb, *c) + fmt.Sprintf(verb, c.Users) + fmt.Sprintf(verb, c.Secrets[0]) + fmt.Sprintf(verb, &c.Users[0])
	}
	for _, canary := range []string{"canary1", "canary2", "canary3", "canary4", "canary6", "canary7", "canary8", "canary9",
		"001122334455", fmt.Sprintf("%x", "canary1"), fmt.Sprintf("%d", []byte("canary1"))} {
		if strings.Contains(out, canary) {
			t.Errorf("%s is shown", canary)
		}
	}
	// The test would not see anything if nothing were printed at all.
	if !strings.Contains(out, "canary5") || !strings.Contains(out, redacted) || c.Secrets[0].Reveal() != "canary1" {
		t.Error("the test has lost what it looks for")
	}
}

// An empty secret can be told from one that is hidden.
func TestEmptySecret(t *testing.T) {
	if s := fmt.Sprintf("%v|%s", Secret(""), Secret("x")); s != "|"+redacted {
		t.Errorf("got %s", s)
	}
}

// A password or secret that a comment cuts short, and a shared secret that can be
// guessed, are told by line; what is cut is shown no more than what is left.
func TestSecretWarnings(t *testing.T) {
	const long = "0123456789abcdef"
	for file, want := range map[string]string{
		"realm=r\nuser=bob:pa #canary":                      "f:2:1: warning: user ends before the #",
		"static-auth-secret=" + long + " # canary":          "f:1:1: warning: static-auth-secret ends before the #",
		"static-auth-secret canary\t#canary\nmin-port=7000": "f:1:1: warning: static-auth-secret ends before the #",
		"user=bob:pa#canary":                                "",
		"user=\"bob:pa #canary\"":                           "",
		"user=\"bob:pa\" # canary":                          "",
		"realm=r # canary":                                  "",
		"static-auth-secret=" + long:                        "",
		"static-auth-secret=" + long[1:]:                    "f:1:1: warning: static-auth-secret has 15 bytes",
		"realm=r\nstatic-auth-secret=c":                     "f:2:1: warning: static-auth-secret has 1 bytes",
	} {
		_, problems := Load(Input{File: "f", Text: strings.NewReader(file)})
		got := lines(problems)
		if !strings.HasPrefix(got, want) || want == "" && got != "" || strings.Contains(got, "canary") {
			t.Errorf("%q: got %q, want %q", file, got, want)
		}
	}
	_, problems := Load(Input{Flags: []Flag{{Key: "static-auth-secret", Value: "canary"}}})
	if got := lines(problems); !strings.Contains(got, "--static-auth-secret has 6 bytes") || strings.Contains(got, "canary") {
		t.Errorf("got %q", got)
	}
}
