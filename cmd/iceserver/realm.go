package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"iceserver/internal/server"
)

// realmCommand holds what is about realms: their limits, and whom their users may
// talk to. A running server follows within seconds.
func realmCommand() *cobra.Command {
	return group(&cobra.Command{Use: "realm", Short: "List realms, and change their limits and their rules about peers"},
		realmListCommand(), realmSetCommand(), realmUnsetCommand(),
		realmRuleCommand("allow", "Let the users of the realm reach a range of peers", "allowed", (*server.Accounts).AllowPeers),
		realmRuleCommand("deny", "Keep the users of the realm from a range of peers", "denied", (*server.Accounts).DenyPeers),
		realmRuleCommand("forget", "Take away the rule for a range of peers", "forgotten", (*server.Accounts).ForgetPeers))
}

// realmResult is what a command did, as JSON.
type realmResult struct {
	Realm    string `json:"realm,omitempty"`
	Option   string `json:"option,omitempty"`
	Value    int64  `json:"value,omitempty"`
	Peers    string `json:"peers,omitempty"`
	Origin   string `json:"origin,omitempty"`
	Done     string `json:"done"` // set, unset, allowed, denied, forgotten, added, removed
	Database string `json:"database"`
}

// editing is a command that changes something for a realm: it opens the database,
// lets do change it and prints what do has made of the result.
func (s *selection) editing(cmd *cobra.Command, do func(context.Context, *server.Accounts, *realmResult) (sentence string, err error)) error {
	return with(cmd, s, s.accounts, func(ctx context.Context, a *server.Accounts) (any, string, error) {
		r := realmResult{Realm: a.Realm(), Database: a.Database()}
		sentence, err := do(ctx, a, &r)
		return r, sentence + "\n", err
	})
}

// limitNames are the limits that a realm may have.
func limitNames() []string {
	return []string{
		"max-bps\tbytes a second of an allocation", "total-quota\tallocations of the realm at a time",
		"user-quota\tallocations of a user at a time",
	}
}

func realmSetCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "set OPTION VALUE", Short: "Set a limit of the realm: max-bps, total-quota or user-quota", Args: cobra.ExactArgs(2),
		Example: "  iceserver realm set user-quota 10 --realm example.org", ValidArgsFunction: completeLimits,
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil || value < 0 {
				return usage{fmt.Errorf("%s: %q is no number of at least 1", args[0], args[1])}
			}
			return s.editing(cmd, func(ctx context.Context, a *server.Accounts, r *realmResult) (string, error) {
				r.Option, r.Value, r.Done = args[0], value, "set"
				return fmt.Sprintf("%s of realm %s is %d in %s", r.Option, shown(r.Realm), r.Value, r.Database), a.SetOption(ctx, args[0], value)
			})
		},
	})
}

func realmUnsetCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "unset OPTION", Short: "Take a limit away from the realm", Args: cobra.ExactArgs(1), ValidArgsFunction: completeLimits,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.editing(cmd, func(ctx context.Context, a *server.Accounts, r *realmResult) (string, error) {
				r.Option, r.Done = args[0], "unset"
				return fmt.Sprintf("realm %s has no %s any more in %s", shown(r.Realm), r.Option, r.Database), a.UnsetOption(ctx, args[0])
			})
		},
	})
}

// completeLimits completes the name of a limit.
func completeLimits(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	names := limitNames()
	if len(args) > 0 {
		names = nil
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, word) })
	return names, cobra.ShellCompDirectiveNoFileComp
}

// realmRuleCommand is realm allow, deny or forget. A range is written as in the
// configuration.
func realmRuleCommand(use, short, done string, do func(*server.Accounts, context.Context, string) error) *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: use + " RANGE", Short: short + ": an address, a prefix, or FIRST-LAST", Args: cobra.ExactArgs(1),
		Example: "  iceserver realm " + use + " 192.0.2.0/24 --realm example.org", ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.editing(cmd, func(ctx context.Context, a *server.Accounts, r *realmResult) (string, error) {
				r.Peers, r.Done = args[0], done
				return fmt.Sprintf("%s is %s in realm %s of %s", shown(r.Peers), done, shown(r.Realm), r.Database), do(a, ctx, args[0])
			})
		},
	})
}

func realmListCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "list", Short: "List the realms of the database with their limits, origins and rules", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd, &s, s.everywhere, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				list, err := a.Realms(ctx)
				return list, realmTable(list), err
			})
		},
	})
}

// realmTable has a line for each thing that a realm has, and one for a realm that
// has none, so that grep finds all of it.
func realmTable(list []server.Realm) string {
	var lines []string
	for _, r := range list {
		name := shown(r.Name)
		if r.Name == "" {
			name = "(all realms)"
		}
		before := len(lines)
		for _, option := range slices.Sorted(maps.Keys(r.Options)) {
			lines = append(lines, fmt.Sprintf("%s\t%s\t%d", name, shown(option), r.Options[option]))
		}
		for _, kind := range []struct {
			what string
			all  []string
		}{{"origin", r.Origins}, {"allow", r.Allowed}, {"deny", r.Denied}} {
			for _, v := range kind.all {
				lines = append(lines, name+"\t"+kind.what+"\t"+shown(v))
			}
		}
		if len(lines) == before {
			lines = append(lines, name+"\t\t")
		}
	}
	return table(lines)
}
