package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Realms implements Realms.
func (r *redisDatabase) Realms(ctx context.Context) ([]string, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var realms []string
	err := r.scan(ctx, "turn/realm/*", func(key string) {
		// Of coturn's reports of traffic, which may lie beside, none is a realm's.
		realm, rest, ok := strings.Cut(strings.TrimPrefix(key, "turn/realm/"), "/")
		if ok && !strings.Contains(rest, "/allocation/") {
			realms = append(realms, realm)
		}
	})
	if err != nil {
		return nil, err
	}
	origins, err := r.Origins(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range origins {
		realms = append(realms, o.Realm)
	}
	admins, err := r.Admins(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range admins {
		realms = append(realms, a.Realm)
	}
	keys, err := r.OAuthKeys(ctx)
	for _, k := range keys {
		realms = append(realms, k.Realm)
	}
	return distinct(realms), err
}

const originKey = "turn/origin/"

// Origins implements Realms.
func (r *redisDatabase) Origins(ctx context.Context) ([]Origin, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	at, err := r.keysOf(ctx, originKey, "")
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, key := range at {
		keys = append(keys, key)
	}
	var all []Origin
	err = r.texts(ctx, keys, func(key, value string) {
		all = append(all, Origin{strings.TrimPrefix(key, originKey), value})
	})
	sortOrigins(all)
	return all, err
}

// SetOrigin implements Realms.
func (r *redisDatabase) SetOrigin(ctx context.Context, o Origin) error {
	if err := checkOrigin(o); err != nil {
		return err
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	return r.fail(r.db.Set(ctx, originKey+o.Origin, o.Realm, 0).Err())
}

// DeleteOrigin implements Realms.
func (r *redisDatabase) DeleteOrigin(ctx context.Context, origin string) error {
	return r.drop(ctx, originKey+origin, ErrNotFound)
}

// RealmOptions implements Realms.
func (r *redisDatabase) RealmOptions(ctx context.Context, realm string) ([]RealmOption, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	of := map[string]RealmOption{}
	var keys []string
	for _, option := range realmOptions() {
		at, err := r.keysOf(ctx, "turn/realm/", "/"+option)
		if err != nil {
			return nil, err
		}
		for in, key := range at {
			// A slash: that is no realm, but something of one.
			if !strings.Contains(in, "/") && (realm == "" || in == realm) {
				of[key] = RealmOption{Realm: in, Option: option}
				keys = append(keys, key)
			}
		}
	}
	var all []RealmOption
	err := r.texts(ctx, keys, func(key, value string) {
		o := of[key]
		var wrong error
		if o.Value, wrong = optionValue(value); wrong == nil {
			all = append(all, o)
		}
	})
	sortOptions(all)
	return all, err
}

// SetRealmOption implements Realms.
func (r *redisDatabase) SetRealmOption(ctx context.Context, o RealmOption) error {
	if err := checkOption(o); err != nil {
		return err
	}
	begin, err := realmKey(o.Realm)
	if err != nil {
		return r.fail(err)
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	return r.fail(r.db.Set(ctx, begin+o.Option, o.Value, 0).Err())
}

// DeleteRealmOption implements Realms.
func (r *redisDatabase) DeleteRealmOption(ctx context.Context, realm, option string) error {
	begin, err := realmKey(realm)
	if err != nil {
		return r.fail(err)
	}
	// Another word would be a key of something else.
	if !slices.Contains(realmOptions(), option) {
		return ErrNotFound
	}
	return r.drop(ctx, begin+option, ErrNotFound)
}

// peerSet is the name of the set that a rule stands in.
func peerSet(allowed bool) string {
	if allowed {
		return "allowed-peer-ip"
	}
	return "denied-peer-ip"
}

// PeerRules implements Realms.
func (r *redisDatabase) PeerRules(ctx context.Context) ([]PeerRule, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var all []PeerRule
	for _, allowed := range []bool{true, false} {
		at, err := r.keysOf(ctx, "turn/realm/", "/"+peerSet(allowed))
		if err != nil {
			return nil, err
		}
		for realm := range at {
			if strings.Contains(realm, "/") {
				continue
			}
			ranges, err := r.members(ctx, realm, peerSet(allowed))
			if err != nil {
				return nil, err
			}
			for _, text := range ranges {
				all = append(all, PeerRule{realm, text, allowed})
			}
		}
	}
	sortRules(all)
	return all, nil
}

// AddPeerRule implements Realms.
func (r *redisDatabase) AddPeerRule(ctx context.Context, rule PeerRule) error {
	if err := checkRule(rule); err != nil {
		return err
	}
	return r.add(ctx, rule.Realm, peerSet(rule.Allowed), rule.Range)
}

// RemovePeerRule implements Realms.
func (r *redisDatabase) RemovePeerRule(ctx context.Context, rule PeerRule) error {
	return r.take(ctx, rule.Realm, peerSet(rule.Allowed), rule.Range, ErrNotFound)
}

// hashes reads every hash whose key begins so.
func (r *redisDatabase) hashes(ctx context.Context, begin string, each func(name string, fields map[string]string)) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	at, err := r.keysOf(ctx, begin, "")
	if err != nil {
		return err
	}
	for name, key := range at {
		fields, err := r.db.HGetAll(ctx, key).Result()
		if err != nil {
			return r.fail(err)
		}
		if len(fields) > 0 {
			each(name, fields)
		}
	}
	return nil
}

// hash reads one, or returns ErrNotFound.
func (r *redisDatabase) hash(ctx context.Context, key string) (map[string]string, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	fields, err := r.db.HGetAll(ctx, key).Result()
	if err == nil && len(fields) == 0 {
		return nil, ErrNotFound
	}
	return fields, r.fail(err)
}

// setHash replaces a hash as a whole.
func (r *redisDatabase) setHash(ctx context.Context, key string, fields ...any) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	_, err := r.db.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Del(ctx, key)
		p.HSet(ctx, key, fields...)
		return nil
	})
	return r.fail(err)
}

