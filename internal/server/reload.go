package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/config"
	"iceserver/internal/relay"
)

// Reloaded is what came of a reload.
type Reloaded struct {
	Changed []string `json:"changed"` // keys whose new values are in force
	Restart []string `json:"restart"` // keys whose new values take a restart
}

// Reload reads the configuration anew and puts it in force, without losing an
// allocation. With an error, which is one line, everything is as it was; so it is
// for the keys that take a restart, which the answer names.
func (s *Server) Reload() (Reloaded, error) {
	r, err := s.reload()
	s.life.loads.end(r, err, time.Now())
	s.countReload(err)
	if err != nil {
		s.log.Error("the configuration is not reloaded; the old one stays in force", "error", err)
		return r, err
	}
	s.log.Info("reloaded", "changed", r.Changed, "takes_a_restart", r.Restart)
	return r, nil
}

func (s *Server) reload() (Reloaded, error) {
	r := Reloaded{Changed: []string{}, Restart: []string{}}
	if s.o.Load == nil {
		return r, errors.New("this server has no configuration to read anew")
	}
	if err := s.awaitStart(); err != nil {
		return r, err
	}
	defer s.notifyReload()()
	s.reopenLog()
	s.life.loads.begin(s.o.ConfigFile, time.Now())
	next, err := s.o.Load()
	if err != nil {
		return r, err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	changed, restart := config.Changed(s.cfg(), next)
	r.Changed, r.Restart = append(r.Changed, changed...), append(r.Restart, restart...)
	// Files may be new although no key has changed.
	if len(changed) == 0 {
		if err := s.changeLocked(s.readWeb); err != nil {
			return r, err
		}
		return r, s.ReloadCertificates()
	}
	return r, s.putInForce(next, changed)
}

// reopenLog goes on in a new file of the log: that may have been moved away, which
// is all that some who ask for a reload want.
func (s *Server) reopenLog() {
	s.changing.Lock()
	defer s.changing.Unlock()
	f := s.outlet.logging().file
	if f == nil {
		return
	}
	// Who wants other users to be let in must not wait for a log directory.
	if err := f.reopen(); err != nil {
		s.log.Error("the log goes on in the old file", "error", err)
	}
}

// anyOf says whether a key is among those that have changed.
func anyOf(changed []string, keys ...string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { return slices.Contains(changed, k) })
}

// putInForce goes by a new configuration of which some keys have changed. What is
// opened for it is used only once nothing can be refused any more.
func (s *Server) putInForce(next *config.Config, changed []string) error {
	show, undo := func() {}, func() {}
	var log *logging
	before := s.setup.Load()
	err := s.changeLocked(func(x *setup) (err error) {
		if undo, err = s.takeOver(x, next); err != nil {
			return err
		}
		if show, err = s.certificatesOf(x, changed); err != nil {
			return err
		}
		if anyOf(changed, "log-file", "no-stdout-log", "syslog", "syslog-facility", "new-log-timestamp-format", "log-format") {
			log, err = openLog(x.cfg, s.o)
		}
		return err
	})
	if err != nil {
		undo()
		if log != nil {
			log.end()
		}
		return err
	}
	if log != nil {
		s.outlet.turn(log)
	}
	show()
	s.beginWeb(&before.web)
	s.tellRemoved(before.access, s.access())
	s.outlet.logging().level.Set(level(next.LogLevel))
	return s.keepStart()
}

// certificatesOf reads the files of the certificates anew, or others if the
// configuration names others; those are in use when show was called.
func (s *Server) certificatesOf(x *setup, changed []string) (show func(), err error) {
	if s.certs == nil || !anyOf(changed, "cert", "pkey", "pkey-pwd") {
		return func() {}, s.ReloadCertificates()
	}
	other, err := s.otherCertificates(x)
	if err != nil {
		return nil, err
	}
	return func() {
		other()
		s.adaptWeb() // its headers tell of the certificate
	}, s.metrics.reloadCertificates()
}

// awaitStart waits until the server has tested itself, for which it lets itself
// in: who sends a signal cannot be told to come again.
func (s *Server) awaitStart() error {
	over := time.Now().Add(2 * selfTestTime)
	for !s.keys.over.Load() {
		if time.Now().After(over) {
			return errors.New("the server is only starting: try again in a moment")
		}
		time.Sleep(startCheck)
	}
	return nil
}

// startCheck is how often it is looked whether the start is over.
const startCheck = 20 * time.Millisecond

