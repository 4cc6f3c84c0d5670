package store

import (
	"context"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"iceserver/internal/auth"
)

// Collections of MongoDB.
const (
	mongoUsers   = "turnusers_lt"
	mongoSecrets = "turn_secret"
	mongoRealms  = "realm"
	mongoOAuth   = "oauth_key"
	mongoAdmins  = "admin_user"
)

// mongoUser is a document of turnusers_lt.
type mongoUser struct {
	Realm, Name, HMACKey string
}

// Key implements Source.
func (m *mongoDatabase) Key(ctx context.Context, realm, name string) (auth.Key, error) {
	if !storable(realm) || !storable(name) {
		return nil, ErrNoUser
	}
	found, err := find[mongoUser](ctx, m, mongoUsers, equal("realm", realm, "name", name))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, ErrNoUser
	}
	key, err := keyOf(found[0].HMACKey)
	if err != nil {
		return nil, m.fail(fmt.Errorf("user %q of realm %q: %w", name, realm, err))
	}
	return key, nil
}

// Users implements Users.
func (m *mongoDatabase) Users(ctx context.Context, realm string) ([]User, error) {
	if !storable(realm) {
		return nil, nil
	}
	var filter bson.D
	if realm != "" {
		filter = equal("realm", realm)
	}
	found, err := find[mongoUser](ctx, m, mongoUsers, filter)
	var users []User
	for _, u := range found {
		// As in a table, a broken key hides nobody.
		key, _ := keyOf(u.HMACKey)
		users = append(users, User{Realm: u.Realm, Name: u.Name, Key: key})
	}
	sortUsers(users)
	return users, err
}

// AddUser implements Users.
func (m *mongoDatabase) AddUser(ctx context.Context, u User) error {
	if err := checkUser(u); err != nil {
		return err
	}
	return m.insert(ctx, ErrUserExists, mongoUsers, equal("realm", u.Realm, "name", u.Name), equal("hmackey", columnOf(u.Key)))
}

// SetUser implements Users.
func (m *mongoDatabase) SetUser(ctx context.Context, u User) error {
	if err := checkUser(u); err != nil {
		return err
	}
	return m.put(ctx, mongoUsers, equal("realm", u.Realm, "name", u.Name), equal("hmackey", columnOf(u.Key)))
}

// DeleteUser implements Users.
func (m *mongoDatabase) DeleteUser(ctx context.Context, realm, name string) error {
	if !storable(realm) || !storable(name) {
		return ErrNoUser
	}
	return m.remove(ctx, ErrNoUser, mongoUsers, equal("realm", realm, "name", name))
}

// Secrets implements Source.
func (m *mongoDatabase) Secrets(ctx context.Context, realm string) ([]string, error) {
	if !storable(realm) {
		return nil, nil
	}
	found, err := find[struct{ Value string }](ctx, m, mongoSecrets, equal("realm", realm))
	var secrets []string
	for _, s := range found {
		secrets = append(secrets, s.Value)
	}
	slices.Sort(secrets)
	return secrets, err
}

// AddSecret implements Secrets.
func (m *mongoDatabase) AddSecret(ctx context.Context, realm, value string) error {
	if err := checkSecret(realm, value); err != nil {
		return err
	}
	return m.insert(ctx, nil, mongoSecrets, equal("realm", realm, "value", value), nil)
}

// RemoveSecret implements Secrets.
func (m *mongoDatabase) RemoveSecret(ctx context.Context, realm, value string) error {
	if !storable(realm) || !storable(value) {
		return ErrNoSecret
	}
	return m.remove(ctx, ErrNoSecret, mongoSecrets, equal("realm", realm, "value", value))
}
