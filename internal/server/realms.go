package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"time"

	"iceserver/internal/config"
	"iceserver/internal/relay"
	"iceserver/internal/store"
	"iceserver/internal/turn"
)

// realmsAge is how old what is known of the database's realms may be, as in
// coturn.
const realmsAge = 5 * time.Second

// realmsTimeout bounds how long the database may take to tell of them.
const realmsTimeout = 4 * time.Second

// realmTables are what a database says of realms beside their users: which pages
// belong to them, what their users may hold, and whom they may talk to.
type realmTables struct {
	origins map[string]string // turn.Origin: realm
	quotas  map[string]relay.RealmQuota
	rules   map[string]peerRules // of a realm; the empty one's are for all
}

// peerRules are rules about peers beside those of the configuration.
type peerRules struct{ allowed, denied []config.PeerRange }

// realmReader reads the tables and remembers what it has told of them.
type realmReader struct {
	db store.Database
	// ruleless and realmless leave out what the configuration does not want of the
	// database.
	ruleless, realmless bool

	log    *slog.Logger
	file   *realmsFile // nil: what was read is remembered nowhere
	failed bool
	silent atomic.Pointer[silence] // nil: the database answered, the last time
	broken map[store.PeerRule]bool // rules that cannot be applied, and that was told
}

// read returns the tables, or an error, which is logged once until it is over.
func (r *realmReader) read(ctx context.Context) (*realmTables, error) {
	ctx, cancel := context.WithTimeout(ctx, realmsTimeout)
	defer cancel()
	var t *realmTables
	rows, err := r.rows(ctx)
	r.hear(r.presence(ctx, err), time.Now())
	if err == nil {
		t, err = r.tables(rows)
	}
	if err == nil && r.file != nil {
		r.file.keep(rows)
	}
	if err != nil && !r.failed && ctx.Err() != context.Canceled {
		r.log.Warn("cannot read the realms of the database; what was known of them counts", "error", err)
	}
	r.failed = err != nil
	return t, err
}

// silence is a database that does not answer.
type silence struct {
	since  time.Time
	reason string // of the last time that it was asked
}

// presence says whether the database is there, by what came of asking for its rows.
// One of which no rows are wanted is asked for something else: its users are wanted
// still.
func (r *realmReader) presence(ctx context.Context, err error) error {
	if r.realmless && r.ruleless {
		_, err = r.db.Version(ctx)
	}
	return err
}

// hear notes whether the database has answered.
func (r *realmReader) hear(err error, now time.Time) {
	if err == nil {
		r.silent.Store(nil)
		return
	}
	if before := r.silent.Load(); before != nil {
		now = before.since
	}
	r.silent.Store(&silence{since: now, reason: singleLine(err)})
}

// realmRows are what a database says of realms, as it says it.
type realmRows struct {
	Origins []store.Origin      `json:"origins,omitempty"`
	Options []store.RealmOption `json:"options,omitempty"`
	Rules   []store.PeerRule    `json:"rules,omitempty"`
}

// rows asks the database for what is wanted of it.
func (r *realmReader) rows(ctx context.Context) (*realmRows, error) {
	rows := &realmRows{}
	var err error
	if !r.realmless {
		if rows.Origins, err = r.db.Origins(ctx); err != nil {
			return nil, err
		}
		if rows.Options, err = r.db.RealmOptions(ctx, ""); err != nil {
			return nil, err
		}
	}
	if !r.ruleless {
		rows.Rules, err = r.db.PeerRules(ctx)
	}
	return rows, err
}

// tables are what the rows mean. A rule that is to close something and that nobody
// understands is an error: it must not leave it open.
func (r *realmReader) tables(rows *realmRows) (*realmTables, error) {
	t := &realmTables{origins: map[string]string{}, quotas: map[string]relay.RealmQuota{}, rules: map[string]peerRules{}}
	for _, o := range rows.Origins {
		t.origins[turn.Origin(o.Origin)] = o.Realm
	}
	for _, o := range rows.Options {
		q := t.quotas[o.Realm]
		switch o.Option {
		case "max-bps":
			q.MaxBPS = uint64(max(o.Value, 0))
		case "total-quota":
			q.Total = int(o.Value)
		case "user-quota":
			q.PerUser = int(o.Value)
		}
		t.quotas[o.Realm] = q
	}
	// All are looked at before any is an error, so that each is told when it
	// breaks, and told again when it was mended and breaks anew.
	var errs []error
	broken := map[store.PeerRule]bool{}
	for _, rule := range rows.Rules {
		err := t.apply(rule)
		if err == nil {
			continue
		}
		if broken[rule] = true; !r.broken[rule] {
			r.log.Error("a rule about peers in the database does not work: correct it", "realm", rule.Realm, "allowed", rule.Allowed, "error", err)
		}
		if !rule.Allowed {
			errs = append(errs, fmt.Errorf("denied peers of realm %q: %w", rule.Realm, err))
		}
	}
	r.broken = broken
	return t, errors.Join(errs...)
}

