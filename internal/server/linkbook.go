package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"iceserver/internal/admin"
	"iceserver/internal/config"
	"iceserver/internal/listener"
	"iceserver/internal/store"
)

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

// LinkBook holds the links of a server, for the commands that change them. It
// may be used while the server runs, which notices within seconds.
type LinkBook struct {
	cfg  *config.Config
	file string
	last *started // nil: it is about no server that was started
	db   *store.Links
}

// OpenLinkBook finds the links just as the server does; file is its
// configuration file, or empty.
func OpenLinkBook(cfg *config.Config, file string) (*LinkBook, error) {
	a, err := openAccess(cfg, quiet())
	if err != nil {
		return nil, err
	}
	last, err := a.lastStart(cfg, file)
	if err != nil {
		return nil, err
	}
	db, err := a.openLinksFile()
	if err != nil {
		return nil, err
	}
	return &LinkBook{cfg: cfg, file: file, last: last, db: db}, nil
}

// Close closes the file.
func (b *LinkBook) Close() error { return b.db.Close() }

// Served says whether the server has pages to link to.
func (b *LinkBook) Served() bool {
	if b.last != nil {
		return b.last.Web != webOff
	}
	return webMode(b.cfg, b.file) != webOff
}

// Add makes a link.
func (b *LinkBook) Add(ctx context.Context, o LinkOptions) (Link, error) {
	made, err := addLink(ctx, b.db, o, time.Now())
	if err != nil {
		return Link{}, err
	}
	urls, err := b.urls()
	if err != nil {
		return Link{}, err
	}
	made.URLs = withKey(urls, made.Key)
	return made, nil
}

// urls are the addresses of the pages: those that the server had at its last
// start, or else those that it will have.
func (b *LinkBook) urls() ([]string, error) {
	if b.last != nil {
		return b.last.Pages, nil
	}
	found, err := discover()
	if err != nil {
		return nil, err
	}
	p, err := locate(b.cfg, found)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: b.cfg, place: p}
	s.web.mode = webMode(b.cfg, b.file)
	if b.cfg.CertFile != "" {
		// Without it the address stands for the name: the server itself will say
		// what is wrong with the file.
		s.certs, _ = listener.LoadCertificates(b.cfg.CertFile, b.cfg.KeyFile)
	}
	return s.pageURLs(), nil
}

// withKey turns addresses of pages into links to the test page. What stands
// behind # is never sent: the page itself hands the key in.
func withKey(urls []string, key string) []string {
	out := make([]string, len(urls))
	for i, u := range urls {
		out[i] = u + "test#key=" + key
	}
	return out
}

// List returns all links, the oldest first.
func (b *LinkBook) List(ctx context.Context) ([]Link, error) {
	all, err := b.db.All(ctx)
	list := make([]Link, len(all))
	for i, k := range all {
		list[i] = linkOf(k)
	}
	return list, err
}

// Revoke ends a link and every credential that was made with it.
func (b *LinkBook) Revoke(ctx context.Context, id string) error {
	err := b.db.Revoke(ctx, id, time.Now())
	if errors.Is(err, store.ErrNoLink) {
		return fmt.Errorf("there is no link %q that could be revoked; iceserver link list shows them", id)
	}
	return err
}
