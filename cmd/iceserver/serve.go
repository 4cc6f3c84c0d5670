package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"iceserver/internal/config"
	"iceserver/internal/server"
)

// coturnFlag says that the program was called by coturn's name. It is set by
// arguments and documented nowhere.
const coturnFlag = "--called-as-turnserver"

// serveCommand runs the server. Its flags are the keys of the configuration, so
// they are not cobra's to read.
func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve [-c FILE] [--KEY[=VALUE] ...]",
		Short: "Serve STUN and TURN (what happens without a command)", SuggestFor: []string{"start", "run"},
		Long: "Serves until a signal ends it. -c FILE (or --config=FILE) reads a configuration file, -n (or --no-config) none,\n" +
			"--json prints the greeting as JSON. Every key of the file is a flag too: see turnserver.conf(5).",
		DisableFlagParsing: true, ValidArgsFunction: completeKeys,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := parseServe(args, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if c.help {
				return printKeys(cmd.OutOrStdout())
			}
			return c.serve(cmd)
		},
	}
}

// serveCall is how serve was called.
type serveCall struct {
	file       string
	flags      []config.Flag
	json, help bool
	coturn     bool // by coturn's name
}

// parseServe reads the command line of serve.
func parseServe(args []string, stderr io.Writer) (*serveCall, error) {
	coturn := len(args) > 0 && args[0] == coturnFlag
	if coturn {
		args = args[1:]
	}
	flags, rest, problems := config.ParseArgs(args)
	if len(problems) > 0 {
		for _, p := range problems[1:] {
			fmt.Fprintln(stderr, "iceserver: "+p.String())
		}
		return nil, usage{errors.New(problems[0].String())}
	}
	c := &serveCall{flags: flags, coturn: coturn}
	for _, r := range rest {
		file, isFile := strings.CutPrefix(r, "--config=")
		switch {
		case isFile:
			c.file = file
		case r == "--json":
			c.json = true
		case r == "--help":
			c.help = true
		case r == "--no-config":
			// Meant below, where there is a file to leave out.
		case coturn: // which goes on as well
			fmt.Fprintf(stderr, "iceserver: warning: the argument %q means nothing\n", r)
		case regularFile(r):
			return nil, usage{fmt.Errorf("serve: unexpected argument %q; to serve with that configuration write -c %s", r, r)}
		default:
			return nil, usage{fmt.Errorf("serve: unexpected argument %q; a command stands before all flags", r)}
		}
	}
	if coturn && c.file == "" && !slices.Contains(rest, "--no-config") {
		c.file = coturnFile()
	}
	return c, nil
}

// load reads the configuration. Under coturn's name the users are where coturn has
// them, unless a key says where they are or where everything is that is kept.
func (c *serveCall) load(stderr io.Writer, warn bool) (*config.Config, error) {
	cfg, err := loadConfig(c.file, c.flags, stderr, warn)
	if err != nil || !c.coturn || cfg.DataDir != "" {
		return cfg, err
	}
	path := coturnDatabase("")
	switch err := usable(path); {
	case err == nil:
		cfg.DefaultDatabase = path
	case errors.Is(err, fs.ErrPermission) && warn:
		fmt.Fprintf(stderr, "iceserver: warning: the users of %s are not let in, since it cannot be read and written: give it to who serves (chown)\n", path)
	}
	return cfg, nil
}

// before is load for a command that comes before the first start of the server. It
// makes no file: who serves has to own it, and this may be root.
func (c *serveCall) before(more []config.Flag, stderr io.Writer) (*config.Config, error) {
	cfg, err := loadConfig(c.file, append(c.flags, more...), stderr, false)
	if err == nil && c.coturn && cfg.DataDir == "" {
		cfg.DefaultDatabase = coturnDatabase("")
	}
	return cfg, err
}

// startedFile is what the service of the packages keeps of its last start.
const startedFile = "/var/lib/iceserver/started.json"

// unitCall is how the unit of the packages calls serve, or nil where there is none
// that can start.
func unitCall() *serveCall {
	for _, dir := range []string{"/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"} {
		text, err := os.ReadFile(dir + "/iceserver.service")
		if err != nil {
			continue
		}
		return parseUnit(string(text))
	}
	return nil
}

// parseUnit reads the line of a unit, or returns nil if the server could not be
// started by it.
func parseUnit(unit string) *serveCall {
	for line := range strings.Lines(unit) {
		command, ok := strings.CutPrefix(line, "ExecStart=")
		words := strings.Fields(command)
		if !ok || len(words) == 0 {
			continue
		}
		args := arguments(words)
		if args[0] != "serve" {
			return nil
		}
		c, err := parseServe(args[1:], io.Discard)
		if err != nil {
			return nil
		}
		if _, err := os.Stat(c.file); err != nil {
			return nil
		}
		return c
	}
	return nil
}

// usable says whether users can be kept in a file. One that is not there is made in
// a directory that is, as coturn does it: an empty file is a database without
// tables.
func usable(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	return f.Close()
}

// serve runs until a signal comes. What it opens, Run closes.
func (c *serveCall) serve(cmd *cobra.Command) error {
	cfg, err := c.load(cmd.ErrOrStderr(), true)
	if err != nil {
		return err
	}
	in := takeSignals()
	s, err := server.New(cfg, server.Options{
		Stdout: cmd.OutOrStdout(), Stderr: cmd.ErrOrStderr(),
		JSON: c.json, ConfigFile: c.file, Version: versionName(), Commit: thisBuild().Commit,
		Load: func() (*config.Config, error) { return c.load(cmd.ErrOrStderr(), false) },
	})
	if err != nil {
		in.stop()
		return err
	}
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	in.handle(ctx, s)
	return s.Run(ctx)
}

// printKeys is the help of serve: the table of keys, as flags. Those that have
// no effect are left out: they are accepted for old files, not for new ones.
func printKeys(w io.Writer) error {
	var b strings.Builder
	b.WriteString("Usage: iceserver [serve] [-c FILE] [--json] [--KEY[=VALUE] ...]\n\n" +
		"  -c FILE, --config FILE  read this turnserver.conf\n" +
		"  -n, --no-config         read none\n" +
		"  --json                  print the greeting as JSON\n\n" +
		"Every key of the file is a flag too, and a variable of the environment (ICESERVER_MIN_PORT). More on each:\n" +
		"iceserver config explain KEY.\n")
	for _, g := range config.Groups() {
		title := "\n" + g.Title + ":\n"
		for _, k := range g.Keys {
			if k.Verdict == config.Supported && k.Means == "" {
				b.WriteString(title)
				printKey(&b, k)
				title = ""
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printKey writes the flag of one key.
func printKey(b *strings.Builder, k config.Key) {
	fmt.Fprintf(b, "  %s\n        %s", k.Flag(), k.Doc)
	if k.Kind != "bool" && k.Range() != "" {
		fmt.Fprintf(b, " Values: %s.", k.Range())
	}
	if k.Default != "" {
		fmt.Fprintf(b, " Default: %s.", k.Default)
	}
	if k.Repeat {
		b.WriteString(" Every mention adds one.")
	}
	b.WriteString("\n")
}
