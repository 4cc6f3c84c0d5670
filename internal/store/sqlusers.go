package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"iceserver/internal/auth"
)

// userRow is a row of the table of users as it is.
type userRow struct{ realm, name, key string }

// users reads rows of users.
func (s *sqlDatabase) users(ctx context.Context, q statement, args ...any) ([]userRow, error) {
	var all []userRow
	err := s.query(ctx, q, func(scan func(...any) error) error {
		var realm, name, key sql.NullString
		if err := scan(&realm, &name, &key); err != nil {
			return err
		}
		all = append(all, userRow{realm.String, name.String, key.String})
		return nil
	}, args...)
	return all, err
}

// Key implements Source. A database that folds may find somebody of a similar
// name, who is somebody else.
func (s *sqlDatabase) Key(ctx context.Context, realm, name string) (auth.Key, error) {
	if !storable(realm) || !storable(name) {
		return nil, ErrNoUser
	}
	rows, err := s.users(ctx, sqlKey, realm, name)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if r.realm != realm || r.name != name {
			continue
		}
		key, err := keyOf(r.key)
		if err != nil {
			return nil, s.fail(fmt.Errorf("user %q of realm %q: %w", name, realm, err))
		}
		return key, nil
	}
	return nil, ErrNoUser
}

// Users implements Users.
func (s *sqlDatabase) Users(ctx context.Context, realm string) ([]User, error) {
	q, args := sqlUsers, []any(nil)
	if realm != "" {
		q, args = sqlRealmUsers, []any{realm}
	}
	if !storable(realm) {
		return nil, nil
	}
	rows, err := s.users(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	var users []User
	for _, r := range rows {
		if realm != "" && r.realm != realm {
			continue
		}
		// A broken key hides no user from a list: it is the list that shows
		// which one to mend. Such a user has no Key.
		key, _ := keyOf(r.key)
		users = append(users, User{Realm: r.realm, Name: r.name, Key: key})
	}
	sortUsers(users)
	return users, nil
}

// AddUser implements Users.
func (s *sqlDatabase) AddUser(ctx context.Context, u User) error {
	if err := checkUser(u); err != nil {
		return err
	}
	if err := s.apartUser(ctx, u); err != nil {
		return err
	}
	return s.insert(ctx, ErrUserExists, sqlInsertUser, columnOf(u.Key), u.Realm, u.Name)
}

// SetUser implements Users.
func (s *sqlDatabase) SetUser(ctx context.Context, u User) error {
	if err := checkUser(u); err != nil {
		return err
	}
	if err := s.apartUser(ctx, u); err != nil {
		return err
	}
	return s.put(ctx, sqlUpdateUser, sqlInsertUser, columnOf(u.Key), u.Realm, u.Name)
}

// apartUser refuses to write over another user of a similar name.
func (s *sqlDatabase) apartUser(ctx context.Context, u User) error {
	return s.apart(ctx, sqlUserNames, u.Realm, u.Name)
}

// DeleteUser implements Users.
func (s *sqlDatabase) DeleteUser(ctx context.Context, realm, name string) error {
	if !storable(realm) || !storable(name) {
		return ErrNoUser
	}
	return s.removeExact(ctx, ErrNoUser, sqlUserNames, sqlDeleteUser, realm, name)
}

// Secrets implements Source.
func (s *sqlDatabase) Secrets(ctx context.Context, realm string) ([]string, error) {
	if !storable(realm) {
		return nil, nil
	}
	var secrets []string
	err := s.query(ctx, sqlSecrets, func(scan func(...any) error) error {
		var in, value sql.NullString
		if err := scan(&in, &value); err != nil {
			return err
		}
		if in.String == realm {
			secrets = append(secrets, value.String)
		}
		return nil
	}, realm)
	slices.Sort(secrets)
	return secrets, err
}

// AddSecret implements Secrets.
func (s *sqlDatabase) AddSecret(ctx context.Context, realm, value string) error {
	if err := checkSecret(realm, value); err != nil {
		return err
	}
	if err := s.apart(ctx, sqlSecret, realm, value); err != nil {
		return err
	}
	return s.insert(ctx, nil, sqlInsertSecret, realm, value)
}

// RemoveSecret implements Secrets.
func (s *sqlDatabase) RemoveSecret(ctx context.Context, realm, value string) error {
	if !storable(realm) || !storable(value) {
		return ErrNoSecret
	}
	return s.removeExact(ctx, ErrNoSecret, sqlSecret, sqlDeleteSecret, realm, value)
}
