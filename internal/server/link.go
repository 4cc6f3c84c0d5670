package server

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"iceserver/internal/admin"
	"iceserver/internal/store"
)

// linksName is the file with the links in the data directory.
const linksName = "links.db"

// LinkOptions say what a new link may do.
type LinkOptions struct {
	Label  string        // for the list; at most 64 characters
	Life   time.Duration // how long it is good; 0: until it is revoked
	MaxTTL time.Duration // of a credential made with it; 0: a day
	Quota  int           // allocations at a time; 0: what every user may hold
}

// Link is one link. Key and URLs are there for a new one only: they are kept
// nowhere.
type Link struct {
	ID      string     `json:"id"`
	Label   string     `json:"label"`
	Key     string     `json:"key,omitempty"`
	URLs    []string   `json:"urls,omitempty"`
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"`
	Revoked *time.Time `json:"revoked,omitempty"`
	Used    *time.Time `json:"used,omitempty"`
	MaxTTL  int64      `json:"maxTtl"` // seconds
	Quota   int        `json:"quota,omitempty"`
}

// What the first link allows: a day of trying things out at a time, and calls of
// a small company.
const (
	firstLinkTTL   = 24 * time.Hour
	firstLinkQuota = 100
)

const (
	longestLabel = 64
	shortestLife = time.Minute
	longestTTL   = 30 * 24 * time.Hour
)

// check refuses what a link cannot have.
func (o LinkOptions) check() error {
	switch {
	case utf8.RuneCountInString(o.Label) > longestLabel || strings.ContainsFunc(o.Label, func(r rune) bool { return r < ' ' || r == 0x7F }):
		return fmt.Errorf("a label has at most %d characters, none of them a control character", longestLabel)
	case o.Life != 0 && o.Life < shortestLife:
		return fmt.Errorf("a link that is good for %v only is of no use: give a --ttl of %v or more", o.Life, shortestLife)
	case o.MaxTTL < 0 || o.MaxTTL > 0 && o.MaxTTL < time.Second || o.MaxTTL > longestTTL:
		return fmt.Errorf("credentials cannot be good for up to %v: give a --max-ttl between 1s and %v", o.MaxTTL, longestTTL)
	case o.Quota < 0:
		return fmt.Errorf("a quota of %d allows nothing: revoke the link instead", o.Quota)
	}
	return nil
}

// addLink makes a link.
func addLink(ctx context.Context, db *store.Links, o LinkOptions, now time.Time) (Link, error) {
	if err := o.check(); err != nil {
		return Link{}, err
	}
	if o.MaxTTL == 0 {
		o.MaxTTL = firstLinkTTL
	}
	key, sum, id := admin.NewKey()
	k := store.Link{ID: id, Hash: sum, Label: o.Label, Created: now, MaxTTL: o.MaxTTL, Quota: o.Quota}
	if o.Life > 0 {
		k.Expires = now.Add(o.Life)
	}
	if err := db.Add(ctx, k); err != nil {
		return Link{}, err
	}
	made := linkOf(k)
	made.Key = key
	return made, nil
}

// linkOf is what a list shows of a link.
func linkOf(k store.Link) Link {
	at := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	return Link{
		ID: k.ID, Label: k.Label, Created: k.Created, Expires: at(k.Expires), Revoked: at(k.Revoked), Used: at(k.Used),
		MaxTTL: int64(k.MaxTTL / time.Second), Quota: k.Quota,
	}
}

// openLinksFile opens the file itself. A-L06: it is for its owner alone.
func (a *access) openLinksFile() (*store.Links, error) {
	if a.kept == nil {
		return nil, a.notKept
	}
	return store.OpenLinks(filepath.Join(a.kept.dir, linksName))
}
