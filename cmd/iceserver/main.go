// Command iceserver is a STUN and TURN server for WebRTC that needs no
// configuration.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes: a mistake in the command line is told from all that can go
// wrong later.
const (
	exitFailure = 1
	exitUsage   = 2
)

func main() { os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr)) }

// run is main without the process: it returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	// A reader of the greeting that goes away must not end the server.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// From the first signal on a second one ends the process at once, whatever
	// the orderly end is waiting for.
	context.AfterFunc(ctx, stop)

	root, words := rootCommand(), arguments(args)
	root.SetArgs(words)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := completeEverywhere(root)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		return 0
	}
	if _, _, unknown := root.Find(words); unknown != nil {
		err = unknownCommand(root, words[0])
	}
	if as := (coturnError{}); errors.As(err, &as) {
		fmt.Fprintln(stderr, oneLine(as.error))
		return exitCoturn
	}
	as := verdict{}
	if errors.As(err, &as) && as.err == nil {
		return as.code
	}
	fmt.Fprintln(stderr, "iceserver: "+oneLine(err))
	if as.code != 0 {
		return as.code
	}
	if failed := (failure{}); errors.As(err, &failed) {
		return exitFailure
	}
	return exitUsage
}

// oneLine keeps a message on its line, whatever a library put into it.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// failure marks the error of a command that ran, as against one that was called
// in a wrong way.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// usage marks an error that a command found in how it was called.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

// arguments gives the command that is meant where none is named: serve. Under
// coturn's names the program is coturn's server or tool.
func arguments(args []string) []string {
	name, args := filepath.Base(args[0]), args[1:]
	asked := len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) // by the shell, for completions
	switch strings.TrimSuffix(name, ".exe") {
	case "turnserver":
		if asked {
			return slices.Insert(args, 1, "serve")
		}
		return append([]string{"serve", coturnFlag}, args...)
	case "turnadmin":
		if asked {
			return slices.Insert(args, 1, "turnadmin")
		}
		return append([]string{"turnadmin"}, args...)
	}
	if len(args) > 0 && slices.Contains([]string{"-h", "--help"}, args[0]) {
		return args
	}
	if len(args) > 0 && args[0] == "--version" {
		return []string{"version"}
	}
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return append([]string{"serve"}, args...)
	}
	if asked && len(args) > 1 && strings.HasPrefix(args[1], "-") { // what would be serve's
		return slices.Insert(args, 1, "serve")
	}
	return args
}

// unknownCommand says what somebody may have meant by a word that is no command.
func unknownCommand(root *cobra.Command, word string) error {
	what := fmt.Sprintf("unknown command %q", word)
	if regularFile(word) {
		return fmt.Errorf("%s; to serve with that configuration write iceserver -c %s", what, word)
	}
	if near := root.SuggestionsFor(word); len(near) > 0 {
		return fmt.Errorf("%s; did you mean %s?", what, strings.Join(near, " or "))
	}
	return errors.New(what + "; iceserver --help lists them all")
}

// regularFile says whether a word is the name of a file, as a configuration is.
func regularFile(word string) bool {
	info, err := os.Stat(word)
	return err == nil && info.Mode().IsRegular()
}

// rootCommand is the tree of all commands.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "iceserver",
		Short: "A STUN and TURN server for WebRTC that needs no configuration",
		Long: "iceserver relays media between browsers that cannot reach each other.\n" +
			"Without a command it serves; see iceserver serve --help for its flags.",
		SilenceErrors: true, SilenceUsage: true,
	}
	root.AddCommand(serveCommand(), userCommand(), secretCommand(), realmCommand(), originCommand(), adminCommand(), oauthKeyCommand(), turnadminCommand(), linkCommand(), usageCommand(), credentialsCommand(), reloadCommand(), drainCommand(), statusCommand(), configCommand(), benchCommand(), doctorCommand(), probeCommand(), versionCommand(), manCommand())
	markFailures(root)
	return root
}

// markFailures wraps every command, so that errors from inside are told from
// errors about flags and arguments.
func markFailures(cmd *cobra.Command) {
	if inner := cmd.RunE; inner != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			err := inner(cmd, args)
			if wrong := (usage{}); err == nil || errors.As(err, &wrong) {
				return err
			}
			return failure{err}
		}
	}
	for _, sub := range cmd.Commands() {
		markFailures(sub)
	}
}

// group is a command that only holds others: alone, or with a word that is none
// of them, it is called in a wrong way.
func group(cmd *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(subs...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var names []string
		for _, s := range subs {
			names = append(names, s.Name())
		}
		what := "a command is missing"
		if len(args) > 0 {
			what = fmt.Sprintf("unknown command %q", args[0])
		}
		return usage{fmt.Errorf("%s: %s; there are %s", cmd.CommandPath(), what, strings.Join(names, ", "))}
	}
	return cmd
}
