package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// OAuthKey is a key that an authorization server shares with this one
// (RFC 7635, 4.1.1).
type OAuthKey struct {
	KID       string
	Key       string        // base64, as stored
	Created   time.Time     // when it begins to be good, in whole seconds; zero: always was
	Lifetime  time.Duration // how long it is good, in whole seconds; 0: for ever
	Algorithm string        // the AEAD of its tokens, such as A256GCM
	Realm     string
}

// OAuthKeys keeps the keys of authorization servers.
type OAuthKeys interface {
	// OAuthKeys lists all keys, by KID.
	OAuthKeys(ctx context.Context) ([]OAuthKey, error)
	// OAuthKey returns one, or ErrNotFound.
	OAuthKey(ctx context.Context, kid string) (OAuthKey, error)
	// SetOAuthKey adds a key or replaces all of it.
	SetOAuthKey(ctx context.Context, k OAuthKey) error
	// DeleteOAuthKey removes one, or returns ErrNotFound.
	DeleteOAuthKey(ctx context.Context, kid string) error
}

// maxLifetime is what the column holds, an integer of 32 bits.
const maxLifetime = (1<<31 - 1) * time.Second

func checkOAuthKey(k OAuthKey) error {
	if k.Lifetime < 0 || k.Lifetime > maxLifetime {
		return errors.New("the lifetime of the key is negative or longer than 68 years")
	}
	return checks(required("the kid", k.KID, maxKID), required("the key", k.Key, maxIKM),
		optional("the algorithm", k.Algorithm, maxAlgorithm), optional("the realm", k.Realm, maxRealm))
}

func sortOAuthKeys(keys []OAuthKey) {
	slices.SortFunc(keys, func(a, b OAuthKey) int { return strings.Compare(a.KID, b.KID) })
}

// lifetimeOf reads a lifetime column.
func lifetimeOf(n int64) time.Duration {
	return time.Duration(min(max(n, 0), int64(maxLifetime/time.Second))) * time.Second
}
