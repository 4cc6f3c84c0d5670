package store

import (
	"context"
	"slices"
	"strings"
)

// Admin is somebody who may use coturn's web administration.
type Admin struct {
	Name     string
	Realm    string // empty: all of them
	Password string // as stored: a hash that begins with $5$, or clear text
}

// Admins keeps the administrators.
type Admins interface {
	// Admins lists all administrators, by name.
	Admins(ctx context.Context) ([]Admin, error)
	// Admin returns one, or ErrNotFound.
	Admin(ctx context.Context, name string) (Admin, error)
	// SetAdmin adds an administrator or changes realm and password.
	SetAdmin(ctx context.Context, a Admin) error
	// DeleteAdmin removes one, or returns ErrNotFound.
	DeleteAdmin(ctx context.Context, name string) error
}

func checkAdmin(a Admin) error {
	return checks(required("the administrator's name", a.Name, maxAdmin), optional("the realm", a.Realm, maxRealm),
		required("the password", a.Password, maxPassword))
}

func sortAdmins(admins []Admin) {
	slices.SortFunc(admins, func(a, b Admin) int { return strings.Compare(a.Name, b.Name) })
}
