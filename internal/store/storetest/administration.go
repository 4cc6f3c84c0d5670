package storetest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"iceserver/internal/store"
)

// wantList requires exactly these entries, in this order.
func wantList[T comparable](t *testing.T, what string, list func(context.Context) ([]T, error), want ...T) {
	t.Helper()
	got, err := list(context.Background())
	check(t, what, err, nil)
	if !slices.Equal(got, want) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func origins(t *testing.T, db store.Database) {
	ctx := context.Background()
	wantList(t, "origins", db.Origins)
	check(t, "delete", db.DeleteOrigin(ctx, "https://a.example"), store.ErrNotFound)
	b, a := store.Origin{Origin: "https://b.example:8443", Realm: "one"}, store.Origin{Origin: "https://a.example", Realm: "two"}
	check(t, "set", db.SetOrigin(ctx, b), nil)
	check(t, "set", db.SetOrigin(ctx, a), nil)
	wantList(t, "origins", db.Origins, a, b)
	b.Realm = "two"
	check(t, "move", db.SetOrigin(ctx, b), nil)
	check(t, "set again", db.SetOrigin(ctx, b), nil)
	wantList(t, "origins", db.Origins, a, b)
	check(t, "delete", db.DeleteOrigin(ctx, a.Origin), nil)
	wantList(t, "origins", db.Origins, b)
	for what, o := range map[string]store.Origin{
		"no origin": {Realm: "r"}, "no realm": {Origin: "o"}, "long": {Origin: strings.Repeat("o", 128), Realm: "r"},
		"zero byte": {Origin: "o\x00", Realm: "r"},
	} {
		if db.SetOrigin(ctx, o) == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

func realmOptions(t *testing.T, db store.Database) {
	ctx := context.Background()
	options := func(realm string) func(context.Context) ([]store.RealmOption, error) {
		return func(ctx context.Context) ([]store.RealmOption, error) { return db.RealmOptions(ctx, realm) }
	}
	wantList(t, "options", options(""))
	check(t, "delete", db.DeleteRealmOption(ctx, "a", "max-bps"), store.ErrNotFound)
	quota := store.RealmOption{Realm: "b", Option: "user-quota", Value: 5}
	bps := store.RealmOption{Realm: "a", Option: "max-bps", Value: 1 << 40}
	total := store.RealmOption{Realm: "a", Option: "total-quota", Value: 0}
	for _, o := range []store.RealmOption{quota, bps, total} {
		check(t, "set", db.SetRealmOption(ctx, o), nil)
	}
	wantList(t, "options", options(""), bps, total, quota)
	wantList(t, "options", options("a"), bps, total)
	wantList(t, "options", options("c"))
	bps.Value = 64000
	check(t, "set", db.SetRealmOption(ctx, bps), nil)
	check(t, "delete", db.DeleteRealmOption(ctx, "a", "total-quota"), nil)
	check(t, "delete", db.DeleteRealmOption(ctx, "a", "secret"), store.ErrNotFound)
	wantList(t, "options", options(""), bps, quota)
	for _, o := range []store.RealmOption{{Realm: "a", Option: "secret", Value: 1}, {Realm: "a", Option: "max-bps", Value: -1}, {Realm: "a"}} {
		if db.SetRealmOption(ctx, o) == nil {
			t.Errorf("%+v: accepted", o)
		}
	}
}

func peerRules(t *testing.T, db store.Database) {
	ctx := context.Background()
	wantList(t, "rules", db.PeerRules)
	allow := store.PeerRule{Realm: "r", Range: "192.0.2.0/24", Allowed: true}
	deny := store.PeerRule{Realm: "r", Range: "192.0.2.0/24"}
	all := store.PeerRule{Range: "2001:db8::-2001:db8::ffff"}
	check(t, "remove", db.RemovePeerRule(ctx, allow), store.ErrNotFound)
	for _, r := range []store.PeerRule{deny, allow, all, allow} {
		check(t, "add", db.AddPeerRule(ctx, r), nil)
	}
	wantList(t, "rules", db.PeerRules, all, allow, deny)
	check(t, "remove", db.RemovePeerRule(ctx, allow), nil)
	check(t, "remove", db.RemovePeerRule(ctx, allow), store.ErrNotFound)
	wantList(t, "rules", db.PeerRules, all, deny)
	for _, text := range []string{"", "x", "192.0.2.0/33", "192.0.2.9-192.0.2.1", "192.0.2.1-2001:db8::", "192.0.2.1-", "192.0.2.0/24-192.0.2.9"} {
		if db.AddPeerRule(ctx, store.PeerRule{Realm: "r", Range: text}) == nil {
			t.Errorf("%q: accepted", text)
		}
	}
}

func admins(t *testing.T, db store.Database) {
	ctx := context.Background()
	wantList(t, "administrators", db.Admins)
	zoe := store.Admin{Name: "zoe", Password: "$5$0123456789abcdef$" + strings.Repeat("f", 64)}
	ann := store.Admin{Name: "ann", Realm: "r", Password: "clear text"}
	check(t, "set", db.SetAdmin(ctx, zoe), nil)
	check(t, "set", db.SetAdmin(ctx, ann), nil)
	wantList(t, "administrators", db.Admins, ann, zoe)
	ann.Realm, ann.Password = "", "other"
	check(t, "set", db.SetAdmin(ctx, ann), nil)
	if got, err := db.Admin(ctx, "ann"); err != nil || got != ann {
		t.Errorf("got %+v, error %v", got, err)
	}
	_, err := db.Admin(ctx, "Ann")
	check(t, "another name", err, store.ErrNotFound)
	check(t, "delete", db.DeleteAdmin(ctx, "ann"), nil)
	check(t, "delete", db.DeleteAdmin(ctx, "ann"), store.ErrNotFound)
	wantList(t, "administrators", db.Admins, zoe)
	for what, a := range map[string]store.Admin{
		"no name": {Password: "p"}, "no password": {Name: "n"}, "long name": {Name: strings.Repeat("n", 33), Password: "p"},
	} {
		if db.SetAdmin(ctx, a) == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

// A key comes back as it was stored; what it means is not the database's business.
func oauthKeys(t *testing.T, db store.Database) {
	ctx := context.Background()
	wantList(t, "keys", db.OAuthKeys)
	north := store.OAuthKey{
		KID: "north", Key: "SEVaWnNkZGRzZGZzZGZkZg==", Created: time.Unix(1_700_000_000, 0), Lifetime: time.Hour, Algorithm: "A256GCM", Realm: "r",
	}
	east := store.OAuthKey{KID: "east", Key: "eA=="}
	check(t, "set", db.SetOAuthKey(ctx, north), nil)
	check(t, "set", db.SetOAuthKey(ctx, east), nil)
	wantList(t, "keys", db.OAuthKeys, east, north)
	north.Lifetime, north.Realm = 0, ""
	check(t, "set", db.SetOAuthKey(ctx, north), nil)
	if got, err := db.OAuthKey(ctx, "north"); err != nil || got != north {
		t.Errorf("got %+v, error %v", got, err)
	}
	check(t, "delete", db.DeleteOAuthKey(ctx, "north"), nil)
	check(t, "delete", db.DeleteOAuthKey(ctx, "north"), store.ErrNotFound)
	_, err := db.OAuthKey(ctx, "north")
	check(t, "key", err, store.ErrNotFound)
	wantList(t, "keys", db.OAuthKeys, east)
	for what, k := range map[string]store.OAuthKey{
		"no kid": {Key: "eA=="}, "no key": {KID: "k"}, "negative": {KID: "k", Key: "eA==", Lifetime: -time.Second},
	} {
		if db.SetOAuthKey(ctx, k) == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

func realmList(t *testing.T, db store.Database) {
	ctx := context.Background()
	wantList(t, "realms", db.Realms)
	for what, err := range map[string]error{
		"user":   db.SetUser(ctx, store.User{Realm: "h", Name: "n", Key: key(t, "n")}),
		"nobody": db.SetUser(ctx, store.User{Name: "n", Key: key(t, "n")}),
		"secret": db.AddSecret(ctx, "g", "s"),
		"origin": db.SetOrigin(ctx, store.Origin{Origin: "o", Realm: "f"}),
		"option": db.SetRealmOption(ctx, store.RealmOption{Realm: "e", Option: "max-bps", Value: 1}),
		"allow":  db.AddPeerRule(ctx, store.PeerRule{Realm: "d", Range: "192.0.2.1", Allowed: true}),
		"deny":   db.AddPeerRule(ctx, store.PeerRule{Realm: "c", Range: "192.0.2.1"}),
		"admin":  db.SetAdmin(ctx, store.Admin{Name: "n", Realm: "b", Password: "p"}),
		"oauth":  db.SetOAuthKey(ctx, store.OAuthKey{KID: "k", Key: "eA==", Realm: "a"}),
		"again":  db.AddSecret(ctx, "h", "s"),
	} {
		check(t, what, err, nil)
	}
	wantList(t, "realms", db.Realms, "a", "b", "c", "d", "e", "f", "g", "h")
}

// version requires that every change shows in the number, soon.
func version(t *testing.T, db store.Database) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	number := func() uint64 {
		n, err := db.Version(ctx)
		check(t, "version", err, nil)
		return n
	}
	for _, change := range []func() error{
		func() error { return db.SetUser(ctx, store.User{Realm: "r", Name: "n", Key: key(t, "1")}) },
		func() error { return db.SetUser(ctx, store.User{Realm: "r", Name: "n", Key: key(t, "2")}) },
		func() error { return db.DeleteUser(ctx, "r", "n") },
		func() error { return db.AddSecret(ctx, "r", "s") },
		func() error { return db.RemoveSecret(ctx, "r", "s") },
	} {
		before := number()
		check(t, "change", change(), nil)
		for number() == before {
			if ctx.Err() != nil {
				t.Fatal("a change does not show")
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}
