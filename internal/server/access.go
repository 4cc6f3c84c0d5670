package server

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"

	"iceserver/internal/auth"
	"iceserver/internal/config"
	"iceserver/internal/store"
)

// defaultRealm is the realm where none is configured. It does not follow the
// machine's name or address: the keys in the database are made with it, and a
// new address must not lock everybody out.
const defaultRealm = "iceserver"

// kept is the open data directory.
type kept struct {
	dir string
	state
}

// access is who may use the relay, as the server and the commands see it alike.
type access struct {
	realm    string
	former   []string // realms of before a reload
	kept     *kept    // nil: there is no data directory, and none is needed
	notKept  error    // why there is none
	own      bool     // the kept user and secret are let in
	users    []store.User
	secrets  []string // the first one mints
	rest     auth.REST
	place    databasePlace
	database string // the place for people: a path, or a kind, a host and a name; empty: there is none
}

// openAccess decides who may use the relay. What is configured counts; a server
// for which no users, secrets or database are configured takes the account and
// secret that the first start makes, and never lets everybody in for want of
// anything else.
//
// A-C03, A-L04: open to all is only what no-auth asks for by name.
// R-8155-9-a (RFC 8155, 9): TLS, the policy and the quotas are there then too.
func openAccess(cfg *config.Config, log *slog.Logger) (*access, error) {
	a := &access{realm: cfg.Realm, rest: auth.REST{Separator: cfg.RESTSeparator}, place: placeOf(cfg)}
	if a.realm == "" {
		a.realm = defaultRealm
	}
	a.own = !cfg.NoAuth && len(cfg.Users) == 0 && len(cfg.Secrets) == 0 && a.place.where == ""
	if err := a.openKept(cfg, log); err != nil {
		return nil, err
	}
	if err := a.configured(cfg); err != nil {
		return nil, err
	}
	// The kept account becomes a configured user, not a row of the database: so
	// it needs no database to work, and a new realm does not lose it.
	if a.own {
		if err := a.ownUser(a.realm); err != nil {
			return nil, err
		}
		a.secrets = append(a.secrets, a.kept.Secret)
	}
	if a.place.where == "" && cfg.DefaultDatabase != "" && !cfg.NoAuth {
		a.place = databasePlace{kind: store.SQLite, where: cfg.DefaultDatabase}
	}
	if a.place.where == "" && a.kept != nil && !cfg.NoAuth {
		a.place = databasePlace{kind: store.SQLite, where: filepath.Join(a.kept.dir, databaseName)}
	}
	a.database = a.place.name()
	return a, nil
}

// commandAccess is openAccess for a command. Root becomes whom the data directory
// belongs to, so that the server can read what a command makes there, and so that
// this user cannot have root write somewhere else by a link.
func commandAccess(cfg *config.Config) (*access, error) {
	if dir, err := dataDir(cfg.DataDir); err == nil && cfg.ProcUser == "" {
		if err := becomeOwner(dir); err != nil {
			return nil, err
		}
	}
	return openAccess(cfg, quiet())
}

// openKept opens the data directory. A server that is told everything runs
// without one, on a read-only file system for example.
func (a *access) openKept(cfg *config.Config, log *slog.Logger) error {
	// It is opened even where nothing in it is needed now: nonces outlive a
	// restart with its key, and users can be added to its database.
	dir, err := dataDir(cfg.DataDir)
	if err == nil {
		err = openDataDir(dir, cfg.ProcUser)
	}
	var s *state
	if err == nil {
		s, err = loadState(dir)
	}
	if err == nil {
		a.kept = &kept{dir: dir, state: *s}
		return nil
	}
	if a.own || needsCertificate(cfg) || cfg.DataDir != "" {
		return err
	}
	a.notKept = err
	log.Warn("nothing can be kept; users are those of the configuration", "reason", err)
	return nil
}

// needsCertificate says whether a certificate has to be kept, self-signed or
// issued by an authority.
func needsCertificate(cfg *config.Config) bool {
	return needsTLS(cfg) && (len(cfg.CertFiles) == 0 || len(cfg.ACMEDomains) > 0)
}

// needsTLS says whether clients of the relay may come over TLS or DTLS.
func needsTLS(cfg *config.Config) bool { return !cfg.NoTLS || cfg.DTLS }

// configured takes the users and secrets of the configuration. Passwords become
// keys here: the clear text goes no further.
//
// R-8489-16-a (RFC 8489, 16): nor does a database hold any.
func (a *access) configured(cfg *config.Config) error {
	for _, u := range cfg.Users {
		if err := a.configuredUser(u, a.realm); err != nil {
			return fmt.Errorf("user %q: %w", u.Name, err)
		}
	}
	for _, s := range cfg.Secrets {
		a.secrets = append(a.secrets, s.Reveal())
	}
	return nil
}

// ownUser lets the account of the data directory in.
func (a *access) ownUser(realm string) error {
	key, err := auth.LongTermKey(a.kept.User, realm, a.kept.Password)
	if err == nil {
		a.users = append(a.users, store.User{Realm: realm, Name: a.kept.User, Key: key})
	}
	return err
}

// tellOwn says who is let in where a configuration file does not. Where the users are
// coturn's there may be many of them, and nothing is missing.
func (a *access) tellOwn(log *slog.Logger, file string) {
	if filepath.Dir(a.place.where) != a.kept.dir {
		log.Info("the configuration names no users or secrets: those of the database and the account of the data directory are let in",
			"file", file, "database", a.database, "data_dir", a.kept.dir)
		return
	}
	log.Warn("the configuration names no users, secrets or database, and not no-auth: only the account and the users of the data directory are let in",
		"file", file, "data_dir", a.kept.dir)
}

// remember keeps the users of realms that the server had before: nobody begins
// anything there, but who holds an allocation goes on refreshing it.
func (a *access) remember(cfg *config.Config, realms []string) error {
	for _, realm := range realms {
		if realm == a.realm || slices.Contains(a.former, realm) {
			continue
		}
		a.former = append(a.former, realm)
		for _, u := range cfg.Users {
			if err := a.configuredUser(u, realm); err != nil {
				return err
			}
		}
		if a.own {
			if err := a.ownUser(realm); err != nil {
				return err
			}
		}
	}
	return nil
}

// configuredUser takes one user. The name is part of what a key is made of, and not
// every client prepares it: a name that was written in another form than the
// prepared one makes two keys, one for each kind of client.
//
// R-8489-14.3-b (RFC 8489, 14.3): both are of one user.
func (a *access) configuredUser(u config.User, realm string) error {
	prepared, err := auth.OpaqueString(u.Name)
	if err != nil {
		return fmt.Errorf("the name cannot be used: %w", err)
	}
	names := []string{prepared}
	if u.Name != prepared {
		// The last one counts where both are the same, which is the prepared one.
		names = []string{u.Name, prepared}
	}
	for _, name := range names {
		key, err := auth.ParseKey(u.Key.Reveal())
		if u.Key == "" {
			key, err = auth.LongTermKey(name, realm, u.Password.Reveal())
		}
		if err != nil {
			return err
		}
		in := realm
		if u.Key != "" {
			in = "" // only who made the key knows for which realm
		}
		a.users = append(a.users, store.User{Realm: in, Name: name, Key: key})
	}
	return nil
}
