package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"iceserver/internal/auth"
)

// userKey is the key of a user.
func userKey(realm, name string) (string, error) {
	begin, err := realmKey(realm)
	return begin + "user/" + name + "/key", err
}

// Key implements Source.
func (r *redisDatabase) Key(ctx context.Context, realm, name string) (auth.Key, error) {
	at, err := userKey(realm, name)
	if err != nil {
		return nil, r.fail(err)
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	text, err := r.db.Get(ctx, at).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, ErrNoUser
	case err != nil:
		return nil, r.fail(err)
	}
	key, err := keyOf(text)
	if err != nil {
		return nil, r.fail(fmt.Errorf("user %q of realm %q: %w", name, realm, err))
	}
	return key, nil
}

// Users implements Users.
func (r *redisDatabase) Users(ctx context.Context, realm string) ([]User, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	at, err := r.keysOf(ctx, "turn/realm/", "/key")
	if err != nil {
		return nil, err
	}
	who := map[string]User{}
	var keys []string
	for middle, key := range at {
		in, rest, _ := strings.Cut(middle, "/")
		name, ok := strings.CutPrefix(rest, "user/")
		if ok && (realm == "" || in == realm) {
			who[key] = User{Realm: in, Name: name}
			keys = append(keys, key)
		}
	}
	var users []User
	err = r.texts(ctx, keys, func(key, value string) {
		u := who[key]
		// As in a table, a broken key hides nobody.
		u.Key, _ = keyOf(value)
		users = append(users, u)
	})
	sortUsers(users)
	return users, err
}

// AddUser implements Users.
func (r *redisDatabase) AddUser(ctx context.Context, u User) error {
	if err := checkUser(u); err != nil {
		return err
	}
	at, err := userKey(u.Realm, u.Name)
	if err != nil {
		return r.fail(err)
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	err = r.db.SetArgs(ctx, at, columnOf(u.Key), redis.SetArgs{Mode: "NX"}).Err()
	if errors.Is(err, redis.Nil) {
		return ErrUserExists
	}
	return r.fail(err)
}

// SetUser implements Users.
func (r *redisDatabase) SetUser(ctx context.Context, u User) error {
	if err := checkUser(u); err != nil {
		return err
	}
	at, err := userKey(u.Realm, u.Name)
	if err != nil {
		return r.fail(err)
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	return r.fail(r.db.Set(ctx, at, columnOf(u.Key), 0).Err())
}

// DeleteUser implements Users.
func (r *redisDatabase) DeleteUser(ctx context.Context, realm, name string) error {
	at, err := userKey(realm, name)
	if err != nil {
		return r.fail(err)
	}
	return r.drop(ctx, at, ErrNoUser)
}

// drop deletes a key, or returns none.
func (r *redisDatabase) drop(ctx context.Context, key string, none error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	return r.any(none)(r.db.Del(ctx, key).Result())
}

// any returns none if nothing was deleted.
func (r *redisDatabase) any(none error) func(int64, error) error {
	return func(n int64, err error) error {
		if err == nil && n == 0 {
			return none
		}
		return r.fail(err)
	}
}

// members lists a set of a realm, sorted.
func (r *redisDatabase) members(ctx context.Context, realm, set string) ([]string, error) {
	begin, err := realmKey(realm)
	if err != nil {
		return nil, r.fail(err)
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	all, err := r.db.SMembers(ctx, begin+set).Result()
	slices.Sort(all)
	return all, r.fail(err)
}

// add puts a member into a set of a realm.
func (r *redisDatabase) add(ctx context.Context, realm, set, value string) error {
	begin, err := realmKey(realm)
	if err != nil {
		return r.fail(err)
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	return r.fail(r.db.SAdd(ctx, begin+set, value).Err())
}

// take removes a member from a set of a realm, or returns none.
func (r *redisDatabase) take(ctx context.Context, realm, set, value string, none error) error {
	begin, err := realmKey(realm)
	if err != nil {
		return r.fail(err)
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	return r.any(none)(r.db.SRem(ctx, begin+set, value).Result())
}

// Secrets implements Source.
func (r *redisDatabase) Secrets(ctx context.Context, realm string) ([]string, error) {
	return r.members(ctx, realm, "secret")
}

// AddSecret implements Secrets.
func (r *redisDatabase) AddSecret(ctx context.Context, realm, value string) error {
	if err := checkSecret(realm, value); err != nil {
		return err
	}
	return r.add(ctx, realm, "secret", value)
}

// RemoveSecret implements Secrets.
func (r *redisDatabase) RemoveSecret(ctx context.Context, realm, value string) error {
	return r.take(ctx, realm, "secret", value, ErrNoSecret)
}
