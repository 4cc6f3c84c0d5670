package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"iceserver/internal/admin"
	"iceserver/internal/auth"
	"iceserver/internal/relay"
	"iceserver/internal/store"
	"iceserver/internal/turn"
)

// linksName is the file with the links in the data directory.
const linksName = "links.db"

// linksAge is how old what the relay knows of the links may be: as long can a
// link go on that a command has revoked.
const linksAge = 2 * time.Second

// links are the keys that open the pages and the credentials made with them. The
// relay asks it about user names and must not wait, so all links are in memory.
type links struct {
	db        *store.Links
	rest      auth.REST
	secret    string // of the credentials that are made with links, and of no others
	anonymous bool   // credentials are made without a link too
	log       *slog.Logger
	attempts  *admin.Attempts

	mu    sync.Mutex // guards the following; never held while the file is asked
	known map[string]store.Link
	fresh map[string]store.Link // found by key since known was last read
	used  map[string]time.Time  // to be written
}

// linkSecret is what credentials of links are made with. It follows from the kept
// secret and is not that secret: so links work beside whatever users and secrets
// are configured, and a credential with the number of a link ends with it.
func linkSecret(k *kept) string {
	mac := hmac.New(sha256.New, []byte(k.Secret))
	mac.Write([]byte("credentials of links"))
	return hex.EncodeToString(mac.Sum(nil))
}

// openLinks opens the file of links.
func openLinks(a *access, anonymous bool, log *slog.Logger) (*links, error) {
	db, err := a.openLinksFile()
	if err != nil {
		return nil, err
	}
	l := &links{
		db: db, rest: a.rest, secret: linkSecret(a.kept), anonymous: anonymous, log: log, attempts: admin.NewAttempts(),
		known: map[string]store.Link{}, fresh: map[string]store.Link{}, used: map[string]time.Time{},
	}
	if err := l.refresh(context.Background()); err != nil {
		db.Close()
		return nil, err
	}
	return l, nil
}

// openLinksFile opens the file itself. A-L06: it is for its owner alone.
func (a *access) openLinksFile() (*store.Links, error) {
	if a.kept == nil {
		return nil, a.notKept
	}
	return store.OpenLinks(filepath.Join(a.kept.dir, linksName))
}

// run keeps what is in memory and what is in the file alike until ctx ends.
func (l *links) run(ctx context.Context) {
	tick := time.NewTicker(linksAge)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			l.writeUses(context.WithoutCancel(ctx))
			return
		case <-tick.C:
			l.writeUses(ctx)
			if err := l.refresh(ctx); err != nil && ctx.Err() == nil {
				l.log.Warn("cannot read the links; what was known of them counts", "error", err)
			}
		}
	}
}

// refresh reads all links. One that is found by its key while the list is read
// may be missing in it, and stays.
func (l *links) refresh(ctx context.Context) error {
	l.mu.Lock()
	clear(l.fresh)
	l.mu.Unlock()
	all, err := l.db.All(ctx)
	if err != nil {
		return err
	}
	known := make(map[string]store.Link, len(all))
	for _, k := range all {
		known[k.ID] = k
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.Copy(known, l.fresh)
	l.known = known
	return nil
}

// writeUses writes when links were used last; of several uses the latest.
func (l *links) writeUses(ctx context.Context) {
	l.mu.Lock()
	used := l.used
	l.used = map[string]time.Time{}
	l.mu.Unlock()
	for id, at := range used {
		if err := l.db.Use(ctx, id, at); err != nil && !errors.Is(err, store.ErrNoLink) && ctx.Err() == nil {
			l.log.Warn("cannot note that a link was used", "link", id, "error", err)
		}
	}
}

// Find implements admin.Links. It asks the file, so that a link that was made or
// revoked this moment is known as what it is.
func (l *links) Find(ctx context.Context, sum [32]byte) (admin.Link, error) {
	k, err := l.db.Find(ctx, sum)
	if errors.Is(err, store.ErrNoLink) {
		return admin.Link{}, admin.ErrNoLink
	}
	if err != nil {
		return admin.Link{}, err
	}
	l.mu.Lock()
	l.known[k.ID], l.fresh[k.ID] = k, k
	l.mu.Unlock()
	return admin.Link{ID: k.ID, Expires: k.Expires, Revoked: k.Revoked, MaxTTL: k.MaxTTL}, nil
}

// usedAge is how old the last use in the list may be: a busy link shall not keep
// the disk busy.
const usedAge = time.Minute

// Used implements admin.Links.
func (l *links) Used(id string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.known[id].Used) >= usedAge {
		l.used[id] = now
	}
}

// holder returns the id of the link that a user name speaks of, and the link. It
// reports false for a name that is none of ours to judge: other programs may mint
// any name with the secrets that they have.
func (l *links) holder(username string) (id string, k store.Link, ok bool) {
	id, ok = admin.Holder(l.rest, username)
	if !ok {
		return "", store.Link{}, false
	}
	if admin.Anonymous(id) {
		return id, store.Link{}, l.anonymous
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok = l.known[id]
	return id, k, ok
}

// keys returns the key of a credential that was made with a link, or none when
// it or the link has ended.
//
// H-04: revoking a link ends its credentials too, at their next request that
// asks for the key.
func (l *links) keys(now time.Time, realm, username string, k store.Link) []auth.Key {
	if !k.Revoked.IsZero() || !k.Expires.IsZero() && now.After(k.Expires) || l.rest.Valid(username, now, 0) != nil {
		return nil
	}
	key, err := auth.LongTermKey(username, realm, l.rest.Password(l.secret, username))
	if err != nil {
		return nil
	}
	return []auth.Key{key}
}

// quotaID is whom an allocation is counted as: the link, whatever name its
// holder has put behind it (R-REST-4-d).
func (l *links) quotaID(username string) string {
	if id, _, ok := l.holder(username); ok {
		return id
	}
	return auth.QuotaID(username, l.rest.Separator)
}

// limit is how many allocations a link may hold, or 0 for everybody else.
//
// H-19: strangers hold few.
func (l *links) limit(id string) int {
	if l.anonymous && admin.Anonymous(id) {
		return admin.AnonymousQuota
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known[id].Quota
}

// observe notes what was done with the credentials of a link, for its holder.
func (l *links) observe(e turn.Event) {
	id, _, ok := l.holder(e.Username)
	if !ok || admin.Anonymous(id) {
		return
	}
	method := e.Method
	switch e.Kind {
	case turn.Refused:
	case turn.Allocated:
		method = "Allocate"
	case turn.Refreshed:
		method = "Refresh"
	case turn.Permitted:
		method = "CreatePermission"
	default:
		return
	}
	l.attempts.Add(id, admin.Attempt{
		Time: time.Now(), Method: method, Code: e.Code, Cause: string(e.Cause), Rule: e.Rule,
		Peer: peerName(e.Peer), Username: e.Username, Transport: e.From.Proto.String(),
	})
}

// peerName writes a peer, of which often only the address counts.
func peerName(p netip.AddrPort) string {
	switch {
	case !p.IsValid():
		return ""
	case p.Port() == 0:
		return p.Addr().String()
	}
	return p.String()
}

// linkKeys lets in who has a credential of a link, and passes all others on.
type linkKeys struct {
	relay.Keys
	links *links
}

// Known implements relay.Keys.
func (k linkKeys) Known(now time.Time, realm, username string) ([]auth.Key, bool) {
	if _, link, ok := k.links.holder(username); ok {
		return k.links.keys(now, realm, username, link), true
	}
	return k.Keys.Known(now, realm, username)
}
