// Package store answers who may use the relay: the users and secrets of the
// configuration, and those of a database in coturn's schema.
//
// Knows: rows, keys, how old an answer may be. Does not know: HTTP, TURN.
// Owns: the connections to its database and the cache of its answers.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"iceserver/internal/auth"
)

// Errors that a Database answers with, besides its own.
var (
	// ErrNoUser: there is no user of that name in that realm.
	ErrNoUser = errors.New("no such user")
	// ErrUserExists: a user of that name is already in that realm.
	ErrUserExists = errors.New("the user exists already")
	// ErrNoSecret: the realm has no such shared secret.
	ErrNoSecret = errors.New("no such secret")
	// ErrNotFound: there is no such origin, option, rule, administrator or key.
	ErrNotFound = errors.New("no such entry")
	// ErrBrokenKey: the user is there, its key is unusable.
	ErrBrokenKey = errors.New("the key is not 32 hexadecimal digits")
)

// Source is what answering a client takes: the part of a Database that serving
// needs. Its methods may take their time, within ctx.
type Source interface {
	// Key returns the long-term key of a user, or ErrNoUser.
	Key(ctx context.Context, realm, name string) (auth.Key, error)
	// Secrets returns the shared secrets of a realm in a stable order; none is
	// no error.
	Secrets(ctx context.Context, realm string) ([]string, error)
	// Version returns a number that is another one whenever somebody may have
	// changed something since it was last asked for. It is cheap. Where the
	// database has no exact answer, a change may take two seconds to show.
	Version(ctx context.Context) (uint64, error)
}

// Database keeps everything that coturn keeps in its userdb, in coturn's schema.
// Every one passes storetest.Test, and every one may be used from several
// goroutines and beside coturn's own programs. Names are compared byte by byte,
// whatever the database thinks of upper and lower case. A context without a
// deadline is given one of ten seconds.
type Database interface {
	Source
	Users
	Secrets
	Realms
	Admins
	OAuthKeys
	// String names the database as an operator knows it, without a password.
	String() string
	// Close ends its connections.
	Close() error
}

// The widths of coturn's columns. SQLite does not enforce them, other databases
// cut or refuse, so everybody checks here.
const (
	maxRealm     = 127
	maxName      = 512
	maxSecret    = 256
	maxOrigin    = 127
	maxRange     = 256
	maxAdmin     = 32
	maxPassword  = 127
	maxKID       = 128
	maxIKM       = 256
	maxAlgorithm = 64
)

// storable says whether every database takes a text: PostgreSQL has no place for
// a zero byte, and none of the others agree on what is no UTF-8.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// optional refuses a text that a column cannot hold.
func optional(what, value string, width int) error {
	switch {
	case len(value) > width:
		return fmt.Errorf("%s is longer than %d bytes", what, width)
	case !storable(value):
		return fmt.Errorf("%s is no UTF-8, or has a zero byte in it", what)
	}
	return nil
}

// required refuses an empty one too.
func required(what, value string, width int) error {
	if strings.TrimSpace(value) == "" {
		return fmt.Errorf("%s is empty", what)
	}
	return optional(what, value, width)
}

// checks returns the first error.
func checks(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
