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
	"sync"
	"sync/atomic"
	"time"

	"iceserver/internal/admin"
	"iceserver/internal/auth"
	"iceserver/internal/relay"
	"iceserver/internal/store"
	"iceserver/internal/turn"
)

// linksAge is how old what the relay knows of the links may be: as long can a
// link go on that a command has revoked.
const linksAge = 2 * time.Second

// holders are those who have a link: whom the pages and, with credentials made
// with it, the relay let in while the server runs, and what they did. The relay asks
// about user names and must not wait, so all links are in memory.
type holders struct {
	db        *store.Links
	rest      atomic.Pointer[auth.REST]
	secret    string      // of the credentials that are made with links, and of no others
	anonymous atomic.Bool // credentials are made without a link too
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

// openHolders opens the file of links.
func openHolders(a *access, log *slog.Logger) (*holders, error) {
	db, err := a.openLinksFile()
	if err != nil {
		return nil, err
	}
	h := &holders{
		db: db, secret: linkSecret(a.kept), log: log, attempts: admin.NewAttempts(),
		known: map[string]store.Link{}, fresh: map[string]store.Link{}, used: map[string]time.Time{},
	}
	h.rest.Store(&a.rest)
	if err := h.refresh(context.Background()); err != nil {
		db.Close()
		return nil, err
	}
	return h, nil
}

// run keeps what is in memory and what is in the file alike until ctx ends.
func (h *holders) run(ctx context.Context) {
	every(ctx, linksAge, func(time.Time) {
		h.writeUses(ctx)
		if err := h.refresh(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("cannot read the links; what was known of them counts", "error", err)
		}
	})
	h.writeUses(context.WithoutCancel(ctx))
}

// refresh reads all links. One that is found by its key while the list is read
// may be missing in it, and stays.
func (h *holders) refresh(ctx context.Context) error {
	h.mu.Lock()
	clear(h.fresh)
	h.mu.Unlock()
	all, err := h.db.All(ctx)
	if err != nil {
		return err
	}
	known := make(map[string]store.Link, len(all))
	for _, k := range all {
		known[k.ID] = k
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.Copy(known, h.fresh)
	h.known = known
	return nil
}

// writeUses writes when links were used last; of several uses the latest.
func (h *holders) writeUses(ctx context.Context) {
	h.mu.Lock()
	used := h.used
	h.used = map[string]time.Time{}
	h.mu.Unlock()
	for id, at := range used {
		if err := h.db.Use(ctx, id, at); err != nil && !errors.Is(err, store.ErrNoLink) && ctx.Err() == nil {
			h.log.Warn("cannot note that a link was used", "link", id, "error", err)
		}
	}
}

// Find implements admin.Links. It asks the file, so that a link that was made or
// revoked this moment is known as what it is.
func (h *holders) Find(ctx context.Context, sum [32]byte) (admin.Link, error) {
	k, err := h.db.Find(ctx, sum)
	if errors.Is(err, store.ErrNoLink) {
		return admin.Link{}, admin.ErrNoLink
	}
	if err != nil {
		return admin.Link{}, err
	}
	h.mu.Lock()
	h.known[k.ID], h.fresh[k.ID] = k, k
	h.mu.Unlock()
	return admin.Link{ID: k.ID, Expires: k.Expires, Revoked: k.Revoked, MaxTTL: k.MaxTTL}, nil
}

// usedAge is how old the last use in the list may be: a busy link shall not keep
// the disk busy.
const usedAge = time.Minute

// Used implements admin.Links.
func (h *holders) Used(id string, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Sub(h.known[id].Used) >= usedAge {
		h.used[id] = now
	}
}

// holder returns the id of the link that a user name speaks of, and the link. It
// reports false for a name that is none of ours to judge: other programs may mint
// any name with the secrets that they have.
func (h *holders) holder(username string) (id string, k store.Link, ok bool) {
	id, ok = admin.Holder(*h.rest.Load(), username)
	if !ok {
		return "", store.Link{}, false
	}
	if admin.Anonymous(id) {
		return id, store.Link{}, h.anonymous.Load()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	k, ok = h.known[id]
	return id, k, ok
}

// candidates returns the key of a credential that was made with a link, as expired
// if its time or that of the link is over, and none when the link was revoked.
//
// H-04: revoking a link ends its credentials too, at their next request that
// asks for the key.
func (h *holders) candidates(now time.Time, realm, username string, k store.Link) auth.Candidates {
	rest := h.rest.Load()
	invalid := rest.Valid(username, now, 0)
	over := errors.Is(invalid, auth.ErrExpired)
	key, err := auth.LongTermKey(username, realm, rest.Password(h.secret, username))
	switch {
	case err != nil || invalid != nil && !over || !k.Revoked.IsZero():
		return auth.Candidates{}
	case over || !k.Expires.IsZero() && now.After(k.Expires):
		return auth.Candidates{Expired: []auth.Key{key}}
	}
	return auth.Candidates{Keys: []auth.Key{key}}
}

// quotaID is whom an allocation is counted as: the link, whatever name its
// holder has put behind it (R-REST-4-d).
func (h *holders) quotaID(username string) string {
	if id, _, ok := h.holder(username); ok {
		return id
	}
	return auth.QuotaID(username, h.rest.Load().Separator)
}

// limit is how many allocations a link may hold, or 0 for everybody else.
//
// H-19: strangers hold few.
func (h *holders) limit(id string) int {
	if h.anonymous.Load() && admin.Anonymous(id) {
		return admin.AnonymousQuota
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.known[id].Quota
}

// observe notes what was done with the credentials of a link, for its holder.
func (h *holders) observe(e turn.Event) {
	id, _, ok := h.holder(e.Username)
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
	h.attempts.Add(id, admin.Attempt{
		Time: time.Now(), Method: method, Code: e.Code, Cause: string(e.Cause), Rule: e.Rule,
		Peer: peerName(e.Peer), Username: e.Username, Transport: e.From.Proto.String(),
		Client: e.From.Client.Addr().Unmap().String(),
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

// holderKeys lets in who has a credential of a link, and passes all others on.
type holderKeys struct {
	relay.Keys
	holders *holders
}

// Known implements relay.Keys.
func (k holderKeys) Known(now time.Time, realm, username string) (auth.Candidates, bool) {
	if _, link, ok := k.holders.holder(username); ok {
		return k.holders.candidates(now, realm, username, link), true
	}
	return k.Keys.Known(now, realm, username)
}
