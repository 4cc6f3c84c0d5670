package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"iceserver/internal/server"
)

// reloadCommand makes a running server read its configuration anew.
func reloadCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "reload", Short: "Make the running server read its configuration anew, without losing a call", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			r, err := server.ReloadRunning(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			text := "reloaded; nothing has changed\n"
			if len(r.Changed) > 0 {
				text = "reloaded: " + strings.Join(r.Changed, ", ") + "\n"
			}
			if len(r.Restart) > 0 {
				text += "these take a restart: " + strings.Join(r.Restart, ", ") + "\n"
			}
			return s.print(cmd.OutOrStdout(), r, text)
		},
	})
}

// drainCommand ends a running server with its last calls.
func drainCommand() *cobra.Command {
	var s selection
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "drain", Short: "Make the running server refuse new calls, and end with the last one", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if err := server.DrainRunning(cmd.Context(), cfg, wait); err != nil {
				return err
			}
			text := "draining: the server ends with its last call\n"
			if wait > 0 {
				text = "drained: the server has ended with its last call\n"
			}
			return s.print(cmd.OutOrStdout(), map[string]bool{"draining": true}, text)
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 0, "return when the server has ended, or with an error after so long (default: return at once)")
	return s.define(cmd)
}

// userRevokeCommand ends the calls of a user now. Whoever may still log in can
// begin new ones: removing the user, or the secret, is for other commands.
func userRevokeCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "revoke NAME", Short: "End the live calls of a user on the running server", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := s.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			r, err := server.Revoke(cmd.Context(), cfg, s.realm, args[0])
			if err != nil {
				return err
			}
			return s.print(cmd.OutOrStdout(), r, fmt.Sprintf("ended %d allocations of %s in realm %s\n", r.Ended, args[0], r.Realm))
		},
	})
}
