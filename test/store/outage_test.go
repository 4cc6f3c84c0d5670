//go:build linux

package store_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/store"
	"iceserver/test/servertest"
)

// lookupTime is how long the data plane waits for an answer.
const lookupTime = 2 * time.Second

// guests are the users of a server whose database may fail: alice and one secret
// are configured, bob, carol and another secret are in the database. The clock
// of their cache is the test's.
type guests struct {
	store.Database
	t     *testing.T
	keys  *store.Keys
	asked atomic.Int64 // questions about users and changes

	log servertest.Log

	mu  sync.Mutex // guards the following
	now time.Time
}

// Key counts a question that it hands on.
func (g *guests) Key(ctx context.Context, realm, name string) (auth.Key, error) {
	g.asked.Add(1)
	return g.Database.Key(ctx, realm, name)
}

// Version does too.
func (g *guests) Version(ctx context.Context) (uint64, error) {
	g.asked.Add(1)
	return g.Database.Version(ctx)
}

func (g *guests) clock() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now
}

func (g *guests) pass(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = g.now.Add(d)
}

func longTerm(t *testing.T, name, password string) auth.Key {
	t.Helper()
	k, err := auth.LongTermKey(name, "r", password)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newGuests(t *testing.T, db store.Database) *guests {
	t.Helper()
	g := &guests{Database: db, t: t, now: time.Unix(1_800_000_000, 0)}
	for _, name := range []string{"bob", "carol"} {
		if err := db.SetUser(t.Context(), store.User{Realm: "r", Name: name, Key: longTerm(t, name, "pw")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.AddSecret(t.Context(), "r", "stored"); err != nil {
		t.Fatal(err)
	}
	g.keys = store.NewKeys(store.KeysOptions{
		Users: []store.User{{Name: "alice", Key: longTerm(t, "alice", "pw")}}, Secrets: []string{"configured"},
		Database: g, Log: slog.New(slog.NewTextHandler(&g.log, nil)), Clock: g.clock,
	})
	return g
}

// look asks as the data plane does: memory first, then the database, which has
// two seconds.
func (g *guests) look(username string) ([]auth.Key, error) {
	if c, ok := g.keys.Known(g.clock(), "r", username); ok {
		return c.Keys, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	c, err := g.keys.Find(ctx, "r", username)
	return c.Keys, err
}

func (g *guests) has(username, password string) bool {
	keys, _ := g.look(username)
	return slices.ContainsFunc(keys, func(k auth.Key) bool { return slices.Equal(k, longTerm(g.t, username, password)) })
}

func (g *guests) timed(secret string) (user, password string) {
	return auth.REST{}.Mint(secret, "x", g.clock().Add(time.Hour))
}

// all requires that everybody is let in.
func (g *guests) all() {
	g.t.Helper()
	configured, password := g.timed("configured")
	stored, other := g.timed("stored")
	for name, password := range map[string]string{"alice": "pw", "bob": "pw", configured: password, stored: other} {
		if !g.has(name, password) {
			g.t.Errorf("%s is not let in: %s", name, g.log.String())
		}
	}
	if g.has("mallory", "pw") {
		g.t.Error("mallory is let in")
	}
}

// outage requires what has to be so while the database does not answer.
//
// A-A10: who is configured is let in, who was known a while ago too, and nobody
// else; the log says it once.
func (g *guests) outage() {
	g.t.Helper()
	if !g.has("bob", "pw") {
		g.t.Error("bob was known a moment ago and is not let in")
	}
	g.pass(time.Minute) // longer than any answer is remembered
	for range 3 {
		user, password := g.timed("configured")
		if !g.has("alice", "pw") || !g.has(user, password) {
			g.t.Error("who is configured is not let in")
		}
		for _, name := range []string{"bob", "carol", "mallory"} {
			if keys, err := g.look(name); err == nil || len(keys) > 0 {
				g.t.Errorf("%s: %d keys, error %v", name, len(keys), err)
			}
		}
		g.pass(2 * time.Second)
	}
	g.crowd()
	text := g.log.String()
	if n := strings.Count(text, "level=ERROR"); n != 1 {
		g.t.Errorf("%d lines about the database:\n%s", n, text)
	}
	if strings.Contains(text, "CANARY") {
		g.t.Errorf("a password is in the log:\n%s", text)
	}
}

// crowd sends many at once while the database is tried again: one waits for it,
// the others have their answer from the configuration.
func (g *guests) crowd() {
	g.t.Helper()
	g.pass(4 * time.Second) // the last try is forgotten
	user, password := g.timed("configured")
	want := longTerm(g.t, user, password)
	g.asked.Store(0)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if keys, err := g.look(user); err != nil || len(keys) != 1 || !slices.Equal(keys[0], want) {
				g.t.Errorf("%d keys, error %v", len(keys), err)
			}
		})
	}
	wg.Wait()
	if n := g.asked.Load(); n != 1 {
		g.t.Errorf("%d of 50 look-ups waited for the database, want 1", n)
	}
}

// recover requires that everybody is let in again, by itself.
func (g *guests) recover() {
	g.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !g.has("bob", "pw") {
		if time.Now().After(deadline) {
			g.t.Fatalf("bob is not let in again: %s", g.log.String())
		}
		g.pass(time.Second)
		time.Sleep(20 * time.Millisecond)
	}
	g.pass(time.Second)
	g.all()
	if n := strings.Count(g.log.String(), "answers again"); n != 1 {
		g.t.Errorf("%d lines about the recovery:\n%s", n, g.log.String())
	}
}

// A-A10: a database that takes questions and never answers.
func TestStalled(t *testing.T) {
	for name, e := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // nearly all of it is waiting
			where := e.fresh(t)
			p := newProxy(t, e.server.address())
			g := newGuests(t, e.open(t, where(p.port())))
			g.all()
			p.stall(true)
			g.outage()
			p.stall(false)
			g.recover()
		})
	}
}

// A-A10: a database that dies, and comes back with what it had.
func TestKilled(t *testing.T) {
	for name, e := range engines() {
		t.Run(name, func(t *testing.T) {
			where := e.fresh(t)
			g := newGuests(t, e.open(t, where(e.server.port)))
			g.all()
			e.server.kill()
			g.outage()
			e.server.restart(t)
			g.recover()
		})
	}
}

// A database that is not there yet when the server starts is used once it is.
func TestNotThereYet(t *testing.T) {
	for name, e := range engines() {
		t.Run(name, func(t *testing.T) {
			where := e.fresh(t)
			e.server.kill()
			db := e.open(t, where(e.server.port))
			ctx, cancel := context.WithTimeout(t.Context(), lookupTime)
			defer cancel()
			if _, err := db.Users(ctx, ""); err == nil || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("error %v", err)
			}
			e.server.restart(t)
			newGuests(t, db).all()
		})
	}
}
