//go:build unix

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"iceserver/internal/server"
)

// handleSignals does what signals ask for until ctx ends. They mean what they
// mean to coturn, and SIGHUP reads the configuration anew besides: log rotation
// sends it every day, so an error is logged and changes nothing.
func handleSignals(ctx context.Context, s *server.Server) {
	in := make(chan os.Signal, 1)
	signal.Notify(in, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		defer signal.Stop(in)
		for {
			select {
			case <-ctx.Done():
				return
			case sig := <-in:
				switch sig {
				case syscall.SIGHUP:
					_, _ = s.Reload() // which is in the log
				case syscall.SIGUSR1:
					s.LogDrain()
				case syscall.SIGUSR2:
					s.LogCertificates()
				}
			}
		}
	}()
}
