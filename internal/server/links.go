package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"iceserver/internal/config"
	"iceserver/internal/listener"
	"iceserver/internal/store"
)

// Links are the links of a server, for the commands that change them. They may be
// used while the server runs, which notices within seconds.
type Links struct {
	cfg  *config.Config
	file string
	last *started // nil: it is about no server that was started
	db   *store.Links
}

// OpenLinks finds the links just as the server does; file is its
// configuration file, or empty.
func OpenLinks(cfg *config.Config, file string) (*Links, error) {
	a, err := commandAccess(cfg)
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
	return &Links{cfg: cfg, file: file, last: last, db: db}, nil
}

// Close closes the file.
func (l *Links) Close() error { return l.db.Close() }

// Served says whether the server has pages to link to.
func (l *Links) Served() bool {
	if l.last != nil {
		return l.last.Web != webOff
	}
	return webMode(l.cfg, l.file) != webOff
}

// Add makes a link.
func (l *Links) Add(ctx context.Context, o LinkOptions) (Link, error) {
	made, err := addLink(ctx, l.db, o, time.Now())
	if err != nil {
		return Link{}, err
	}
	urls, err := l.urls()
	if err != nil {
		return Link{}, err
	}
	made.URLs = withKey(urls, made.Key)
	return made, nil
}

// urls are the addresses of the pages: those that the server had at its last
// start, or else those that it will have.
func (l *Links) urls() ([]string, error) {
	if l.last != nil {
		return l.last.Pages, nil
	}
	found, err := discover()
	if err != nil {
		return nil, err
	}
	p, err := locate(l.cfg, found, nil)
	if err != nil {
		return nil, err
	}
	s := newServer(l.cfg, nil, p)
	s.adopt(func(x *setup) { x.web.mode = webMode(l.cfg, l.file) })
	if pairs := configuredPairs(l.cfg); len(pairs) > 0 {
		// Without it the address stands for the name: the server itself will say
		// what is wrong with the file.
		s.certs, _ = listener.LoadCertificates(pairs...)
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
func (l *Links) List(ctx context.Context) ([]Link, error) {
	all, err := l.db.All(ctx)
	list := make([]Link, len(all))
	for i, k := range all {
		list[i] = linkOf(k)
	}
	return list, err
}

// Revoke ends a link and every credential that was made with it.
func (l *Links) Revoke(ctx context.Context, id string) error {
	err := l.db.Revoke(ctx, id, time.Now())
	if errors.Is(err, store.ErrNoLink) {
		return fmt.Errorf("there is no link %q that could be revoked; iceserver link list shows them", id)
	}
	return err
}
