package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
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
	Ended    *int   `json:"ended,omitempty"` // allocations, if they were to be ended
}

// userWriteCommand is user add or user set, which differ only in what they say
// to a user who is there already. A running server notices within seconds.
func userWriteCommand(use, short string, write func(*server.Accounts, context.Context, string, string) error) *cobra.Command {
	var s selection
	var password newPassword
	var now bool
	cmd := &cobra.Command{
		Use: use + " NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			// Before anything is opened: a pipe that fails changes nothing.
			secret, made, err := password.read(cmd)
			if err != nil {
				return err
			}
			return with(cmd, &s, s.accounts, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				r := userResult{Name: args[0], Realm: a.Realm(), Password: made, Database: a.Database()}
				if err := write(a, ctx, r.Name, secret); err != nil {
					return nil, "", err
				}
				return s.ending(cmd, a, &r, now)
			})
		},
	}
	password.define(cmd)
	if use == "set" { // who is added has no calls
		defineNow(cmd, &now)
	}
	return s.define(cmd)
}

// defineNow adds the flag that ends calls.
//
// A-A09: a password that has leaked, or a user who has to go, should cost nothing
// for another ten minutes.
func defineNow(cmd *cobra.Command, now *bool) {
	cmd.Flags().BoolVar(now, "now", false, "end the user's calls on the running server too; else they last until their next refresh")
}

// ending is what a command that changed a user returns. If the calls were to be
// ended and nobody could, the user is changed all the same, which is told first.
func (s *selection) ending(cmd *cobra.Command, a *server.Accounts, r *userResult, now bool) (any, string, error) {
	if !now {
		return r, r.tell(), nil
	}
	done, err := a.Revoke(cmd.Context(), r.Name)
	if err != nil {
		return nil, "", errors.Join(s.print(cmd.OutOrStdout(), r, r.tell()), fmt.Errorf("no call was ended: %w", err))
	}
	r.Ended = &done.Ended
	return r, r.tell(), nil
}

// newPassword is the flag with the password of an account that is written.
type newPassword string

func (p *newPassword) define(cmd *cobra.Command) {
	cmd.Flags().StringVarP((*string)(p), "password", "p", "", "the password; - reads it from standard input; without it one is made up")
}

// read returns the password, and once more as made if nobody gave one and it was
// made up.
func (p *newPassword) read(cmd *cobra.Command) (password, made string, err error) {
	password, err = passwordFrom(cmd.InOrStdin(), string(*p), cmd.Flags().Changed("password"))
	if err == nil && password == "" {
		made = server.NewPassword()
		password = made
	}
	return password, made, err
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

// tell says what was done, with the password only if it was made up here, since
// nobody knows it yet.
func (r userResult) tell() string {
	text := fmt.Sprintf("user %s of realm %s is in %s\n", r.Name, r.Realm, r.Database)
	if r.Removed {
		text = fmt.Sprintf("removed user %s of realm %s from %s\n", shown(r.Name), shown(r.Realm), r.Database)
	}
	if r.Password != "" {
		text += "password: " + r.Password + "\n"
	}
	switch {
	case r.Ended != nil:
		text += fmt.Sprintf("ended %d allocations\n", *r.Ended)
	case r.Removed:
		text += "calls that go on last until their next refresh, ten minutes as a rule; iceserver user revoke ends them now\n"
	}
	return text
}

// userRemoveCommand removes a user; an allocation that lives ends at the latest
// when it would have to be refreshed.
func userRemoveCommand() *cobra.Command {
	var s selection
	var now bool
	cmd := &cobra.Command{
		Use: "remove NAME", Short: "Remove a user", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd, &s, s.accounts, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				r := userResult{Name: args[0], Realm: a.Realm(), Database: a.Database(), Removed: true}
				if err := a.RemoveUser(ctx, args[0]); err != nil {
					return nil, "", err
				}
				return s.ending(cmd, a, &r, now)
			})
		},
	}
	defineNow(cmd, &now)
	return s.define(cmd)
}

// userListCommand lists names; keys only if they are asked for, since a list
// gets pasted into tickets.
func userListCommand() *cobra.Command {
	var s selection
	var keys bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the users of all realms, or of one", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd, &s, s.everywhere, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				list, err := a.Users(ctx, keys)
				return list, userTable(list), err
			})
		},
	}
	cmd.Flags().BoolVar(&keys, "keys", false, "show the keys too; whoever has a key can log in with it")
	return s.define(cmd)
}

// shown is a name as a terminal and a list of lines can take it. This program adds
// none that needs it, and others may have.
func shown(name string) string {
	if utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return name
	}
	return strconv.Quote(name)
}

// userTable is for people; scripts take --json.
func userTable(list []server.Account) string {
	lines := make([]string, 0, len(list))
	for _, u := range list {
		line := shown(u.Name) + "\t" + shown(u.Realm)
		if u.Key != "" {
			line += "\t" + u.Key
		}
		lines = append(lines, line)
	}
	return table(lines)
}