// takeOver fills in what follows from a new configuration; undo closes what was opened
// for it, if it is refused after all. What takes a restart stays as it is.
func (s *Server) takeOver(x *setup, next *config.Config) (undo func(), err error) {
	undo = func() {}
	live := *x.cfg
	config.TakeLive(&live, next)
	x.cfg = &live
	if x.access, err = x.access.again(&live); err != nil {
		return undo, err
	}
	// The sockets are those of the start: an address that came to the machine
	// since takes a restart, and must not keep anything else from being reloaded.
	p, err := locate(&live, s.found, s.resolver(&live))
	if err != nil {
		return undo, err
	}
	x.move(p)
	opened, err := s.openWeb(x)
	if err != nil {
		return undo, err
	}
	x.keys = s.letIn(x)
	return opened, nil
}

// again is who may use the relay after a change of the configuration: the data
// directory and the database are the same.
func (a *access) again(cfg *config.Config) (*access, error) {
	n, err := openAccess(cfg, quiet())
	if err != nil {
		return nil, err
	}
	// Whom everybody is let in without, the database, stays open for when it is asked again.
	if cfg.NoAuth && n.place.where == "" {
		n.place, n.database = a.place, a.database
	}
	if n.place != a.place && (n.place.where == "" || a.place.where == "") {
		return nil, errors.New("with this users would be looked up in a database for the first time, or in none any more: that takes a restart")
	}
	if n.place != a.place {
		return nil, fmt.Errorf("with this the users would be those of %s instead of %s: that takes a restart", n.place.name(), a.place.name())
	}
	return n, n.remember(cfg, append(slices.Clone(a.former), a.realm))
}

// change puts a changed setup in force, all of it or, with an error, nothing.
func (s *Server) change(edit func(*setup) error) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.changeLocked(edit)
}

func (s *Server) changeLocked(edit func(*setup) error) error {
	before := s.setup.Load()
	next := *before
	if err := edit(&next); err != nil {
		return err
	}
	// What can be refused comes before what cannot be taken back.
	if err := next.configureSignaling(); err != nil {
		return err
	}
	s.setup.Store(&next)
	if err := s.relay.Reconfigure(s.settings()); err != nil {
		s.setup.Store(before)
		return errors.Join(err, before.configureSignaling())
	}
	s.accounting.quota.Store(next.cfg.UserMonthlyQuota)
	s.adaptWeb()
	return nil
}

// settings are what the relay goes by, and can be given anew.
func (s *Server) settings() relay.Settings {
	x := s.setup.Load()
	return relay.Settings{
		Quota: s.quota(x), Keys: x.keys, Ban: ban(x.cfg, x.place.listen), Turn: s.turnOptions(), NonceLife: x.cfg.StaleNonce, Relays: x.place.relays,
	}
}

// quota is what users may hold.
func (s *Server) quota(x *setup) relay.Quota {
	c := x.cfg
	q := relay.Quota{
		PerUser: c.UserQuota, Total: c.TotalQuota, MaxBPS: c.MaxBPS, CapacityBPS: c.CapacityBPS,
		Realms: x.tables.quotas, Barred: s.accounting.barred,
		ID: func(username string) string { return auth.QuotaID(username, c.RESTSeparator) },
	}
	if h := x.web.holders; h != nil {
		q.ID, q.Limit = h.quotaID, h.limit
	}
	return q
}

// drainCheck is how often a draining server looks whether it may end.
const drainCheck = time.Second

// Drain refuses new allocations from now on, and ends the server once there are
// no more of them than drain-min-allocations.
func (s *Server) Drain() error {
	if s.draining.Swap(true) {
		return nil
	}
	if err := s.change(func(*setup) error { return nil }); err != nil {
		return err
	}
	s.log.Info("draining: new allocations are refused, and the server ends with the last ones", "allocations", s.relay.Stats().Allocations)
	return nil
}

// runDrain ends the server, by stop, once it is drained.
func (s *Server) runDrain(ctx context.Context, stop func()) {
	drained := sync.OnceFunc(func() {
		s.log.Info("drained")
		stop()
	})
	every(ctx, drainCheck, func(time.Time) {
		if s.draining.Load() && s.relay.Stats().Allocations <= s.cfg().DrainMinAllocations {
			drained()
		}
	})
}

// LogDrain is Drain for who hears of errors by the log alone.
func (s *Server) LogDrain() {
	if err := s.Drain(); err != nil {
		s.log.Error("cannot drain", "error", err)
	}
}

// LogCertificates is ReloadCertificates for who hears of errors by the log alone.
func (s *Server) LogCertificates() {
	if err := s.ReloadCertificates(); err != nil {
		s.log.Error("a certificate cannot be reloaded; the old one stays in use", "error", err)
		return
	}
	s.log.Info("the certificates were read anew")
}
