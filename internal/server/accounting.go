package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"sync/atomic"
	"time"

	"iceserver/internal/config"
	"iceserver/internal/relay"
	"iceserver/internal/store"
	"iceserver/internal/turn"
)

// usageName is the file of what users did, in the data directory. Where servers share
// a database of users it is the way there, and what was not moved yet is in it.
const usageName = "usage.db"

// accountInterval is how often what users did is written down: so much may be
// missing after a power failure, and so long may a user go on who has used up
// what he may have in a month.
const accountInterval = time.Minute

// accounting writes down what users did, and knows who has had enough.
type accounting struct {
	book   *store.UsageBook // nil: there is no place to keep it
	quota  atomic.Uint64    // bytes a user may have in a month; 0: any number
	skip   string           // the account of the self test
	log    *slog.Logger
	over   atomic.Pointer[map[turn.Account]bool] // who has had that; nil: nobody
	unkept map[turn.Account]turn.Tally           // what could not be written yet
	failed bool                                  // and that was told
	moving moving
}

func (s *Server) openAccounting() error {
	s.accounting = &accounting{skip: s.keys.name, log: s.log, unkept: make(map[turn.Account]turn.Tally)}
	s.accounting.quota.Store(s.cfg().UserMonthlyQuota)
	k := s.access().kept
	if k == nil {
		if s.cfg().UserMonthlyQuota > 0 {
			return fmt.Errorf("user-monthly-quota needs a place to keep what users did: %w", s.access().notKept)
		}
		return nil
	}
	path := filepath.Join(k.dir, usageName)
	// A-L06: who called and when is its owner's alone, as the rest there.
	if _, err := private(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	book, err := store.OpenUsage(path, s.database)
	if err != nil {
		return fmt.Errorf("%w; move the file away to begin a new one", err)
	}
	s.accounting.book = book
	s.defers(func() { book.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), silentWithin)
	defer cancel()
	now := time.Now()
	if s.accounting.move(ctx, now) && s.accounting.weigh(ctx, now, true) == nil {
		return nil
	}
	// A database that is down is no reason not to serve, a file that cannot be read is.
	return s.accounting.weigh(context.Background(), now, false)
}

// run writes down what users of r did until ctx ends; settle is for the rest.
func (a *accounting) run(ctx context.Context, r *relay.Relay) {
	every(ctx, accountInterval, func(now time.Time) { a.settle(ctx, now, r) })
}

// settle writes down what users of r did since the last time, and ends the
// allocations of those who have had enough.
func (a *accounting) settle(ctx context.Context, now time.Time, r *relay.Relay) {
	if a.book == nil {
		return
	}
	err := a.write(ctx, now, r)
	a.tell(errors.Join(err, a.weigh(ctx, now, a.move(ctx, now))))
	if over := a.over.Load(); over != nil && len(*over) > 0 {
		r.End(func(realm, id string) bool { return a.barred(realm, id) })
	}
}

// last writes down what came since, when no more comes. A database that is silent
// holds up no end: what is in the file is moved by the next start, or by iceserver
// usage.
func (a *accounting) last(ctx context.Context, r *relay.Relay) {
	if a.book == nil {
		return
	}
	now := time.Now()
	a.tell(a.write(ctx, now, r))
	ctx, cancel := context.WithTimeout(ctx, silentWithin)
	defer cancel()
	a.move(ctx, now)
}

// write writes down what users of r did since the last time. What cannot be written
// is kept for the next time.
func (a *accounting) write(ctx context.Context, now time.Time, r *relay.Relay) error {
	for k, t := range r.Tallies() {
		if k.Username == a.skip {
			continue
		}
		both := a.unkept[k]
		both.Add(t)
		a.unkept[k] = both
	}
	err := a.book.Add(ctx, now, rows(now, a.unkept))
	if err == nil {
		clear(a.unkept)
	}
	return err
}

// tell tells once that what users did cannot be kept.
func (a *accounting) tell(err error) {
	if err != nil && !a.failed {
		a.log.Error("cannot keep what users did; it is tried again", "error", err)
	}
	a.failed = err != nil
}

// rows turns tallies into rows of today. What is less than a second is told as
// one, lest short calls cost nothing.
func rows(now time.Time, tallies map[turn.Account]turn.Tally) []store.Usage {
	day := now.UTC().Format(store.DayFormat)
	var out []store.Usage
	for k, t := range tallies {
		out = append(out, store.Usage{
			Day: day, Realm: k.Realm, User: k.Username,
			Allocations: t.Allocations, Seconds: uint64((t.Time + time.Second - 1) / time.Second),
			SentPackets: t.ClientPackets, SentBytes: t.ClientBytes,
			RecvPackets: t.PeerPackets, RecvBytes: t.PeerBytes,
		})
	}
	return out
}

// weigh finds out who has had enough in this month; ask says that the database can
// be asked.
func (a *accounting) weigh(ctx context.Context, now time.Time, ask bool) error {
	quota := a.quota.Load()
	if quota == 0 {
		a.over.Store(nil)
		return nil
	}
	var before map[turn.Account]bool
	if known := a.over.Load(); known != nil {
		before = *known
	}
	over, err := a.overdrawn(ctx, now, quota, ask)
	if err != nil {
		// Who was out stays out while nobody can tell.
		maps.Copy(over, before)
	}
	for k := range over {
		if !before[k] {
			a.log.Warn("a user has used up what he may have in a month", "realm", k.Realm, "user", k.Username, "bytes", quota)
		}
	}
	a.over.Store(&over)
	return err
}

// overdrawn returns who has had the quota in this month. With an error, which says
// that not all could be asked, they are those of whom it is known without.
func (a *accounting) overdrawn(ctx context.Context, now time.Time, quota uint64, ask bool) (map[turn.Account]bool, error) {
	had := make(map[turn.Account]uint64)
	sums, err := a.book.Month(ctx, now.UTC().Format("2006-01"), ask)
	for _, u := range sums {
		had[turn.Account{Realm: u.Realm, Username: u.User}] = u.SentBytes + u.RecvBytes
	}
	// What could not be written counts too: a full disk is no free pass.
	for k, t := range a.unkept {
		had[k] += t.ClientBytes + t.PeerBytes
	}
	over := make(map[turn.Account]bool)
	for k, bytes := range had {
		if bytes >= quota {
			over[k] = true
		}
	}
	return over, err
}

// barred says who has had enough; users are named as the quota counts them.
func (a *accounting) barred(realm, id string) bool {
	over := a.over.Load()
	return over != nil && (*over)[turn.Account{Realm: realm, Username: id}]
}

// Usage is what one user did on one day.
type Usage struct {
	Day         string `json:"day"`
	Realm       string `json:"realm"`
	User        string `json:"user"`
	Allocations uint64 `json:"allocations"`
	Minutes     uint64 `json:"minutes"` // of all allocations together, begun ones whole
	SentPackets uint64 `json:"sentPackets"`
	SentBytes   uint64 `json:"sentBytes"`
	RecvPackets uint64 `json:"receivedPackets"`
	RecvBytes   uint64 `json:"receivedBytes"`
}

// UsageFilter says which Usage is wanted: days are 2006-01-02, both included.
// What is empty says nothing.
type UsageFilter struct{ Realm, User, From, To string }

// check refuses days that are none: a typing error must not look like a month
// in which nothing happened.
func (f UsageFilter) check() error {
	for _, day := range []string{f.From, f.To} {
		if day == "" {
			continue
		}
		if _, err := time.Parse(store.DayFormat, day); err != nil {
			return fmt.Errorf("%q is no day: write it as %s", day, store.DayFormat)
		}
	}
	if f.From != "" && f.To != "" && f.From > f.To {
		return fmt.Errorf("the first day, %s, is after the last, %s", f.From, f.To)
	}
	return nil
}

// FindUsage lists what users of a server did, which may be running; it writes down
// once a minute. Where the users are in a database that servers can share, it is what
// they did on all of them. File is the configuration file of the server, or empty.
func FindUsage(ctx context.Context, cfg *config.Config, file string, f UsageFilter) ([]Usage, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	a, err := commandAccess(cfg)
	if err != nil {
		return nil, err
	}
	if a.kept == nil {
		return nil, a.notKept
	}
	db, err := a.sharedDatabase(cfg, file)
	if err != nil {
		return nil, err
	}
	if db != nil {
		defer db.Close()
	}
	book, err := store.OpenUsage(filepath.Join(a.kept.dir, usageName), db)
	if err != nil {
		return nil, err
	}
	defer book.Close()
	// What is on its way may be there already: only once it is known to be is each row
	// told once. Half of them would be no answer.
	if refused, err := book.Move(ctx, time.Now()); err != nil && !refused {
		return nil, err
	}
	found, err := book.Find(ctx, store.UsageFilter(f))
	if err != nil {
		return nil, err
	}
	out := make([]Usage, 0, len(found))
	for _, u := range found {
		out = append(out, Usage{
			Day: u.Day, Realm: u.Realm, User: u.User, Allocations: u.Allocations, Minutes: (u.Seconds + 59) / 60,
			SentPackets: u.SentPackets, SentBytes: u.SentBytes, RecvPackets: u.RecvPackets, RecvBytes: u.RecvBytes,
		})
	}
	return out, nil
}
