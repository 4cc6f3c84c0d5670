package server

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
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
	db     store.Database
	log    *slog.Logger
	failed bool
	broken map[store.PeerRule]bool // rules that cannot be applied, and that was told
}

// read returns the tables, or an error, which is logged once until it is over.
func (r *realmReader) read(ctx context.Context) (*realmTables, error) {
	ctx, cancel := context.WithTimeout(ctx, realmsTimeout)
	defer cancel()
	t, err := r.tables(ctx)
	if err != nil && !r.failed && ctx.Err() != context.Canceled {
		r.log.Warn("cannot read the realms of the database; what was known of them counts", "error", err)
	}
	r.failed = err != nil
	return t, err
}

func (r *realmReader) tables(ctx context.Context) (*realmTables, error) {
	t := &realmTables{origins: map[string]string{}, quotas: map[string]relay.RealmQuota{}, rules: map[string]peerRules{}}
	origins, err := r.db.Origins(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range origins {
		t.origins[turn.Origin(o.Origin)] = o.Realm
	}
	options, err := r.db.RealmOptions(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, o := range options {
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
	rules, err := r.db.PeerRules(ctx)
	if err != nil {
		return nil, err
	}
	broken := map[store.PeerRule]bool{}
	for _, rule := range rules {
		if err := r.apply(t, rule); err != nil {
			if broken[rule] = true; !r.broken[rule] {
				r.log.Error("a rule about peers in the database does not work: correct it", "realm", rule.Realm, "allowed", rule.Allowed, "error", err)
			}
			// What was to close something must not leave it open.
			if !rule.Allowed {
				r.broken[rule] = true
				return nil, fmt.Errorf("denied peers of realm %q: %w", rule.Realm, err)
			}
		}
	}
	r.broken = broken
	return t, nil
}

// apply adds a rule, or returns an error for one that nobody understands.
func (r *realmReader) apply(t *realmTables, rule store.PeerRule) error {
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
// reason not to serve.
func (s *Server) openRealms(db store.Database) {
	s.realms = &realmReader{db: db, log: s.log, broken: map[store.PeerRule]bool{}}
	t, err := s.realms.read(context.Background())
	if err != nil {
		s.log.Error("until the database has told its rules about peers, only those of the configuration and the built-in ones are in force", "error", err)
		return
	}
	s.adopt(func(x *setup) { x.tables = *t })
}

// runRealms follows the database until ctx ends. No allocation is lost when
// something changes there.
func (s *Server) runRealms(ctx context.Context) {
	if s.realms == nil {
		return
	}
	tick := time.NewTicker(realmsAge)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t, err := s.realms.read(ctx)
			if err != nil || reflect.DeepEqual(*t, s.setup.Load().tables) {
				continue
			}
			err = s.change(func(x *setup) error { x.tables = *t; return nil })
			if err != nil {
				s.log.Error("the realms of the database cannot be put in force", "error", err)
			} else {
				s.log.Info("the realms of the database have changed", "origins", len(t.origins), "with_limits", len(t.quotas), "with_rules", len(t.rules))
			}
		}
	}
}
