package admin

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"iceserver/internal/auth"
)

// Link is what counts of a link when its key is used.
type Link struct {
	ID      string // short and no secret: part of the user names made with it
	Expires time.Time
	Revoked time.Time     // both zero: good
	MaxTTL  time.Duration // of a credential; 0: a day
}

// How the keys and ids that this server makes begin. The first is for those who
// look for secrets in the wrong places; the others tell the users of links, and
// those without one, from all others.
const (
	keyPrefix  = "ice_"
	linkPrefix = "link-"
	anonPrefix = "anon-"
)

// keyLength is that of a key in bytes: the prefix and 256 bits.
const keyLength = len(keyPrefix) + 43

// NewKey makes the key of a link, what is kept of it, and a short id. They never
// repeat.
//
// H-04: 256 random bits behind a prefix, of which only the sum is kept.
func NewKey() (key string, sum [32]byte, id string) {
	var b [37]byte
	rand.Read(b[:])
	key = keyPrefix + base64.RawURLEncoding.EncodeToString(b[:32])
	return key, sha256.Sum256([]byte(key)), linkPrefix + shortName(b[32:])
}

// shortName writes some bytes as a piece of a user name.
func shortName(b []byte) string {
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

// Holder returns the id of the link that a user name was made with, or that of
// the stranger. It reports false for every other name. The name alone proves
// nothing.
func Holder(r auth.REST, username string) (id string, ok bool) {
	_, id, err := r.Parse(username)
	if err != nil {
		return "", false
	}
	id, _, _ = strings.Cut(id, holderEnd)
	return id, strings.HasPrefix(id, linkPrefix) || Anonymous(id)
}

// holderEnd stands between the id of a link and what else is in a user name.
const holderEnd = "."

// Anonymous says whether an id from Holder is that of somebody without a link.
func Anonymous(id string) bool { return strings.HasPrefix(id, anonPrefix) }

// authorize says whether the sender may use a route, and answers if not.
func (a *API) authorize(c *call, t *route) bool {
	switch {
	case t.who == everybody, t.who == thisMachine && c.direct():
		return true
	case t.who == thisMachine:
		hidden(c.w)
		return false
	}
	if no := a.judge(c, keyOf(c.r, t), t.who == strangersToo); no != nil {
		no.answer(c.w)
		return false
	}
	return true
}

// judge finds out whose key came along, or says why that is not enough. Without
// a key it takes a route that is open to strangers, and the operator's consent.
func (a *API) judge(c *call, key string, open bool) *refusal {
	switch {
	case key != "":
		return a.checkKey(c, key)
	case open && a.o.Anonymous:
		// H-19: six a minute for those of one address.
		if !a.strangers.take(c.now, sourceOf(c.client), 1) {
			return tooMany(a.strangers)
		}
		c.stranger = true
		return nil
	}
	return &refusal{status: http.StatusUnauthorized, code: "key-missing", text: "This takes the key of a link; iceserver link add makes one."}
}

// keyOf returns the key that came with a request. It stands in the header and
// nowhere else (H-04), but for the TURN REST draft, whose clients cannot be
// changed: there it may be a parameter.
func keyOf(r *http.Request, t *route) string {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(key)
	}
	if t.query != "" {
		return r.URL.Query().Get("key")
	}
	return ""
}

// checkKey finds the link of a key. Who holds the key of a link that has ended
// may know that it has.
func (a *API) checkKey(c *call, key string) *refusal {
	link, err := Link{}, ErrNoLink
	// What cannot be a key of ours costs no look-up.
	if len(key) == keyLength && strings.HasPrefix(key, keyPrefix) {
		link, err = a.o.Links.Find(c.r.Context(), sha256.Sum256([]byte(key)))
	}
	switch {
	case errors.Is(err, ErrNoLink):
		a.clients.take(c.now, sourceOf(c.client), wrongKey-1)
		a.o.Log.Debug("key refused", "client", c.client)
		return &refusal{status: http.StatusUnauthorized, code: "key-unknown", text: "There is no link with this key."}
	case err != nil:
		a.o.Log.Error("cannot look up a key", "error", err)
		return &refusal{status: http.StatusServiceUnavailable, code: "keys-unavailable", text: "The keys cannot be looked up just now."}
	case !link.Revoked.IsZero():
		return &refusal{status: http.StatusUnauthorized, code: "link-revoked", text: "This link was revoked."}
	case !link.Expires.IsZero() && !c.now.Before(link.Expires):
		return &refusal{status: http.StatusUnauthorized, code: "link-expired", text: "This link has expired."}
	case !a.keys.take(c.now, link.ID, 1):
		return tooMany(a.keys)
	}
	a.o.Links.Used(link.ID, c.now)
	c.link = link
	return nil
}

// sourceOf is what a client is counted as: an IPv6 user has a whole subnet.
func sourceOf(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
