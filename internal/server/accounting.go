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

// usageName is the file of what users did, in the data directory.
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
	book, err := store.OpenUsage(path)
	if err != nil {
		return fmt.Errorf("%w; move the file away to begin a new one", err)
	}
	s.accounting.book = book
	s.defers(func() { book.Close() })
	return s.accounting.weigh(context.Background(), time.Now())
}

// run writes down what users of r did until ctx ends; settle is for the rest.
func (a *accounting) run(ctx context.Context, r *relay.Relay) {
	every(ctx, accountInterval, func(now time.Time) { a.settle(ctx, now, r) })
}

// settle writes down what users of r did since the last time, and ends the
// allocations of those who have had enough. What cannot be written is kept for
// the next time.
func (a *accounting) settle(ctx context.Context, now time.Time, r *relay.Relay) {
	if a.book == nil {
		return
	}
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
	err = errors.Join(err, a.weigh(ctx, now))
	if err != nil && !a.failed {
		a.log.Error("cannot keep what users did; it is tried again", "error", err)
	}
	a.failed = err != nil
	if over := a.over.Load(); over != nil && len(*over) > 0 {
		r.End(func(realm, id string) bool { return a.barred(realm, id) })
	}
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

// weigh finds out who has had enough in this month.
func (a *accounting) weigh(ctx context.Context, now time.Time) error {
	quota := a.quota.Load()
	if quota == 0 {
		a.over.Store(nil)
		return nil
	}
	var before map[turn.Account]bool
	if known := a.over.Load(); known != nil {
		before = *known
	}
	over, err := a.overdrawn(ctx, now, quota)
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
// that the book cannot be read, they are those of whom it is known without it.
func (a *accounting) overdrawn(ctx context.Context, now time.Time, quota uint64) (map[turn.Account]bool, error) {
	over := make(map[turn.Account]bool)
	month := now.UTC().Format("2006-01")
	users, err := a.book.Over(ctx, month+"-01", month+"-31", quota)
	for _, u := range users {
		over[turn.Account{Realm: u.Realm, Username: u.Name}] = true
	}
	// What could not be written counts too: a full disk is no free pass.
	for k, t := range a.unkept {
		sum := t.ClientBytes + t.PeerBytes
		if err == nil && sum < quota {
			var had []store.Usage
			had, err = a.book.Find(ctx, store.UsageFilter{Realm: k.Realm, User: k.Username, From: month + "-01", To: month + "-31"})
			for _, u := range had {
				sum += u.SentBytes + u.RecvBytes
			}
		}
		if sum >= quota {
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

// FindUsage lists what users of a server did, which may be running; it writes
// down once a minute.
func FindUsage(ctx context.Context, cfg *config.Config, f UsageFilter) ([]Usage, error) {
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
	book, err := store.OpenUsage(filepath.Join(a.kept.dir, usageName))
	if err != nil {
		return nil, err
	}
	defer book.Close()
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
