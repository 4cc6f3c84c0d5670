package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"iceserver/internal/auth"
	"iceserver/internal/store"
)

// Admins lists the administrators of coturn's web interface, by realm and name;
// one without a realm may do everything. They have no keys.
func (a *Accounts) Admins(ctx context.Context) ([]Account, error) {
	if a.db == nil {
		return nil, errNoDatabase
	}
	rows, err := a.db.Admins(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Account, 0, len(rows))
	for _, r := range rows {
		list = append(list, Account{Name: r.Name, Realm: r.Realm})
	}
	slices.SortFunc(list, func(a, b Account) int {
		return cmp.Or(strings.Compare(a.Realm, b.Realm), strings.Compare(a.Name, b.Name))
	})
	return list, nil
}

// SetAdmin adds an administrator or changes realm and password; without a realm it
// is one of all realms. A name in use is an error if it has to be new.
//
// A-L01: a name with a line break would write lines of its own into lists.
func (a *Accounts) SetAdmin(ctx context.Context, name, password, realm string, isNew bool) error {
	switch {
	case a.db == nil:
		return errNoDatabase
	case password == "":
		return errors.New("the password is empty")
	case name == "":
		return errors.New("the administrator has no name")
	}
	if _, err := auth.OpaqueString(name); err != nil {
		return errUnfitName
	}
	if isNew {
		switch _, err := a.db.Admin(ctx, name); {
		case err == nil:
			return fmt.Errorf("administrator %q exists already: change it with iceserver admin set", name)
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	return a.db.SetAdmin(ctx, store.Admin{Name: name, Realm: realm, Password: Account{}.HashPassword(password)})
}

// RemoveAdmin removes an administrator.
func (a *Accounts) RemoveAdmin(ctx context.Context, name string) error {
	if a.db == nil {
		return errNoDatabase
	}
	err := a.db.DeleteAdmin(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return absent{fmt.Errorf("there is no administrator %q in %s", name, a.access.database)}
	}
	return err
}

// CheckAdmin returns the administrator whose password that is, or an error that
// does not say whether there is one of that name.
func (a *Accounts) CheckAdmin(ctx context.Context, name, password string) (Account, error) {
	if a.db == nil {
		return Account{}, errNoDatabase
	}
	row, err := a.db.Admin(ctx, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Account{}, err
	}
	if err != nil || !checkAdminPassword(row.Password, password) {
		return Account{}, fmt.Errorf("there is no administrator %q with that password in %s", name, a.access.database)
	}
	return Account{Name: row.Name, Realm: row.Realm}, nil
}
