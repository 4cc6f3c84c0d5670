package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
)

// Realms implements Realms.
func (s *sqlDatabase) Realms(ctx context.Context) ([]string, error) {
	var realms []string
	for _, q := range realmColumns() {
		err := s.query(ctx, q, func(scan func(...any) error) error {
			var realm sql.NullString
			if err := scan(&realm); err != nil {
				return err
			}
			realms = append(realms, realm.String)
			return nil
		})
		if err != nil && !s.dialect.missing(err) {
			return nil, err
		}
	}
	return distinct(realms), nil
}

// pairs reads rows of two columns.
func (s *sqlDatabase) pairs(ctx context.Context, q, old statement, each func(a, b string), args ...any) error {
	return s.queryOld(ctx, q, old, func(scan func(...any) error) error {
		var a, b sql.NullString
		if err := scan(&a, &b); err != nil {
			return err
		}
		each(a.String, b.String)
		return nil
	}, args...)
}

// Origins implements Realms.
func (s *sqlDatabase) Origins(ctx context.Context) ([]Origin, error) {
	var all []Origin
	err := s.pairs(ctx, sqlOrigins, sqlOrigins, func(origin, realm string) { all = append(all, Origin{origin, realm}) })
	sortOrigins(all)
	return all, err
}

// SetOrigin implements Realms.
func (s *sqlDatabase) SetOrigin(ctx context.Context, o Origin) error {
	if err := checkOrigin(o); err != nil {
		return err
	}
	if err := s.apart(ctx, sqlOrigin, o.Origin); err != nil {
		return err
	}
	return s.put(ctx, sqlUpdateOrigin, sqlInsertOrigin, o.Realm, o.Origin)
}

// DeleteOrigin implements Realms.
func (s *sqlDatabase) DeleteOrigin(ctx context.Context, origin string) error {
	if !storable(origin) {
		return ErrNotFound
	}
	return s.removeExact(ctx, ErrNotFound, sqlOrigin, sqlDeleteOrigin, origin)
}

// RealmOptions implements Realms.
func (s *sqlDatabase) RealmOptions(ctx context.Context, realm string) ([]RealmOption, error) {
	q, args := sqlOptions, []any(nil)
	if realm != "" {
		q, args = sqlRealmOptions, []any{realm}
	}
	if !storable(realm) {
		return nil, nil
	}
	var all []RealmOption
	err := s.query(ctx, q, func(scan func(...any) error) error {
		var in, option, value sql.NullString
		if err := scan(&in, &option, &value); err != nil {
			return err
		}
		n, err := optionValue(value.String)
		if err == nil && (realm == "" || in.String == realm) {
			all = append(all, RealmOption{in.String, option.String, n})
		}
		return nil
	}, args...)
	sortOptions(all)
	return all, err
}

// optionValue reads the value of an option, which every database keeps as text.
func optionValue(column string) (int64, error) {
	return strconv.ParseInt(strings.TrimSpace(column), 10, 64)
}

// SetRealmOption implements Realms.
func (s *sqlDatabase) SetRealmOption(ctx context.Context, o RealmOption) error {
	if err := checkOption(o); err != nil {
		return err
	}
	if err := s.apart(ctx, sqlOption, o.Realm, o.Option); err != nil {
		return err
	}
	return s.put(ctx, sqlUpdateOption, sqlInsertOption, strconv.FormatInt(o.Value, 10), o.Realm, o.Option)
}

// DeleteRealmOption implements Realms.
func (s *sqlDatabase) DeleteRealmOption(ctx context.Context, realm, option string) error {
	if !storable(realm) || !storable(option) {
		return ErrNotFound
	}
	return s.removeExact(ctx, ErrNotFound, sqlOption, sqlDeleteOption, realm, option)
}

// PeerRules implements Realms.
func (s *sqlDatabase) PeerRules(ctx context.Context) ([]PeerRule, error) {
	var all []PeerRule
	err := s.pairs(ctx, sqlAllowed, sqlAllowedOld, func(realm, text string) { all = append(all, PeerRule{realm, text, true}) })
	if err != nil {
		return nil, err
	}
	err = s.pairs(ctx, sqlDenied, sqlDeniedOld, func(realm, text string) { all = append(all, PeerRule{realm, text, false}) })
	sortRules(all)
	return all, err
}

// AddPeerRule implements Realms.
func (s *sqlDatabase) AddPeerRule(ctx context.Context, r PeerRule) error {
	if err := checkRule(r); err != nil {
		return err
	}
	find, insert := sqlDeniedRule, sqlInsertDenied
	if r.Allowed {
		find, insert = sqlAllowedRule, sqlInsertAllowed
	}
	if err := s.apart(ctx, find, r.Realm, r.Range); err != nil {
		return err
	}
	return s.insert(ctx, nil, insert, r.Realm, r.Range)
}

// RemovePeerRule implements Realms.
func (s *sqlDatabase) RemovePeerRule(ctx context.Context, r PeerRule) error {
	if !storable(r.Realm) || !storable(r.Range) {
		return ErrNotFound
	}
	if r.Allowed {
		return s.removeExact(ctx, ErrNotFound, sqlAllowedRule, sqlDeleteAllowed, r.Realm, r.Range)
	}
	return s.removeExact(ctx, ErrNotFound, sqlDeniedRule, sqlDeleteDenied, r.Realm, r.Range)
}
