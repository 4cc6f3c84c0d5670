package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"iceserver/internal/config"
)

// loadConfig reads the configuration file, if one is named, the environment and
// flags. Warnings are lines on stderr. With mistakes there are only those, in
// order: each is a line but the last, which is the error.
func loadConfig(file string, flags []config.Flag, stderr io.Writer) (*config.Config, error) {
	in := config.Input{File: file, Environ: os.Environ(), Flags: flags}
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("cannot read the configuration: %w", err)
		}
		defer f.Close()
		in.Text = f
	}
	cfg, problems := config.Load(in)
	failed := config.Failed(problems)
	var last error
	for _, p := range problems {
		if failed && p.Warning {
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
	json                           bool
}

func (s *selection) define(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&s.file, "config", "c", "", "configuration `FILE` of the server")
	f.StringVar(&s.realm, "realm", "", "realm, instead of the configured one")
	f.StringVar(&s.dataDir, "data-dir", "", "data `DIRECTORY` of the server")
	f.StringVarP(&s.database, "userdb", "b", "", "SQLite `FILE` with users and secrets")
	f.BoolVar(&s.json, "json", false, "print JSON")
}

// load reads the configuration as serve would, so that a command finds the very
// database and realm that the server uses.
func (s *selection) load(stderr io.Writer) (*config.Config, error) {
	var flags []config.Flag
	for _, f := range []config.Flag{
		{Key: "realm", Name: "--realm", Value: s.realm},
		{Key: "data-dir", Name: "--data-dir", Value: s.dataDir},
		{Key: "userdb", Name: "--userdb", Value: s.database},
	} {
		if f.Value != "" {
			flags = append(flags, f)
		}
	}
	// Warnings are for serve: here they would only stand in the way.
	cfg, err := loadConfig(s.file, flags, io.Discard)
	return cfg, err
}

// printJSON writes v as indented JSON. Nothing is escaped for HTML: the text is
// for people and programs, and & in a URL stays readable.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
