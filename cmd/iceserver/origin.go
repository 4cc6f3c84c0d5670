package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"iceserver/internal/server"
)

// originCommand holds what is about origins: pages of an origin belong to a
// realm, whose users alone they can be used by.
func originCommand() *cobra.Command {
	return group(&cobra.Command{Use: "origin", Short: "Add, remove and list the origins of pages that belong to a realm"},
		originAddCommand(), originRemoveCommand(), originListCommand())
}

func originAddCommand() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use: "add ORIGIN", Short: "Give the pages of an origin to the realm", Args: cobra.ExactArgs(1),
		Example: "  iceserver origin add https://example.org --realm example.org", ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] != "null" && !strings.Contains(args[0], "://") { // what no page would ever be of
				return usage{fmt.Errorf("%q is no origin: write it as https://example.org", args[0])}
			}
			return s.editing(cmd, func(ctx context.Context, a *server.Accounts, r *realmResult) (sentence string, err error) {
				r.Done = "added"
				r.Origin, err = a.AddOrigin(ctx, args[0])
				return fmt.Sprintf("origin %s belongs to realm %s in %s", shown(r.Origin), shown(r.Realm), r.Database), err
			})
		},
	}
	s.define(cmd)
	return cmd
}

// originRemoveCommand asks for no realm: an origin belongs to one at most.
func originRemoveCommand() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use: "remove ORIGIN", Short: "Take an origin away from its realm", Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.editing(cmd, func(ctx context.Context, a *server.Accounts, r *realmResult) (sentence string, err error) {
				r.Realm, r.Done = "", "removed"
				r.Origin, err = a.RemoveOrigin(ctx, args[0])
				return fmt.Sprintf("removed origin %s from %s", shown(r.Origin), r.Database), err
			})
		},
	}
	s.define(cmd)
	return cmd
}

func originListCommand() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use: "list", Short: "List the origins of all realms, or of the one configured", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := s.accounts(cmd)
			if err != nil {
				return err
			}
			defer a.Close()
			realms, err := a.Realms(cmd.Context())
			if err != nil {
				return err
			}
			list := originsOf(realms)
			if s.json {
				return printJSON(cmd.OutOrStdout(), list)
			}
			return printOrigins(cmd.OutOrStdout(), list)
		},
	}
	s.define(cmd)
	return cmd
}

// originRow is an origin in a list.
type originRow struct {
	Origin string `json:"origin"`
	Realm  string `json:"realm"`
}

func originsOf(realms []server.Realm) []originRow {
	list := []originRow{}
	for _, r := range realms {
		for _, o := range r.Origins {
			list = append(list, originRow{o, r.Name})
		}
	}
	return list
}

func printOrigins(w io.Writer, list []originRow) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, o := range list {
		fmt.Fprintln(t, shown(o.Origin)+"\t"+shown(o.Realm))
	}
	return t.Flush()
}
