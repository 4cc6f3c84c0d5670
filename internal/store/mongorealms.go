package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// mongoRealm is a document of the collection realm.
type mongoRealm struct {
	Realm   string
	Options map[string]any
	Origin  []string
	Allowed []string `bson:"allowed_peer_ip"`
	Denied  []string `bson:"denied_peer_ip"`
}

// realms reads the documents of realms.
func (m *mongoDatabase) realms(ctx context.Context) ([]mongoRealm, error) {
	return find[mongoRealm](ctx, m, mongoRealms, nil)
}

// Realms implements Realms.
func (m *mongoDatabase) Realms(ctx context.Context) ([]string, error) {
	var realms []string
	for _, collection := range []string{mongoUsers, mongoSecrets, mongoRealms, mongoOAuth, mongoAdmins} {
		found, err := find[struct{ Realm string }](ctx, m, collection, nil)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			realms = append(realms, r.Realm)
		}
	}
	return distinct(realms), nil
}

// Origins implements Realms.
func (m *mongoDatabase) Origins(ctx context.Context) ([]Origin, error) {
	found, err := m.realms(ctx)
	var all []Origin
	for _, r := range found {
		for _, origin := range r.Origin {
			all = append(all, Origin{origin, r.Realm})
		}
	}
	sortOrigins(all)
	return all, err
}

// SetOrigin implements Realms. An origin belongs to one realm, so it leaves the
// others first.
func (m *mongoDatabase) SetOrigin(ctx context.Context, o Origin) error {
	if err := checkOrigin(o); err != nil {
		return err
	}
	if err := m.pullOrigin(ctx, o.Origin, o.Realm); err != nil {
		return err
	}
	return m.member(ctx, "$addToSet", o.Realm, "origin", o.Origin, true, nil)
}

// pullOrigin takes an origin from every realm but one.
func (m *mongoDatabase) pullOrigin(ctx context.Context, origin, but string) error {
	found, err := m.realms(ctx)
	if err != nil {
		return err
	}
	for _, r := range found {
		if r.Realm == but {
			continue
		}
		if err := m.member(ctx, "$pull", r.Realm, "origin", origin, false, nil); err != nil {
			return err
		}
	}
	return nil
}

// member adds a value to a list of a realm, or takes it away.
func (m *mongoDatabase) member(ctx context.Context, operator, realm, list, value string, upsert bool, none error) error {
	filter := equal("realm", realm)
	if operator == "$pull" {
		filter = equal("realm", realm, list, value)
	}
	return m.update(ctx, mongoRealms, filter, bson.D{{Key: operator, Value: equal(list, value)}}, upsert, none)
}

