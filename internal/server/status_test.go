package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"iceserver/internal/config"
	"iceserver/internal/doctor"
	"iceserver/internal/relay"
)

// statusOf asks a server through its control socket.
func (r *running) statusOf(t *testing.T) *Status {
	t.Helper()
	st, err := Options{}.Status(t.Context(), r.cfg())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// awaitStatus asks until the answer is as it should be: some of it is of what is done
// behind the packet that a test has seen already.
func (r *running) awaitStatus(t *testing.T, what string, good func(*Status) bool) *Status {
	t.Helper()
	over := time.Now().Add(15 * time.Second)
	for {
		st := r.statusOf(t)
		if good(st) {
			return st
		}
		if time.Now().After(over) {
			t.Fatalf("%s never came: %+v", what, st)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// hint is what is said under a name, or a zero one.
func (st *Status) hint(name string) doctor.Check {
	if i := slices.IndexFunc(st.Hints, func(c doctor.Check) bool { return c.Name == name }); i >= 0 {
		return st.Hints[i]
	}
	return doctor.Check{}
}

// The status is that of now: before a client, with it, after a refusal, and when the
// server ends with it.
func TestStatus(t *testing.T) {
	r := start(t, load(t, metricsUsers), Options{Version: "1.2.3", Commit: "abc"})
	r.log.Wait(t, "msg=ready")
	// The test of the own relay is over, and its allocation too.
	before := r.awaitStatus(t, "an idle server", func(st *Status) bool { return st.Allocations.Now == 0 && st.RelayPorts.Used == 0 })
	if before.State != stateServing || before.Version != "1.2.3" || before.Commit != "abc" || before.PID != os.Getpid() || before.Since.IsZero() ||
		before.DataDir != r.cfg().DataDir || before.Realm != "r" || before.SelfTest.Result != partOK || before.Workers < 1 || before.Engine == "" {
		t.Errorf("%+v", before)
	}
	if u := before.Users; u.Anybody || u.Configured != 2 || u.Active != 0 || !before.Database.Answers {
		t.Errorf("users %+v, database %+v", u, before.Database)
	}
	want := []statusListener{{"udp", r.Addrs().UDP[0]}, {"tcp", r.Addrs().TCP[0]}, {"tls", r.Addrs().TLS[0]}}
	if !slices.Equal(before.Listeners, want) || len(before.External) != 1 || before.External[0].From != "its interface" {
		t.Errorf("listens at %v, want %v; told is %+v", before.Listeners, want, before.External)
	}
	if len(before.Certificates) != 1 {
		t.Fatalf("%+v", before.Certificates)
	}
	if c := before.Certificates[0]; !c.NotAfter.Equal(r.certs.NotAfter()) || !c.Renewal.Equal(c.NotAfter.Add(-renewBefore)) || !slices.Contains(c.Names, "127.0.0.1") {
		t.Errorf("%+v", c)
	}
	if len(before.Hints) != 0 {
		t.Errorf("a sound server is to be mended: %+v", before.Hints)
	}

	alice := clientOf(t, r.Addrs().UDP[0], "alice", "a-long-password")
	if _, err := alice.allocate(); err != nil {
		t.Fatal(err)
	}
	if _, err := clientOf(t, r.Addrs().UDP[0], "alice", "another").allocate(); err == nil {
		t.Fatal("a wrong password is let in")
	}
	st := r.awaitStatus(t, "an allocation and a refusal", func(st *Status) bool { return st.Allocations.Now == 1 && len(st.Refusals) == 1 })
	if a := st.Allocations; a.ByTransport["udp"] != 1 || a.ByTransport["tcp"] != 0 || a.Total != before.Allocations.Total+1 || st.Users.Active != 1 || st.RelayPorts.Used != 1 {
		t.Errorf("%+v, %+v, %+v", a, st.Users, st.RelayPorts)
	}
	if f := st.Refusals[0]; f.Code != 401 || f.Cause != "wrong-password" || f.Count != 1 {
		t.Errorf("%+v", f)
	}
	if now, then := st.Traffic, before.Traffic; now.PacketsIn <= then.PacketsIn || now.BytesIn <= then.BytesIn || now.PacketsOut <= then.PacketsOut || now.BytesOut <= then.BytesOut {
		t.Errorf("traffic of %+v has become %+v", then, now)
	}
	if err := r.Drain(); err != nil {
		t.Fatal(err)
	}
	if st := r.statusOf(t); st.State != stateDraining {
		t.Errorf("state %q of a server that is drained", st.State)
	}
}

// What is in the status is for tickets and chats: no secret of the server's, whoever
// has made it.
func TestStatusHasNoSecret(t *testing.T) {
	r := start(t, load(t, "realm=r\nuser=alice:CANARY-password\nstatic-auth-secret=CANARY-secret\nweb=on\n"), Options{})
	r.log.Wait(t, "msg=ready")
	text, err := json.Marshal(r.statusOf(t))
	if err != nil {
		t.Fatal(err)
	}
	kept := r.access().kept
	for _, secret := range []string{"CANARY", kept.Secret, kept.Password, kept.NonceKey, r.web.firstKey} {
		if secret != "" && strings.Contains(string(text), secret) {
			t.Errorf("%q is in %s", secret, text)
		}
	}
}

// What is on the disk and what is in force are told apart: a file that has changed,
// one that was refused, and keys that take a restart.
func TestStatusOfConfiguration(t *testing.T) {
	cfg := load(t, "realm=r\nuser=alice:a-long-password\nno-tls")
	file := filepath.Join(t.TempDir(), "turnserver.conf")
	at := time.Now().Add(-time.Hour)
	change := func() {
		t.Helper()
		at = at.Add(time.Minute)
		if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chtimes(file, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	change()
	next, wrong := *cfg, error(nil)
	r := start(t, cfg, Options{ConfigFile: file, Load: func() (*config.Config, error) { n := next; return &n, wrong }})
	r.log.Wait(t, "msg=ready")
	expect := func(when string, newer, rejected bool, hint string) {
		t.Helper()
		st := r.statusOf(t)
		c, h := st.Configuration, st.hint("configuration")
		if c.File != file || c.Newer != newer || (c.Rejected != nil) != rejected || !strings.Contains(h.Seen, hint) || (hint == "") != (h.Seen == "") {
			t.Errorf("%s: %+v, and the hint is %+v", when, c, h)
		}
	}
	expect("at the start", false, false, "")
	first := r.statusOf(t).Configuration.Read
	change()
	expect("changed", true, false, "is newer than what is in force")
	wrong = errors.New("line 3:\n no such key")
	if _, err := r.Reload(); err == nil {
		t.Fatal("a broken file is taken")
	}
	expect("refused", true, true, "line 3: no such key")
	change()
	expect("changed after the refusal", true, true, "is newer than what is in force")
	wrong, next.MinPort = nil, cfg.MinPort+1
	if _, err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	expect("taken", false, false, "take a restart: min-port")
	if c := r.statusOf(t).Configuration; !c.Read.After(first) || !slices.Equal(c.Restart, []string{"min-port"}) {
		t.Errorf("%+v, first read %v", c, first)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	expect("gone", false, false, "take a restart: min-port")
}

// A database that does not answer is told, with the time since when and the words of
// the doctor; so are relayed ports that come to their end.
func TestStatusHints(t *testing.T) {
	port := freePort(t)
	relayed := freePort(t)
	r := start(t, load(t, fmt.Sprintf("realm=r\nuser=alice:a-long-password\nno-tls\nallow-loopback-peers\nno-dynamic-ip-list\nno-dynamic-realms\n"+
		"redis-userdb=\"ip=127.0.0.1 port=%d password=CANARY\"\nmin-port=%d\nmax-port=%d\n", port, relayed, relayed)), Options{})
	r.log.Wait(t, "msg=ready")
	st := r.awaitStatus(t, "a silent database", func(st *Status) bool { return !st.Database.Answers })
	h := st.hint("database")
	if st.Database.Since.IsZero() || h.Status != doctor.Fail || h.Advice != doctor.DatabaseDown("").Advice || strings.Contains(h.Seen, "CANARY") {
		t.Errorf("%+v, and the hint is %+v", st.Database, h)
	}
	if h := st.hint("ports"); h.Seen != "" {
		t.Errorf("no port is used, and the hint is %+v", h)
	}
	alice := clientOf(t, r.Addrs().UDP[0], "alice", "a-long-password")
	if _, err := alice.allocate(); err != nil {
		t.Fatal(err)
	}
	st = r.awaitStatus(t, "a used port", func(st *Status) bool { return st.RelayPorts.Used == 1 })
	if h := st.hint("ports"); h.Status != doctor.Warn || !strings.Contains(h.Seen, "1 of 1 ") || !strings.Contains(h.Advice, "max-port") {
		t.Errorf("all ports are used, and the hint is %+v", h)
	}
	if st.Hints[0].Name != "database" {
		t.Errorf("the worst is not the first: %+v", st.Hints)
	}
}

// An address that was found out stands with who has told it, a change with its time,
// and one that nobody knows is a reason to do something.
func TestStatusOfAddress(t *testing.T) {
	metadata, say := hetzner(t)
	r := start(t, load(t, "external-ip=auto/127.0.0.1"), Options{Metadata: metadata})
	r.log.Wait(t, "msg=ready")
	if st := r.statusOf(t); st.hint("address").Status != doctor.Warn || st.AddressChange != nil {
		t.Errorf("nobody knows the address: %+v, %+v", st.hint("address"), st.AddressChange)
	}
	say("198.41.1.9")
	r.followExternal()
	st := r.statusOf(t)
	want := netip.MustParseAddr("198.41.1.9")
	if e := st.External[0]; e.Address != want || e.Relay.String() != "127.0.0.1" || e.From != "the metadata service of Hetzner" {
		t.Errorf("%+v", e)
	}
	if c := st.AddressChange; c == nil || c.At.IsZero() || !slices.Equal(c.Now, []netip.Addr{want}) || c.Before[0].String() != "127.0.0.1" {
		t.Errorf("the change is %+v", c)
	}
	if st.hint("address").Seen != "" {
		t.Errorf("the address is known: %+v", st.hint("address"))
	}
	// A certificate of our own is enough for this machine, and for nobody else.
	if c := st.hint("certificate"); c.Status != doctor.Warn || !strings.Contains(c.Seen, "self-signed") {
		t.Errorf("%+v", c)
	}
}

// Which addresses are missing an external one.
func TestUnfound(t *testing.T) {
	for _, c := range []struct{ name, relays, want string }{
		{"auto", "10.0.0.5", "10.0.0.5"},
		{"auto", "198.41.1.9", ""},
		{"auto", "10.0.0.5 198.41.1.9", ""},
		{"auto", "10.0.0.5 2600::1", "10.0.0.5"},
		{"auto", "198.41.1.9 fd00::1", ""},
		{"auto", "fd00::1", "fd00::1"},
		{"", "10.0.0.5", ""},
	} {
		p, want := new(place), []netip.Addr(nil)
		for text := range strings.FieldsSeq(c.relays) {
			p.relays = append(p.relays, relay.RelayAddr{Local: netip.MustParseAddr(text)})
		}
		for text := range strings.FieldsSeq(c.want) {
			want = append(want, netip.MustParseAddr(text))
		}
		x := &setup{cfg: &config.Config{ExternalIPs: []config.ExternalIP{{Name: c.name}}}, place: p}
		if got := x.unfound(); !slices.Equal(got, want) {
			t.Errorf("%q at %s: %v, want %v", c.name, c.relays, got, want)
		}
	}
}

// Who asks where nobody serves is told so, and nothing is made there.
func TestStatusOfNobody(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	_, err := Options{}.Status(t.Context(), &config.Config{DataDir: dir})
	if !errors.Is(err, errNotRunning) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("asking has made the data directory: %v", err)
	}
}

// A test of the own relay that failed is told with its reason.
func TestStatusOfFailedTest(t *testing.T) {
	r := start(t, load(t, "realm=r\nuser=alice:a-long-password\nno-tls"), Options{})
	r.log.Wait(t, "msg=ready")
	r.noteTest(errors.New("through UDP: no answer"))
	st := r.statusOf(t)
	if h := st.hint("self-test"); st.SelfTest.Result != partFailed || h.Status != doctor.Fail || !strings.Contains(h.Seen, "no answer") || !strings.Contains(h.Advice, "doctor") {
		t.Errorf("%+v, and the hint is %+v", st.SelfTest, h)
	}
}
