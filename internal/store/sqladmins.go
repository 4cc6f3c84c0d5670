package store

import (
	"context"
	"database/sql"
	"time"
)

// admins reads rows of administrators.
func (s *sqlDatabase) admins(ctx context.Context, q statement, args ...any) ([]Admin, error) {
	var all []Admin
	err := s.query(ctx, q, func(scan func(...any) error) error {
		var name, realm, password sql.NullString
		if err := scan(&name, &realm, &password); err != nil {
			return err
		}
		all = append(all, Admin{name.String, realm.String, password.String})
		return nil
	}, args...)
	sortAdmins(all)
	return all, err
}

// Admins implements Admins.
func (s *sqlDatabase) Admins(ctx context.Context) ([]Admin, error) { return s.admins(ctx, sqlAdmins) }

// Admin implements Admins.
func (s *sqlDatabase) Admin(ctx context.Context, name string) (Admin, error) {
	if !storable(name) {
		return Admin{}, ErrNotFound
	}
	found, err := s.admins(ctx, sqlAdmin, name)
	if err != nil {
		return Admin{}, err
	}
	for _, a := range found {
		if a.Name == name {
			return a, nil
		}
	}
	return Admin{}, ErrNotFound
}

// SetAdmin implements Admins.
func (s *sqlDatabase) SetAdmin(ctx context.Context, a Admin) error {
	if err := checkAdmin(a); err != nil {
		return err
	}
	if err := s.apart(ctx, sqlAdminName, a.Name); err != nil {
		return err
	}
	return s.put(ctx, sqlUpdateAdmin, sqlInsertAdmin, a.Realm, a.Password, a.Name)
}

// DeleteAdmin implements Admins.
func (s *sqlDatabase) DeleteAdmin(ctx context.Context, name string) error {
	if !storable(name) {
		return ErrNotFound
	}
	return s.removeExact(ctx, ErrNotFound, sqlAdminName, sqlDeleteAdmin, name)
}

// oauthKeys reads rows of keys of authorization servers.
func (s *sqlDatabase) oauthKeys(ctx context.Context, q, old statement, args ...any) ([]OAuthKey, error) {
	var all []OAuthKey
	err := s.queryOld(ctx, q, old, func(scan func(...any) error) error {
		var kid, key, algorithm, realm sql.NullString
		var created, lifetime sql.NullInt64
		if err := scan(&kid, &key, &created, &lifetime, &algorithm, &realm); err != nil {
			return err
		}
		all = append(all, OAuthKey{
			KID: kid.String, Key: key.String, Created: instant(created.Int64),
			Lifetime: lifetimeOf(lifetime.Int64), Algorithm: algorithm.String, Realm: realm.String,
		})
		return nil
	}, args...)
	sortOAuthKeys(all)
	return all, err
}

// OAuthKeys implements OAuthKeys.
func (s *sqlDatabase) OAuthKeys(ctx context.Context) ([]OAuthKey, error) {
	return s.oauthKeys(ctx, sqlOAuthKeys, sqlOAuthKeysOld)
}

// OAuthKey implements OAuthKeys.
func (s *sqlDatabase) OAuthKey(ctx context.Context, kid string) (OAuthKey, error) {
	if !storable(kid) {
		return OAuthKey{}, ErrNotFound
	}
	found, err := s.oauthKeys(ctx, sqlOAuthKey, sqlOAuthKeyOld, kid)
	if err != nil {
		return OAuthKey{}, err
	}
	for _, k := range found {
		if k.KID == kid {
			return k, nil
		}
	}
	return OAuthKey{}, ErrNotFound
}

// SetOAuthKey implements OAuthKeys.
func (s *sqlDatabase) SetOAuthKey(ctx context.Context, k OAuthKey) error {
	if err := checkOAuthKey(k); err != nil {
		return err
	}
	if err := s.apart(ctx, sqlKID, k.KID); err != nil {
		return err
	}
	return s.put(ctx, sqlUpdateOAuth, sqlInsertOAuth,
		k.Key, seconds(k.Created), int64(k.Lifetime/time.Second), k.Algorithm, k.Realm, k.KID)
}

// DeleteOAuthKey implements OAuthKeys.
func (s *sqlDatabase) DeleteOAuthKey(ctx context.Context, kid string) error {
	if !storable(kid) {
		return ErrNotFound
	}
	return s.removeExact(ctx, ErrNotFound, sqlKID, sqlDeleteOAuth, kid)
}
