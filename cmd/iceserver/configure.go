package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"iceserver/internal/config"
	"iceserver/internal/server"
)

// loadConfig reads the configuration file, if one is named, the environment and
// flags. Warnings are lines on stderr, if they are asked for. With mistakes there
// are only those, in order: each is a line but the last, which is the error.
func loadConfig(file string, flags []config.Flag, stderr io.Writer, warn bool) (*config.Config, error) {
	file = plainName(file)
	cfg, problems, err := readConfig(file, flags, nil)
	if err != nil {
		return nil, err
	}
	failed := config.Failed(problems)
	var last error
	for _, p := range problems {
		if p.Warning && (failed || !warn) {
			continue
		}
		if last != nil {
			fmt.Fprintln(stderr, "iceserver: "+last.Error())
		}
		last = errors.New(p.String())
	}
	if !failed && last != nil {
		fmt.Fprintln(stderr, "iceserver: "+last.Error())
		last = nil
	}
	return cfg, last
}

// plainName names a configuration file of which - is one like any other: a server
// does not read its standard input.
func plainName(file string) string {
	if file == "-" {
		return "./-"
	}
	return file
}

// openToAll tells of a file with secrets that everybody on this machine can read.
//
// A-L06: what lets somebody in is for its owner, and a group if need be.
func openToAll(file string, cfg *config.Config) (p config.Problem, open bool) {
	holds := slices.ContainsFunc([]string{"user", "static-auth-secret", "signaling-secret"}, func(key string) bool {
		return slices.ContainsFunc(cfg.Sources[key], func(s config.Source) bool { return s.Line > 0 })
	})
	info, err := os.Stat(file)
	open = holds && err == nil && info.Mode().Perm()&0o004 != 0 && runtime.GOOS != "windows"
	return config.Problem{File: file, Warning: true, Suggestion: "run chmod o-r on it",
		Message: "everybody on this machine can read " + file + ", which holds passwords or secrets"}, open
}

// coturnFile is where coturn would find its configuration, or empty. Only under
// coturn's name is a file looked for: iceserver by itself needs none, and must
// not pick up what a package of coturn has left behind.
func coturnFile() string {
	for _, dir := range []string{".", "etc", "../etc", "/etc", "/usr/local/etc"} {
		for _, sub := range []string{"", "turnserver", "coturn"} {
			path := filepath.Join(dir, sub, "turnserver.conf")
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path
			}
		}
	}
	return ""
}

// selection are the flags by which a command finds the server it is about.
type selection struct {
	file, realm, dataDir, database string
	psql, mysql, mongo, redis      string
	json                           bool
}

// define adds the flags to a command and returns it.
func (s *selection) define(cmd *cobra.Command) *cobra.Command {
	f := cmd.Flags()
	f.StringVarP(&s.file, "config", "c", "", "configuration `FILE` of the server")
	f.StringVar(&s.realm, "realm", "", "realm, instead of the configured one; lists and exports: instead of all")
	f.StringVar(&s.dataDir, "data-dir", "", "data `DIRECTORY` of the server")
	f.StringVarP(&s.database, "userdb", "b", "", "SQLite `FILE` with users and secrets")
	// A-L02: a list of processes shows what stands here, so each says where else.
	f.StringVarP(&s.psql, "psql-userdb", "e", "", "connection `STRING` of a PostgreSQL database; with a password better in a file, see -c")
	f.StringVarP(&s.mysql, "mysql-userdb", "M", "", "the same of a MySQL or MariaDB database")
	f.StringVarP(&s.mongo, "mongo-userdb", "J", "", "the same of a MongoDB database")
	f.StringVarP(&s.redis, "redis-userdb", "N", "", "the same of a Redis database")
	f.BoolVar(&s.json, "json", false, "print JSON")
	return cmd
}

// load reads the configuration as serve would, so that a command finds the very
// database and realm that the server uses.
func (s *selection) load(stderr io.Writer) (*config.Config, error) {
	if c := s.installed(); c != nil {
		return c.before(s.flags(), stderr)
	}
	// Warnings are for serve: here they would only stand in the way.
	return loadConfig(s.file, s.flags(), stderr, false)
}

// installed is how the unit of a package will start the server that nothing was kept
// of yet, or nil: for root, who has said nothing else, where there is such a unit.
// Once it was started, what it has kept counts.
func (s *selection) installed() *serveCall {
	named := s.file != "" || slices.ContainsFunc(s.flags(), func(f config.Flag) bool { return f.Key != "realm" })
	for _, variable := range []string{"XDG_DATA_HOME", "STATE_DIRECTORY", "ICESERVER_DATA_DIR"} {
		named = named || os.Getenv(variable) != ""
	}
	if _, err := os.Stat(startedFile); named || os.Geteuid() != 0 || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return unitCall()
}

// flags are those that were given, as flags of serve.
func (s *selection) flags() []config.Flag {
	var flags []config.Flag
	for _, f := range []config.Flag{
		{Key: "realm", Name: "--realm", Value: s.realm},
		{Key: "data-dir", Name: "--data-dir", Value: s.dataDir},
		{Key: "userdb", Name: "--userdb", Value: s.database},
		{Key: "psql-userdb", Name: "--psql-userdb", Value: s.psql},
		{Key: "mysql-userdb", Name: "--mysql-userdb", Value: s.mysql},
		{Key: "mongo-userdb", Name: "--mongo-userdb", Value: s.mongo},
		{Key: "redis-userdb", Name: "--redis-userdb", Value: s.redis},
	} {
		if f.Value != "" {
			flags = append(flags, f)
		}
	}
	return flags
}

// accounts opens the users and secrets of the selected server.
func (s *selection) accounts(cmd *cobra.Command) (*server.Accounts, error) {
	cfg, err := s.load(cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	a, err := server.OpenAccounts(cfg, s.file)
	if err == nil && s.file == "" && cfg.DefaultDatabase == "" && !a.Started() {
		fmt.Fprintln(cmd.ErrOrStderr(), "iceserver: warning: no server was started with this data directory yet; if one runs with another, name it with -c FILE or --data-dir")
	}
	return a, err
}

// everywhere opens them to be listed, of every realm: the database has those of
// others too, whatever realm is configured. Only --realm asks for one.
func (s *selection) everywhere(cmd *cobra.Command) (*server.Accounts, error) {
	a, err := s.accounts(cmd)
	if err != nil || s.realm != "" {
		return a, err
	}
	return a.In(""), nil
}

// with is what most commands do: open something of the selected server, as its
// accounts, let do ask or change it, and print what do returns, unless it fails.
func with[T io.Closer](cmd *cobra.Command, s *selection, open func(*cobra.Command) (T, error), do func(context.Context, T) (result any, text string, err error)) error {
	opened, err := open(cmd)
	if err != nil {
		return err
	}
	defer opened.Close()
	result, text, err := do(cmd.Context(), opened)
	if err != nil {
		return err
	}
	return s.print(cmd.OutOrStdout(), result, text)
}

// print writes what a command has found or done: as JSON if that is asked for, or
// else the text for people, whose lines have ends already.
func (s *selection) print(w io.Writer, result any, text string) error {
	if s.json {
		return printJSON(w, result)
	}
	_, err := io.WriteString(w, text)
	return err
}

// table aligns the cells of lines, which tabs part.
func table(lines []string) string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, line := range lines {
		fmt.Fprintln(t, line)
	}
	_ = t.Flush() // never fails: a Builder takes everything
	return b.String()
}

// printJSON writes v as indented JSON. Nothing is escaped for HTML: the text is
// for people and programs, and & in a URL stays readable.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
