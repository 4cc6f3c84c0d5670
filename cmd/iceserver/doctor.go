package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"iceserver/internal/config"
	"iceserver/internal/doctor"
	"iceserver/internal/server"
)

// The exit codes of the doctor are those of the plugins that monitoring calls, so
// that it is one: they tell a warning from a failure, and both from a mistake in the
// command line.
const (
	doctorWarns = 1
	doctorFails = 2
	doctorUsage = 3
)

// verdict ends the program with an exit code of its own. Without an error all has
// been said.
type verdict struct {
	code int
	err  error
}

func (v verdict) Error() string { return fmt.Sprint(v.err) }

func (v verdict) Unwrap() error { return v.err }

// doctorFlags are the flags of the doctor as typed.
type doctorFlags struct {
	selection
	user, password, passwordFile string
	stun                         string
	fix, elsewhere               bool
	outside                      doctor.Outside
}

// doctorCommand is "iceserver doctor".
func doctorCommand() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor [URL ...]",
		Short: "Say what is wrong with this server, or with one far away, and what to do",
		Long: `Say what is wrong with this server, or with one far away, and what to do.

Without a URL it is about this machine and the server that runs on it: that of
-c FILE or --data-dir, or the one without either. With URLs, as turn:HOST, it is
about those servers, as far as a client can see.

Each line is OK, WARN or FAIL, with what was seen; below what is not OK stands
the one thing to do. A terminal gets lines that fit; in a file or a pipe each is
one line, for grep. Nothing is changed without --fix. That does what can be
undone on this machine alone, and prints each command before it is done: adds the
user of --user, opens the firewall with the tool that is installed, takes files
with keys away from others, raises limits of the kernel.

Everybody on this machine can see the arguments of a command: give the password
with --password-file, as --password - on standard input, or in the environment
(TURN_USER, TURN_PASSWORD). The link of --from has a key in it: give it as
--from - on standard input, or in the environment (TURN_FROM).

The exit code is that of the worst line: 0 for OK, 1 for WARN, 2 for FAIL; 3 is a
mistake in the command line. Monitoring can call it as it is.`,
		Example: `  iceserver doctor
  iceserver doctor -c /etc/turnserver.conf --user alice --password-file pw.txt
  iceserver doctor turn:turn.example.org --json
  iceserver doctor --user alice --fix`,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := f.run(cmd, args)
			if as := (verdict{}); err == nil || errors.As(err, &as) {
				return err
			}
			return verdict{doctorUsage, err}
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return verdict{doctorUsage, err} })
	f.define(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.user, "user", "", "user `NAME` that clients log in with (environment: "+userVariable+")")
	flags.StringVar(&f.password, "password", "", "its password, - for standard input (environment: "+passwordVariable+")")
	flags.StringVar(&f.passwordFile, "password-file", "", "`FILE` whose first line is the password")
	flags.StringVar(&f.stun, "stun", "", "STUN server `HOST[:PORT]` elsewhere, to ask for the address that the world sees")
	flags.StringVar(&f.outside.Link, "from", "", "`LINK` of a second iceserver elsewhere, to look from there: what iceserver link add prints on it, in quotes; - for standard input (environment: "+fromVariable+")")
	flags.BoolVar(&f.outside.Insecure, "from-insecure", false, "take any certificate of the server of --from")
	flags.BoolVar(&f.elsewhere, "browser", false, "make a link that ends soon, to open in a browser elsewhere, and tell what came through")
	flags.BoolVar(&f.fix, "fix", false, "do what is safe to do on this machine, and print each command")
	return cmd
}

// run examines and prints.
func (f *doctorFlags) run(cmd *cobra.Command, urls []string) error {
	if err := f.credentials(cmd); err != nil {
		return fmt.Errorf("doctor: %w", err)
	}
	if len(urls) > 0 {
		return f.far(cmd, urls)
	}
	if err := f.secondServer(cmd); err != nil {
		return fmt.Errorf("doctor: %w", err)
	}
	cfg, broken, err := f.configuration()
	if err != nil {
		return err
	}
	if len(broken.Checks) > 0 {
		return f.tell(cmd, broken)
	}
	o := server.Options{ConfigFile: f.file, Version: versionName()}
	var t *doctor.Target
	examine := func(ctx context.Context) doctor.Report {
		t = o.Target(ctx, cfg, doctor.Account{User: f.user, Password: f.password})
		t.Outside = f.outside
		return doctor.Examine(ctx, t)
	}
	r := examine(cmd.Context())
	if f.fix {
		// With --json standard output is for the report alone.
		out := cmd.OutOrStdout()
		if f.json {
			out = cmd.ErrOrStderr()
		}
		if done, _ := r.Fix(cmd.Context(), out); done > 0 {
			r = examine(cmd.Context())
		}
	}
	if f.elsewhere {
		if err := f.browser(cmd.Context(), cmd.ErrOrStderr(), cfg, t, &r); err != nil {
			return err
		}
	}
	return f.tell(cmd, r)
}

