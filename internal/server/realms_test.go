package server

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iceserver/internal/relay"
	"iceserver/internal/store"
	"iceserver/internal/turn"
	"iceserver/test/servertest"
)

// What the database says of realms is in force within seconds, without a restart:
// which page has which realm, what its users may hold, whom they may talk to.
func TestRealmsOfTheDatabase(t *testing.T) {
	r := start(t, load(t, "realm=first.example"), Options{})
	r.log.Wait(t, "msg=ready")
	ctx := context.Background()
	for _, err := range []error{
		r.database.SetOrigin(ctx, store.Origin{Origin: "https://A.example:443", Realm: "second.example"}),
		r.database.SetRealmOption(ctx, store.RealmOption{Realm: "second.example", Option: "user-quota", Value: 2}),
		r.database.SetRealmOption(ctx, store.RealmOption{Realm: "second.example", Option: "max-bps", Value: 9000}),
		r.database.AddPeerRule(ctx, store.PeerRule{Range: "198.41.7.0-198.41.7.9"}),
		r.database.AddPeerRule(ctx, store.PeerRule{Realm: "second.example", Range: "198.41.8.0/24"}),
		r.database.AddPeerRule(ctx, store.PeerRule{Realm: "second.example", Range: "10.9.8.7", Allowed: true}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r.log.Wait(t, "the realms of the database have changed")
	o := r.turnOptions()
	if o.Realms["https://a.example"] != "second.example" {
		t.Errorf("realms %v", o.Realms)
	}
	if q := r.settings().Quota.Realms["second.example"]; q != (relay.RealmQuota{PerUser: 2, MaxBPS: 9000}) {
		t.Errorf("limits %+v", q)
	}
	for addr, denied := range map[string][2]bool{ // for all, and for the second realm
		"198.41.7.9": {true, true}, "198.41.8.1": {false, true}, "198.41.9.1": {false, false}, "10.9.8.7": {true, false},
	} {
		a := netip.MustParseAddr(addr)
		got := [2]bool{o.Policy.Check(a).Denied, o.Policies["second.example"].Check(a).Denied}
		if got != denied {
			t.Errorf("%s is denied to all and to second.example: %v, want %v", addr, got, denied)
		}
	}
}

// What the configuration does not want of the database is not taken from it, and
// then it does not matter that it is down either, which is noted all the same.
func TestRealmsNotWanted(t *testing.T) {
	db := &ruleDatabase{rules: []store.PeerRule{{Range: "198.41.7.1"}}}
	for name, tt := range map[string]struct {
		ruleless, down bool
		rules          int
	}{
		"wanted": {false, false, 1}, "not wanted": {true, false, 0}, "not wanted, and down": {true, true, 0},
	} {
		r := &realmReader{db: db, log: slog.New(slog.DiscardHandler), ruleless: tt.ruleless, realmless: true}
		if db.err = nil; tt.down {
			db.err = context.DeadlineExceeded
		}
		got, err := r.read(t.Context())
		if err != nil || len(got.rules) != tt.rules || len(got.origins) != 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if silent := r.silent.Load() != nil; silent != tt.down {
			t.Errorf("%s: the database is silent: %v", name, silent)
		}
	}
	r := start(t, load(t, "realm=first.example\nno-dynamic-realms\nno-dynamic-ip-list"), Options{})
	if !r.realms.ruleless || !r.realms.realmless {
		t.Error("the keys do not reach the reader")
	}
}

// A database that says nonsense, or nothing, opens nothing and is told once.
func TestRealmsThatCannotBeRead(t *testing.T) {
	log := new(servertest.Log)
	db := &ruleDatabase{rules: []store.PeerRule{{Range: "everywhere", Allowed: true}, {Range: "198.41.7.1"}}}
	r := &realmReader{db: db, log: slog.New(slog.NewTextHandler(log, nil))}
	for range 3 {
		got, err := r.read(t.Context())
		if err != nil || len(got.rules[""].denied) != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	// What was to be denied and is not understood leaves everything as it is.
	db.rules = []store.PeerRule{{Range: "198.41.7.1"}, {Range: "nowhere"}, {Realm: "other", Range: "nowhere"}}
	for range 3 {
		if _, err := r.read(t.Context()); err == nil {
			t.Error("a rule that denies was passed over")
		}
	}
	// What was mended and breaks again is told again, whatever else is broken.
	for _, again := range [][]store.PeerRule{db.rules[:2], db.rules} {
		db.rules = again
		if _, err := r.read(t.Context()); err == nil {
			t.Error("a rule that denies was passed over")
		}
	}
	db.rules = nil
	if _, err := r.read(t.Context()); err != nil {
		t.Error(err)
	}
	db.err = context.DeadlineExceeded
	for range 3 {
		if _, err := r.read(t.Context()); err == nil {
			t.Error("no error")
		}
	}
	for line, want := range map[string]int{
		"everywhere": 1, "realm=\"\" allowed=false": 1, "realm=other allowed=false": 2, "deadline exceeded": 1,
	} {
		if n := strings.Count(log.String(), line); n != want {
			t.Errorf("%q is told %d times, want %d:\n%s", line, n, want, log)
		}
	}
}

// A-L06: a book that others may read, or that is none, is not used, and the error
// says what to do.
func TestUsageOfOthers(t *testing.T) {
	for text, mode := range map[string]os.FileMode{"no database at all, but long enough to be looked at": 0o600, "": 0o644} {
		dir := t.TempDir()
		path := filepath.Join(dir, usageName)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		_, err := New(load(t, "data-dir="+dir), Options{Stdout: new(servertest.Log), Stderr: new(servertest.Log)})
		if err == nil || !strings.Contains(err.Error(), "move the file away") && !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
}

// A start without the database opens nothing that the database denies: what it
// told last counts, and where it never told anything no peer is open but those
// that the configuration allows.
func TestRealmsBeforeTheDatabase(t *testing.T) {
	dir := t.TempDir()
	at := func(address, database string) (denied bool) {
		t.Helper()
		down := &ruleDatabase{err: context.DeadlineExceeded}
		s := newServer(load(t, "allowed-peer-ip=198.41.6.1\nlistening-ip=127.0.0.1\nallow-loopback-peers"), &access{kept: &kept{dir: dir}, database: database}, &place{})
		s.log = slog.New(slog.DiscardHandler)
		s.openRealms(down)
		return s.policy(s.setup.Load(), s.setup.Load().tables.rules[""]).Check(netip.MustParseAddr(address)).Denied
	}
	for address, denied := range map[string]bool{
		"198.41.6.1": false, "198.41.7.1": true, "2a00::1": true, "::ffff:198.41.7.1": true, "127.0.0.1": true,
	} {
		if at(address, "one") != denied {
			t.Errorf("nothing was ever read, and %s is denied: %v", address, !denied)
		}
	}
	up := &ruleDatabase{rules: []store.PeerRule{{Range: "198.41.7.1"}}}
	s := newServer(load(t, "listening-ip=127.0.0.1"), &access{kept: &kept{dir: dir}, database: "one"}, &place{})
	s.log = slog.New(slog.DiscardHandler)
	s.openRealms(up)
	for address, denied := range map[string]bool{"198.41.6.1": false, "198.41.7.1": true, "198.41.7.2": false, "127.0.0.1": false} {
		if at(address, "one") != denied {
			t.Errorf("its rules were read before, and %s is denied: %v", address, !denied)
		}
	}
	if !at("198.41.7.2", "another") {
		t.Error("the rules of another database are taken for those of this one")
	}
	file := filepath.Join(dir, realmsName)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	for _, spoil := range []func() error{
		func() error { return os.Chmod(file, 0o666) },
		func() error {
			return errors.Join(os.Chmod(file, 0o600), os.WriteFile(file, []byte("{\"database\""), 0o600))
		},
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if !at("198.41.7.2", "one") {
			t.Error("a file that cannot be trusted is")
		}
	}
}

// ruleDatabase answers for realms alone.
type ruleDatabase struct {
	store.Database
	rules []store.PeerRule
	err   error
}

func (d *ruleDatabase) Origins(context.Context) ([]store.Origin, error) { return nil, d.err }

func (d *ruleDatabase) RealmOptions(context.Context, string) ([]store.RealmOption, error) {
	return nil, d.err
}

func (d *ruleDatabase) PeerRules(context.Context) ([]store.PeerRule, error) { return d.rules, d.err }

func (d *ruleDatabase) Version(context.Context) (uint64, error) { return 0, d.err }

// Who has had what he may have in a month is out at once and stays out, and comes
// back with a higher limit.
func TestMonthlyQuota(t *testing.T) {
	r := start(t, load(t, "user-monthly-quota=1000"), Options{})
	r.log.Wait(t, "msg=ready")
	now := time.Date(2026, 5, 31, 23, 59, 0, 0, time.UTC)
	used := []store.Usage{{Day: "2026-05-01", Realm: "iceserver", User: "alice", SentBytes: 600}, {Day: "2026-05-31", Realm: "iceserver", User: "alice", RecvBytes: 400}}
	if err := r.accounting.book.Add(t.Context(), now, used); err != nil {
		t.Fatal(err)
	}
	alice := turn.Account{Realm: "iceserver", Username: "alice"}
	r.accounting.settle(t.Context(), now, r.relay)
	if !r.accounting.barred(alice.Realm, alice.Username) || r.accounting.barred("other", "alice") || r.accounting.barred("iceserver", "bob") {
		t.Error("alice of iceserver alone has had her bytes")
	}
	r.log.Wait(t, "has used up")
	r.accounting.quota.Store(1001)
	r.accounting.settle(t.Context(), now, r.relay)
	if r.accounting.barred(alice.Realm, alice.Username) {
		t.Error("alice is out with one byte left")
	}
	r.accounting.quota.Store(1000)
	june := now.Add(time.Minute)
	r.accounting.settle(t.Context(), june, r.relay)
	if r.accounting.barred(alice.Realm, alice.Username) {
		t.Error("alice is out in a new month")
	}
	// What cannot be written counts all the same, with what was.
	if err := r.accounting.book.Add(t.Context(), june, []store.Usage{{Day: "2026-06-01", Realm: alice.Realm, User: alice.Username, SentBytes: 600}}); err != nil {
		t.Fatal(err)
	}
	r.accounting.unkept[alice] = turn.Tally{Usage: turn.Usage{ClientBytes: 100, PeerBytes: 300}}
	if err := r.accounting.weigh(t.Context(), june, true); err != nil || !r.accounting.barred(alice.Realm, alice.Username) {
		t.Errorf("alice is not out with bytes that were not written: %v", err)
	}
	clear(r.accounting.unkept)
	overWithoutBook(t, r.accounting, alice, june)
}

// overWithoutBook shows that a book which cannot be read lets nobody in who was
// out, and does not hide what was not written.
func overWithoutBook(t *testing.T, a *accounting, alice turn.Account, now time.Time) {
	t.Helper()
	bob, carol := turn.Account{Realm: "iceserver", Username: "bob"}, turn.Account{Realm: "iceserver", Username: "carol"}
	a.unkept[bob], a.unkept[carol] = turn.Tally{Usage: turn.Usage{ClientBytes: 1000}}, turn.Tally{Usage: turn.Usage{ClientBytes: 999}}
	defer clear(a.unkept)
	ended, end := context.WithCancel(t.Context())
	end()
	if err := a.weigh(ended, now, true); err == nil {
		t.Error("a book that cannot be read is no error")
	}
	for who, out := range map[turn.Account]bool{alice: true, bob: true, carol: false} {
		if a.barred(who.Realm, who.Username) != out {
			t.Errorf("the book cannot be read, and %s is out: %v", who.Username, !out)
		}
	}
}