// DeleteOrigin implements Realms.
func (m *mongoDatabase) DeleteOrigin(ctx context.Context, origin string) error {
	if !storable(origin) {
		return ErrNotFound
	}
	found, err := m.realms(ctx)
	if err != nil {
		return err
	}
	for _, r := range found {
		err := m.member(ctx, "$pull", r.Realm, "origin", origin, false, ErrNotFound)
		if !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return ErrNotFound
}

// RealmOptions implements Realms.
func (m *mongoDatabase) RealmOptions(ctx context.Context, realm string) ([]RealmOption, error) {
	found, err := m.realms(ctx)
	var all []RealmOption
	for _, r := range found {
		if realm != "" && r.Realm != realm {
			continue
		}
		for option, value := range r.Options {
			// coturn writes 32-bit numbers, and JavaScript floating ones.
			if n, wrong := optionValue(fmt.Sprintf("%.0f", number(value))); wrong == nil {
				all = append(all, RealmOption{r.Realm, option, n})
			}
		}
	}
	sortOptions(all)
	return all, err
}

// number is a number of BSON, or one that formats as none.
func number(value any) any {
	switch n := value.(type) {
	case int32:
		return float64(n)
	case int64:
		return float64(n)
	case float64:
		return n
	}
	return value
}

// SetRealmOption implements Realms.
func (m *mongoDatabase) SetRealmOption(ctx context.Context, o RealmOption) error {
	if err := checkOption(o); err != nil {
		return err
	}
	var value any = o.Value
	if o.Value <= math.MaxInt32 {
		value = int32(o.Value) // as coturn does
	}
	return m.put(ctx, mongoRealms, equal("realm", o.Realm), bson.D{{Key: "options." + o.Option, Value: value}})
}

// DeleteRealmOption implements Realms.
func (m *mongoDatabase) DeleteRealmOption(ctx context.Context, realm, option string) error {
	if checkOption(RealmOption{Realm: realm, Option: option}) != nil {
		return ErrNotFound
	}
	field := "options." + option
	filter := append(equal("realm", realm), bson.E{Key: field, Value: bson.D{{Key: "$exists", Value: true}}})
	return m.update(ctx, mongoRealms, filter, bson.D{{Key: "$unset", Value: bson.D{{Key: field, Value: ""}}}}, false, ErrNotFound)
}

// peerList is the name of the list that a rule stands in.
func peerList(allowed bool) string {
	if allowed {
		return "allowed_peer_ip"
	}
	return "denied_peer_ip"
}

// PeerRules implements Realms.
func (m *mongoDatabase) PeerRules(ctx context.Context) ([]PeerRule, error) {
	found, err := m.realms(ctx)
	var all []PeerRule
	for _, r := range found {
		for _, text := range r.Allowed {
			all = append(all, PeerRule{r.Realm, text, true})
		}
		for _, text := range r.Denied {
			all = append(all, PeerRule{r.Realm, text, false})
		}
	}
	sortRules(all)
	return all, err
}

// AddPeerRule implements Realms.
func (m *mongoDatabase) AddPeerRule(ctx context.Context, r PeerRule) error {
	if err := checkRule(r); err != nil {
		return err
	}
	return m.member(ctx, "$addToSet", r.Realm, peerList(r.Allowed), r.Range, true, nil)
}

// RemovePeerRule implements Realms.
func (m *mongoDatabase) RemovePeerRule(ctx context.Context, r PeerRule) error {
	if !storable(r.Realm) || !storable(r.Range) {
		return ErrNotFound
	}
	return m.member(ctx, "$pull", r.Realm, peerList(r.Allowed), r.Range, false, ErrNotFound)
}

// admins reads documents of administrators.
func (m *mongoDatabase) admins(ctx context.Context, filter bson.D) ([]Admin, error) {
	all, err := find[Admin](ctx, m, mongoAdmins, filter)
	sortAdmins(all)
	return all, err
}

// Admins implements Admins.
func (m *mongoDatabase) Admins(ctx context.Context) ([]Admin, error) { return m.admins(ctx, nil) }

// Admin implements Admins.
func (m *mongoDatabase) Admin(ctx context.Context, name string) (Admin, error) {
	if !storable(name) {
		return Admin{}, ErrNotFound
	}
	found, err := m.admins(ctx, equal("name", name))
	if err != nil || len(found) == 0 {
		return Admin{}, orNotFound(err)
	}
	return found[0], nil
}

// orNotFound is the error of a search that found nothing.
func orNotFound(err error) error {
	if err == nil {
		return ErrNotFound
	}
	return err
}

// SetAdmin implements Admins.
func (m *mongoDatabase) SetAdmin(ctx context.Context, a Admin) error {
	if err := checkAdmin(a); err != nil {
		return err
	}
	return m.put(ctx, mongoAdmins, equal("name", a.Name), equal("realm", a.Realm, "password", a.Password))
}

// DeleteAdmin implements Admins.
func (m *mongoDatabase) DeleteAdmin(ctx context.Context, name string) error {
	if !storable(name) {
		return ErrNotFound
	}
	return m.remove(ctx, ErrNotFound, mongoAdmins, equal("name", name))
}

// mongoKey is a document of oauth_key. coturn writes the timestamp with 64 bits
// and the lifetime with 32, and reads nothing else.
type mongoKey struct {
	KID       string
	Key       string `bson:"ikm_key"`
	Timestamp int64
	Lifetime  int32
	Algorithm string `bson:"as_rs_alg"`
	Realm     string
}

// oauthKeys reads documents of keys of authorization servers.
func (m *mongoDatabase) oauthKeys(ctx context.Context, filter bson.D) ([]OAuthKey, error) {
	found, err := find[mongoKey](ctx, m, mongoOAuth, filter)
	var all []OAuthKey
	for _, k := range found {
		all = append(all, OAuthKey{k.KID, k.Key, instant(k.Timestamp), lifetimeOf(int64(k.Lifetime)), k.Algorithm, k.Realm})
	}
	sortOAuthKeys(all)
	return all, err
}

// OAuthKeys implements OAuthKeys.
func (m *mongoDatabase) OAuthKeys(ctx context.Context) ([]OAuthKey, error) {
	return m.oauthKeys(ctx, nil)
}

// OAuthKey implements OAuthKeys.
func (m *mongoDatabase) OAuthKey(ctx context.Context, kid string) (OAuthKey, error) {
	if !storable(kid) {
		return OAuthKey{}, ErrNotFound
	}
	found, err := m.oauthKeys(ctx, equal("kid", kid))
	if err != nil || len(found) == 0 {
		return OAuthKey{}, orNotFound(err)
	}
	return found[0], nil
}

// SetOAuthKey implements OAuthKeys.
func (m *mongoDatabase) SetOAuthKey(ctx context.Context, k OAuthKey) error {
	if err := checkOAuthKey(k); err != nil {
		return err
	}
	fields := append(equal("ikm_key", k.Key, "as_rs_alg", k.Algorithm, "realm", k.Realm),
		bson.E{Key: "timestamp", Value: seconds(k.Created)}, bson.E{Key: "lifetime", Value: int32(k.Lifetime / time.Second)})
	return m.put(ctx, mongoOAuth, equal("kid", k.KID), fields)
}

// DeleteOAuthKey implements OAuthKeys.
func (m *mongoDatabase) DeleteOAuthKey(ctx context.Context, kid string) error {
	if !storable(kid) {
		return ErrNotFound
	}
	return m.remove(ctx, ErrNotFound, mongoOAuth, equal("kid", kid))
}
