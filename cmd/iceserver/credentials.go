package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"iceserver/internal/server"
)

// credentials are a ready iceServers array and when it runs out.
type credentials struct {
	ICEServers []server.ICEServer `json:"iceServers"`
	Expires    time.Time          `json:"expires"`
}

// credentialsCommand mints what a web application would: it needs no running
// server, only its configuration and data directory.
// A-O11: nobody has to put a lasting password into a page; one that ends by
// itself is a command away.
func credentialsCommand() *cobra.Command {
	var s selection
	var user string
	var ttl time.Duration
	cmd := &cobra.Command{
		Use: "credentials", Short: "Print an iceServers array with time-limited credentials", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd, &s, s.accounts, func(ctx context.Context, a *server.Accounts) (any, string, error) {
				list, expires, err := a.Credentials(ctx, user, ttl, time.Now())
				if err != nil {
					return nil, "", err
				}
				// The array alone, so that it can be piped into whatever wants it.
				var array strings.Builder
				err = printJSON(&array, list)
				return credentials{list, expires}, array.String(), err
			})
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "whom the credentials are for: quotas count by this name")
	cmd.Flags().DurationVar(&ttl, "ttl", time.Hour, "how long they are good for")
	return s.define(cmd)
}
