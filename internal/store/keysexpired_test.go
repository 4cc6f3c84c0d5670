package store_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/store"
)

// expired requires that the password was that of a user's time-limited credential
// and is no more, or not.
func (f *fixture) expired(realm, username, password string, in bool) {
	f.t.Helper()
	c, err := f.candidates(realm, username)
	if err != nil {
		f.t.Fatalf("%s: %v", username, err)
	}
	want := longTerm(f.t, username, realm, password)
	if slices.ContainsFunc(c.Expired, func(k auth.Key) bool { return slices.Equal(k, want) }) != in {
		f.t.Errorf("user %q, password %q: among the %d expired candidates is %v, want %v", username, password, len(c.Expired), !in, in)
	}
}

// A-X05: a credential whose time is over is known as such, of whatever secret it
// was made, from memory too; a wrong password of the same name is not.
func TestKeysExpired(t *testing.T) {
	f := newFixture(t, store.KeysOptions{Secrets: []string{"old", "new"}, MaxTTL: 24 * time.Hour})
	f.addSecret("r", "base")
	f.addSecret("other", "foreign")
	for range 2 {
		for secret, in := range map[string]bool{"old": true, "new": true, "base": true, "foreign": false, "wrong": false} {
			for _, ago := range []time.Duration{time.Second, 400 * 24 * time.Hour} {
				user, password := f.timed(secret, "eve", -ago)
				f.expired("r", user, password, in)
				f.want("r", user, password, false)
			}
			for _, ahead := range []time.Duration{0, time.Hour, 48 * time.Hour} {
				user, password := f.timed(secret, "eve", ahead)
				f.expired("r", user, password, false)
			}
		}
	}
	if n := f.db.secrets.Load(); n != 1 {
		t.Errorf("the secrets were asked for %d times", n)
	}
	f.expired("r", "eve", auth.REST{}.Password("old", "eve"), false)
}

// A name whose time is over may be a user's all the same, configured or of the
// database: then both are candidates, and the user is let in.
func TestKeysExpiredNameOfUser(t *testing.T) {
	const username = "1700000000"
	password := auth.REST{}.Password("s", username)
	f := newFixture(t, store.KeysOptions{
		Secrets: []string{"s"}, Users: []store.User{{Realm: "r", Name: username, Key: longTerm(t, username, "r", "conf")}},
	})
	f.want("r", username, "conf", true)
	f.expired("r", username, password, true)
	if n := f.db.keys.Load() + f.db.secrets.Load(); n != 0 {
		t.Errorf("the database was asked %d times about a configured user", n)
	}
	f = newFixture(t, store.KeysOptions{Secrets: []string{"s"}})
	f.setUser("r", username, "base")
	f.want("r", username, "base", true)
	f.expired("r", username, password, true)
}

// A-A10: that a credential of a configured secret has expired does not stand for an
// answer of a database that is down, which may have a user of that name.
func TestKeysExpiredDatabaseDown(t *testing.T) {
	f := newFixture(t, store.KeysOptions{Secrets: []string{"s"}})
	user, _ := f.timed("s", "eve", -time.Hour)
	if err := f.db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if c, err := f.candidates("r", user); err == nil {
			t.Errorf("%d keys, %d expired, and no error", len(c.Keys), len(c.Expired))
		}
	}
}

// A-A10: a row of the secrets that is empty, blank or NULL lets nobody in, although
// anybody can compute what it would sign; a good one beside it goes on working.
func TestKeysEmptySecret(t *testing.T) {
	db, path := open(t)
	var log bytes.Buffer
	keys := store.NewKeys(store.KeysOptions{Database: db, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if _, err := raw(t, path).Exec("INSERT INTO turn_secret VALUES ('r', ''), ('r', ' '), ('r', NULL), ('good', ''), ('good', 's')"); err != nil {
		t.Fatal(err)
	}
	expires := time.Now().Add(time.Hour)
	for realm, want := range map[string]int{"r": 0, "good": 1} {
		user, _ := auth.REST{}.Mint("", "x", expires)
		if got, err := keys.Find(context.Background(), realm, user); err != nil || len(got.Keys) != want {
			t.Errorf("realm %s: %d candidates, want %d; error %v", realm, len(got.Keys), want, err)
		}
	}
	if n := strings.Count(log.String(), "an empty shared secret"); n != 2 {
		t.Errorf("%d warnings, want one a realm:\n%s", n, &log)
	}
}
