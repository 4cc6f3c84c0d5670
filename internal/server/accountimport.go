package server

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/store"
)

// undoWithin is how long taking an import back may take, even after the command
// was interrupted.
const undoWithin = 30 * time.Second

// LongTermKey returns the key that the account has with a password, as 0x and
// digits. The realm may be empty, as it may for coturn's tool.
func (a Account) LongTermKey(password string) (string, error) {
	prepared, err := auth.OpaqueString(password)
	if err != nil {
		return "", errors.New("the password has a character in it that passwords cannot have, or is not UTF-8") // not err: it may quote
	}
	if a.Realm != "" {
		key, err := auth.LongTermKey(a.Name, a.Realm, prepared)
		return key.String(), err
	}
	sum := md5.Sum([]byte(a.Name + "::" + prepared))
	return auth.Key(sum[:]).String(), nil
}

// WithPassword returns the account with the key that it has with a password, under
// the name that is looked up first.
//
// R-8489-14.3-b (RFC 8489, 14.3): that is the one prepared with OpaqueString.
func (a Account) WithPassword(password string) (Account, error) {
	name, err := auth.OpaqueString(a.Name)
	if err != nil {
		return a, errUnfitName
	}
	a.Name = name
	a.Key, err = a.LongTermKey(password)
	return a, err
}

// CheckImport returns what is wrong with the accounts of an import, by their
// index: names that cannot be, broken keys, accounts that come twice, and, unless
// they may be replaced, those that are there already. An account without a realm
// is one of the realm that things are added to. Nothing is written.
func (a *Accounts) CheckImport(ctx context.Context, list []Account, replace bool) (map[int]error, error) {
	if a.db == nil {
		return nil, errNoDatabase
	}
	existing, err := a.keysBefore(ctx)
	if err != nil {
		return nil, err
	}
	wrong := map[int]error{}
	seen := map[Account]int{}
	for i, account := range list {
		row, err := a.row(account)
		who := Account{Name: row.Name, Realm: row.Realm}
		first, twice := seen[who]
		switch _, there := existing[who]; {
		case err != nil:
			wrong[i] = err
		case twice:
			wrong[i] = fmt.Errorf("user %q of realm %q comes twice, first as number %d", who.Name, who.Realm, first+1)
		case there && !replace:
			wrong[i] = fmt.Errorf("user %q of realm %q exists already: remove the line, or import with --replace", who.Name, who.Realm)
		}
		if !twice {
			seen[who] = i
		}
	}
	return wrong, nil
}

// row is the row of an account with a key. Of its name the key was made, so that
// it stays as it is written.
func (a *Accounts) row(account Account) (store.User, error) {
	realm := account.Realm
	if realm == "" {
		realm = a.access.realm
	}
	u := store.User{Realm: realm, Name: account.Name}
	if _, err := a.In(realm).checkName(account.Name); err != nil {
		return u, err
	}
	key, err := auth.ParseKey(account.Key)
	if err != nil {
		return u, errors.New("the key is not 0x and 32 hexadecimal digits") // not err: it may quote one
	}
	u.Key = key
	return u, nil
}

// keysBefore are the keys of everybody in the database.
func (a *Accounts) keysBefore(ctx context.Context) (map[Account]auth.Key, error) {
	rows, err := a.db.Users(ctx, "")
	if err != nil {
		return nil, err
	}
	before := make(map[Account]auth.Key, len(rows))
	for _, u := range rows {
		before[Account{Name: u.Name, Realm: u.Realm}] = u.Key
	}
	return before, nil
}

// together is a database that writes many users at once or none. Not every one can.
type together interface {
	Together(ctx context.Context, do func(store.Users) error) error
}

// Import writes accounts that CheckImport found nothing wrong with, all of them or
// none. If one cannot be written its index is returned with the error. Where the
// database has no transactions, those before it are taken back by hand.
func (a *Accounts) Import(ctx context.Context, list []Account, replace bool) (int, error) {
	rows := make([]store.User, len(list))
	for i, account := range list {
		var err error
		if rows[i], err = a.row(account); err != nil {
			return i, err
		}
	}
	if t, ok := a.db.(together); ok {
		n := len(rows)
		err := t.Together(ctx, func(u store.Users) (err error) {
			n, err = writeUsers(ctx, u, rows, replace)
			return err
		})
		return n, err
	}
	before, err := a.keysBefore(ctx)
	if err != nil {
		return 0, err
	}
	n, err := writeUsers(ctx, a.db, rows, replace)
	if err != nil {
		err = errors.Join(err, a.undo(ctx, rows[:n], before))
	}
	return n, err
}

// writeUsers returns how many it wrote before the error.
func writeUsers(ctx context.Context, to store.Users, rows []store.User, replace bool) (int, error) {
	write := to.AddUser
	if replace {
		write = to.SetUser
	}
	for i, u := range rows {
		if err := write(ctx, u); err != nil {
			return i, err
		}
	}
	return len(rows), nil
}

// undo gives users the keys that they had before.
func (a *Accounts) undo(ctx context.Context, rows []store.User, before map[Account]auth.Key) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWithin)
	defer cancel()
	for _, u := range rows {
		key, was := before[Account{Name: u.Name, Realm: u.Realm}]
		var err error
		if was && len(key) > 0 {
			u.Key = key
			err = a.db.SetUser(ctx, u)
		} else {
			err = a.db.DeleteUser(ctx, u.Realm, u.Name)
		}
		if err != nil {
			return fmt.Errorf("and what was written before it cannot be taken back, from user %q of realm %q on: %w", u.Name, u.Realm, err)
		}
	}
	return nil
}
