package doctor

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestNoLogin(t *testing.T) {
	for _, c := range []struct {
		name     string
		user     string
		accounts Accounts
		err      error
		want     want
	}{
		{"nobody", "", Accounts{}, nil, want{Fail, "account", "nobody can log in: there is neither", "iceserver user add NAME"}},
		{"another realm", "", Accounts{Elsewhere: 2, OtherRealm: "old"}, nil, want{Fail, "account", `users of realm "old" only`, "realm=old"}},
		{"some", "", Accounts{Users: 1, Secrets: 2}, nil, want{OK, "account", "1 user and 2 shared secrets", ""}},
		{"known", "alice", Accounts{Users: 1}, nil, want{OK, "account", `user "alice" exists`, ""}},
		{"no answer", "", Accounts{}, errors.New("it is\naway"), want{Warn, "account", "it is away", "--user"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := &Target{Running: true, Account: Account{User: c.user}, Facts: Facts{Realm: "new"},
				AskDatabase: func(context.Context) (Accounts, error) { return c.accounts, c.err },
				UserExists:  func(context.Context, string) (bool, error) { return true, nil }}
			compareChecks(t, checkAccount(t.Context(), target), c.want)
		})
	}
	compareChecks(t, checkAccount(t.Context(), &Target{Running: true}), want{Warn, "account", "nothing is known", "--user"})
	compareChecks(t, checkAccount(t.Context(), &Target{}))
}

// A user who does not exist is named with the command, and Fix makes the user.
func TestMissingUser(t *testing.T) {
	added := ""
	target := &Target{Account: Account{User: "new user", Password: "pw"}, Facts: Facts{Realm: "r"},
		UserExists: func(_ context.Context, name string) (bool, error) { return added == name, nil },
		AddUser: func(_ context.Context, name, password string) (string, error) {
			if password != "pw" {
				t.Errorf("the password is %q", password)
			}
			added = name
			return "", nil
		}}
	checks := checkAccount(t.Context(), target)
	compareChecks(t, checks, want{Fail, "account", `there is no user "new user" in realm "r"`, "iceserver user add 'new user'"})
	var out strings.Builder
	if done, failed := (Report{checks}).Fix(t.Context(), &out); done != 1 || failed != 0 || added != "new user" {
		t.Errorf("%d done, %d failed, added %q", done, failed, added)
	}
	if got := out.String(); got != "+ iceserver user add 'new user' --password -\n" {
		t.Errorf("printed %q", got)
	}
	// A time-limited name stands in no database, and is none that is missing.
	target.Account.User = "1900000000:web"
	compareChecks(t, checkAccount(t.Context(), target))
}
