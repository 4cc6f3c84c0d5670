package server

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
	// To name the default is not to leave it out: without the key it is standard error.
	write(text + "log-file=stdout")
	if _, err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	r.Server.log.Warn("on standard output")
	r.out.Wait(t, "on standard output")
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

// The relay is opened for everybody and closed again by a reload; a database that the
// start had no use for takes a restart.
func TestReloadNoAuth(t *testing.T) {
	const text, user = "realm=r\nno-tls\n", "user=u:a-long-password"
	r, write := reloadable(t, text+user)
	for _, s := range []struct {
		keys string
		open bool
	}{{"no-auth", true}, {user, false}} {
		write(text + s.keys)
		if got, err := r.Reload(); err != nil || anyOf(got.Restart, "no-auth") {
			t.Errorf("%q: %+v, %v", s.keys, got, err)
		}
		if _, err := clientOf(t, r.Addrs().UDP[0], "stranger", "another-password").allocate(); (err == nil) != s.open {
			t.Errorf("%q: a stranger gets %v", s.keys, err)
		}
		if _, err := clientOf(t, r.Addrs().UDP[0], "u", "a-long-password").allocate(); err != nil {
			t.Errorf("%q: a user gets %v", s.keys, err)
		}
	}
	r, write = reloadable(t, text+"no-auth")
	write(text + user)
	if _, err := r.Reload(); err == nil || !strings.Contains(err.Error(), "for the first time, or in none any more: that takes a restart") {
		t.Errorf("got %v", err)
	}
}

// Of a user whom a reload removes the log says that there are calls, and how to end
// them; they cannot be prolonged. Of one without calls nothing is said.
func TestReloadRemovesUser(t *testing.T) {
	const text = "realm=r\nno-tls\nuser=kept:a-long-password\n"
	r, write := reloadable(t, text+"user=gone:a-long-password\nuser=silent:a-long-password")
	gone, kept := clientOf(t, r.Addrs().UDP[0], "gone", "a-long-password"), clientOf(t, r.Addrs().UDP[0], "kept", "a-long-password")
	for _, c := range []*tester{gone, kept} {
		if _, err := c.allocate(); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	if _, err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	r.log.Wait(t, "user=gone allocations=1 command=\"iceserver user revoke gone ")
	if log := r.log.String(); strings.Contains(log, "revoke kept") || strings.Contains(log, "revoke silent") {
		t.Errorf("the log:\n%s", log)
	}
	if err := gone.refresh(10 * time.Minute); err == nil {
		t.Error("who is no user any more prolongs an allocation")
	}
	if err := kept.refresh(10 * time.Minute); err != nil {
		t.Error(err)
	}
}
