package store

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"iceserver/internal/auth"
)

// How long an answer of the database holds if nobody changes the database; after
// a change it holds for watchInterval at most, which is how often it is asked
// whether there was one, or for maxStale where the database cannot say exactly.
const (
	watchInterval = 250 * time.Millisecond

	positiveTTL = 30 * time.Second
	negativeTTL = 5 * time.Second
)

// How many answers are remembered. Users and refusals are apart, so that
// strangers who try names push no user out.
const (
	maxUsers    = 8192
	maxRefusals = 2048
	maxRealms   = 64
)

// KeysOptions says where keys come from. The zero value knows nobody.
type KeysOptions struct {
	Users    []User   // configured; one without a realm is let in in all, as by coturn
	Secrets  []string // configured shared secrets, any of which may have made a credential
	REST     auth.REST
	MaxTTL   time.Duration // how far ahead a timed credential may expire; 0: any
	Database Source        // nil: none
	Log      *slog.Logger
	Clock    func() time.Time // nil: time.Now
}

// Keys answers who may use the relay, from the configuration first and from the
// database through a bounded cache. It may be used from several goroutines.
type Keys struct {
	users   map[name]auth.Key // by every form of a name that is in use, in its realm
	secrets []string
	rest    auth.REST
	maxTTL  time.Duration
	*answers
}

// answers are what is known of a database. They outlive a change of the
// configuration.
type answers struct {
	db    Source
	log   *slog.Logger
	clock func() time.Time

	found     *cache[auth.Key]
	refused   *cache[struct{}]
	dbSecrets *cache[[]string]
	outage    outage
	watched   atomic.Int64 // when it was last asked for its version, in Unix nanoseconds
	version   atomic.Uint64
}

