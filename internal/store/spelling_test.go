package store_test

import (
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/store"
)

// Two spellings of a name that look the same.
const composed, decomposed = "caf\u00e9", "cafe\u0301"

// R-8489-14.3-b (RFC 8489, 14.3): whatever spelling the configuration or the
// request has, the user is found.
func TestKeysSpellingConfigured(t *testing.T) {
	for _, written := range []string{composed, decomposed} {
		key := longTerm(t, written, "r", "pw")
		f := newFixture(t, store.KeysOptions{Users: []store.User{{Realm: "r", Name: written, Key: key}}})
		for _, asked := range []string{composed, decomposed} {
			keys, err := f.look("r", asked)
			if err != nil || len(keys) == 0 || keys[0].String() != key.String() {
				t.Errorf("configured as %+q, asked as %+q: %v, error %v", written, asked, keys, err)
			}
		}
		if keys, err := f.look("r", "cafe"); err != nil || len(keys) != 0 {
			t.Errorf("without the accent: %v, error %v", keys, err)
		}
	}
}

// R-8489-14.3-b (RFC 8489, 14.3): a row with the prepared name is found under every
// spelling; a row that another program wrote under another is found by clients that
// write the name that way, as before, but never beside a prepared one, or an old
// password would go on after a new one was set.
func TestKeysSpellingDatabase(t *testing.T) {
	f := newFixture(t, store.KeysOptions{})
	f.setUser("r", decomposed, "old")
	f.want("r", decomposed, "old", true)
	f.want("r", composed, "old", false)
	for range 5 {
		f.want("r", decomposed, "old", true)
	}
	if n := f.db.keys.Load(); n != 2 {
		t.Errorf("the database was asked %d times for two forms", n)
	}
	f.setUser("r", composed, "new")
	f.now = f.now.Add(time.Minute)
	key := longTerm(t, composed, "r", "new")
	for _, asked := range []string{composed, decomposed} {
		keys, err := f.look("r", asked)
		if err != nil || len(keys) != 1 || keys[0].String() != key.String() {
			t.Errorf("asked as %+q: %v, error %v", asked, keys, err)
		}
	}
}

// R-REST-2-b (TURN REST draft, 2): the password of a timed name is made of the
// bytes that the client sends, however they are spelt.
func TestKeysSpellingTimed(t *testing.T) {
	f := newFixture(t, store.KeysOptions{Secrets: []string{"s"}})
	for _, id := range []string{composed, decomposed} {
		user, password := auth.REST{}.Mint("s", id, f.now.Add(time.Minute))
		f.want("r", user, password, true)
	}
}

// R-8489-14.3-b (RFC 8489, 14.3): what can be no name is nobody, and the database
// is not asked.
func TestKeysSpellingInvalid(t *testing.T) {
	f := newFixture(t, store.KeysOptions{Users: []store.User{{Realm: "r", Name: "a\xff", Key: longTerm(t, "a\xff", "r", "pw")}}})
	for _, name := range []string{"", "a\xff", "a\x00", "a\u202e"} {
		if keys, err := f.look("r", name); err != nil || len(keys) != 0 {
			t.Errorf("%+q: %v, error %v", name, keys, err)
		}
	}
	if n := f.db.keys.Load(); n != 0 {
		t.Errorf("the database was asked %d times", n)
	}
}
