package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/config"
	"iceserver/internal/store"
)

// startedName is the file that tells commands of the last start.
const startedName = "started.json"

// started is what a server has found out at its start and commands would have to
// guess: it may have been told more than any file says. No secret is in it.
//
// A command is about the server that was last started in the data directory, if
// it names no other:
//
//	named              realm, database, URLs      secrets that mint
//	nothing            as started                 those of them that are as started
//	-c FILE as started as started                 as started
//	-c FILE changed    as FILE says now           as FILE says now
//	-c another FILE    as FILE says               as FILE says
//	--realm, --userdb  as they say, if other      as the configuration says
//	never started      as a start would have it   as a start would have it
type started struct {
	Config     string    `json:"config,omitempty"` // absolute path
	ConfigTime time.Time `json:"config_time,omitzero"`
	Realm      string    `json:"realm"`
	Separator  string    `json:"separator"`
	Database   string    `json:"database,omitempty"` // absolute path, or what names one elsewhere
	// DatabaseKind is the key of a connection string; empty: Database is a path.
	DatabaseKind string   `json:"database_kind,omitempty"`
	Own          bool     `json:"own"` // the account and secret of the data directory are let in
	NoAuth       bool     `json:"no_auth,omitempty"`
	STUNOnly     bool     `json:"stun_only,omitempty"`
	Users        []string `json:"users,omitempty"` // names that are configured
	Checks       []string `json:"secret_checks,omitempty"`
	URLs         []string `json:"urls"` // of the relay
	Web          string   `json:"web"`
	Pages        []string `json:"pages,omitempty"`
}

// keepStart writes down how this server was started. That it cannot is no reason
// not to serve.
func (s *Server) keepStart() error {
	k := s.access().kept
	if k == nil || s.second {
		return nil // or commands would take the one that they reach for this one
	}
	l := started{
		Realm: s.access().realm, Separator: string(rune(s.cfg().RESTSeparator)), Own: s.access().own,
		NoAuth: s.cfg().NoAuth, STUNOnly: s.cfg().STUNOnly, Web: s.served().mode,
	}
	l.Database = s.access().database
	if !s.access().place.file() {
		l.DatabaseKind = string(s.access().place.kind)
	}
	l.Config, l.ConfigTime = configFile(s.o.ConfigFile)
	for _, u := range s.access().users {
		l.Users = append(l.Users, u.Name)
	}
	for _, secret := range s.access().secrets {
		l.Checks = append(l.Checks, k.secretCheck(secret))
	}
	for _, e := range iceServers(s.cfg(), s.place().host().String(), "", "") {
		l.URLs = append(l.URLs, e.URLs...)
	}
	if s.served().on() {
		l.Pages = s.pageURLs()
	}
	text, err := json.MarshalIndent(l, "", "  ")
	if err == nil {
		err = replace(filepath.Join(k.dir, startedName), append(text, '\n'))
	}
	if err != nil {
		s.log.Warn("commands will not find this server by themselves: call them with its -c FILE", "error", err)
	}
	return nil
}

// absolute makes a path one that means the same wherever a command is called.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil && path != "" {
		return abs
	}
	return path
}

// configFile tells a configuration file from another one, and from itself after
// a change.
func configFile(file string) (path string, changed time.Time) {
	if file == "" {
		return "", time.Time{}
	}
	if info, err := os.Stat(file); err == nil {
		changed = info.ModTime().UTC()
	}
	return absolute(file), changed
}

// secretCheck tells whether two secrets are the same. It has two bytes only, so
// that nobody who reads it can find the secret out by trying.
func (k *kept) secretCheck(secret string) string {
	mac := hmac.New(sha256.New, []byte(k.NonceKey))
	mac.Write([]byte("check of a secret\n" + secret))
	return hex.EncodeToString(mac.Sum(nil)[:2])
}

// lastStart returns how the server was started last in the data directory that a
// command is about, or nil if it never was, or if the command names another one.
func (a *access) lastStart(cfg *config.Config, file string) (*started, error) {
	if a.kept == nil {
		return nil, nil
	}
	path := filepath.Join(a.kept.dir, startedName)
	text, err := private(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var l started
	if err := json.Unmarshal(text, &l); err != nil || l.Realm == "" || len(l.Separator) != 1 {
		return nil, fmt.Errorf("%s is broken: remove it, and start the server anew", path)
	}
	if !l.meant(cfg, file) {
		return nil, nil
	}
	return &l, nil
}

// meant says whether a command that was called with cfg is about this start.
func (l *started) meant(cfg *config.Config, file string) bool {
	if file != "" {
		path, changed := configFile(file)
		return path == l.Config && changed.Equal(l.ConfigTime) && !overrides(cfg, l)
	}
	return !overrides(cfg, l)
}

// overrides says whether a flag or variable names another realm or database. What
// the file itself says is what the server was started with.
func overrides(cfg *config.Config, l *started) bool {
	outside := func(key string) bool {
		return slices.ContainsFunc(cfg.Sources[key], func(s config.Source) bool { return s.Line == 0 })
	}
	if outside("realm") && cfg.Realm != l.Realm {
		return true
	}
	// Each is named by the key that it has in the configuration.
	for _, kind := range []store.Kind{store.SQLite, store.PostgreSQL, store.MySQL, store.MongoDB, store.Redis} {
		if outside(string(kind)) {
			return placeOf(cfg).name() != l.Database
		}
	}
	return false
}

// as makes a what it is in the server that was started.
func (l *started) as(a *access) {
	a.realm, a.database, a.own = l.Realm, l.Database, l.Own
	a.rest = auth.REST{Separator: l.Separator[0]}
	a.users = nil
	for _, name := range l.Users {
		a.users = append(a.users, store.User{Realm: l.Realm, Name: name})
	}
}

// secret returns a secret that the server takes, of those that are configured
// for a command, kept, or in the server's configuration file. It may be empty.
func (l *started) secret(k *kept, cfg *config.Config) (string, error) {
	var known []string
	if l.Own {
		known = append(known, k.Secret)
	}
	for _, s := range cfg.Secrets {
		known = append(known, s.Reveal())
	}
	if s := l.firstOf(k, known); s != "" || len(l.Checks) == 0 || l.Config == "" {
		return s, nil
	}
	f, err := os.Open(l.Config)
	if err != nil {
		return "", fmt.Errorf("cannot read the configuration that the server was started with: %w; call this as a user who may", err)
	}
	defer f.Close()
	file, _ := config.Load(config.Input{File: l.Config, Text: f})
	known = nil
	for _, s := range file.Secrets {
		known = append(known, s.Reveal())
	}
	return l.firstOf(k, known), nil
}

// firstOf returns the first secret that was in force at the start, or nothing.
func (l *started) firstOf(k *kept, secrets []string) string {
	for _, s := range secrets {
		if slices.Contains(l.Checks, k.secretCheck(s)) {
			return s
		}
	}
	return ""
}

// noSecret says what to do where no credential can be made that the server takes.
func (l *started) noSecret() error {
	where := l.Config
	if where == "" {
		where = "its command line or environment"
	}
	if len(l.Checks) > 0 {
		return fmt.Errorf("the server that was last started here takes a static-auth-secret that is not in %s now: start it anew, or run iceserver secret add for a further one",
			where)
	}
	return fmt.Errorf("the server that was last started here takes the users of %s and has no shared secret to make credentials of: run iceserver secret add, or set static-auth-secret there and start it anew",
		where)
}
