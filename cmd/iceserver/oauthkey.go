package main

import (
	"fmt"
	"io"
	"text/tabwriter"
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
			a, err := s.accounts(cmd)
			if err != nil {
				return err
			}
			defer a.Close()
			k, err := a.AddOAuthKey(cmd.Context(), args[0], value, algorithm, lifetime, time.Now())
			if err != nil {
				return err
			}
			if given {
				k.Key = ""
			}
			return printOAuthKey(cmd.OutOrStdout(), k, s.json)
		},
	}
	s.define(cmd)
	f := cmd.Flags()
	f.StringVar(&key, "key", "", "the key in `BASE64`; - reads it from standard input; without it one is made up")
	f.StringVar(&algorithm, "algorithm", "A256GCM", "cipher of the tokens: A256GCM with a key of 32 bytes, or A128GCM with one of 16")
	f.DurationVar(&lifetime, "lifetime", 0, "how long the key is good from now on, as 720h; 0 is for ever")
	return cmd
}

// oauthKeyShowCommand prints one key in full: its name is why.
func oauthKeyShowCommand() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use: "show KID", Short: "Show one key, with the key itself", Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := s.accounts(cmd)
			if err != nil {
				return err
			}
			defer a.Close()
			k, err := a.OAuthKey(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return printOAuthKey(cmd.OutOrStdout(), k, s.json)
		},
	}
	s.define(cmd)
	return cmd
}

func oauthKeyRemoveCommand() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use: "remove KID", Short: "Remove a key", Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := s.accounts(cmd)
			if err != nil {
				return err
			}
			defer a.Close()
			if err := a.RemoveOAuthKey(cmd.Context(), args[0]); err != nil {
				return err
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), map[string]any{"kid": args[0], "database": a.Database(), "removed": true})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "removed key %s from %s\n", shown(args[0]), a.Database())
			return err
		},
	}
	s.define(cmd)
	return cmd
}

// oauthKeyListCommand lists keys without what they are, unless that is asked for:
// a list gets pasted into tickets.
func oauthKeyListCommand() *cobra.Command {
	var s selection
	var keys bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the keys of all realms, or of the one configured", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := s.accounts(cmd)
			if err != nil {
				return err
			}
			defer a.Close()
			list, err := a.OAuthKeys(cmd.Context(), keys)
			if err != nil {
				return err
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), list)
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, k := range list {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", shown(k.KID), shown(k.Realm), shown(k.Algorithm), expiry(k), shown(k.Key))
			}
			return t.Flush()
		},
	}
	s.define(cmd)
	cmd.Flags().BoolVar(&keys, "keys", false, "show the keys too; whoever has one can make tokens")
	return cmd
}

// expiry says for people until when a key is good.
func expiry(k server.OAuthKey) string {
	if k.Expires == nil {
		return "for ever"
	}
	return "until " + k.Expires.Format(time.RFC3339)
}

func printOAuthKey(w io.Writer, k server.OAuthKey, asJSON bool) error {
	if asJSON {
		return printJSON(w, k)
	}
	_, err := fmt.Fprintf(w, "key %s of realm %s, %s, good %s\n", shown(k.KID), shown(k.Realm), shown(k.Algorithm), expiry(k))
	if k.Key != "" && err == nil {
		_, err = fmt.Fprintf(w, "key: %s\n", shown(k.Key))
	}
	return err
}
