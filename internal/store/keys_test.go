package store_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/store"
)

// counted is a real database that counts what it is asked.
type counted struct {
	store.Database
	keys, secrets, versions atomic.Int64
}

func (c *counted) Key(ctx context.Context, realm, name string) (auth.Key, error) {
	c.keys.Add(1)
	return c.Database.Key(ctx, realm, name)
}

func (c *counted) Version(ctx context.Context) (uint64, error) {
	c.versions.Add(1)
	return c.Database.Version(ctx)
}

func (c *counted) Secrets(ctx context.Context, realm string) ([]string, error) {
	c.secrets.Add(1)
	return c.Database.Secrets(ctx, realm)
}

// fixture is a Keys over a real database, with a clock that the test moves.
type fixture struct {
	*store.Keys
	t   *testing.T
	db  *counted
	now time.Time
	log bytes.Buffer
}

func newFixture(t *testing.T, o store.KeysOptions) *fixture {
	t.Helper()
	db, _ := open(t)
	f := &fixture{t: t, db: &counted{Database: db}, now: time.Unix(1_800_000_000, 0)}
	o.Database, o.Clock = f.db, func() time.Time { return f.now }
	o.Log = slog.New(slog.NewTextHandler(&f.log, nil))
	f.Keys = store.NewKeys(o)
	return f
}

// look returns what candidates lets in.
func (f *fixture) look(realm, username string) ([]auth.Key, error) {
	c, err := f.candidates(realm, username)
	return c.Keys, err
}

// candidates does what the data plane does: memory first, then the database.
func (f *fixture) candidates(realm, username string) (auth.Candidates, error) {
	if c, ok := f.Known(f.now, realm, username); ok {
		return c, nil
	}
	return f.Find(context.Background(), realm, username)
}

// want requires that the password is one of a user's candidates, or not.
func (f *fixture) want(realm, username, password string, in bool) {
	f.t.Helper()
	keys, err := f.look(realm, username)
	if err != nil {
		f.t.Fatalf("%s: %v", username, err)
	}
	want := longTerm(f.t, username, realm, password)
	if slices.ContainsFunc(keys, func(k auth.Key) bool { return slices.Equal(k, want) }) != in {
		f.t.Errorf("user %q, password %q: among the %d candidates is %v, want %v", username, password, len(keys), !in, in)
	}
}

