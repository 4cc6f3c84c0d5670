package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/config"
	"iceserver/internal/store"
)

// Accounts are the users and secrets of a server, for the commands that change
// them. It may be used while the server runs.
type Accounts struct {
	cfg    *config.Config
	last   *started // nil: they are those of no server that was started
	access *access
	db     store.Database
}

// Account is one user. Key is empty in lists of which keys are no part.
type Account struct {
	Name  string `json:"name"`
	Realm string `json:"realm"`
	Key   string `json:"key,omitempty"`
}

// quiet is the log of a command, whose errors say everything.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// OpenAccounts finds the database just as the server does; file is its
// configuration file, or empty. What the server was told at its last start counts,
// unless cfg names something else.
func OpenAccounts(cfg *config.Config, file string) (*Accounts, error) {
	a, err := commandAccess(cfg)
	if err != nil {
		return nil, err
	}
	last, err := a.goByLastStart(cfg, file)
	if err != nil {
		return nil, err
	}
	db, err := a.openDatabase()
	if err != nil {
		return nil, err
	}
	return &Accounts{cfg: cfg, last: last, access: a, db: db}, nil
}

// OpenDatabase opens the one database that cfg names, without asking what server
// it belongs to: that is how coturn's tool finds it. Nothing besides is opened,
// and no data directory is made. What is added goes to the realm of cfg.
func OpenDatabase(cfg *config.Config) (*Accounts, error) {
	a := &access{realm: cfg.Realm, place: placeOf(cfg)}
	a.database = a.place.name()
	db, err := a.openDatabase()
	if err != nil {
		return nil, err
	}
	return &Accounts{cfg: cfg, access: a, db: db}, nil
}

// In is the same database with another realm to add to, to list and to remove
// from. It must not be closed by itself.
func (a *Accounts) In(realm string) *Accounts {
	cfg, in, other := *a.cfg, *a.access, *a
	if realm != a.access.realm {
		in.users = nil // those of the configuration are of the other realm
	}
	cfg.Realm, in.realm = realm, realm
	other.cfg, other.access = &cfg, &in
	return &other
}

// absent is the error for what is to be removed and is not there, which not
// every caller minds.
type absent struct{ error }

// Absent tells that nothing had to be done.
func (absent) Absent() bool { return true }

// Close closes the database.
func (a *Accounts) Close() error {
	if a.db == nil {
		return nil
	}
	return a.db.Close()
}

// Realm is the realm that users and secrets are added to.
func (a *Accounts) Realm() string { return a.access.realm }

// Started says whether a server was ever started with the data directory. If not,
// there may be one elsewhere that knows nothing of what is done here.
func (a *Accounts) Started() bool {
	if a.access.kept == nil {
		return true // it is all in the configuration
	}
	_, err := os.Stat(filepath.Join(a.access.kept.dir, startedName))
	return err == nil
}

// Database is the path of the database, or what names one elsewhere.
func (a *Accounts) Database() string { return a.access.database }

// errNoDatabase says why a command can change nothing.
var errNoDatabase = errors.New("there is no database: set userdb, or take no-auth out of the configuration")

// user makes the row of a user.
func (a *Accounts) user(name, password string) (store.User, error) {
	if a.db == nil {
		return store.User{}, errNoDatabase
	}
	if password == "" {
		return store.User{}, errors.New("the password is empty")
	}
	// R-8489-14.3-b (RFC 8489, 14.3): what is written is what is looked up first.
	name, err := a.checkName(name)
	if err != nil {
		return store.User{}, err
	}
	key, err := auth.LongTermKey(name, a.access.realm, password)
	return store.User{Realm: a.access.realm, Name: name, Key: key}, err
}

// errUnfitName says that a name cannot be prepared.
var errUnfitName = errors.New("the name has a control character in it, or another that names cannot have, or is not UTF-8: choose another")

// checkName prepares a name and refuses one that could not be used. One that is
// configured counts before the database, so that the new password would never be
// asked for.
//
// A-L01: a name with a line break would write lines of its own into lists and logs.
func (a *Accounts) checkName(written string) (name string, err error) {
	switch name, err = auth.OpaqueString(written); {
	case written == "":
		return "", errors.New("the user has no name")
	case err != nil:
		return "", errUnfitName
	}
	for _, u := range a.access.users {
		if u.Name != name {
			continue
		}
		if a.access.own {
			return "", fmt.Errorf("user %q is the account of the data directory, which counts before the database: choose another name", name)
		}
		return "", fmt.Errorf("user %q is one of the configuration, which counts before the database: change it there, or choose another name", name)
	}
	return name, nil
}

// AddUser adds a user who is not there yet.
func (a *Accounts) AddUser(ctx context.Context, name, password string) error {
	u, err := a.user(name, password)
	if err != nil {
		return err
	}
	err = a.db.AddUser(ctx, u)
	if errors.Is(err, store.ErrUserExists) {
		return fmt.Errorf("user %q of realm %q exists already: change its password with iceserver user set", name, u.Realm)
	}
	return err
}

// SetUser adds a user or changes its password.
func (a *Accounts) SetUser(ctx context.Context, name, password string) error {
	u, err := a.user(name, password)
	if err != nil {
		return err
	}
	return a.db.SetUser(ctx, u)
}

