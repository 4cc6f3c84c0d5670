package server

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/store"
)

// Two spellings of a name that look the same.
const composed, decomposed = "caf\u00e9", "cafe\u0301"

// accountsOf opens the accounts of a configuration.
func accountsOf(t *testing.T, text string) *Accounts {
	t.Helper()
	a, err := OpenAccounts(load(t, text), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// R-8489-14.3-b (RFC 8489, 14.3): what commands write is prepared, so a user is one
// row however the name was typed, and credentials carry what clients must send.
func TestAccountsSpelling(t *testing.T) {
	a := accountsOf(t, "realm=r")
	if err := a.AddUser(t.Context(), decomposed, "pw"); err != nil {
		t.Fatal(err)
	}
	if err := a.AddUser(t.Context(), composed, "pw"); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("the same user again: %v", err)
	}
	if err := a.SetUser(t.Context(), decomposed, "new"); err != nil {
		t.Error(err)
	}
	want, err := auth.LongTermKey(composed, "r", "new")
	if err != nil {
		t.Fatal(err)
	}
	if list, err := a.Users(t.Context(), true); err != nil || len(list) != 1 || list[0].Name != composed || list[0].Key != want.String() {
		t.Errorf("%+v, error %v", list, err)
	}
	if err := a.AddUser(t.Context(), "", "pw"); err == nil || !strings.Contains(err.Error(), "no name") {
		t.Errorf("no name: %v", err)
	}
	servers, _, err := a.Credentials(t.Context(), decomposed, time.Hour, time.Now())
	if err != nil || !strings.HasSuffix(servers[0].Username, ":"+composed) {
		t.Errorf("%+v, error %v", servers, err)
	}
	if _, _, err := a.Credentials(t.Context(), "a\xff", time.Hour, time.Now()); err == nil {
		t.Error("a credential for a name that is no text")
	}
}

// A user is removed under the prepared name and under the one typed, since another
// program may have written that: neither row lets anybody in afterwards.
func TestRemoveUserSpelling(t *testing.T) {
	a := accountsOf(t, "realm=r\nuserdb="+filepath.Join(t.TempDir(), "users.db"))
	for _, rows := range [][]string{{composed}, {decomposed}, {composed, decomposed}} {
		for _, name := range rows {
			if err := a.db.SetUser(t.Context(), store.User{Realm: "r", Name: name, Key: make(auth.Key, 16)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.RemoveUser(t.Context(), decomposed); err != nil {
			t.Errorf("rows %+q: %v", rows, err)
		}
		if list, err := a.Users(t.Context(), false); err != nil || len(list) != 0 {
			t.Errorf("rows %+q: left %+q, error %v", rows, list, err)
		}
	}
	if err := a.RemoveUser(t.Context(), decomposed); err == nil || !strings.Contains(err.Error(), "there is no user") {
		t.Errorf("nobody: %v", err)
	}
}

// R-8489-14.3-b (RFC 8489, 14.3): a user who is configured under any spelling is let
// in under every one; a client that prepares no name, and sends it as it stands in
// the file, has the key that goes with that.
func TestConfiguredSpelling(t *testing.T) {
	for _, tt := range []struct{ config, asked, key string }{
		{composed, composed, composed}, {composed, decomposed, composed},
		{decomposed, composed, composed}, {decomposed, decomposed, composed}, {decomposed, decomposed, decomposed},
	} {
		a, err := openAccess(load(t, "realm=r\nuser="+tt.config+":pw"), quiet())
		if err != nil {
			t.Fatal(err)
		}
		want, err := auth.LongTermKey(tt.key, "r", "pw")
		if err != nil {
			t.Fatal(err)
		}
		keys, _ := store.NewKeys(store.KeysOptions{Users: a.users}).Known(time.Now(), "r", tt.asked)
		found := false
		for _, k := range keys.Keys {
			found = found || k.String() == want.String()
		}
		if !found {
			t.Errorf("configured as %+q, asked as %+q: %v, want the key of %+q", tt.config, tt.asked, keys, tt.key)
		}
	}
	if _, err := openAccess(load(t, "realm=r\nuser=a\u202eb:pw"), quiet()); err == nil || !strings.Contains(err.Error(), "name cannot be used") {
		t.Errorf("a name that no client can have: %v", err)
	}
}