func longTerm(t *testing.T, username, realm, password string) auth.Key {
	t.Helper()
	k, err := auth.LongTermKey(username, realm, password)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (f *fixture) setUser(realm, name, password string) {
	f.t.Helper()
	u := store.User{Realm: realm, Name: name, Key: longTerm(f.t, name, realm, password)}
	if err := f.db.SetUser(context.Background(), u); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) addSecret(realm, value string) {
	f.t.Helper()
	if err := f.db.AddSecret(context.Background(), realm, value); err != nil {
		f.t.Fatal(err)
	}
}

// timed mints a credential that lives for ttl from now.
func (f *fixture) timed(secret, id string, ttl time.Duration) (user, password string) {
	return auth.REST{}.Mint(secret, id, f.now.Add(ttl))
}

// A configured user is found without asking anybody, and in its own realm alone
// (A-A08).
func TestKeysConfiguredUser(t *testing.T) {
	f := newFixture(t, store.KeysOptions{Users: []store.User{{Realm: "r", Name: "alice", Key: longTerm(t, "alice", "r", "pw")}}})
	f.want("r", "alice", "pw", true)
	f.want("r", "alice", "other", false)
	if n := f.db.keys.Load(); n != 0 {
		t.Errorf("the database was asked %d times", n)
	}
	if keys, _ := f.Known(f.now, "elsewhere", "alice"); len(keys.Keys) != 0 {
		t.Errorf("in another realm: %d keys", len(keys.Keys))
	}
	f = newFixture(t, store.KeysOptions{Users: []store.User{{Name: "alice", Key: longTerm(t, "alice", "elsewhere", "pw")}}})
	f.want("elsewhere", "alice", "pw", true)
}

// Users, secrets and a database work side by side.
// R-REST-4-b (TURN REST draft, 4): every secret works, the old and the new one.
// R-REST-2-b (TURN REST draft, 2): the credentials are those that auth mints.
func TestKeysTogether(t *testing.T) {
	f := newFixture(t, store.KeysOptions{
		Users:   []store.User{{Realm: "r", Name: "alice", Key: longTerm(t, "alice", "r", "pw")}},
		Secrets: []string{"old", "new"},
	})
	f.setUser("r", "bob", "pw2")
	f.addSecret("r", "third")
	f.addSecret("other", "fourth")

	f.want("r", "alice", "pw", true)
	f.want("r", "bob", "pw2", true)
	f.want("other", "bob", "pw2", false)
	f.want("r", "carol", "pw", false)
	for secret, in := range map[string]bool{"old": true, "new": true, "third": true, "fourth": false, "wrong": false} {
		user, password := f.timed(secret, "dave", time.Hour)
		f.want("r", user, password, in)
	}
}

// R-REST-4-a (TURN REST draft, 4): what has expired or is no number gives no
// candidate from any secret.
func TestKeysTimedNames(t *testing.T) {
	f := newFixture(t, store.KeysOptions{Secrets: []string{"s"}, MaxTTL: 24 * time.Hour})
	f.addSecret("r", "s2")
	tests := []struct {
		username string
		in       bool
	}{
		{fmt.Sprintf("%d:eve", f.now.Unix()+60), true},
		{fmt.Sprintf("%d", f.now.Unix()+60), true},
		{fmt.Sprintf("eve:%d", f.now.Unix()+60), true},
		{fmt.Sprintf("%d:eve", f.now.Unix()-60), false},
		{fmt.Sprintf("%d:eve", f.now.Add(48*time.Hour).Unix()), false},
		{fmt.Sprintf("+%d:eve", f.now.Unix()+60), false},
		{"99999999999999999999:eve", false}, {"-1:eve", false}, {"eve", false}, {":", false}, {"", false},
	}
	for _, tt := range tests {
		for _, secret := range []string{"s", "s2"} {
			f.want("r", tt.username, auth.REST{}.Password(secret, tt.username), tt.in)
		}
	}
	// A credential that was known runs out all the same.
	user, password := f.timed("s2", "eve", time.Minute)
	f.want("r", user, password, true)
	f.now = f.now.Add(2 * time.Minute)
	f.want("r", user, password, false)
}

// A user whose plain name looks like a timed one can log in, expired or not.
func TestKeysUserWithTimedName(t *testing.T) {
	for _, username := range []string{"1700000000", "1900000000:x"} {
		f := newFixture(t, store.KeysOptions{
			Secrets: []string{"s"},
			Users:   []store.User{{Realm: "r", Name: username, Key: longTerm(t, username, "r", "conf")}},
		})
		f.setUser("r", username, "base")
		f.want("r", username, "conf", true)
		f.want("r", username, "nobody", false)
		g := newFixture(t, store.KeysOptions{Secrets: []string{"s"}})
		g.setUser("r", username, "base")
		g.want("r", username, "base", true)
	}
}

// A-A10: answers are remembered, until somebody changes the database: then a new
// password, a newcomer and a removal count within a quarter of a second.
func TestKeysCache(t *testing.T) {
	f := newFixture(t, store.KeysOptions{})
	f.setUser("r", "alice", "pw")
	for range 5 {
		f.want("r", "alice", "pw", true)
		f.want("r", "bob", "pw", false)
	}
	if n := f.db.keys.Load(); n != 2 {
		t.Errorf("the database was asked %d times for 2 names", n)
	}
	if err := f.db.DeleteUser(context.Background(), "r", "alice"); err != nil {
		t.Fatal(err)
	}
	f.setUser("r", "bob", "pw")

	f.now = f.now.Add(249 * time.Millisecond)
	f.want("r", "bob", "pw", false)
	f.want("r", "alice", "pw", true)
	f.now = f.now.Add(time.Millisecond)
	f.want("r", "bob", "pw", true)
	f.want("r", "alice", "pw", false)
	f.setUser("r", "bob", "new")
	f.now = f.now.Add(250 * time.Millisecond)
	f.want("r", "bob", "pw", false)
	f.want("r", "bob", "new", true)
}

// While nobody changes the database it is asked about a user twice a minute,
// about a stranger every five seconds, and for changes four times a second.
func TestKeysCacheTimes(t *testing.T) {
	f := newFixture(t, store.KeysOptions{})
	f.setUser("r", "alice", "pw")
	f.want("r", "alice", "pw", true)
	f.want("r", "bob", "pw", false)
	f.db.keys.Store(0)
	for range 4 * 25 {
		f.now = f.now.Add(50 * time.Millisecond)
		f.want("r", "alice", "pw", true)
	}
	if n, versions := f.db.keys.Load(), f.db.versions.Load(); n != 0 || versions != 1+4*25/5 {
		t.Errorf("asked for keys %d times, for changes %d times", n, versions)
	}
	f.want("r", "bob", "pw", false)
	if n := f.db.keys.Load(); n != 1 {
		t.Errorf("the refusal was looked up %d times after its time", n)
	}
	f.now = f.now.Add(25 * time.Second)
	f.want("r", "alice", "pw", true)
	if n := f.db.keys.Load(); n != 2 {
		t.Errorf("the user was looked up %d times after its time", n-1)
	}
}

// Another program's change is noticed, coturn's for example, and a look-up that
// waits for a database under a long write keeps nobody else from what is known.
func TestKeysWatchOtherProgram(t *testing.T) {
	db, path := open(t)
	now := time.Unix(1_800_000_000, 0)
	keys := store.NewKeys(store.KeysOptions{Database: db, Clock: func() time.Time { return now }})
	has := func(want int) {
		t.Helper()
		if got, err := keys.Find(context.Background(), "r", "carol"); err != nil || len(got.Keys) != want {
			t.Errorf("%d keys, want %d, error %v", len(got.Keys), want, err)
		}
	}
	has(0)
	other := raw(t, path)
	if _, err := other.Exec("INSERT INTO turnusers_lt VALUES ('r', 'carol', '0123456789abcdef0123456789abcdef')"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	has(1)
	// An exclusive lock keeps every reader out, so the watch has to wait.
	conn, err := other.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(context.Background(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	has(1)
	if got, ok := keys.Known(now, "r", "carol"); !ok || len(got.Keys) != 1 {
		t.Errorf("%d keys, known %v, under a lock", len(got.Keys), ok)
	}
	if _, err := conn.ExecContext(context.Background(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
}

// A newcomer's first secret works soon, and many clients of one realm cost one
// question for its secrets.
func TestKeysSecretCache(t *testing.T) {
	f := newFixture(t, store.KeysOptions{})
	user, password := f.timed("s", "x", time.Hour)
	f.want("r", user, password, false)
	f.addSecret("r", "s")
	f.now = f.now.Add(5 * time.Second)
	f.want("r", user, password, true)
	f.db.secrets.Store(0)
	for i := range 10 {
		user, password := f.timed("s", fmt.Sprint(i), time.Hour)
		f.want("r", user, password, true)
	}
	if n := f.db.secrets.Load(); n != 0 {
		t.Errorf("the secrets were asked for %d times", n)
	}
}

// A-A10: without its database the server lets nobody in whom it does not know,
// says so once, and goes on with what is configured.
func TestKeysDatabaseDown(t *testing.T) {
	f := newFixture(t, store.KeysOptions{
		Users:   []store.User{{Realm: "r", Name: "alice", Key: longTerm(t, "alice", "r", "pw")}},
		Secrets: []string{"s"},
	})
	f.setUser("r", "bob", "pw")
	f.want("r", "bob", "pw", true)
	if err := f.db.Close(); err != nil {
		t.Fatal(err)
	}
	f.want("r", "bob", "pw", true) // still remembered
	f.now = f.now.Add(time.Minute)
	for range 3 {
		f.want("r", "alice", "pw", true)
		user, password := f.timed("s", "x", time.Hour)
		f.want("r", user, password, true)
		for _, name := range []string{"bob", "carol"} {
			if keys, err := f.look("r", name); err == nil {
				t.Errorf("%s: %d keys and no error", name, len(keys))
			}
		}
	}
	if n := strings.Count(f.log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d lines about the database:\n%s", n, &f.log)
	}
	// While the database is known to be down, configured secrets need no wait.
	user, _ := f.timed("s", "y", time.Hour)
	if _, ok := f.Known(f.now, "r", user); !ok {
		t.Error("a configured secret waits for a database that is down")
	}
	// Later somebody tries again.
	before := f.db.keys.Load()
	f.now = f.now.Add(time.Second)
	if _, err := f.look("r", "bob"); err == nil || f.db.keys.Load() != before+1 {
		t.Errorf("error %v after %d tries", err, f.db.keys.Load()-before)
	}
}

// A-A10: a user whose row is broken is refused; the others do not notice.
func TestKeysBrokenRow(t *testing.T) {
	db, path := open(t)
	var log bytes.Buffer
	keys := store.NewKeys(store.KeysOptions{Database: db, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if _, err := raw(t, path).Exec("INSERT INTO turnusers_lt VALUES ('r', 'mallory', 'no key')"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got, err := keys.Find(context.Background(), "r", "mallory"); err != nil || len(got.Keys) != 0 {
			t.Errorf("got %v, error %v", got, err)
		}
		if _, ok := keys.Known(time.Now(), "r", "mallory"); !ok {
			t.Error("the refusal is not remembered")
		}
	}
	if !strings.Contains(log.String(), "mallory") || strings.Contains(log.String(), "no key") {
		t.Errorf("the log says: %s", &log)
	}
}

// A-C01: what a client calls itself and its realm is a value, never SQL.
func TestKeysHostileNames(t *testing.T) {
	f := newFixture(t, store.KeysOptions{})
	f.setUser("r", "alice", "pw")
	for _, name := range []string{"' OR '1'='1", "alice' --", "'; DROP TABLE turnusers_lt; --", "%", "' UNION SELECT hmackey FROM turnusers_lt --"} {
		for _, who := range [][2]string{{"r", name}, {name, "alice"}} {
			if keys, err := f.look(who[0], who[1]); err != nil || len(keys) != 0 {
				t.Errorf("%q: %d keys, error %v", who, len(keys), err)
			}
		}
	}
	f.want("r", "alice", "pw", true)
}

// Strangers who try names fill a bounded memory and push no user out of it.
func TestKeysCacheBound(t *testing.T) {
	f := newFixture(t, store.KeysOptions{})
	f.setUser("r", "alice", "pw")
	f.want("r", "alice", "pw", true)
	for i := range 3000 {
		if _, err := f.look("r", fmt.Sprint("stranger", i)); err != nil {
			t.Fatal(err)
		}
	}
	f.db.keys.Store(0)
	f.want("r", "alice", "pw", true)
	if n := f.db.keys.Load(); n != 0 {
		t.Error("the user was forgotten")
	}
	f.want("r", "stranger0", "pw", false)
	if n := f.db.keys.Load(); n != 1 {
		t.Error("the oldest refusal is still remembered: nothing bounds the memory")
	}
}
