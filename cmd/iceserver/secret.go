package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"iceserver/internal/server"
)

// secretCommand holds what is about shared secrets. Several may be valid at a
// time: add the new one, change the web application, remove the old one.
func secretCommand() *cobra.Command {
	return group(&cobra.Command{Use: "secret", Short: "Add, list and remove the shared secrets of time-limited credentials"},
		secretAddCommand(), secretListCommand(), secretRemoveCommand())
}

// secretResult is what a command did, as JSON.
type secretResult struct {
	Secret   string `json:"secret,omitempty"`
	Realm    string `json:"realm"`
	Database string `json:"database"`
	Removed  bool   `json:"removed,omitempty"`
}

// secretAddCommand prints the secret that it added, even one that was given: a
// script reads it from the same place either way.
func secretAddCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "add [VALUE]", Short: "Add a secret; without a value one is made up, and - reads it from standard input",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := secretArgument(cmd, args)
			if err != nil {
				return err
			}
			return with(cmd, &s, s.accounts, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				added, err := a.AddSecret(ctx, value)
				return secretResult{Secret: added, Realm: a.Realm(), Database: a.Database()}, added + "\n", err
			})
		},
	})
}

// secretArgument is the value that was given, or empty if there is none.
func secretArgument(cmd *cobra.Command, args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	value, err := passwordFrom(cmd.InOrStdin(), args[0], true)
	if err != nil {
		return "", fmt.Errorf("no secret: %w", err)
	}
	return value, nil
}

// secretListCommand prints secrets in full, since it takes the value to remove
// one. Those of the configuration and of the data directory are not listed:
// this command could not change them.
func secretListCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "list", Short: "List the secrets of the realm in the database", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd, &s, s.accounts, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				secrets, err := a.Secrets(ctx)
				list, lines := make([]secretResult, 0, len(secrets)), ""
				for _, v := range secrets {
					list = append(list, secretResult{Secret: v, Realm: a.Realm(), Database: a.Database()})
					lines += v + "\n"
				}
				return list, lines, err
			})
		},
	})
}

// secretRemoveCommand never repeats the value, which may stand in somebody's
// scroll-back for long.
func secretRemoveCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "remove VALUE", Short: "Remove a secret; - reads it from standard input", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := secretArgument(cmd, args)
			if err != nil {
				return err
			}
			return with(cmd, &s, s.accounts, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				r := secretResult{Realm: a.Realm(), Database: a.Database(), Removed: true}
				return r, fmt.Sprintf("removed the secret of realm %s from %s\n"+
					"calls that were begun with it last until their next refresh, ten minutes as a rule\n", r.Realm, r.Database), a.RemoveSecret(ctx, value)
			})
		},
	})
}
