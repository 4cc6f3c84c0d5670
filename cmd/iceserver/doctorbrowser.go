package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"iceserver/internal/config"
	"iceserver/internal/doctor"
	"iceserver/internal/server"
)

// browser makes a link that ends soon, asks for somebody to open it elsewhere, and
// adds to the report what the server saw of that. The link ends with it, also
// when the user ends it.
func (f *doctorFlags) browser(ctx context.Context, w io.Writer, cfg *config.Config, t *doctor.Target, r *doctor.Report) error {
	if !t.Running {
		return nil // the report says so, and what to do
	}
	links, err := server.OpenLinks(cfg, f.file)
	if err != nil {
		return err
	}
	defer links.Close()
	made, err := links.Add(ctx, server.LinkOptions{Label: "doctor", Life: doctor.BrowserTime, MaxTTL: doctor.BrowserTime})
	if err != nil {
		return err
	}
	// Whatever has ended ctx, the link is not to outlive this.
	defer func() { _ = links.Revoke(context.WithoutCancel(ctx), made.ID) }()
	if !links.Served() || len(made.URLs) == 0 {
		return errors.New("doctor: --browser needs the pages of the server: write web=on and start it again")
	}
	fmt.Fprintf(w, "Open this in a browser elsewhere, as on a phone without Wi-Fi, and press \"Run the test\":\n\n  %s\n\nWaiting up to %v; Ctrl-C ends it.\n\n",
		made.URLs[0], doctor.BrowserTime)
	ctx, cancel := context.WithTimeout(ctx, doctor.BrowserTime)
	defer cancel()
	r.Checks = append(r.Checks, t.FollowBrowser(ctx, made.URLs[0])...)
	return nil
}