// NewKeys returns the keys that o describes.
func NewKeys(o KeysOptions) *Keys {
	a := &answers{
		db: o.Database, log: o.Log, clock: o.Clock,
		found:     newCache[auth.Key](maxUsers),
		refused:   newCache[struct{}](maxRefusals),
		dbSecrets: newCache[[]string](maxRealms),
	}
	if a.clock == nil {
		a.clock = time.Now
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.outage.log, a.outage.clock = a.log, a.clock
	return (&Keys{answers: a}).Configure(o)
}

// Configure returns the keys for the Users, Secrets, REST and MaxTTL of o beside
// the same database, of which both know the same: a change of the configuration
// costs no answer that still holds, and asks no database that is down. k itself
// stays as it is.
func (k *Keys) Configure(o KeysOptions) *Keys {
	n := &Keys{
		users: make(map[name]auth.Key, len(o.Users)), secrets: o.Secrets,
		rest: o.REST, maxTTL: o.MaxTTL, answers: k.answers,
	}
	for _, u := range o.Users {
		forms, ok := formsOf(u.Name)
		if ok {
			n.users[name{u.Realm, forms.prepared}] = u.Key
		}
		n.users[name{u.Realm, u.Name}] = u.Key
	}
	return n
}

// Known returns the candidate keys of a user from memory, and whether they are
// all: if not, only Find can tell. It never waits.
func (k *Keys) Known(now time.Time, realm, username string) (auth.Candidates, bool) {
	c, all := k.configured(now, realm, username)
	if all {
		return c, true
	}
	if k.due(now) {
		return c, false
	}
	more, ok := k.remembered(now, realm, username)
	if !ok {
		// A-A10: a database that is down costs the users and secrets of the
		// configuration nothing, not even the time to find out.
		return c, len(c.Keys) > 0 && k.outage.down(now)
	}
	return c.Join(more), true
}

// Find returns the candidate keys of a user and asks the database if it must.
// None and no error means that there is no such user; an error means that
// nobody could tell, and then the request has to be refused.
func (k *Keys) Find(ctx context.Context, realm, username string) (auth.Candidates, error) {
	now := k.clock()
	c, all := k.configured(now, realm, username)
	if all {
		return c, nil
	}
	ask := k.outage.mayAsk(now) && k.watch(ctx, now)
	if more, ok := k.remembered(now, realm, username); ok {
		return c.Join(more), nil
	}
	more, err := auth.Candidates{}, errDown
	if ask {
		more, err = k.ask(ctx, now, realm, username)
	}
	// That a credential has expired settles nothing: the same name may be a user's.
	if err != nil && len(c.Keys) == 0 {
		return auth.Candidates{}, err
	}
	return c.Join(more), nil
}

// due says whether it is time to ask the database whether it was changed. One
// that is down has other worries.
func (k *Keys) due(now time.Time) bool {
	since := now.UnixNano() - k.watched.Load()
	// A clock that was set back must not end the watch.
	return (since >= int64(watchInterval) || since < -int64(watchInterval)) && !k.outage.down(now)
}

// watch forgets every answer of the database if somebody has changed it, so that
// a new password counts at once and a user who was removed is out. Of all who
// come when it is time, one asks; the others go on with what is remembered. It
// reports false if the database does not answer.
func (k *Keys) watch(ctx context.Context, now time.Time) bool {
	last := k.watched.Load()
	if !k.due(now) || !k.watched.CompareAndSwap(last, now.UnixNano()) {
		return true
	}
	v, err := k.db.Version(ctx)
	if err != nil {
		_ = k.outage.failed(err) // which has said so
		return false
	}
	if k.version.Swap(v) != v {
		k.found.forget()
		k.refused.forget()
		k.dbSecrets.forget()
	}
	return true
}

// forms are a user name as it is compared and as somebody wrote it. They are the
// same for nearly everybody.
type forms struct{ prepared, written string }

// Forget has the database asked about a user at the next request, however short it
// was asked before.
func (k *Keys) Forget(realm, username string) {
	n, _ := formsOf(username)
	for form := range n.each {
		k.found.drop(name{realm, form})
	}
}

// formsOf prepares a name, and reports false for what can be no name.
//
// R-8489-14.3-b (RFC 8489, 14.3): a user is found by whatever spelling of the
// name. Rows are found by bytes, and other programs wrote some of them as they
// were typed: those are asked for too, where no row has the prepared form.
func formsOf(username string) (forms, bool) {
	prepared, err := auth.OpaqueString(username)
	return forms{prepared, username}, err == nil
}

// each yields every form once, the prepared one first.
func (f forms) each(yield func(string) bool) {
	if yield(f.prepared) && f.written != f.prepared {
		yield(f.written)
	}
}

// configured returns the candidates that the configuration gives, and whether
// no database needs to be asked. A name that looks like a timed credential may
// be that, or a user's plain name, or both: each gives its candidate.
func (k *Keys) configured(now time.Time, realm, username string) (c auth.Candidates, all bool) {
	n, ok := formsOf(username)
	if !ok {
		return c, true
	}
	for form := range n.each {
		for _, in := range []string{realm, ""} {
			if key, ok := k.users[name{in, form}]; ok {
				c.Keys = append(c.Keys, key)
			}
		}
	}
	known, t := len(c.Keys) > 0, k.timed(now, username)
	return c.Join(k.derive(t, realm, username, k.secrets)), k.db == nil || known && t != ahead
}

// timing is what a user name says of the time of a credential.
type timing uint8

const (
	untimed timing = iota // no time, or one too far ahead
	ahead
	over
)

// R-REST-4-a (TURN REST draft, 4): only a username with a strictly written
// expiry in the future counts as a timed credential; the check costs no secret.
//
// One whose time is over is looked for all the same, so that whoever still holds
// it is told apart from who guesses. That tells an attacker nothing: the time
// stands in the name, and the look-up takes as long as for a name that is made up
// with a time ahead, which costs him nothing either.
func (k *Keys) timed(now time.Time, username string) timing {
	switch err := k.rest.Valid(username, now, k.maxTTL); {
	case err == nil:
		return ahead
	case errors.Is(err, auth.ErrExpired):
		return over
	}
	return untimed
}

// derive returns the candidates of a time-limited credential.
//
// R-REST-4-b (TURN REST draft, 4): every secret gives a candidate, so that an
// old and a new one are valid side by side while they are exchanged.
// R-REST-2-b (TURN REST draft, 2): the password is the MAC of the username under
// the secret; the key is made of it as of any long-term password.
func (k *Keys) derive(t timing, realm, username string, secrets []string) auth.Candidates {
	if t == untimed {
		return auth.Candidates{}
	}
	var keys []auth.Key
	for _, s := range secrets {
		key, err := auth.LongTermKey(username, realm, k.rest.Password(s, username))
		if err == nil {
			keys = append(keys, key)
		}
	}
	if t == over {
		return auth.Candidates{Expired: keys}
	}
	return auth.Candidates{Keys: keys}
}

// remembered returns what the database said of a user, if all of it still holds.
func (k *Keys) remembered(now time.Time, realm, username string) (c auth.Candidates, ok bool) {
	n, _ := formsOf(username)
	for form := range n.each {
		row := name{realm, form}
		if key, ok := k.found.lookup(now, row); ok {
			c.Keys = append(c.Keys, key)
			break
		} else if _, ok := k.refused.lookup(now, row); !ok {
			return auth.Candidates{}, false
		}
	}
	if t := k.timed(now, username); t != untimed {
		secrets, ok := k.dbSecrets.lookup(now, name{realm: realm})
		if !ok {
			return auth.Candidates{}, false
		}
		c = c.Join(k.derive(t, realm, username, secrets))
	}
	return c, true
}

// ask asks the database for what is not remembered.
func (k *Keys) ask(ctx context.Context, now time.Time, realm, username string) (c auth.Candidates, err error) {
	n, _ := formsOf(username)
	for form := range n.each {
		key, err := k.askUser(ctx, now, name{realm, form})
		if err != nil {
			return auth.Candidates{}, k.outage.failed(err)
		}
		if key != nil {
			c.Keys = append(c.Keys, key)
			break
		}
	}
	if t := k.timed(now, username); t != untimed {
		secrets, err := k.askSecrets(ctx, now, realm)
		if err != nil {
			return auth.Candidates{}, k.outage.failed(err)
		}
		c = c.Join(k.derive(t, realm, username, secrets))
	}
	k.outage.answered()
	return c, nil
}

// askUser returns the key of a user, or nil if there is none.
func (k *Keys) askUser(ctx context.Context, now time.Time, n name) (auth.Key, error) {
	if key, ok := k.found.lookup(now, n); ok {
		return key, nil
	}
	found, refused := k.found.now(), k.refused.now()
	key, err := k.db.Key(ctx, n.realm, n.user)
	switch {
	case err == nil:
		k.found.put(n, key, now.Add(positiveTTL), found)
		return key, nil
	case errors.Is(err, ErrBrokenKey):
		// One bad row is that user's trouble, not the database's.
		k.log.Warn("a user cannot be let in", "error", err)
	case !errors.Is(err, ErrNoUser):
		return nil, err
	}
	k.refused.put(n, struct{}{}, now.Add(negativeTTL), refused)
	return nil, nil
}

// askSecrets returns the shared secrets that the database has for a realm.
func (k *Keys) askSecrets(ctx context.Context, now time.Time, realm string) ([]string, error) {
	n := name{realm: realm}
	if secrets, ok := k.dbSecrets.lookup(now, n); ok {
		return secrets, nil
	}
	asked := k.dbSecrets.now()
	secrets, err := k.db.Secrets(ctx, realm)
	if err != nil {
		return nil, err
	}
	if all := len(secrets); all > 0 {
		if secrets = slices.DeleteFunc(secrets, Blank); len(secrets) < all {
			k.log.Warn("an empty shared secret lets nobody in: remove it from the database", "realm", realm)
		}
	}
	// A realm without secrets is asked again soon: the first one is usually
	// added by somebody who is waiting for it to work.
	ttl := positiveTTL
	if len(secrets) == 0 {
		ttl = negativeTTL
	}
	k.dbSecrets.put(n, secrets, now.Add(ttl), asked)
	return secrets, nil
}
