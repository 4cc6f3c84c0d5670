package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/config"
	"iceserver/internal/doctor"
	"iceserver/internal/store"
)

// loginTTL is how long a credential is good that a doctor logs in with.
const loginTTL = 10 * time.Minute

// doctorUser is whom a credential is for that a doctor logs in with.
const doctorUser = "doctor"

// login returns something to log in with: as a certain user if there is a name,
// whose password has to be known here, else as anybody who is let in.
func (a *Accounts) login(ctx context.Context, name string) (doctor.Account, error) {
	if a.access.own && (name == "" || name == a.access.kept.User) {
		return doctor.Account{User: a.access.kept.User, Password: a.access.kept.Password, From: "the account of the data directory"}, nil
	}
	if known, ok := configuredAccount(a.cfg, name); ok {
		return known, nil
	}
	if name != "" {
		return doctor.Account{User: name}, errors.New("a database holds no passwords: give it with --password")
	}
	secret, err := a.firstSecret(ctx)
	if err != nil {
		return doctor.Account{}, err
	}
	user, password := mint(a.access.rest, secret, doctorUser, loginTTL, time.Now())
	return doctor.Account{User: user, Password: password, From: "a shared secret"}, nil
}

// configuredAccount is a user of the configuration whose password stands there.
func configuredAccount(cfg *config.Config, name string) (doctor.Account, bool) {
	for _, u := range cfg.Users {
		if u.Password != "" && (name == "" || name == u.Name) {
			return doctor.Account{User: u.Name, Password: u.Password.Reveal(), From: "the configuration"}, true
		}
	}
	return doctor.Account{User: name}, false
}

// configuredLogin is what the configuration alone knows to log in with.
func configuredLogin(cfg *config.Config, name string) (doctor.Account, error) {
	known, ok := configuredAccount(cfg, name)
	if ok {
		return known, nil
	}
	if name != "" || len(cfg.Secrets) == 0 {
		return known, errors.New("the configuration has no password to log in with")
	}
	user, password := mint(auth.REST{Separator: cfg.RESTSeparator}, cfg.Secrets[0].Reveal(), doctorUser, loginTTL, time.Now())
	return doctor.Account{User: user, Password: password, From: "a shared secret"}, nil
}

// knows says whether a user can log in by that name, whatever the password is.
func (a *Accounts) knows(ctx context.Context, name string) (bool, error) {
	prepared, err := auth.OpaqueString(name)
	if err != nil {
		return false, errUnfitName
	}
	for _, u := range a.access.users {
		if u.Name == prepared {
			return true, nil
		}
	}
	if a.db == nil {
		return false, nil
	}
	// Whoever added the row may have written the name in another form.
	for _, written := range []string{prepared, name} {
		_, err := a.db.Key(ctx, a.access.realm, written)
		switch {
		case err == nil, errors.Is(err, store.ErrBrokenKey):
			return true, nil
		case !errors.Is(err, store.ErrNoUser):
			return false, err
		}
	}
	return false, nil
}

// count counts who is let in.
func (a *Accounts) count(ctx context.Context) (doctor.Accounts, error) {
	c := doctor.Accounts{Configured: len(a.access.users), Secrets: len(a.access.secrets)}
	if a.db == nil {
		return c, nil
	}
	rows, err := a.db.Users(ctx, "")
	if err != nil {
		return c, fmt.Errorf("the database %s does not answer: %w", a.access.database, err)
	}
	for _, u := range rows {
		if u.Realm == a.access.realm {
			c.Users++
		} else {
			c.Elsewhere, c.OtherRealm = c.Elsewhere+1, u.Realm
		}
	}
	secrets, err := a.db.Secrets(ctx, a.access.realm)
	c.Secrets += len(slices.DeleteFunc(secrets, store.Blank))
	return c, err
}
