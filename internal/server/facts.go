package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"iceserver/internal/config"
	"iceserver/internal/doctor"
	"iceserver/internal/store"
)

// facts are what the running server tells a doctor of itself.
func (s *Server) facts() doctor.Facts {
	f := s.setup.Load().facts()
	f.Version, f.PID = s.o.Version, os.Getpid()
	f.ConfigFile = absolute(s.o.ConfigFile)
	a := s.Addrs()
	f.Listen.UDP, f.Listen.TCP, f.Listen.TLS, f.Listen.DTLS = a.UDP, a.TCP, a.TLS, a.DTLS
	f.CertRefused = map[string]string{}
	for _, c := range s.shelves() {
		for file, err := range c.Refused() {
			f.CertRefused[file] = err.Error()
		}
	}
	return f
}

// facts are those that follow from how the server was set up. No secret is among
// them.
func (x *setup) facts() doctor.Facts {
	c := x.cfg
	f := doctor.Facts{
		Database: x.access.database, Realm: x.access.realm, Host: x.place.host().String(),
		MinPort: c.MinPort, MaxPort: c.MaxPort, NoAuth: c.NoAuth, STUNOnly: c.STUNOnly,
		CertFiles: c.CertFiles, KeyFiles: c.KeyFiles, ACMEDomains: c.ACMEDomains,
		TotalQuota: c.TotalQuota, SocketBuffer: c.SocketBuffer, ProcUser: c.ProcUser,
	}
	if x.access.kept != nil {
		f.DataDir = x.access.kept.dir
	}
	for _, r := range x.place.relays {
		f.Relays = append(f.Relays, doctor.Relay{Local: r.Local, External: seen(r)})
	}
	for _, e := range c.ExternalIPs {
		f.ExternalSet = true
		f.ExternalFollowed = f.ExternalFollowed || e.Name != ""
	}
	return f
}

// planned are the facts of a server that would be started with cfg. What can be
// known without opening anything is there even with an error.
func (o Options) planned(cfg *config.Config, dir string) (doctor.Facts, error) {
	found, err := discover()
	if err != nil {
		return doctor.Facts{}, err
	}
	// Names are left out: who asks for them is the doctor.
	p, err := locate(cfg, found, nil)
	if err != nil {
		return doctor.Facts{}, err
	}
	a := &access{realm: cfg.Realm, place: placeOf(cfg)}
	if a.realm == "" {
		a.realm = defaultRealm
	}
	if a.place.where == "" && !cfg.NoAuth && dir != "" {
		a.place = databasePlace{kind: store.SQLite, where: filepath.Join(dir, databaseName)}
	}
	a.database = a.place.name()
	s := newServer(cfg, a, p)
	f := s.setup.Load().facts()
	f.ConfigFile = absolute(o.ConfigFile)
	if _, err := os.Stat(dir); err == nil {
		f.DataDir = dir
	}
	f.Listen.UDP, f.Listen.TCP = s.listeners(!cfg.NoUDP), s.listeners(!cfg.NoTCP)
	f.Listen.TLS, f.Listen.DTLS = s.at(!cfg.NoTLS, cfg.TLSListeningPort), s.at(cfg.DTLS, cfg.TLSListeningPort)
	return f, nil
}

// Target is all that is known of the server that cfg is about, for a doctor: what
// it says of itself if it runs, else what it would be. account is what the caller
// was given to log in with, and may be empty. Nothing is made or changed by it.
func (o Options) Target(ctx context.Context, cfg *config.Config, account doctor.Account) *doctor.Target {
	t := &doctor.Target{Config: cfg, Account: account, Program: o.Version}
	dir, err := dataDir(cfg.DataDir)
	if err == nil {
		err = askControl(ctx, filepath.Join(dir, controlName), "/facts", struct{}{}, &t.Facts)
	}
	t.Running = err == nil
	if !t.Running {
		t.NotRunning = o.whyNot(err, dir)
		if t.Facts, err = o.planned(cfg, dir); err != nil {
			t.NotRunning = err
		}
	}
	f := &finder{clouds: clouds(o.Metadata), stun: stunAddress(cfg.ExternalSTUN)}
	t.External = func(ctx context.Context, local netip.Addr) (netip.Addr, string, error) { return f.find(ctx, local) }
	t.Command = func(words string) string { return o.commandLine(words, cfg) }
	patient{o, cfg, dir}.fillIn(ctx, t)
	return t
}

