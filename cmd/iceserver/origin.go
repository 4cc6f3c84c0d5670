package main

import (
	"context"
	"fmt"
	"strings"

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
	return s.define(&cobra.Command{
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
	})
}

// originRemoveCommand asks for no realm: an origin belongs to one at most.
func originRemoveCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "remove ORIGIN", Short: "Take an origin away from its realm", Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.editing(cmd, func(ctx context.Context, a *server.Accounts, r *realmResult) (sentence string, err error) {
				r.Realm, r.Done = "", "removed"
				r.Origin, err = a.RemoveOrigin(ctx, args[0])
				return fmt.Sprintf("removed origin %s from %s", shown(r.Origin), r.Database), err
			})
		},
	})
}

func originListCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "list", Short: "List the origins of all realms, or of one", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd, &s, s.everywhere, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				realms, err := a.Realms(ctx)
				list, lines := originsOf(realms)
				return list, table(lines), err
			})
		},
	})
}

// originRow is an origin in a list.
type originRow struct {
	Origin string `json:"origin"`
	Realm  string `json:"realm"`
}

// originsOf lists the origins of realms, and as lines of a table.
func originsOf(realms []server.Realm) (list []originRow, lines []string) {
	list = []originRow{}
	for _, r := range realms {
		for _, o := range r.Origins {
			list = append(list, originRow{o, r.Name})
			lines = append(lines, shown(o)+"\t"+shown(r.Name))
		}
	}
	return list, lines
}
