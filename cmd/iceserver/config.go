package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"iceserver/internal/config"
	"iceserver/internal/server"
)

// configCommand holds what is about the configuration itself. None of it starts
// anything, so it may be run beside a server.
func configCommand() *cobra.Command {
	return group(&cobra.Command{Use: "config", Short: "Check, show and explain the configuration"},
		checkCommand(), showCommand(), explainCommand())
}

// configCall is how check and show were called: as serve is, with the file as a
// word too.
type configCall struct {
	name       string // of the file; empty: none
	cfg        *config.Config
	problems   []config.Problem
	json, help bool
}

// parseConfigCall reads the command line and all that it leads to. Mistakes in
// flags are among the problems: a run tells all of them.
func parseConfigCall(cmd *cobra.Command, args []string) (*configCall, error) {
	flags, rest, problems := config.ParseArgs(args)
	c := &configCall{}
	for _, r := range rest {
		file, isFile := strings.CutPrefix(r, "--config=")
		switch {
		case r == "--json":
			c.json = true
		case r == "--help":
			c.help = true
			return c, nil
		case r == "--no-config": // which is so without a file
		case isFile && c.name == "":
			c.name = file
		case strings.HasPrefix(r, "-") && r != "-" || c.name != "":
			return nil, usage{fmt.Errorf("%s: unexpected argument %q; there is one FILE at most", cmd.CommandPath(), r)}
		default:
			c.name = r
		}
	}
	var err error
	if c.cfg, c.problems, err = readConfig(c.name, flags, cmd.InOrStdin()); err != nil {
		return nil, err
	}
	c.problems = append(c.problems, problems...)
	c.checkConnection()
	return c, nil
}

// checkConnection looks at the connection string of a database as a start would.
// Nothing is connected to, so MongoDB's is left out, whose library begins at once,
// and a file of MySQL or Redis to the start, which may read what we may not.
func (c *configCall) checkConnection() {
	if config.Failed(c.problems) || c.cfg.SecretKeyFile != "" {
		return
	}
	for _, key := range []string{"psql-userdb", "mysql-userdb", "redis-userdb"} {
		from := c.cfg.Sources[key]
		if len(from) == 0 {
			continue
		}
		db, err := server.OpenDatabase(c.cfg)
		if err == nil {
			_ = db.Close()
			continue
		}
		if missing := new(fs.PathError); errors.As(err, &missing) {
			continue
		}
		at := from[len(from)-1]
		p := config.Problem{File: at.File, Line: at.Line, Key: at.Key, Message: err.Error(), Suggestion: "see iceserver config explain " + key}
		if at.Line > 0 {
			p.Column = 1
		}
		c.problems = append(c.problems, p)
	}
}

// title names what was read, for messages.
func (c *configCall) title() string {
	switch c.name {
	case "":
		return "flags and environment (no file is named)"
	case "-":
		return "standard input"
	}
	return c.name
}

// count says how many mistakes and warnings there are.
func (c *configCall) count() string {
	mistakes, warnings := 0, 0
	for _, p := range c.problems {
		if p.Warning {
			warnings++
		} else {
			mistakes++
		}
	}
	text := plural(mistakes, "mistake")
	if warnings > 0 {
		text += ", " + plural(warnings, "warning")
	}
	return text
}

func plural(n int, word string) string {
	switch n {
	case 0:
		return "no " + word + "s"
	case 1:
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// withFile makes a command of check or show. Its flags are the keys, as those of
// serve are.
func withFile(use, short, long string, run func(w io.Writer, c *configCall) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " [FILE] [--json] [--KEY[=VALUE] ...]", Short: short, Long: long,
		DisableFlagParsing: true, ValidArgsFunction: completeKeys,
		RunE: func(cmd *cobra.Command, args []string) error {
			var c *configCall
			err := untilSignal(cmd.Context(), func() (err error) {
				c, err = parseConfigCall(cmd, args)
				return err
			})
			if err != nil {
				return err
			}
			if c.help {
				return cmd.Help()
			}
			return run(cmd.OutOrStdout(), c)
		},
	}
}

// untilSignal does what may wait for long and has nothing to put in order: a named
// pipe or a terminal gives its text when somebody writes it.
func untilSignal(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errors.New("ended while the configuration was read")
	}
}