// apply adds a rule, or returns an error for one that nobody understands.
func (t *realmTables) apply(rule store.PeerRule) error {
	peers, err := config.ParsePeer(rule.Range)
	if err != nil {
		return err
	}
	both := t.rules[rule.Realm]
	if rule.Allowed {
		both.allowed = append(both.allowed, peers)
	} else {
		both.denied = append(both.denied, peers)
	}
	t.rules[rule.Realm] = both
	return nil
}

// openRealms reads the tables for the first time. That they cannot be read is no
// reason not to serve: then those that the database told last, before this start,
// are in force.
func (s *Server) openRealms(db store.Database) {
	s.realms = &realmReader{db: db, log: s.log, ruleless: s.cfg().NoDatabaseRules, realmless: s.cfg().NoDatabaseRealms}
	if k := s.access().kept; k != nil {
		s.realms.file = &realmsFile{path: filepath.Join(k.dir, realmsName), of: s.access().database, log: s.log}
	}
	t, err := s.realms.read(context.Background())
	if err != nil {
		t = s.realms.last()
	}
	s.adopt(func(x *setup) { x.tables = *t })
}

// last are the tables that the database told when it told any, or closed ones.
func (r *realmReader) last() *realmTables {
	if r.file != nil {
		rows, err := r.file.read()
		if err == nil {
			var t *realmTables
			if t, err = r.tables(r.wanted(rows)); err == nil {
				r.log.Warn("until the database has told its realms, those that it told last are in force", "file", r.file.path)
				return t
			}
		}
		if !errors.Is(err, fs.ErrNotExist) {
			r.log.Warn("what the database told last of its realms cannot be used", "error", err)
		}
	}
	if r.ruleless {
		return &realmTables{}
	}
	r.log.Error("the database has never told which peers it denies: until it does, only relayed addresses of this server and what allowed-peer-ip names can be peers")
	return closedTables()
}

// wanted leaves out of what was read before what is not wanted any more.
func (r *realmReader) wanted(rows *realmRows) *realmRows {
	if r.realmless {
		rows.Origins, rows.Options = nil, nil
	}
	if r.ruleless {
		rows.Rules = nil
	}
	return rows
}

// closedTables deny every peer that the configuration does not allow by name. Who
// has a database that was never heard cannot have users of it either, so this costs
// those of the configuration some time at a first start, while to guess that there
// are no rules could cost somebody a network.
func closedTables() *realmTables {
	const untold = "any until the database has told its rules"
	return &realmTables{rules: map[string]peerRules{"": {denied: []config.PeerRange{
		{From: netip.IPv4Unspecified(), To: netip.AddrFrom4([4]byte{255, 255, 255, 255}), Text: untold},
		{From: netip.IPv6Unspecified(), To: netip.AddrFrom16([16]byte(bytes.Repeat([]byte{255}, 16))), Text: untold},
	}}}}
}

// runRealms follows the database until ctx ends. No allocation is lost when
// something changes there.
func (s *Server) runRealms(ctx context.Context) {
	if s.realms == nil {
		return
	}
	every(ctx, realmsAge, func(time.Time) {
		t, err := s.realms.read(ctx)
		if err != nil || reflect.DeepEqual(*t, s.setup.Load().tables) {
			return
		}
		err = s.change(func(x *setup) error { x.tables = *t; return nil })
		if err != nil {
			s.log.Error("the realms of the database cannot be put in force", "error", err)
		} else {
			s.log.Info("the realms of the database have changed", "origins", len(t.origins), "with_limits", len(t.quotas), "with_rules", len(t.rules))
		}
	})
}
