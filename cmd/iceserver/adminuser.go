package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

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

// print tells what was done in a sentence; a password only if it was made up here.
func (r adminResult) print(w io.Writer, asJSON bool, sentence string) error {
	if asJSON {
		return printJSON(w, r)
	}
	if r.Password != "" {
		sentence += "\npassword: " + r.Password
	}
	_, err := fmt.Fprintln(w, sentence)
	return err
}

// adminWriteCommand is admin add or admin set. Only a realm that is named on the
// command line confines the administrator: that of the configuration is the
// users'.
func adminWriteCommand(use, short string, isNew bool) *cobra.Command {
	var s selection
	var password string
	cmd := &cobra.Command{
		Use: use + " NAME", Short: short + ", of the --realm or of all", Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			secret, err := passwordFrom(cmd.InOrStdin(), password, cmd.Flags().Changed("password"))
			if err != nil {
				return err
			}
			r := adminResult{Name: args[0], Realm: s.realm}
			if secret == "" {
				secret = server.NewPassword()
				r.Password = secret
			}
			a, err := s.accounts(cmd)
			if err != nil {
				return err
			}
			defer a.Close()
			r.Database = a.Database()
			if err := a.SetAdmin(cmd.Context(), r.Name, secret, r.Realm, isNew); err != nil {
				return err
			}
			return r.print(cmd.OutOrStdout(), s.json, fmt.Sprintf("administrator %s of %s is in %s", shown(r.Name), r.of(), r.Database))
		},
	}
	s.define(cmd)
	cmd.Flags().StringVarP(&password, "password", "p", "", "the password; - reads it from standard input; without it one is made up")
	return cmd
}

// adminCheckCommand reads the password from standard input alone: there is no
// reason to have it in a list of processes (A-L02).
func adminCheckCommand() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use: "check NAME", Short: "Say whether the password on standard input is that of an administrator", Args: cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := passwordFrom(cmd.InOrStdin(), "-", true)
			if err != nil {
				return err
			}
			a, err := s.accounts(cmd)
			if err != nil {
				return err
			}
			defer a.Close()
			found, err := a.CheckAdmin(cmd.Context(), args[0], password)
			if err != nil {
				return err
			}
			r := adminResult{Name: found.Name, Realm: found.Realm, Database: a.Database()}
			return r.print(cmd.OutOrStdout(), s.json, fmt.Sprintf("that is the password of administrator %s of %s in %s", shown(r.Name), r.of(), r.Database))
		},
	}
	s.define(cmd)
	return cmd
}

func adminRemoveCommand() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use: "remove NAME", Short: "Remove an administrator", Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := s.accounts(cmd)
			if err != nil {
				return err
			}
			defer a.Close()
			if err := a.RemoveAdmin(cmd.Context(), args[0]); err != nil {
				return err
			}
			r := adminResult{Name: args[0], Database: a.Database(), Removed: true}
			return r.print(cmd.OutOrStdout(), s.json, fmt.Sprintf("removed administrator %s from %s", shown(r.Name), r.Database))
		},
	}
	s.define(cmd)
	return cmd
}

func adminListCommand() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use: "list", Short: "List the administrators of all realms", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := s.accounts(cmd)
			if err != nil {
				return err
			}
			defer a.Close()
			list, err := a.Admins(cmd.Context())
			if err != nil {
				return err
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), list)
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, u := range list {
				fmt.Fprintln(t, shown(u.Name)+"\t"+strings.TrimPrefix(adminResult{Realm: u.Realm}.of(), "realm "))
			}
			return t.Flush()
		},
	}
	s.define(cmd)
	return cmd
}
