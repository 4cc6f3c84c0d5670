package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"iceserver/internal/server"
)

// userCommand holds what is about users of the database. Users of the
// configuration are changed there.
func userCommand() *cobra.Command {
	return group(&cobra.Command{Use: "user", Short: "Add, change, remove, list, import and export users"},
		userWriteCommand("add", "Add a user", (*server.Accounts).AddUser),
		userWriteCommand("set", "Add a user or change the password", (*server.Accounts).SetUser),
		userRemoveCommand(), userListCommand(), userRevokeCommand(), userImportCommand(), userExportCommand())
}

// userResult is what a command did, as JSON.
type userResult struct {
	Name     string `json:"name"`
	Realm    string `json:"realm"`
	Password string `json:"password,omitempty"` // if it was made up
	Database string `json:"database"`
	Removed  bool   `json:"removed,omitempty"`
}

// userWriteCommand is user add or user set, which differ only in what they say
// to a user who is there already. A running server notices within seconds.
func userWriteCommand(use, short string, write func(*server.Accounts, context.Context, string, string) error) *cobra.Command {
	var s selection
	var password string
	cmd := &cobra.Command{
		Use: use + " NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := userResult{Name: args[0]}
			// Before anything is opened: a pipe that fails changes nothing.
			secret, err := passwordFrom(cmd.InOrStdin(), password, cmd.Flags().Changed("password"))
			if err != nil {
				return err
			}
			if secret == "" {
				secret = server.NewPassword()
				r.Password = secret
			}
			a, err := s.accounts(cmd)
			if err != nil {
				return err
			}
			defer a.Close()
			r.Realm, r.Database = a.Realm(), a.Database()
			if err := write(a, cmd.Context(), r.Name, secret); err != nil {
				return err
			}
			return r.print(cmd.OutOrStdout(), s.json)
		},
	}
	s.define(cmd)
	cmd.Flags().StringVarP(&password, "password", "p", "", "the password; - reads it from standard input; without it one is made up")
	return cmd
}

// accounts opens the users and secrets of the selected server.
func (s *selection) accounts(cmd *cobra.Command) (*server.Accounts, error) {
	cfg, err := s.load(cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	a, err := server.OpenAccounts(cfg, s.file)
	if err == nil && s.file == "" && !a.Started() {
		fmt.Fprintln(cmd.ErrOrStderr(), "iceserver: warning: no server was started with this data directory yet; if one runs with another, name it with -c FILE or --data-dir")
	}
	return a, err
}

// passwordFrom returns the password that was given, from the first line of
// standard input if it is a dash: there it stands in no list of processes
// (A-L02).
func passwordFrom(stdin io.Reader, value string, given bool) (string, error) {
	if value == "-" {
		line, err := bufio.NewReader(stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("cannot read standard input: %w", err)
		}
		value = strings.TrimRight(line, "\r\n")
	}
	if given && value == "" {
		return "", errors.New("the password is empty")
	}
	return value, nil
}

// print tells what was done. A password is printed only if it was made up here,
// since nobody knows it yet.
func (r userResult) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(w, r)
	}
	if r.Removed {
		_, err := fmt.Fprintf(w, "removed user %s of realm %s from %s\n", shown(r.Name), shown(r.Realm), r.Database)
		return err
	}
	_, err := fmt.Fprintf(w, "user %s of realm %s is in %s\n", r.Name, r.Realm, r.Database)
	if r.Password != "" && err == nil {
		_, err = fmt.Fprintf(w, "password: %s\n", r.Password)
	}
	return err
}

// userRemoveCommand removes a user; an allocation that lives ends at the latest
// when it would have to be refreshed.
func userRemoveCommand() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use: "remove NAME", Short: "Remove a user", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := s.accounts(cmd)
			if err != nil {
				return err
			}
			defer a.Close()
			if err := a.RemoveUser(cmd.Context(), args[0]); err != nil {
				return err
			}
			r := userResult{Name: args[0], Realm: a.Realm(), Database: a.Database(), Removed: true}
			return r.print(cmd.OutOrStdout(), s.json)
		},
	}
	s.define(cmd)
	return cmd
}

// userListCommand lists names; keys only if they are asked for, since a list
// gets pasted into tickets.
func userListCommand() *cobra.Command {
	var s selection
	var keys bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the users of all realms, or of the one configured", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := s.accounts(cmd)
			if err != nil {
				return err
			}
			defer a.Close()
			list, err := a.Users(cmd.Context(), keys)
			if err != nil {
				return err
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), list)
			}
			return printUsers(cmd.OutOrStdout(), list)
		},
	}
	s.define(cmd)
	cmd.Flags().BoolVar(&keys, "keys", false, "show the keys too; whoever has a key can log in with it")
	return cmd
}

// shown is a name as a terminal and a list of lines can take it. This program adds
// none that needs it, and others may have.
func shown(name string) string {
	if utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return name
	}
	return strconv.Quote(name)
}

// printUsers writes a table for people; scripts take --json.
func printUsers(w io.Writer, list []server.Account) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, u := range list {
		line := shown(u.Name) + "\t" + shown(u.Realm)
		if u.Key != "" {
			line += "\t" + u.Key
		}
		fmt.Fprintln(t, line)
	}
	return t.Flush()
}
