package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"iceserver/internal/server"
)

// adminCommand holds what is about the administrators of coturn's web interface,
// whom the database keeps.
func adminCommand() *cobra.Command {
	return group(&cobra.Command{Use: "admin", Short: "Add, change, check, remove and list the administrators in the database"},
		adminWriteCommand("add", "Add an administrator", true),
		adminWriteCommand("set", "Add an administrator or change realm and password", false),
		adminCheckCommand(), adminRemoveCommand(), adminListCommand())
}

// adminResult is what a command did, as JSON.
type adminResult struct {
	Name     string `json:"name"`
	Realm    string `json:"realm"` // empty: all of them
	Password string `json:"password,omitempty"`
	Database string `json:"database"`
	Removed  bool   `json:"removed,omitempty"`
}

// of names the realm of an administrator for people.
func (r adminResult) of() string {
	if r.Realm == "" {
		return "all realms"
	}
	return "realm " + shown(r.Realm)
}

// tell adds the password to what was done, if it was made up here: nobody knows it
// yet.
func (r adminResult) tell(done string) string {
	if r.Password != "" {
		done += "password: " + r.Password + "\n"
	}
	return done
}

// adminWriteCommand is admin add or admin set. Only a realm that is named on the
// command line confines the administrator: that of the configuration is the
// users'.
func adminWriteCommand(use, short string, isNew bool) *cobra.Command {
	var s selection
	var password newPassword
	cmd := &cobra.Command{
		Use: use + " NAME", Short: short + ", of the --realm or of all", Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			secret, made, err := password.read(cmd)
			if err != nil {
				return err
			}
			return with(cmd, &s, s.accounts, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				r := adminResult{Name: args[0], Realm: s.realm, Password: made, Database: a.Database()}
				done := fmt.Sprintf("administrator %s of %s is in %s\n", shown(r.Name), r.of(), r.Database)
				return r, r.tell(done), a.SetAdmin(ctx, r.Name, secret, r.Realm, isNew)
			})
		},
	}
	password.define(cmd)
	return s.define(cmd)
}

// adminCheckCommand reads the password from standard input alone: there is no
// reason to have it in a list of processes (A-L02).
func adminCheckCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "check NAME", Short: "Say whether the password on standard input is that of an administrator", Args: cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := passwordFrom(cmd.InOrStdin(), "-", true)
			if err != nil {
				return err
			}
			return with(cmd, &s, s.accounts, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				found, err := a.CheckAdmin(ctx, args[0], password)
				r := adminResult{Name: found.Name, Realm: found.Realm, Database: a.Database()}
				return r, fmt.Sprintf("that is the password of administrator %s of %s in %s\n", shown(r.Name), r.of(), r.Database), err
			})
		},
	})
}

func adminRemoveCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "remove NAME", Short: "Remove an administrator", Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd, &s, s.accounts, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				r := adminResult{Name: args[0], Database: a.Database(), Removed: true}
				return r, fmt.Sprintf("removed administrator %s from %s\n", shown(r.Name), r.Database), a.RemoveAdmin(ctx, args[0])
			})
		},
	})
}

func adminListCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "list", Short: "List the administrators of all realms", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd, &s, s.accounts, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				list, err := a.Admins(ctx)
				var lines []string
				for _, u := range list {
					lines = append(lines, shown(u.Name)+"\t"+strings.TrimPrefix(adminResult{Realm: u.Realm}.of(), "realm "))
				}
				return list, table(lines), err
			})
		},
	})
}