// RemoveUser removes a user, under the prepared name and, as another program may
// have added it, under the name as it is written here: with either row the user
// could still log in.
func (a *Accounts) RemoveUser(ctx context.Context, name string) error {
	if a.db == nil {
		return errNoDatabase
	}
	err := a.db.DeleteUser(ctx, a.access.realm, name)
	if prepared, unfit := auth.OpaqueString(name); unfit == nil && prepared != name && (err == nil || errors.Is(err, store.ErrNoUser)) {
		other := a.db.DeleteUser(ctx, a.access.realm, prepared)
		if err != nil || !errors.Is(other, store.ErrNoUser) {
			err = other
		}
	}
	if errors.Is(err, store.ErrNoUser) {
		return absent{fmt.Errorf("there is no user %q in realm %q of %s", name, a.access.realm, a.access.database)}
	}
	return err
}

// Revoke ends the allocations of a user on the running server, which then asks the
// database whether the user is let in still. It is an error if no server runs.
func (a *Accounts) Revoke(ctx context.Context, name string) (Revoked, error) {
	return Revoke(ctx, a.cfg, a.access.realm, name)
}

// Users lists the users of the database in every realm, or in the one that is
// configured. A key is as good as a password, so keys are left out unless they
// are asked for.
func (a *Accounts) Users(ctx context.Context, keys bool) ([]Account, error) {
	if a.db == nil {
		return nil, errNoDatabase
	}
	rows, err := a.db.Users(ctx, a.cfg.Realm)
	if err != nil {
		return nil, err
	}
	list := make([]Account, 0, len(rows))
	for _, u := range rows {
		account := Account{Name: u.Name, Realm: u.Realm}
		if keys {
			account.Key = u.Key.String()
		}
		list = append(list, account)
	}
	return list, nil
}

// AddSecret adds a shared secret and returns it; an empty one is made up.
func (a *Accounts) AddSecret(ctx context.Context, value string) (string, error) {
	if a.db == nil {
		return "", errNoDatabase
	}
	if value == "" {
		value = newSecret()
	}
	return value, a.db.AddSecret(ctx, a.access.realm, value)
}

// Secrets lists the shared secrets of the realm in the database.
func (a *Accounts) Secrets(ctx context.Context) ([]string, error) {
	if a.db == nil {
		return nil, errNoDatabase
	}
	return a.db.Secrets(ctx, a.access.realm)
}

// RemoveSecret removes a shared secret from the database.
func (a *Accounts) RemoveSecret(ctx context.Context, value string) error {
	if a.db == nil {
		return errNoDatabase
	}
	err := a.db.RemoveSecret(ctx, a.access.realm, value)
	if errors.Is(err, store.ErrNoSecret) {
		// Not the value: whatever was meant, it may be a secret of something.
		return absent{fmt.Errorf("realm %q of %s has no such secret", a.access.realm, a.access.database)}
	}
	return err
}

// Credentials returns an iceServers array with a credential for user, or for
// nobody in particular, that is good for ttl, and when it runs out. It is made
// of the first secret that the server has: configured, kept, or in the database.
func (a *Accounts) Credentials(ctx context.Context, user string, ttl time.Duration, now time.Time) ([]ICEServer, time.Time, error) {
	switch noAuth, stunOnly := a.open(); {
	case noAuth:
		return nil, time.Time{}, errors.New("no-auth is set: this server asks for no credentials")
	case stunOnly:
		return nil, time.Time{}, errors.New("stun-only is set: this server has no relay to make credentials for")
	}
	if ttl < time.Second {
		return nil, time.Time{}, fmt.Errorf("a credential cannot be good for %v: give a --ttl of a second or more", ttl)
	}
	secret, err := a.firstSecret(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	if user == "" {
		user = webUser
	}
	// A password is made of the name's bytes, so every client must send these.
	if user, err = auth.OpaqueString(user); err != nil {
		return nil, time.Time{}, fmt.Errorf("--user cannot be used: %w", err)
	}
	username, credential := mint(a.access.rest, secret, user, ttl, now)
	expires, _, err := a.access.rest.Parse(username)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("--ttl %v leads beyond the year 2106", ttl)
	}
	if a.last != nil {
		return []ICEServer{{URLs: a.last.URLs, Username: username, Credential: credential}}, expires, nil
	}
	found, err := discover()
	if err != nil {
		return nil, time.Time{}, err
	}
	p, err := locate(a.cfg, found, nil)
	if err != nil {
		return nil, time.Time{}, err
	}
	return iceServers(a.cfg, p.host().String(), username, credential), expires, nil
}

// open says whether the server asks for no credentials, and why.
func (a *Accounts) open() (noAuth, stunOnly bool) {
	if a.last != nil {
		return a.last.NoAuth, a.last.STUNOnly
	}
	return a.cfg.NoAuth, a.cfg.STUNOnly
}

// firstSecret returns a secret that the server takes.
func (a *Accounts) firstSecret(ctx context.Context) (string, error) {
	var unread error
	if a.last != nil {
		var s string
		if s, unread = a.last.secret(a.access.kept, a.cfg); s != "" {
			return s, nil
		}
	} else if len(a.access.secrets) > 0 {
		return a.access.secrets[0], nil
	}
	if a.db != nil {
		secrets, err := a.db.Secrets(ctx, a.access.realm)
		if err != nil {
			return "", err
		}
		if i := slices.IndexFunc(secrets, func(s string) bool { return !store.Blank(s) }); i >= 0 {
			return secrets[i], nil
		}
	}
	switch {
	case unread != nil:
		return "", unread
	case a.last != nil:
		return "", a.last.noSecret()
	}
	return "", fmt.Errorf("realm %q has no shared secret to make credentials of: run iceserver secret add, or set static-auth-secret", a.access.realm)
}
