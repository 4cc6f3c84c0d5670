package store

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Origin says which realm the pages of an origin (RFC 6454) belong to.
type Origin struct{ Origin, Realm string }

// RealmOption is a limit of a realm. Option is one of max-bps (bytes a second),
// total-quota and user-quota (allocations at a time); Value is not negative.
type RealmOption struct {
	Realm, Option string
	Value         int64
}

// PeerRule opens or closes a range of peers to a realm. Range is one address, a
// CIDR prefix, or two addresses with a hyphen between them.
type PeerRule struct {
	Realm, Range string
	Allowed      bool // false: it is denied
}

// Realms keeps what belongs to a realm besides its users.
type Realms interface {
	// Realms lists every realm that is named anywhere, sorted, without the
	// empty one.
	Realms(ctx context.Context) ([]string, error)

	// Origins lists all origins, sorted.
	Origins(ctx context.Context) ([]Origin, error)
	// SetOrigin adds an origin or gives it to another realm.
	SetOrigin(ctx context.Context, o Origin) error
	// DeleteOrigin removes an origin, or returns ErrNotFound.
	DeleteOrigin(ctx context.Context, origin string) error

	// RealmOptions lists the options of a realm, or of all realms if it is
	// empty, by realm and option. Values that are no numbers are left out.
	RealmOptions(ctx context.Context, realm string) ([]RealmOption, error)
	// SetRealmOption adds an option or changes its value.
	SetRealmOption(ctx context.Context, o RealmOption) error
	// DeleteRealmOption removes an option, or returns ErrNotFound.
	DeleteRealmOption(ctx context.Context, realm, option string) error

	// PeerRules lists the rules of all realms, by realm and range, the allowing
	// one first of two for the same range.
	PeerRules(ctx context.Context) ([]PeerRule, error)
	// AddPeerRule adds a rule; one that is there already stays.
	AddPeerRule(ctx context.Context, r PeerRule) error
	// RemovePeerRule removes a rule, or returns ErrNotFound.
	RemovePeerRule(ctx context.Context, r PeerRule) error
}

func checkOrigin(o Origin) error {
	return checks(required("the origin", o.Origin, maxOrigin), required("the realm", o.Realm, maxRealm))
}

// checkOption refuses options that coturn has not: nobody would ever read them.
func checkOption(o RealmOption) error {
	switch {
	case !slices.Contains(realmOptions(), o.Option):
		return fmt.Errorf("%q is no option of a realm: there are %s", o.Option, strings.Join(realmOptions(), ", "))
	case o.Value < 0:
		return fmt.Errorf("%s cannot be negative", o.Option)
	}
	return optional("the realm", o.Realm, maxRealm)
}

// realmOptions are the names of the options, which are short enough for every
// database and have no sign in them that means something to one.
func realmOptions() []string { return []string{"max-bps", "total-quota", "user-quota"} }

// checkRule refuses a range that nobody could apply: a rule that is passed over
// would open what it was to close.
func checkRule(r PeerRule) error {
	if err := checks(required("the range", r.Range, maxRange), optional("the realm", r.Realm, maxRealm)); err != nil {
		return err
	}
	first, last, two := strings.Cut(r.Range, "-")
	if _, err := netip.ParsePrefix(r.Range); err == nil && !two {
		return nil
	}
	from, err := netip.ParseAddr(first)
	if err != nil {
		return fmt.Errorf("%q is no address, no prefix and no two addresses with a hyphen between them", r.Range)
	}
	if !two {
		return nil
	}
	to, err := netip.ParseAddr(last)
	if err != nil || to.Is4() != from.Is4() || to.Less(from) {
		return fmt.Errorf("%q does not end at an address behind that which it begins with", r.Range)
	}
	return nil
}

// sortRules puts rules in the order of PeerRules. Databases order text by rules
// of their own, so every list is sorted here.
func sortRules(rules []PeerRule) {
	slices.SortFunc(rules, func(a, b PeerRule) int {
		if c := cmp.Or(strings.Compare(a.Realm, b.Realm), strings.Compare(a.Range, b.Range)); c != 0 || a.Allowed == b.Allowed {
			return c
		}
		if a.Allowed {
			return -1
		}
		return 1
	})
}

func sortOptions(options []RealmOption) {
	slices.SortFunc(options, func(a, b RealmOption) int {
		return cmp.Or(strings.Compare(a.Realm, b.Realm), strings.Compare(a.Option, b.Option))
	})
}

func sortOrigins(origins []Origin) {
	slices.SortFunc(origins, func(a, b Origin) int { return strings.Compare(a.Origin, b.Origin) })
}

func sortUsers(users []User) {
	slices.SortFunc(users, func(a, b User) int {
		return cmp.Or(strings.Compare(a.Realm, b.Realm), strings.Compare(a.Name, b.Name))
	})
}

// distinct sorts realms and leaves out the empty one and what is there twice.
func distinct(realms []string) []string {
	slices.Sort(realms)
	return slices.DeleteFunc(slices.Compact(realms), func(r string) bool { return r == "" })
}
