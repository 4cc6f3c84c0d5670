package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"iceserver/internal/store"
)

// OAuthKey is a key that this server shares with one that hands out tokens
// (RFC 7635, 4.1.1). In lists of which keys are no part Key is empty.
type OAuthKey struct {
	KID       string     `json:"kid"`
	Realm     string     `json:"realm"`
	Algorithm string     `json:"algorithm"`         // A256GCM or A128GCM; others may be there
	Created   *time.Time `json:"created,omitempty"` // nil: it always was good
	Expires   *time.Time `json:"expires,omitempty"` // nil: it stays good
	Key       string     `json:"key,omitempty"`     // base64
}

// gcmKeys are the lengths of keys that the algorithms want, in bytes.
func gcmKeys() map[string]int { return map[string]int{"A256GCM": 32, "A128GCM": 16} }

// AddOAuthKey adds a key to the realm that is good from now on for a time, or for
// ever if that is 0. Without a key, which is base64, one is made up.
func (a *Accounts) AddOAuthKey(ctx context.Context, kid, key, algorithm string, lifetime time.Duration, now time.Time) (OAuthKey, error) {
	if a.db == nil {
		return OAuthKey{}, errNoDatabase
	}
	size := gcmKeys()[algorithm]
	if size == 0 {
		return OAuthKey{}, fmt.Errorf("%q is no algorithm of tokens: there are A256GCM and A128GCM", algorithm)
	}
	key, err := oauthKey(key, size)
	if err != nil {
		return OAuthKey{}, err
	}
	if lifetime != lifetime.Truncate(time.Second) {
		return OAuthKey{}, errors.New("the lifetime of the key is not a number of whole seconds")
	}
	switch _, err := a.db.OAuthKey(ctx, kid); {
	case err == nil:
		return OAuthKey{}, fmt.Errorf("key %q exists already: remove it first, or take another kid", kid)
	case !errors.Is(err, store.ErrNotFound):
		return OAuthKey{}, err
	}
	row := store.OAuthKey{KID: kid, Key: key, Algorithm: algorithm, Realm: a.access.realm, Created: now.Truncate(time.Second), Lifetime: lifetime}
	return shownKey(row, true), a.db.SetOAuthKey(ctx, row)
}

// oauthKey checks a key or makes one up. It is kept in padded base64, as coturn
// reads it.
func oauthKey(key string, size int) (string, error) {
	if key == "" {
		raw := make([]byte, size)
		_, _ = rand.Read(raw) // never fails
		return base64.StdEncoding.EncodeToString(raw), nil
	}
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return "", errors.New("the key is not base64 with its padding") // not err: it quotes a part
	}
	if len(raw) != size {
		return "", fmt.Errorf("the key has %d bytes, and the algorithm wants %d", len(raw), size)
	}
	return key, nil
}

// OAuthKeys lists the keys of authorization servers in every realm, or in the one
// that is configured, by kid.
func (a *Accounts) OAuthKeys(ctx context.Context, keys bool) ([]OAuthKey, error) {
	if a.db == nil {
		return nil, errNoDatabase
	}
	rows, err := a.db.OAuthKeys(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]OAuthKey, 0, len(rows))
	for _, k := range rows {
		if a.cfg.Realm == "" || k.Realm == "" || k.Realm == a.cfg.Realm {
			list = append(list, shownKey(k, keys))
		}
	}
	return list, nil
}

// OAuthKey returns one key with all there is of it.
func (a *Accounts) OAuthKey(ctx context.Context, kid string) (OAuthKey, error) {
	if a.db == nil {
		return OAuthKey{}, errNoDatabase
	}
	row, err := a.db.OAuthKey(ctx, kid)
	if errors.Is(err, store.ErrNotFound) {
		return OAuthKey{}, a.noOAuthKey(kid)
	}
	return shownKey(row, true), err
}

// RemoveOAuthKey removes a key.
func (a *Accounts) RemoveOAuthKey(ctx context.Context, kid string) error {
	if a.db == nil {
		return errNoDatabase
	}
	err := a.db.DeleteOAuthKey(ctx, kid)
	if errors.Is(err, store.ErrNotFound) {
		return a.noOAuthKey(kid)
	}
	return err
}

func (a *Accounts) noOAuthKey(kid string) error {
	return absent{fmt.Errorf("there is no key %q in %s", kid, a.access.database)}
}

// shownKey is a row for people.
func shownKey(k store.OAuthKey, key bool) OAuthKey {
	shown := OAuthKey{KID: k.KID, Realm: k.Realm, Algorithm: k.Algorithm}
	if !k.Created.IsZero() {
		created := k.Created.UTC()
		shown.Created = &created
		if k.Lifetime > 0 {
			expires := created.Add(k.Lifetime)
			shown.Expires = &expires
		}
	}
	if key {
		shown.Key = k.Key
	}
	return shown
}
