package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"iceserver/internal/config"
	"iceserver/internal/store"
)

// databasePlace says which database a server has and where it is. The zero value
// says none.
type databasePlace struct {
	kind  store.Kind
	where string // a path, or a connection string with a password in it
	key   string // the file with the key of that password, or empty
}

// placeOf is the database that a configuration names.
func placeOf(cfg *config.Config) databasePlace {
	for _, p := range []databasePlace{
		{kind: store.SQLite, where: cfg.Database}, {kind: store.PostgreSQL, where: cfg.PostgreSQL.Reveal()},
		{kind: store.MySQL, where: cfg.MySQL.Reveal(), key: cfg.SecretKeyFile},
		{kind: store.MongoDB, where: cfg.MongoDB.Reveal()}, {kind: store.Redis, where: cfg.Redis.Reveal()},
	} {
		if p.where != "" {
			return p
		}
	}
	return databasePlace{}
}

// file says whether the database is a file of this machine.
func (p databasePlace) file() bool { return p.kind == store.SQLite }

// name is the database for people, as in lists and in what is kept of a start.
func (p databasePlace) name() string {
	if p.file() || p.where == "" {
		return absolute(p.where)
	}
	db, err := p.open()
	if err != nil {
		return string(p.kind)
	}
	defer db.Close()
	return db.String()
}

// openDatabase opens the database, or returns nil where there is none.
func (a *access) openDatabase() (store.Database, error) {
	p := a.place
	if p.where == "" {
		return nil, nil
	}
	// A-L06: what the data directory holds is for its owner alone; a database
	// that is configured may be shared with coturn's group.
	if p.file() && a.kept != nil && filepath.Dir(p.where) == a.kept.dir {
		if _, err := private(p.where); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return p.open()
}

// sharedDatabase opens the database of the server that a command is about if servers
// can share it, or returns nil.
func (a *access) sharedDatabase(cfg *config.Config, file string) (store.Database, error) {
	if _, err := a.goByLastStart(cfg, file); err != nil || a.place.file() {
		return nil, err
	}
	return a.openDatabase()
}

// goByLastStart has a command go by what the server was told at its last start, and
// returns that; nil: it never was started.
func (a *access) goByLastStart(cfg *config.Config, file string) (*started, error) {
	last, err := a.lastStart(cfg, file)
	if err != nil || last == nil {
		return nil, err
	}
	last.as(a)
	return last, last.findDatabase(a, cfg)
}

// open opens the database, with its password in clear.
func (p databasePlace) open() (store.Database, error) {
	where := p.where
	if p.key != "" {
		var err error
		if where, err = decryptPassword(where, p.key); err != nil {
			return nil, err
		}
	}
	return store.Open(p.kind, where)
}

// findDatabase finds the database of the server that was last started. What is
// kept of the start has no password, so a connection string comes from the
// configuration that a command was called with, or from that of the server.
func (l *started) findDatabase(a *access, cfg *config.Config) error {
	kind := store.Kind(l.DatabaseKind)
	if kind == "" {
		a.place = databasePlace{}
		if l.Database != "" {
			a.place = databasePlace{kind: store.SQLite, where: l.Database}
		}
		return nil
	}
	for _, known := range []func() *config.Config{
		func() *config.Config { return cfg }, l.configuration,
	} {
		if c := known(); c != nil && placeOf(c).kind == kind {
			a.place = placeOf(c)
			return nil
		}
	}
	return fmt.Errorf("the server that was last started here keeps its users in %s, and the %s with its password cannot be found: call this with -c FILE, as somebody who may read the file",
		l.Database, kind)
}

// configuration is that of the file that the server was started with, or nil if
// there was none or it cannot be read.
func (l *started) configuration() *config.Config {
	if l.Config == "" {
		return nil
	}
	f, err := os.Open(l.Config)
	if err != nil {
		return nil
	}
	defer f.Close()
	// What is wrong in it by now is not this command's business.
	cfg, _ := config.Load(config.Input{File: l.Config, Text: f})
	return cfg
}
