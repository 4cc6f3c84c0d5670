package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"iceserver/internal/server"
)

// oauthKeyCommand holds what is about the keys that the server shares with
// authorization servers, whose tokens let clients in (RFC 7635).
func oauthKeyCommand() *cobra.Command {
	return group(&cobra.Command{Use: "oauth-key", Short: "Add, show, remove and list the keys shared with authorization servers"},
		oauthKeyAddCommand(), oauthKeyShowCommand(), oauthKeyRemoveCommand(), oauthKeyListCommand())
}

func oauthKeyAddCommand() *cobra.Command {
	var s selection
	var key, algorithm string
	var lifetime time.Duration
	cmd := &cobra.Command{
		Use: "add KID", Short: "Add a key, and print it if it was made up", Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			given := cmd.Flags().Changed("key")
			value, err := passwordFrom(cmd.InOrStdin(), key, given)
			if err != nil {
				return fmt.Errorf("no key: %w", err)
			}
			return with(cmd, &s, s.accounts, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				k, err := a.AddOAuthKey(ctx, args[0], value, algorithm, lifetime, time.Now())
				if given {
					k.Key = ""
				}
				return k, tellOAuthKey(k), err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&key, "key", "", "the key in `BASE64`; - reads it from standard input; without it one is made up")
	f.StringVar(&algorithm, "algorithm", "A256GCM", "cipher of the tokens: A256GCM with a key of 32 bytes, or A128GCM with one of 16")
	f.DurationVar(&lifetime, "lifetime", 0, "how long the key is good from now on, as 720h; 0 is for ever")
	return s.define(cmd)
}

// oauthKeyShowCommand prints one key in full: its name is why.
func oauthKeyShowCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "show KID", Short: "Show one key, with the key itself", Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd, &s, s.accounts, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				k, err := a.OAuthKey(ctx, args[0])
				return k, tellOAuthKey(k), err
			})
		},
	})
}

func oauthKeyRemoveCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "remove KID", Short: "Remove a key", Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd, &s, s.accounts, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				r := map[string]any{"kid": args[0], "database": a.Database(), "removed": true}
				return r, fmt.Sprintf("removed key %s from %s\n", shown(args[0]), a.Database()), a.RemoveOAuthKey(ctx, args[0])
			})
		},
	})
}

// oauthKeyListCommand lists keys without what they are, unless that is asked for:
// a list gets pasted into tickets.
func oauthKeyListCommand() *cobra.Command {
	var s selection
	var keys bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the keys of all realms, or of the one configured", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd, &s, s.accounts, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				list, err := a.OAuthKeys(ctx, keys)
				var lines []string
				for _, k := range list {
					lines = append(lines, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", shown(k.KID), shown(k.Realm), shown(k.Algorithm), expiry(k), shown(k.Key)))
				}
				return list, table(lines), err
			})
		},
	}
	cmd.Flags().BoolVar(&keys, "keys", false, "show the keys too; whoever has one can make tokens")
	return s.define(cmd)
}

// expiry says for people until when a key is good.
func expiry(k server.OAuthKey) string {
	if k.Expires == nil {
		return "for ever"
	}
	return "until " + k.Expires.Format(time.RFC3339)
}

func tellOAuthKey(k server.OAuthKey) string {
	text := fmt.Sprintf("key %s of realm %s, %s, good %s\n", shown(k.KID), shown(k.Realm), shown(k.Algorithm), expiry(k))
	if k.Key != "" {
		text += "key: " + shown(k.Key) + "\n"
	}
	return text
}
