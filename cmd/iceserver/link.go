package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"iceserver/internal/server"
)

// linkCommand holds what is about links: the keys that open the test page and
// the demos of a server with credentials in them.
func linkCommand() *cobra.Command {
	return group(&cobra.Command{Use: "link", Short: "Make, list and revoke links to the test page, with a key to the relay in them"},
		linkAddCommand(), linkListCommand(), linkRevokeCommand())
}

// book opens the links of the selected server.
func (s *selection) book(cmd *cobra.Command) (*server.Links, error) {
	cfg, err := s.load(cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	return server.OpenLinks(cfg, s.file)
}

// linkAddCommand prints the link, which nothing can print again. A running
// server takes it at once.
func linkAddCommand() *cobra.Command {
	var s selection
	var o server.LinkOptions
	cmd := &cobra.Command{
		Use: "add", Short: "Make a link and print it; only now can it be seen", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := s.book(cmd)
			if err != nil {
				return err
			}
			defer b.Close()
			made, err := b.Add(cmd.Context(), o)
			if err != nil {
				return err
			}
			if !b.Served() {
				fmt.Fprintln(cmd.ErrOrStderr(), "iceserver: warning: this server has no pages until its configuration says web=on")
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), made)
			}
			return printLink(cmd.OutOrStdout(), made)
		},
	}
	s.define(cmd)
	f := cmd.Flags()
	f.StringVar(&o.Label, "label", "", "what the list shows it as")
	f.DurationVar(&o.Life, "ttl", 0, "how long the link is good, as 720h; 0: until it is revoked")
	f.DurationVar(&o.MaxTTL, "max-ttl", 0, "how long a credential made with it may be good; 0: 24h")
	f.IntVar(&o.Quota, "quota", 0, "how many allocations it may hold at a time; 0: as many as a user")
	return cmd
}

// printLink prints the addresses, or the key alone where there are none.
func printLink(w io.Writer, l server.Link) error {
	lines := l.URLs
	if len(lines) == 0 {
		lines = []string{l.Key}
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func linkListCommand() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use: "list", Short: "List the links, without their keys, which nobody knows", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := s.book(cmd)
			if err != nil {
				return err
			}
			defer b.Close()
			list, err := b.List(cmd.Context())
			if err != nil {
				return err
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), list)
			}
			return printLinks(cmd.OutOrStdout(), list, time.Now())
		},
	}
	s.define(cmd)
	return cmd
}

// printLinks writes a line for each.
func printLinks(out io.Writer, list []server.Link, now time.Time) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "There are no links: iceserver link add makes one.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSTATE\tCREATED\tEXPIRES\tLAST USED\tLABEL")
	for _, l := range list {
		state := "good"
		switch {
		case l.Revoked != nil:
			state = "revoked"
		case l.Expires != nil && now.After(*l.Expires):
			state = "expired"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, state, moment(&l.Created), moment(l.Expires), moment(l.Used), l.Label)
	}
	return w.Flush()
}

// moment writes a time, or a dash for never.
func moment(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}

func linkRevokeCommand() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "End a link and the credentials made with it", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := s.book(cmd)
			if err != nil {
				return err
			}
			defer b.Close()
			if err := b.Revoke(cmd.Context(), args[0]); err != nil {
				return err
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), struct {
					ID      string `json:"id"`
					Revoked bool   `json:"revoked"`
				}{args[0], true})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "revoked %s; a running server notices within seconds\n", args[0])
			return err
		},
	}
	s.define(cmd)
	return cmd
}
