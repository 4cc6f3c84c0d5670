package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"iceserver/internal/config"
)

// DrainRunning makes the running server of a configuration refuse new
// allocations, and end with the last ones. With a wait it returns when the server
// has ended, or with an error after that time.
func DrainRunning(ctx context.Context, cfg *config.Config, wait time.Duration) error {
	var nothing struct{}
	if err := command(ctx, cfg, "/drain", struct{}{}, &nothing); err != nil || wait <= 0 {
		return err
	}
	a, err := openAccess(cfg, quiet())
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if awaitEnd(limited, a.kept.dir); limited.Err() != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("calls go on after %v: the server ends with the last one", wait))
	}
	return nil
}

// awaitEnd returns when nobody listens at the control socket any more. The server
// hangs up on who asks for nothing, so that it is asked again every few seconds.
func awaitEnd(ctx context.Context, dir string) {
	for ctx.Err() == nil {
		err := atControl(dir, func(path string) error {
			conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
			if err != nil {
				return err
			}
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			_, _ = conn.Read(make([]byte, 1))
			return nil
		})
		if err != nil {
			return
		}
	}
}