func checkCommand() *cobra.Command {
	return withFile("check", "Tell every mistake, with file, line and column",
		"Reads FILE (- is standard input), the environment and the flags as serve would, tells every mistake and\n"+
			"warning there is, and exits with 1 if there is a mistake. It opens nothing that the file names.", check)
}

// check prints what is to be known on standard output: it is what was asked for.
func check(w io.Writer, c *configCall) error {
	failed := config.Failed(c.problems)
	if c.json {
		if c.problems == nil {
			c.problems = []config.Problem{}
		}
		if err := printJSON(w, c.problems); err != nil {
			return err
		}
	} else {
		for _, p := range c.problems {
			fmt.Fprintln(w, p)
		}
	}
	switch {
	case failed:
		return fmt.Errorf("%s: %s", c.title(), c.count())
	case c.json:
		return nil
	}
	_, err := fmt.Fprintf(w, "%s: %s\n", c.title(), c.count())
	return err
}

func showCommand() *cobra.Command {
	return withFile("show", "Show what is in force, and where each value comes from",
		"Prints every key with the value that serve would take from FILE (- is standard input), the environment and\n"+
			"the flags, and where it was set. Passwords and secrets are hidden.", show)
}

// show prints a file: what it says of places stands in comments. With mistakes
// nothing is in force, so it tells those.
func show(w io.Writer, c *configCall) error {
	if config.Failed(c.problems) {
		var told []string
		for _, p := range c.problems {
			if !p.Warning {
				told = append(told, p.String())
			}
		}
		return errors.New(strings.Join(told, "\niceserver: "))
	}
	settings := c.cfg.Settings()
	if c.json {
		return printJSON(w, settings)
	}
	var b strings.Builder
	group := ""
	for _, s := range settings {
		if s.Idle {
			continue
		}
		if s.Group != group {
			fmt.Fprintf(&b, "\n# %s\n", s.Group)
			group = s.Group
		}
		for i, line := range s.Lines() {
			fmt.Fprintf(&b, "%-44s # %s\n", line, s.From[min(i, len(s.From)-1)])
		}
		if len(s.Values) == 0 {
			fmt.Fprintf(&b, "%-44s # not set\n", "# "+s.Key)
		}
	}
	for i, s := range idle(settings) {
		if i == 0 {
			b.WriteString("\n# Written, and not in force\n")
		}
		fmt.Fprintf(&b, "# %s (%s): %s\n", s.Key, strings.Join(s.From, ", "), s.Why)
	}
	_, err := io.WriteString(w, strings.TrimPrefix(b.String(), "\n"))
	return err
}

// idle picks the settings that are not in force.
func idle(settings []config.Setting) []config.Setting {
	var out []config.Setting
	for _, s := range settings {
		if s.Idle {
			out = append(out, s)
		}
	}
	return out
}

// readConfig reads a configuration and tells of it what Load does, and who can
// read it. Without a name there is no file; - is standard input.
func readConfig(name string, flags []config.Flag, stdin io.Reader) (*config.Config, []config.Problem, error) {
	in := config.Input{File: name, Environ: os.Environ(), Flags: flags}
	switch name {
	case "":
	case "-":
		in.File, in.Text = "standard input", stdin
	default:
		f, err := os.Open(name)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot read the configuration: %w; correct -c FILE, or leave it out to run without", err)
		}
		defer f.Close()
		in.Text = f
	}
	cfg, problems := config.Load(in)
	if p, open := openToAll(name, cfg); open {
		problems = append(problems, p)
	}
	return cfg, problems, nil
}
