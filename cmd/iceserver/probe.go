package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"iceserver/internal/doctor"
)

// The variables that hold what a list of processes should not show.
const (
	userVariable     = "TURN_USER"
	passwordVariable = "TURN_PASSWORD"
	secretVariable   = "TURN_SECRET"
	fromVariable     = "TURN_FROM" // of the doctor: a link has a key in it
)

// probeFlags are the flags of the probe command as typed.
type probeFlags struct {
	options      doctor.ProbeOptions
	passwordFile string
	json         bool
}

// probeCommand is "iceserver probe URL ...": what the test page does, without a
// browser, for any server.
func probeCommand() *cobra.Command {
	var f probeFlags
	cmd := &cobra.Command{
		Use:   "probe URL ...",
		Short: "Test STUN and TURN servers as a browser would, and measure them",
		Long: `Test STUN and TURN servers as a browser would, and measure them.

A URL is stun:HOST, turn:HOST:PORT?transport=udp, turns:HOST or the like. Without
?transport all that the scheme has are tried: UDP and TCP for turn:, TLS and DTLS
for turns:. A host alone, or turn: without a port, is tried by all four, over IPv4
and IPv6. Every way gets an allocation, through which a second of traffic is
relayed and comes back; refusals are explained.

Everybody on this machine can see the arguments of a command: give the password
with --password-file, as --password - on standard input, or in the environment
(TURN_USER, TURN_PASSWORD, TURN_SECRET).

The exit code is 0 if all that was asked for works, warnings included, 1 if
something failed, and 2 for a mistake in the command line.`,
		Example: `  iceserver probe turn.example.org --user alice --password-file pw.txt
  iceserver probe "turn:192.0.2.1:3478?transport=tcp" turns:turn.example.org --secret - < secret.txt
  TURN_USER=alice TURN_PASSWORD=... iceserver probe turn:turn.example.org:3478 --json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("probe: a URL is missing, such as turn:HOST")
			}
			return nil
		},
		RunE: f.run,
	}
	f.define(cmd)
	return cmd
}

// define declares the flags.
func (f *probeFlags) define(cmd *cobra.Command) {
	o, flags := &f.options, cmd.Flags()
	flags.StringVar(&o.Username, "user", "", "user name (environment: "+userVariable+"); with --secret the id in it, which may be empty")
	flags.StringVar(&o.Password, "password", "", "password, - for standard input (environment: "+passwordVariable+")")
	flags.StringVar(&f.passwordFile, "password-file", "", "`FILE` whose first line is the password")
	flags.StringVar(&o.Secret, "secret", "", "shared secret to make time-limited credentials with, - for standard input (environment: "+secretVariable+")")
	flags.DurationVar(&o.Timeout, "timeout", 5*time.Second, "how long to wait for a connection and for each answer")
	flags.DurationVar(&o.Duration, "duration", time.Second, "how long to relay traffic on each way")
	flags.BoolVarP(&o.IPv4, "ipv4", "4", false, "only IPv4")
	flags.BoolVarP(&o.IPv6, "ipv6", "6", false, "only IPv6")
	flags.BoolVar(&o.Insecure, "insecure", false, "report a certificate that is not trusted, and go on")
	flags.BoolVar(&o.RelayOnly, "relay-only", false, "show relay candidates alone")
	flags.BoolVar(&f.json, "json", false, "print JSON")
}

// run probes and prints.
func (f *probeFlags) run(cmd *cobra.Command, args []string) error {
	f.options.URLs = args
	if err := f.credentials(cmd); err != nil {
		return usage{fmt.Errorf("probe: %w", err)}
	}
	if f.options.Timeout <= 0 || f.options.Duration <= 0 || f.options.Duration > time.Minute {
		return usage{errors.New("probe: --timeout must be more than 0, and --duration more than 0 and a minute at most")}
	}
	result, err := doctor.Probe(cmd.Context(), f.options)
	if errors.Is(err, doctor.ErrProbe) {
		return usage{err}
	}
	interrupted := err != nil
	if f.json {
		err = printJSON(cmd.OutOrStdout(), result)
	} else {
		err = result.Print(cmd.OutOrStdout(), onTerminal(cmd.OutOrStdout()))
	}
	// What was found until then was shown all the same.
	if interrupted {
		return errors.New("probe: ended by a signal, before all was tried")
	}
	if err == nil && result.Status == doctor.Fail {
		err = errors.New("probe: " + result.Verdict)
	}
	return err
}

// credentials takes name and password from where they stand: a flag or a file over
// the environment. A secret of the environment counts only where no password was
// given.
func (f *probeFlags) credentials(cmd *cobra.Command) error {
	o := &f.options
	if !cmd.Flags().Changed("user") {
		o.Username = os.Getenv(userVariable)
	}
	if err := f.password(cmd); err != nil {
		return err
	}
	switch {
	case o.Password != "" && o.Username == "":
		return errors.New("a password without --user")
	case o.Username != "" && o.Password == "" && o.Secret == "":
		if !cmd.Flags().Changed("user") && anonymous(o.URLs) {
			o.Username = "" // of the environment, which is for all that is called there
			return nil
		}
		return errors.New("a user without --password, --password-file or --secret")
	}
	return nil
}

// anonymous says whether all URLs are of STUN, where nobody logs in.
func anonymous(urls []string) bool {
	return !slices.ContainsFunc(urls, func(url string) bool {
		scheme, _, _ := strings.Cut(strings.ToLower(url), ":")
		return scheme != "stun" && scheme != "stuns"
	})
}

// password reads the password or the secret.
func (f *probeFlags) password(cmd *cobra.Command) (err error) {
	o, given := &f.options, cmd.Flags().Changed
	switch {
	case given("secret") && (given("password") || given("password-file")):
		return errors.New("give either a password or a secret")
	case given("password") && given("password-file"):
		return errors.New("give --password or --password-file, not both")
	case given("secret"):
		o.Secret, err = passwordFrom(cmd.InOrStdin(), o.Secret, true)
	case given("password"):
		o.Password, err = passwordFrom(cmd.InOrStdin(), o.Password, true)
	case given("password-file"):
		o.Password, err = passwordOfFile(f.passwordFile)
	default:
		o.Password = os.Getenv(passwordVariable)
		if o.Password == "" {
			o.Secret = os.Getenv(secretVariable)
		}
	}
	return err
}

// passwordOfFile reads the first line of a file.
func passwordOfFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	return passwordFrom(file, "-", true)
}

// onTerminal says whether somebody looks at the output who has not asked for plain
// text (no-color.org).
func onTerminal(w io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && terminal(w) != nil
}

// terminal is the terminal that the output goes to; nil: it goes elsewhere.
func terminal(w io.Writer) *os.File {
	file, ok := w.(*os.File)
	if !ok {
		return nil
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return file
}

// columns is where lines for a terminal end; 0: they go elsewhere, and end nowhere.
func columns(w io.Writer) int {
	// Less than half of the usual would break everything.
	const usual, least = 80, 40
	t := terminal(w)
	if t == nil {
		return 0
	}
	if n := terminalWidth(t); n > 0 {
		return max(n, least)
	}
	return usual
}
