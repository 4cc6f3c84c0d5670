package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"iceserver/internal/server"
)

// exitCoturn is how coturn's tool ends when it cannot do what it is asked for.
const exitCoturn = 255

// coturnError is an error of what stands in for coturn's tool: its messages have
// no name in front, and its exit code is its own.
type coturnError struct{ error }

func (e coturnError) Unwrap() error { return e.error }

// turnadminCommand is coturn's tool. What it prints is coturn's, line by line, so
// that scripts go on; the plain words are the commands beside it.
func turnadminCommand() *cobra.Command {
	return &cobra.Command{
		Use: "turnadmin COMMAND [OPTION ...]", Short: "Do what coturn's turnadmin does, called in its way",
		Long:               turnadminUsage(),
		DisableFlagParsing: true, ValidArgsFunction: completeTurnadmin,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := parseTurnadmin(args)
			if errors.Is(err, errHelp) {
				_, err := io.WriteString(cmd.OutOrStdout(), turnadminUsage())
				return err
			}
			if err != nil {
				fmt.Fprint(cmd.ErrOrStderr(), turnadminUsage(), "\n")
				return coturnError{fmt.Errorf("turnadmin: %w", err)}
			}
			if err := c.run(cmd.Context(), cmd.OutOrStdout()); err != nil {
				return coturnError{err}
			}
			return nil
		},
	}
}

