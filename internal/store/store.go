// Package store holds who may use the relay: users and shared secrets, from the
// configuration and from a database in coturn's schema.
//
// Knows: rows, keys, how old an answer may be. Does not know: HTTP, TURN.
// Owns: the connections to its database and the cache of its answers.
package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

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
	// ErrBrokenKey: the user is there, its key is unusable.
	ErrBrokenKey = errors.New("the key is not 32 hexadecimal digits")
)

// User is a row of the table of long-term credentials.
type User struct {
	Realm, Name string
	Key         auth.Key
}

// Source is what answering a client takes: the part of a Database that serving
// needs. Its methods may take their time, within ctx.
type Source interface {
	// Key returns the long-term key of a user, or ErrNoUser.
	Key(ctx context.Context, realm, name string) (auth.Key, error)
	// Secrets returns the shared secrets of a realm in a stable order; none is
	// no error.
	Secrets(ctx context.Context, realm string) ([]string, error)
	// Version returns a number that is another one whenever somebody may have
	// changed something since it was last asked for. It costs less than Key.
	Version(ctx context.Context) (uint64, error)
}

// Database keeps users and secrets. Every one passes storetest.Test, and every
// one may be used from several goroutines and beside coturn's own programs.
type Database interface {
	Source
	// Users lists the users of a realm, or of all realms if it is empty, by
	// realm and name.
	Users(ctx context.Context, realm string) ([]User, error)
	// AddUser adds a user, or returns ErrUserExists.
	AddUser(ctx context.Context, u User) error
	// SetUser adds a user or replaces its key.
	SetUser(ctx context.Context, u User) error
	// DeleteUser removes a user, or returns ErrNoUser.
	DeleteUser(ctx context.Context, realm, name string) error
	// AddSecret adds a shared secret; one that is there already stays.
	AddSecret(ctx context.Context, realm, value string) error
	// RemoveSecret removes a shared secret, or returns ErrNoSecret.
	RemoveSecret(ctx context.Context, realm, value string) error
	Close() error
}

// maxRealm and maxName are the widths of coturn's columns. SQLite does not
// enforce them, other databases cut or refuse, so everybody checks here.
const (
	maxRealm  = 127
	maxName   = 512
	maxSecret = 256
)

// checkUser refuses what would not come back from every database as it went in.
func checkUser(u User) error {
	switch {
	case u.Name == "":
		return errors.New("the user has no name")
	case len(u.Name) > maxName:
		return fmt.Errorf("the user's name is longer than %d bytes", maxName)
	case len(u.Realm) > maxRealm:
		return fmt.Errorf("the realm is longer than %d bytes", maxRealm)
	case len(u.Key) == 0:
		return errors.New("the user has no key")
	}
	return nil
}

// checkSecret does the same for a shared secret. An empty one would let
// everybody in, since its passwords can be computed by anybody.
func checkSecret(realm, value string) error {
	switch {
	case strings.TrimSpace(value) == "":
		return errors.New("the secret is empty")
	case len(value) > maxSecret:
		return fmt.Errorf("the secret is longer than %d bytes", maxSecret)
	case len(realm) > maxRealm:
		return fmt.Errorf("the realm is longer than %d bytes", maxRealm)
	}
	return nil
}

// keyOf reads an hmackey column. The column is wider than the key and some
// databases pad it with blanks; keys written by hand may be in upper case or
// carry the 0x of the configuration file.
func keyOf(column string) (auth.Key, error) {
	s := strings.ToLower(strings.TrimSpace(column))
	key, err := hex.DecodeString(strings.TrimPrefix(s, "0x"))
	if err != nil || len(key) != md5Size {
		return nil, ErrBrokenKey
	}
	return auth.Key(key), nil
}

// md5Size is the length of a long-term key in bytes.
const md5Size = 16

// columnOf writes a key as coturn does: lower-case digits without 0x.
func columnOf(k auth.Key) string { return hex.EncodeToString(k) }
