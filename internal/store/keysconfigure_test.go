package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/store"
)

// silent is a database that can be made to fail.
type silent struct {
	store.Database
	err   error
	asked int
}

func (s *silent) Key(ctx context.Context, realm, name string) (auth.Key, error) {
	if s.asked++; s.err != nil {
		return nil, s.err
	}
	return s.Database.Key(ctx, realm, name)
}

func (s *silent) Version(ctx context.Context) (uint64, error) {
	if s.asked++; s.err != nil {
		return 0, s.err
	}
	return s.Database.Version(ctx)
}

// A change of the configuration counts at once and leaves what is known of the
// database: answers that hold, and that it is down.
//
// A-A10: a reload while the database is down locks nobody out who was known.
func TestKeysConfigure(t *testing.T) {
	f := newFixture(t, store.KeysOptions{Users: []store.User{{Realm: "r", Name: "alice", Key: longTerm(t, "alice", "r", "one")}}})
	if err := f.db.SetUser(t.Context(), store.User{Realm: "r", Name: "bob", Key: longTerm(t, "bob", "r", "pw")}); err != nil {
		t.Fatal(err)
	}
	db := &silent{Database: f.db}
	f.Keys = store.NewKeys(store.KeysOptions{Users: []store.User{{Realm: "r", Name: "alice", Key: longTerm(t, "alice", "r", "one")}}, Database: db, Clock: func() time.Time { return f.now }})
	before := f.Keys
	f.want("r", "bob", "pw", true)
	db.err = errors.New("down")
	f.now = f.now.Add(time.Second)
	f.want("r", "bob", "pw", true) // which has noticed that it is down
	asked := db.asked
	f.Keys = before.Configure(store.KeysOptions{Users: []store.User{{Realm: "r", Name: "alice", Key: longTerm(t, "alice", "r", "two")}}})
	f.want("r", "alice", "two", true)
	f.want("r", "alice", "one", false)
	f.want("r", "bob", "pw", true)
	if _, err := f.look("r", "nobody"); err == nil {
		t.Error("a database that is down knows of nobody that there is no such user")
	}
	if db.asked != asked {
		t.Errorf("a database that is down was asked %d times after the change", db.asked-asked)
	}
	f.Keys = before
	f.want("r", "alice", "one", true)
}
