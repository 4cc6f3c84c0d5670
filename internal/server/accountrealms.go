package server

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"iceserver/internal/store"
)

// Realm is what the database keeps of a realm besides users and secrets.
type Realm struct {
	Name string `json:"realm"` // empty: the rules are for the users of all realms
	// Options are limits by name: max-bps in bytes a second, total-quota and
	// user-quota in allocations at a time.
	Options map[string]int64 `json:"options"`
	Origins []string         `json:"origins"`
	// Allowed and Denied are ranges of peers.
	Allowed []string `json:"allowed_peers"`
	Denied  []string `json:"denied_peers"`
}

// Realms lists what the database knows of every realm, by name, or of the one
// that is configured. Lists of the result are sorted and never nil.
func (a *Accounts) Realms(ctx context.Context) ([]Realm, error) {
	if a.db == nil {
		return nil, errNoDatabase
	}
	names, err := a.db.Realms(ctx)
	if err != nil {
		return nil, err
	}
	book := realmBook{}
	for _, name := range names {
		book.of(name)
	}
	if err := book.fill(ctx, a.db); err != nil {
		return nil, err
	}
	list := make([]Realm, 0, len(book))
	for _, r := range book {
		if a.cfg.Realm == "" || r.Name == a.cfg.Realm {
			list = append(list, *r)
		}
	}
	slices.SortFunc(list, func(a, b Realm) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// realmBook are realms by name.
type realmBook map[string]*Realm

func (b realmBook) of(name string) *Realm {
	if b[name] == nil {
		b[name] = &Realm{Name: name, Options: map[string]int64{}, Origins: []string{}, Allowed: []string{}, Denied: []string{}}
	}
	return b[name]
}

// fill adds what the tables say.
func (b realmBook) fill(ctx context.Context, db store.Realms) error {
	origins, err := db.Origins(ctx)
	if err != nil {
		return err
	}
	for _, o := range origins {
		r := b.of(o.Realm)
		r.Origins = append(r.Origins, o.Origin)
	}
	options, err := db.RealmOptions(ctx, "")
	if err != nil {
		return err
	}
	for _, o := range options {
		b.of(o.Realm).Options[o.Option] = o.Value
	}
	rules, err := db.PeerRules(ctx)
	for _, rule := range rules {
		r := b.of(rule.Realm)
		if rule.Allowed {
			r.Allowed = append(r.Allowed, rule.Range)
		} else {
			r.Denied = append(r.Denied, rule.Range)
		}
	}
	return err
}

// SetOption gives the realm a limit of more than 0; Realm names them.
func (a *Accounts) SetOption(ctx context.Context, option string, value int64) error {
	switch {
	case a.db == nil:
		return errNoDatabase
	case value == 0:
		return fmt.Errorf("0 would be no limit: take %s away with iceserver realm unset", option)
	}
	return a.db.SetRealmOption(ctx, store.RealmOption{Realm: a.access.realm, Option: option, Value: value})
}

// UnsetOption takes a limit away from the realm.
func (a *Accounts) UnsetOption(ctx context.Context, option string) error {
	if a.db == nil {
		return errNoDatabase
	}
	err := a.db.DeleteRealmOption(ctx, a.access.realm, option)
	if errors.Is(err, store.ErrNotFound) {
		return absent{fmt.Errorf("realm %q of %s has no option %s", a.access.realm, a.access.database, strconv.Quote(option))}
	}
	return err
}

// AllowPeers lets the users of the realm reach a range of peers: an address, a
// prefix, or two addresses with a hyphen in between.
func (a *Accounts) AllowPeers(ctx context.Context, peers string) error {
	return a.addRule(ctx, peers, true)
}

// DenyPeers keeps the users of the realm from a range of peers.
func (a *Accounts) DenyPeers(ctx context.Context, peers string) error {
	return a.addRule(ctx, peers, false)
}

// addRule replaces the opposite rule for the same range: both together would leave
// whoever wrote the second in the belief that it counts.
func (a *Accounts) addRule(ctx context.Context, peers string, allowed bool) error {
	if a.db == nil {
		return errNoDatabase
	}
	rule := store.PeerRule{Realm: a.access.realm, Range: peers, Allowed: allowed}
	if err := a.db.AddPeerRule(ctx, rule); err != nil {
		return err
	}
	rule.Allowed = !allowed
	if err := a.db.RemovePeerRule(ctx, rule); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// ForgetPeers takes away the rule for a range, written as it was added.
func (a *Accounts) ForgetPeers(ctx context.Context, peers string) error {
	if a.db == nil {
		return errNoDatabase
	}
	found := false
	for _, allowed := range []bool{true, false} {
		err := a.db.RemovePeerRule(ctx, store.PeerRule{Realm: a.access.realm, Range: peers, Allowed: allowed})
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		found = found || err == nil
	}
	if !found {
		return absent{fmt.Errorf("realm %q of %s has no rule for %q", a.access.realm, a.access.database, peers)}
	}
	return nil
}

// AddOrigin gives the pages of an origin to the realm and returns the form in
// which it is kept.
func (a *Accounts) AddOrigin(ctx context.Context, origin string) (string, error) {
	if a.db == nil {
		return "", errNoDatabase
	}
	kept := keptOrigin(origin)
	return kept, a.db.SetOrigin(ctx, store.Origin{Origin: kept, Realm: a.access.realm})
}

// RemoveOrigin takes an origin away from whatever realm it is of, and returns the
// form in which it was kept.
func (a *Accounts) RemoveOrigin(ctx context.Context, origin string) (string, error) {
	if a.db == nil {
		return "", errNoDatabase
	}
	kept := keptOrigin(origin)
	err := a.db.DeleteOrigin(ctx, kept)
	if errors.Is(err, store.ErrNotFound) && kept != origin {
		// Somebody may have put it there by hand.
		kept, err = origin, a.db.DeleteOrigin(ctx, origin)
	}
	if errors.Is(err, store.ErrNotFound) {
		return "", absent{fmt.Errorf("there is no origin %q in %s", origin, a.access.database)}
	}
	return kept, err
}

// keptOrigin is the form in which coturn keeps an origin: scheme and host in lower
// case, with the port, which is written even where the scheme implies it. What is
// no origin is kept as it is.
func keptOrigin(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Hostname() == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return s
	}
	port, _ := strconv.Atoi(u.Port())
	if port == 0 {
		port = map[string]int{"http": 80, "https": 443, "ftp": 21}[strings.ToLower(u.Scheme)]
	}
	host := u.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	kept := strings.ToLower(u.Scheme + "://" + host)
	if port != 0 {
		kept += ":" + strconv.Itoa(port)
	}
	return kept
}
