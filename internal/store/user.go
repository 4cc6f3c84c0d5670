package store

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"iceserver/internal/auth"
)

// User is a row of the table of long-term credentials.
type User struct {
	Realm, Name string
	Key         auth.Key
}

// Users keeps the long-term credentials.
type Users interface {
	// Users lists the users of a realm, or of all realms if it is empty, by
	// realm and name. A user whose key is unusable is listed without one.
	Users(ctx context.Context, realm string) ([]User, error)
	// AddUser adds a user, or returns ErrUserExists.
	AddUser(ctx context.Context, u User) error
	// SetUser adds a user or replaces its key.
	SetUser(ctx context.Context, u User) error
	// DeleteUser removes a user, or returns ErrNoUser.
	DeleteUser(ctx context.Context, realm, name string) error
}

// Secrets keeps the shared secrets of time-limited credentials.
type Secrets interface {
	// AddSecret adds a shared secret; one that is there already stays.
	AddSecret(ctx context.Context, realm, value string) error
	// RemoveSecret removes a shared secret, or returns ErrNoSecret.
	RemoveSecret(ctx context.Context, realm, value string) error
}

// checkUser refuses what would not come back from every database as it went in.
func checkUser(u User) error {
	if len(u.Key) == 0 {
		return errors.New("the user has no key")
	}
	return checks(required("the user's name", u.Name, maxName), optional("the realm", u.Realm, maxRealm))
}

// checkSecret does the same for a shared secret. An empty one would let
// everybody in, since its passwords can be computed by anybody.
func checkSecret(realm, value string) error {
	return checks(required("the secret", value, maxSecret), optional("the realm", realm, maxRealm))
}

// Blank says whether nobody may be let in by a shared secret, since it is empty or
// nothing but white space. No AddSecret takes such a one, but other programs write
// into a database too, and a column may be NULL.
func Blank(secret string) bool { return strings.TrimSpace(secret) == "" }

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
