package server

import (
	"context"
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
)

// What the database says of realms is in force within seconds, without a restart:
// which page has which realm, what its users may hold, whom they may talk to.
func TestRealmsOfTheDatabase(t *testing.T) {
	r := start(t, load(t, "realm=first.example"), Options{})
	r.log.wait(t, "msg=ready")
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
	r.log.wait(t, "the realms of the database have changed")
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

// A database that says nonsense, or nothing, opens nothing and is told once.
func TestRealmsThatCannotBeRead(t *testing.T) {
	log := newOutput()
	db := &ruleDatabase{rules: []store.PeerRule{{Range: "everywhere", Allowed: true}, {Range: "198.41.7.1"}}}
	r := &realmReader{db: db, log: slog.New(slog.NewTextHandler(log, nil)), broken: map[store.PeerRule]bool{}}
	for range 3 {
		got, err := r.read(t.Context())
		if err != nil || len(got.rules[""].denied) != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	// What was to be denied and is not understood leaves everything as it is.
	db.rules = []store.PeerRule{{Range: "198.41.7.1"}, {Range: "nowhere"}}
	for range 3 {
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
	for _, line := range []string{"everywhere", "allowed=false", "deadline exceeded"} {
		if n := strings.Count(log.String(), line); n != 1 {
			t.Errorf("%q is told %d times:\n%s", line, n, log)
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
		_, err := New(load(t, "data-dir="+dir), Options{Stdout: newOutput(), Stderr: newOutput()})
		if err == nil || !strings.Contains(err.Error(), "move the file away") && !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %v: %v", mode, err)
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

// Who has had what he may have in a month is out at once and stays out, and comes
// back with a higher limit.
func TestMonthlyQuota(t *testing.T) {
	r := start(t, load(t, "user-monthly-quota=1000"), Options{})
	r.log.wait(t, "msg=ready")
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
	r.log.wait(t, "has used up")
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
	if err := r.accounting.weigh(t.Context(), june); err != nil || !r.accounting.barred(alice.Realm, alice.Username) {
		t.Errorf("alice is not out with bytes that were not written: %v", err)
	}
	clear(r.accounting.unkept)
}