// whyNot makes of the error of asking a server what keeps a doctor from it.
func (o Options) whyNot(err error, dir string) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("this user may not ask the server of %s: %w", dir, fs.ErrPermission)
	}
	if errors.Is(err, errNoAnswer) {
		return fmt.Errorf("%w, %s", errNotRunning, dir)
	}
	return err
}

// accountsAnswer is what a running server tells a doctor of who is let in. It goes
// through the control socket, to whoever could read the data directory as well.
type accountsAnswer struct {
	Account doctor.Account  // to log in with: as the user asked for, or as anybody
	Unknown string          // why there is no password in Account
	Count   doctor.Accounts // of who is let in at all
	Exists  bool            // there is a user of the name asked for
	Problem string          // with the database; then Count and Exists say nothing
}

// accounts answers who is let in.
func (s *Server) accounts(ctx context.Context, user string) (l accountsAnswer) {
	a := &Accounts{cfg: s.cfg(), access: s.access(), db: s.database}
	var err error
	if l.Account, err = a.login(ctx, user); err != nil {
		l.Unknown = err.Error()
	}
	l.Count, err = a.count(ctx)
	if err == nil && user != "" {
		l.Exists, err = a.knows(ctx, user)
	}
	if err != nil {
		l.Problem = err.Error()
	}
	return l
}

// patient is a server that a doctor asks about accounts. It is the server that
// answers: the doctor of root stays root, and opens no file of somebody else's.
type patient struct {
	o   Options
	cfg *config.Config
	dir string
}

func (p patient) ask(ctx context.Context, user string) (l accountsAnswer, err error) {
	err = askControl(ctx, filepath.Join(p.dir, controlName), "/accounts", map[string]string{"user": user}, &l)
	return l, err
}

// fillIn adds what it takes to ask about users and to log in as one.
func (p patient) fillIn(ctx context.Context, t *doctor.Target) {
	known := t.Account.Password != "" || t.NoAuth || t.STUNOnly
	if !t.Running {
		// It may run all the same, without a data directory.
		if !known {
			t.Account, t.AccountError = configuredLogin(p.cfg, t.Account.User)
		}
		return
	}
	t.AskDatabase = func(ctx context.Context) (doctor.Accounts, error) {
		l, err := p.ask(ctx, "")
		return l.Count, l.worse(err)
	}
	t.UserExists = func(ctx context.Context, name string) (bool, error) {
		l, err := p.ask(ctx, name)
		return l.Exists, l.worse(err)
	}
	t.AddUser = p.addUser
	if known {
		return
	}
	l, err := p.ask(ctx, t.Account.User)
	if err == nil && l.Unknown != "" {
		err = errors.New(l.Unknown)
	}
	if err == nil {
		t.Account = l.Account
	}
	t.AccountError = err
}

// worse is the error of asking, or the problem that was told.
func (l *accountsAnswer) worse(err error) error {
	if err == nil && l.Problem != "" {
		return errors.New(l.Problem)
	}
	return err
}

// addUser adds a user by the command that is shown for it. A process of its own
// does it, since that gives up the rights of root for good.
func (p patient) addUser(ctx context.Context, name, password string) (made string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	args := []string{"user", "add", "--json"}
	if password != "" {
		args = append(args, "--password=-")
	}
	if p.o.ConfigFile != "" {
		args = append(args, "--config="+p.o.ConfigFile)
	}
	if p.cfg.DataDir != "" {
		args = append(args, "--data-dir="+p.cfg.DataDir)
	}
	command := exec.CommandContext(ctx, self, append(args, "--", name)...)
	command.Stdin = strings.NewReader(password + "\n")
	var problem strings.Builder
	command.Stderr = &problem
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, problem.String())
	}
	var added struct{ Password string }
	err = json.Unmarshal(out, &added)
	return added.Password, err
}
