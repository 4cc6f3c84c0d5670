package server

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"iceserver/internal/config"
)

// reloadable starts a server whose configuration the test can change.
func reloadable(t *testing.T, text string) (r *running, write func(string)) {
	t.Helper()
	next := new(atomic.Pointer[config.Config])
	write = func(text string) { next.Store(load(t, text)) }
	r = start(t, load(t, text), Options{Load: func() (*config.Config, error) { return next.Load(), nil }})
	r.log.Wait(t, "msg=ready")
	return r, write
}

// Other files of certificates are in use after a reload, and a self-signed one where
// none are named any more. Those of the start may be gone by then.
func TestReloadNamesOtherCertificates(t *testing.T) {
	const text = "realm=r\nuser=u:a-long-password\n"
	of := func(name string) string {
		cert, key := issue(t, name)
		return "cert=" + cert + "\npkey=" + key + "\n"
	}
	first, second := of("a.example"), of("b.example")
	r, write := reloadable(t, text+first)
	if err := os.Remove(r.cfg().CertFiles[0]); err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name, text string
		shown      string
		refused    bool
	}{
		{"another", text + second, "b.example", false},
		{"one that is not there", text + strings.ReplaceAll(second, ".pem", ".nowhere"), "b.example", true},
		{"one that has gone", text + first, "b.example", true},
		{"none", text, "localhost", false},
		{"one again", text + of("c.example"), "c.example", false},
	}
	for _, s := range steps {
		write(s.text)
		got, err := r.Reload()
		if (err != nil) != s.refused || anyOf(got.Restart, "cert", "pkey", "log-file", "log-format") {
			t.Errorf("%s: %+v, %v", s.name, got, err)
		}
		if leaf := r.shows(t, ""); leaf.VerifyHostname(s.shown) != nil {
			t.Errorf("%s: the certificate shown is for %v, not %s", s.name, leaf.DNSNames, s.shown)
		}
	}
}

// The log goes where the reloaded configuration says, in the form that it says; where
// it cannot go, nothing has changed.
func TestReloadMovesLog(t *testing.T) {
	const text = "realm=r\nuser=u:a-long-password\nno-tls\n"
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	r, write := reloadable(t, text)
	for _, s := range []struct {
		text, file, want string
		refused          bool
	}{
		{"log-file=" + two, two, "level=WARN msg=first a=1 g.b=2", false},
		{"log-file=" + two + "\nlog-format=json", two, `"msg":"first","a":1,"g":{"b":2}`, false},
		{"log-file=" + filepath.Join(dir, "nowhere", "log"), two, `"msg":"first","a":1,"g":{"b":2}`, true},
		{"log-file=" + one + "\nlog-min-level=error", one, "", false},
	} {
		write(text + s.text)
		got, err := r.Reload()
		if (err != nil) != s.refused || anyOf(got.Restart, "cert", "pkey", "log-file", "log-format") {
			t.Errorf("%q: %+v, %v", s.text, got, err)
		}
		before := content(t, s.file)
		r.Server.log.With("a", 1).WithGroup("g").Warn("first", "b", 2)
		if line := strings.TrimPrefix(content(t, s.file), before); !strings.Contains(line, s.want) || (line == "") != (s.want == "") {
			t.Errorf("%q: in %s stands %q", s.text, filepath.Base(s.file), line)
		}
	}
}

func content(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Whoever opens the relay for everybody by a reload hears what that would take, without
// the name of a database that there would not be.
func TestReloadWithoutDatabase(t *testing.T) {
	r, write := reloadable(t, "realm=r\nuser=u:a-long-password\nno-tls\n")
	write("realm=r\nno-auth\nno-tls\n")
	if _, err := r.Reload(); err == nil || !strings.Contains(err.Error(), "or in none any more: that takes a restart") {
		t.Errorf("got %v", err)
	}
}
