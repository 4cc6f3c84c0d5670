package main

import (
	"context"
	"fmt"
	"strings"
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
			return with(cmd, &s, s.book, func(ctx context.Context, b *server.Links) (any, string, error) {
				made, err := b.Add(ctx, o)
				if err == nil && !b.Served() {
					fmt.Fprintln(cmd.ErrOrStderr(), "iceserver: warning: this server has no pages until its configuration says web=on")
				}
				return made, linkLines(made), err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Label, "label", "", "what the list shows it as")
	f.DurationVar(&o.Life, "ttl", 0, "how long the link is good, as 720h; 0: until it is revoked")
	f.DurationVar(&o.MaxTTL, "max-ttl", 0, "how long a credential made with it may be good; 0: 24h")
	f.IntVar(&o.Quota, "quota", 0, "how many allocations it may hold at a time; 0: as many as a user")
	return s.define(cmd)
}

// linkLines are the addresses, or the key alone where there are none.
func linkLines(l server.Link) string {
	if len(l.URLs) == 0 {
		return l.Key + "\n"
	}
	return strings.Join(l.URLs, "\n") + "\n"
}

func linkListCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "list", Short: "List the links, without their keys, which nobody knows", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd, &s, s.book, func(ctx context.Context, b *server.Links) (any, string, error) {
				list, err := b.List(ctx)
				return list, linkTable(list, time.Now()), err
			})
		},
	})
}

// linkTable has a line for each.
func linkTable(list []server.Link, now time.Time) string {
	if len(list) == 0 {
		return "There are no links: iceserver link add makes one.\n"
	}
	lines := []string{"ID\tSTATE\tCREATED\tEXPIRES\tLAST USED\tLABEL"}
	for _, l := range list {
		state := "good"
		switch {
		case l.Revoked != nil:
			state = "revoked"
		case l.Expires != nil && now.After(*l.Expires):
			state = "expired"
		}
		lines = append(lines, strings.Join([]string{l.ID, state, moment(&l.Created), moment(l.Expires), moment(l.Used), l.Label}, "\t"))
	}
	return table(lines)
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
	return s.define(&cobra.Command{
		Use: "revoke ID", Short: "End a link and the credentials made with it", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd, &s, s.book, func(ctx context.Context, b *server.Links) (any, string, error) {
				r := struct {
					ID      string `json:"id"`
					Revoked bool   `json:"revoked"`
				}{args[0], true}
				return r, fmt.Sprintf("revoked %s; a running server notices within seconds\n", args[0]), b.Revoke(ctx, args[0])
			})
		},
	})
}