// far examines servers elsewhere.
func (f *doctorFlags) far(cmd *cobra.Command, urls []string) error {
	if f.fix {
		return errors.New("doctor: --fix is about this machine alone: leave out the URL, or call it there")
	}
	if cmd.Flags().Changed("from") || f.elsewhere {
		return errors.New("doctor: --from and --browser look at the server of this machine: leave out the URL, or call it there")
	}
	r, err := doctor.ExamineFar(cmd.Context(), doctor.ProbeOptions{URLs: urls, Username: f.user, Password: f.password})
	if err != nil {
		return fmt.Errorf("doctor: %w", err)
	}
	return f.tell(cmd, r)
}

// credentials takes name and password from where they stand, as probe does. A user
// without a password is one whose existence is asked about.
func (f *doctorFlags) credentials(cmd *cobra.Command) (err error) {
	given := cmd.Flags().Changed
	if !given("user") {
		f.user = os.Getenv(userVariable)
	}
	switch {
	case given("password") && given("password-file"):
		return errors.New("give --password or --password-file, not both")
	case f.password == "-" && f.outside.Link == "-":
		return errors.New("standard input can hold --password or --from, not both")
	case given("password"):
		f.password, err = passwordFrom(cmd.InOrStdin(), f.password, true)
	case given("password-file"):
		f.password, err = passwordOfFile(f.passwordFile)
	default:
		f.password = os.Getenv(passwordVariable)
	}
	if err == nil && f.password != "" && f.user == "" {
		err = errors.New("a password without --user")
	}
	return err
}

// secondServer takes the link of --from from where it stands. An empty one is a
// variable of a script that was never set, and not the wish to go without.
func (f *doctorFlags) secondServer(cmd *cobra.Command) error {
	if !cmd.Flags().Changed("from") {
		f.outside.Link = os.Getenv(fromVariable)
		return nil
	}
	link, err := passwordFrom(cmd.InOrStdin(), f.outside.Link, false)
	if err == nil && link == "" {
		err = errors.New("--from is empty: give it the link that iceserver link add prints on the second server")
	}
	f.outside.Link = link
	return err
}

// configuration reads the configuration. What is wrong with it keeps a server from
// starting, so it is a finding and no mistake of the caller; only a file that
// cannot be read is one.
func (f *doctorFlags) configuration() (*config.Config, doctor.Report, error) {
	flags := f.flags()
	if f.stun != "" {
		flags = append(flags, config.Flag{Key: "external-ip-stun", Name: "--stun", Value: f.stun})
	}
	file := f.file
	if file == "-" {
		file = "./-" // standard input may hold the password
	}
	cfg, problems, err := readConfig(file, flags, nil)
	var r doctor.Report
	if err != nil || !config.Failed(problems) {
		return cfg, r, err
	}
	for _, p := range problems {
		if !p.Warning {
			r.Checks = append(r.Checks, doctor.Check{Name: "configuration", Status: doctor.Fail, Seen: p.String(), Advice: "correct it; iceserver config check " + f.file + " tells more"})
		}
	}
	return cfg, r, nil
}

// tell prints the report and makes the exit code of it.
func (f *doctorFlags) tell(cmd *cobra.Command, r doctor.Report) error {
	var err error
	if f.json {
		err = printJSON(cmd.OutOrStdout(), r)
	} else {
		err = r.Print(cmd.OutOrStdout(), columns(cmd.OutOrStdout()), onTerminal(cmd.OutOrStdout()))
	}
	switch worst := r.Worst(); {
	case err != nil:
		return verdict{doctorFails, err}
	case worst == doctor.Fail:
		return verdict{code: doctorFails}
	case worst == doctor.Warn:
		return verdict{code: doctorWarns}
	}
	return nil
}