// completeTurnadmin offers the flags, and files for the values of those that take
// one. There is nothing else: what the databases hold is not for everybody's shell.
func completeTurnadmin(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	before, _, valued := strings.Cut(word, "=")
	if !valued {
		before = strings.Join(args[max(0, len(args)-1):], "")
	}
	var out []cobra.Completion
	for _, f := range append(turnadminCommands(), turnadminOptions()...) {
		if f.value != "" && slices.Contains(f.flags(), before) {
			return nil, fileOrNothing(f.value)
		}
		for _, name := range f.flags() {
			if strings.HasPrefix(name, "--") && strings.HasPrefix(name, word) {
				out = append(out, cobra.CompletionWithDesc(name, f.doc))
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// fileOrNothing is what the shell offers for a value that the help calls so.
func fileOrNothing(value string) cobra.ShellCompDirective {
	if value == "FILE" {
		return cobra.ShellCompDirectiveDefault
	}
	return cobra.ShellCompDirectiveNoFileComp
}

// coturnDatabases are where coturn looks for its SQLite database, in its order.
func coturnDatabases() []string {
	return []string{"/var/db/turndb", "/usr/local/var/db/turndb", "/var/lib/turn/turndb"}
}

// coturnDatabase is the SQLite database that is meant. A ~ is still there where the
// shell saw it behind = and left it alone.
func coturnDatabase(given string) string {
	if rest, ok := strings.CutPrefix(given, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if given != "" {
		return given
	}
	all := coturnDatabases()
	for _, path := range all {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return all[len(all)-1]
}

// turnadminAction is what a command does with a database.
type turnadminAction func(c *turnadminCall, ctx context.Context, a *server.Accounts, out io.Writer) error

// actions are the commands that have to do with a database, and the options that
// each cannot do without, in the order in which coturn misses them.
func (*turnadminCall) actions() map[string]struct {
	needs []string
	do    turnadminAction
} {
	type action = struct {
		needs []string
		do    turnadminAction
	}
	return map[string]action{
		"add":                {[]string{"user", "realm", "password"}, (*turnadminCall).addUser},
		"delete":             {[]string{"user", "realm"}, (*turnadminCall).deleteUser},
		"list":               {nil, (*turnadminCall).listUsers},
		"add-admin":          {[]string{"user", "password"}, (*turnadminCall).addAdmin},
		"delete-admin":       {[]string{"user"}, (*turnadminCall).deleteAdmin},
		"list-admin":         {nil, (*turnadminCall).listAdmins},
		"set-secret":         {[]string{"realm"}, (*turnadminCall).setSecret},
		"show-secret":        {nil, (*turnadminCall).showSecrets},
		"delete-secret":      {[]string{"realm"}, (*turnadminCall).deleteSecret},
		"delete-all-secrets": {[]string{"realm"}, (*turnadminCall).deleteSecrets},
		"add-origin":         {[]string{"origin", "realm"}, (*turnadminCall).addOrigin},
		"del-origin":         {[]string{"origin"}, (*turnadminCall).deleteOrigin},
		"list-origins":       {nil, (*turnadminCall).listOrigins},
		"set-realm-option":   {[]string{"realm"}, (*turnadminCall).setOptions},
		"list-realm-options": {nil, (*turnadminCall).listOptions},
	}
}

// run does what was asked for. What is needed is asked for before anything is
// opened.
func (c *turnadminCall) run(ctx context.Context, out io.Writer) error {
	switch c.command {
	case "key":
		return c.printKey(out)
	case "generate-encrypted-password":
		if err := c.need("password"); err != nil {
			return err
		}
		_, err := fmt.Fprintln(out, server.Account{}.HashPassword(c.options["password"]))
		return err
	case "generate-encrypted-password-aes":
		return c.encrypt(out)
	}
	action := c.actions()[c.command]
	if err := c.need(action.needs...); err != nil {
		return err
	}
	if c.command == "set-realm-option" {
		if _, err := c.limits(); err != nil {
			return err
		}
	}
	a, err := server.OpenDatabase(c.config())
	if err != nil {
		return fmt.Errorf("turnadmin: %w", err)
	}
	defer a.Close()
	if err := action.do(c, ctx, a, out); err != nil {
		return fmt.Errorf("turnadmin: %w", err)
	}
	return nil
}

// printKey prints the key of a user, who may be one without a realm.
func (c *turnadminCall) printKey(out io.Writer) error {
	if err := c.need("user", "password"); err != nil {
		return err
	}
	key, err := server.Account{Name: c.options["user"], Realm: c.options["realm"]}.LongTermKey(c.options["password"])
	if err == nil {
		_, err = fmt.Fprintln(out, key)
	}
	return err
}

// present leaves out the error that something to delete is not there: coturn's tool
// is content with that, and scripts delete before they add.
func present(err error) error {
	var absent interface{ Absent() bool }
	if errors.As(err, &absent) && absent.Absent() {
		return nil
	}
	return err
}

// line is a text that a list of lines can take: coturn's tool adds no name that
// needs anything done to it, and others may have (A-L01).
func line(s string) string {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return strconv.Quote(s)
	}
	return s
}

func (c *turnadminCall) addUser(ctx context.Context, a *server.Accounts, _ io.Writer) error {
	return a.SetUser(ctx, c.options["user"], c.options["password"])
}

func (c *turnadminCall) deleteUser(ctx context.Context, a *server.Accounts, _ io.Writer) error {
	return present(a.RemoveUser(ctx, c.options["user"]))
}

func (c *turnadminCall) listUsers(ctx context.Context, a *server.Accounts, out io.Writer) error {
	list, err := a.Users(ctx, false)
	for _, u := range list {
		fmt.Fprintf(out, "%s[%s]\n", line(u.Name), line(u.Realm))
	}
	return err
}

func (c *turnadminCall) addAdmin(ctx context.Context, a *server.Accounts, _ io.Writer) error {
	return a.SetAdmin(ctx, c.options["user"], c.options["password"], c.options["realm"], false)
}

func (c *turnadminCall) deleteAdmin(ctx context.Context, a *server.Accounts, _ io.Writer) error {
	return present(a.RemoveAdmin(ctx, c.options["user"]))
}

func (c *turnadminCall) listAdmins(ctx context.Context, a *server.Accounts, out io.Writer) error {
	list, err := a.Admins(ctx)
	for _, u := range list {
		if u.Realm == "" {
			fmt.Fprintln(out, line(u.Name))
		} else {
			fmt.Fprintf(out, "%s[%s]\n", line(u.Name), line(u.Realm))
		}
	}
	return err
}

func (c *turnadminCall) setSecret(ctx context.Context, a *server.Accounts, _ io.Writer) error {
	if c.secret == "" {
		return errors.New("the secret is empty") // what would make one up
	}
	_, err := a.AddSecret(ctx, c.secret)
	return err
}

// showSecrets lists those of one realm, or of all, the one without a name too.
func (c *turnadminCall) showSecrets(ctx context.Context, a *server.Accounts, out io.Writer) error {
	names := []string{c.options["realm"]}
	if names[0] == "" {
		realms, err := a.Realms(ctx)
		if err != nil {
			return err
		}
		for _, r := range realms {
			names = append(names, r.Name)
		}
		names = slices.Compact(names)
	}
	for _, realm := range names {
		secrets, err := a.In(realm).Secrets(ctx)
		if err != nil {
			return err
		}
		for _, s := range secrets {
			fmt.Fprintf(out, "%s[%s]\n", line(s), line(realm))
		}
	}
	return nil
}

func (c *turnadminCall) deleteSecret(ctx context.Context, a *server.Accounts, _ io.Writer) error {
	return present(a.RemoveSecret(ctx, c.secret))
}

func (c *turnadminCall) deleteSecrets(ctx context.Context, a *server.Accounts, _ io.Writer) error {
	secrets, err := a.Secrets(ctx)
	for _, s := range secrets {
		if err := present(a.RemoveSecret(ctx, s)); err != nil {
			return err
		}
	}
	return err
}

func (c *turnadminCall) addOrigin(ctx context.Context, a *server.Accounts, _ io.Writer) error {
	_, err := a.AddOrigin(ctx, c.options["origin"])
	return err
}

func (c *turnadminCall) deleteOrigin(ctx context.Context, a *server.Accounts, _ io.Writer) error {
	_, err := a.RemoveOrigin(ctx, c.options["origin"])
	return present(err)
}

// listOrigins turns the two sides around for MongoDB, as coturn's tool does.
func (c *turnadminCall) listOrigins(ctx context.Context, a *server.Accounts, out io.Writer) error {
	realms, err := a.Realms(ctx)
	for _, r := range realms {
		for _, o := range r.Origins {
			left, right := o, r.Name
			if c.options["mongo-userdb"] != "" {
				left, right = right, left
			}
			fmt.Fprintf(out, "%s ==>> %s\n", line(left), line(right))
		}
	}
	return err
}

func (c *turnadminCall) setOptions(ctx context.Context, a *server.Accounts, _ io.Writer) error {
	limits, err := c.limits()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		if limits[name] == 0 {
			err = present(a.UnsetOption(ctx, name))
		} else {
			err = a.SetOption(ctx, name, limits[name])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// listOptions has another form for Redis, as coturn's tool does.
func (c *turnadminCall) listOptions(ctx context.Context, a *server.Accounts, out io.Writer) error {
	realms, err := a.Realms(ctx)
	for _, r := range realms {
		for _, name := range slices.Sorted(maps.Keys(r.Options)) {
			if c.options["redis-userdb"] != "" {
				fmt.Fprintf(out, "%s/%s = %d\n", line(r.Name), name, r.Options[name])
			} else {
				fmt.Fprintf(out, "%s[%s]=%d\n", name, line(r.Name), r.Options[name])
			}
		}
	}
	return err
}
