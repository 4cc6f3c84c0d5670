// Package storetest is the suite that every store.Database passes.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"iceserver/internal/auth"
	"iceserver/internal/store"
)

// Test runs the suite. Open returns a new, empty database each time it is
// called, and sees to its end.
func Test(t *testing.T, open func(t *testing.T) store.Database) {
	tests := []struct {
		name string
		run  func(t *testing.T, db store.Database)
	}{
		{"users", users}, {"user exists", userExists}, {"realms are apart", realms},
		{"list order", listOrder}, {"secrets", secrets}, {"refused values", refused},
		{"hostile text", hostile}, {"limits", limits}, {"concurrent use", concurrent},
		{"cancelled", cancelled}, {"origins", origins}, {"realm options", realmOptions}, {"peer rules", peerRules},
		{"administrators", admins}, {"keys of authorization servers", oauthKeys}, {"list of realms", realmList},
		{"version", version},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

// key returns a key that differs for every seed.
func key(t *testing.T, seed string) auth.Key {
	t.Helper()
	k, err := auth.LongTermKey(seed, "realm", "password")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func check(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: error %v, want %v", what, err, want)
	}
}

// wantKey requires that the user has that key, or that there is none if want
// is nil.
func wantKey(t *testing.T, db store.Database, realm, name string, want auth.Key) {
	t.Helper()
	got, err := db.Key(context.Background(), realm, name)
	if want == nil {
		check(t, "key of "+name, err, store.ErrNoUser)
		return
	}
	check(t, "key of "+name, err, nil)
	if !slices.Equal(got, want) {
		t.Fatalf("key of %q in %q: got %v, want %v", name, realm, got, want)
	}
}

// wantUsers requires exactly these users, each as "realm/name".
func wantUsers(t *testing.T, db store.Database, realm string, want ...string) {
	t.Helper()
	list, err := db.Users(context.Background(), realm)
	check(t, "users", err, nil)
	var got []string
	for _, u := range list {
		if len(u.Key) == 0 {
			t.Errorf("user %q was listed without a key", u.Name)
		}
		got = append(got, u.Realm+"/"+u.Name)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("users of realm %q: got %q, want %q", realm, got, want)
	}
}

func wantSecrets(t *testing.T, db store.Database, realm string, want ...string) {
	t.Helper()
	got, err := db.Secrets(context.Background(), realm)
	check(t, "secrets", err, nil)
	if !slices.Equal(got, want) {
		t.Fatalf("secrets of realm %q: got %q, want %q", realm, got, want)
	}
}

func users(t *testing.T, db store.Database) {
	ctx, first, second := context.Background(), key(t, "first"), key(t, "second")
	wantUsers(t, db, "")
	wantKey(t, db, "r", "alice", nil)
	check(t, "delete", db.DeleteUser(ctx, "r", "alice"), store.ErrNoUser)

	check(t, "set", db.SetUser(ctx, store.User{Realm: "r", Name: "alice", Key: first}), nil)
	wantKey(t, db, "r", "alice", first)
	check(t, "set", db.SetUser(ctx, store.User{Realm: "r", Name: "alice", Key: second}), nil)
	wantKey(t, db, "r", "alice", second)
	wantUsers(t, db, "", "r/alice")

	check(t, "delete", db.DeleteUser(ctx, "r", "alice"), nil)
	wantKey(t, db, "r", "alice", nil)
	wantUsers(t, db, "")
}

func userExists(t *testing.T, db store.Database) {
	ctx, first, second := context.Background(), key(t, "first"), key(t, "second")
	check(t, "add", db.AddUser(ctx, store.User{Realm: "r", Name: "bob", Key: first}), nil)
	check(t, "add", db.AddUser(ctx, store.User{Realm: "r", Name: "bob", Key: second}), store.ErrUserExists)
	wantKey(t, db, "r", "bob", first)
	check(t, "add", db.AddUser(ctx, store.User{Realm: "other", Name: "bob", Key: second}), nil)
	wantKey(t, db, "other", "bob", second)
}

// A-A08: a name in one realm says nothing about the same name in another.
func realms(t *testing.T, db store.Database) {
	ctx, k := context.Background(), key(t, "k")
	for _, realm := range []string{"", "a", "b"} {
		check(t, "set", db.SetUser(ctx, store.User{Realm: realm, Name: "carol", Key: k}), nil)
		check(t, "secret", db.AddSecret(ctx, realm, "s"+realm), nil)
	}
	wantUsers(t, db, "a", "a/carol")
	wantUsers(t, db, "", "/carol", "a/carol", "b/carol")
	wantKey(t, db, "c", "carol", nil)
	wantKey(t, db, "", "carol", k)
	wantSecrets(t, db, "a", "sa")
	wantSecrets(t, db, "", "s")
	wantSecrets(t, db, "c")

	check(t, "delete", db.DeleteUser(ctx, "a", "carol"), nil)
	wantKey(t, db, "b", "carol", k)
	check(t, "remove", db.RemoveSecret(ctx, "a", "sb"), store.ErrNoSecret)
	wantSecrets(t, db, "b", "sb")
}

func listOrder(t *testing.T, db store.Database) {
	for _, u := range []string{"b/2", "a/9", "b/1", "a/10"} {
		realm, name, _ := strings.Cut(u, "/")
		err := db.SetUser(context.Background(), store.User{Realm: realm, Name: name, Key: key(t, u)})
		check(t, "set", err, nil)
	}
	wantUsers(t, db, "", "a/10", "a/9", "b/1", "b/2")
}

// R-REST-4-b (TURN REST draft, 4): a realm holds several secrets at a time.
func secrets(t *testing.T, db store.Database) {
	ctx := context.Background()
	wantSecrets(t, db, "r")
	check(t, "remove", db.RemoveSecret(ctx, "r", "one"), store.ErrNoSecret)
	check(t, "add", db.AddSecret(ctx, "r", "two"), nil)
	check(t, "add", db.AddSecret(ctx, "r", "one"), nil)
	check(t, "add again", db.AddSecret(ctx, "r", "one"), nil)
	wantSecrets(t, db, "r", "one", "two")
	check(t, "remove", db.RemoveSecret(ctx, "r", "one"), nil)
	wantSecrets(t, db, "r", "two")
}

func refused(t *testing.T, db store.Database) {
	ctx, k := context.Background(), key(t, "k")
	long := func(n int) string { return strings.Repeat("x", n) }
	for what, err := range map[string]error{
		"no name":      db.SetUser(ctx, store.User{Realm: "r", Key: k}),
		"no key":       db.SetUser(ctx, store.User{Realm: "r", Name: "n"}),
		"long name":    db.AddUser(ctx, store.User{Realm: "r", Name: long(513), Key: k}),
		"long realm":   db.AddUser(ctx, store.User{Realm: long(128), Name: "n", Key: k}),
		"empty secret": db.AddSecret(ctx, "r", ""),
		"blank secret": db.AddSecret(ctx, "r", "  \t"),
		"long secret":  db.AddSecret(ctx, "r", long(257)),
	} {
		if err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
	wantUsers(t, db, "")
	wantSecrets(t, db, "r")
}

// A-C01: whatever a field holds, it is that text and nothing else: no other row
// is matched, changed or deleted by it, on any path.
func hostile(t *testing.T, db store.Database) {
	ctx, k := context.Background(), key(t, "bystander")
	check(t, "set", db.SetUser(ctx, store.User{Realm: "r", Name: "bystander", Key: k}), nil)
	check(t, "secret", db.AddSecret(ctx, "r", "bystander"), nil)
	for _, text := range []string{
		"' OR '1'='1", `" OR "1"="1`, "'; DROP TABLE turnusers_lt; --", "x') OR 1=1 --", "%", "_",
		"\\' OR 1=1 --", "' UNION SELECT value FROM turn_secret --", "bystander' --", "?", "$1", ":name", "$ne", "{$gt: ''}", "*", "[a-z]*", "bystander\r\nDEL x",
	} {
		wantKey(t, db, "r", text, nil)
		wantKey(t, db, text, "bystander", nil)
		wantSecrets(t, db, text)
		check(t, text, db.DeleteUser(ctx, "r", text), store.ErrNoUser)
		check(t, text, db.DeleteUser(ctx, text, "bystander"), store.ErrNoUser)
		check(t, text, db.RemoveSecret(ctx, "r", text), store.ErrNoSecret)
		check(t, text, db.RemoveSecret(ctx, text, "bystander"), store.ErrNoSecret)

		own := key(t, text)
		check(t, text, db.AddUser(ctx, store.User{Realm: text, Name: text, Key: own}), nil)
		wantKey(t, db, text, text, own)
		wantUsers(t, db, text, text+"/"+text)
		check(t, text, db.AddSecret(ctx, text, text), nil)
		wantSecrets(t, db, text, text)
		check(t, text, db.RemoveSecret(ctx, text, text), nil)
		check(t, text, db.DeleteUser(ctx, text, text), nil)
	}
	for _, text := range []string{"a\x00' OR 1=1 --", "\xff\xfe", "bystander\x00"} {
		wantKey(t, db, "r", text, nil)
		wantSecrets(t, db, text)
		check(t, text, db.DeleteUser(ctx, "r", text), store.ErrNoUser)
		if db.AddUser(ctx, store.User{Realm: "r", Name: text, Key: k}) == nil {
			t.Errorf("%q: added", text)
		}
		if db.AddSecret(ctx, "r", text) == nil {
			t.Errorf("%q: added as a secret", text)
		}
	}
	// Signs that a column's character set may lack are no reason to fail.
	wantKey(t, db, "r", "\U0001f600", nil)
	wantUsers(t, db, "", "r/bystander")
	wantKey(t, db, "r", "bystander", k)
	wantSecrets(t, db, "r", "bystander")
}

// limits stores the longest values that the columns hold.
func limits(t *testing.T, db store.Database) {
	ctx, k := context.Background(), key(t, "k")
	realm, user, secret := strings.Repeat("r", 127), strings.Repeat("u", 512), strings.Repeat("s", 256)
	check(t, "set", db.SetUser(ctx, store.User{Realm: realm, Name: user, Key: k}), nil)
	wantKey(t, db, realm, user, k)
	wantKey(t, db, realm, user[1:], nil)
	check(t, "secret", db.AddSecret(ctx, realm, secret), nil)
	wantSecrets(t, db, realm, secret)

	// Names are compared byte by byte: case counts and so do accents.
	check(t, "set", db.SetUser(ctx, store.User{Realm: "r", Name: "Zoé", Key: k}), nil)
	wantKey(t, db, "r", "Zoé", k)
	wantKey(t, db, "r", "zoé", nil)
	wantKey(t, db, "r", "Zoe", nil)
}

func concurrent(t *testing.T, db store.Database) {
	const workers, each = 4, 10
	ctx, k := context.Background(), key(t, "k")
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				u := store.User{Realm: "r", Name: fmt.Sprintf("user%d-%d", w, i), Key: k}
				if err := db.AddUser(ctx, u); err != nil {
					t.Errorf("add: %v", err)
				}
				if _, err := db.Key(ctx, u.Realm, u.Name); err != nil {
					t.Errorf("key: %v", err)
				}
			}
		})
	}
	wg.Wait()
	list, err := db.Users(ctx, "r")
	check(t, "users", err, nil)
	if len(list) != workers*each {
		t.Errorf("%d users, want %d", len(list), workers*each)
	}
}

// A-A10: a look-up that may not go on is an error, never "no such user".
func cancelled(t *testing.T, db store.Database) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := db.Key(ctx, "r", "n"); err == nil || errors.Is(err, store.ErrNoUser) {
		t.Errorf("key: error %v", err)
	}
	if _, err := db.Secrets(ctx, "r"); err == nil {
		t.Error("secrets: no error")
	}
}