const adminKey = "turn/admin_user/"

func adminOf(name string, fields map[string]string) Admin {
	return Admin{Name: name, Realm: fields["realm"], Password: fields["password"]}
}

// Admins implements Admins.
func (r *redisDatabase) Admins(ctx context.Context) ([]Admin, error) {
	var all []Admin
	err := r.hashes(ctx, adminKey, func(name string, fields map[string]string) { all = append(all, adminOf(name, fields)) })
	sortAdmins(all)
	return all, err
}

// Admin implements Admins.
func (r *redisDatabase) Admin(ctx context.Context, name string) (Admin, error) {
	fields, err := r.hash(ctx, adminKey+name)
	if err != nil {
		return Admin{}, err
	}
	return adminOf(name, fields), nil
}

// SetAdmin implements Admins.
func (r *redisDatabase) SetAdmin(ctx context.Context, a Admin) error {
	if err := checkAdmin(a); err != nil {
		return err
	}
	fields := []any{"password", a.Password}
	if a.Realm != "" {
		fields = append(fields, "realm", a.Realm)
	}
	return r.setHash(ctx, adminKey+a.Name, fields...)
}

// DeleteAdmin implements Admins.
func (r *redisDatabase) DeleteAdmin(ctx context.Context, name string) error {
	return r.drop(ctx, adminKey+name, ErrNotFound)
}

const kidKey = "turn/oauth/kid/"

func oauthKeyOf(kid string, fields map[string]string) OAuthKey {
	// What is no number counts as what a missing field does.
	created, err := strconv.ParseInt(fields["timestamp"], 10, 64)
	if err != nil {
		created = 0
	}
	lifetime, err := strconv.ParseInt(fields["lifetime"], 10, 64)
	if err != nil {
		lifetime = 0
	}
	return OAuthKey{
		KID: kid, Key: fields["ikm_key"], Created: instant(created), Lifetime: lifetimeOf(lifetime),
		Algorithm: fields["as_rs_alg"], Realm: fields["realm"],
	}
}

// OAuthKeys implements OAuthKeys.
func (r *redisDatabase) OAuthKeys(ctx context.Context) ([]OAuthKey, error) {
	var all []OAuthKey
	err := r.hashes(ctx, kidKey, func(kid string, fields map[string]string) { all = append(all, oauthKeyOf(kid, fields)) })
	sortOAuthKeys(all)
	return all, err
}

// OAuthKey implements OAuthKeys.
func (r *redisDatabase) OAuthKey(ctx context.Context, kid string) (OAuthKey, error) {
	fields, err := r.hash(ctx, kidKey+kid)
	if err != nil {
		return OAuthKey{}, err
	}
	return oauthKeyOf(kid, fields), nil
}

// SetOAuthKey implements OAuthKeys.
func (r *redisDatabase) SetOAuthKey(ctx context.Context, k OAuthKey) error {
	if err := checkOAuthKey(k); err != nil {
		return err
	}
	return r.setHash(ctx, kidKey+k.KID, "ikm_key", k.Key, "timestamp", seconds(k.Created),
		"lifetime", int64(k.Lifetime/time.Second), "as_rs_alg", k.Algorithm, "realm", k.Realm)
}

// DeleteOAuthKey implements OAuthKeys.
func (r *redisDatabase) DeleteOAuthKey(ctx context.Context, kid string) error {
	return r.drop(ctx, kidKey+kid, ErrNotFound)
}
