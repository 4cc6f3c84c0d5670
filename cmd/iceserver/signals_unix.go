//go:build unix

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"iceserver/internal/server"
)

// signals are those that ask a server for something, one place for each: what
// finds no place is lost, and a drain that was asked for during a reload must not be.
type signals struct{ reload, drain, certificates chan os.Signal }

// takeSignals collects them from now on. They end no process any more: one that
// comes while the server is opened waits until there is one.
func takeSignals() *signals {
	in := &signals{make(chan os.Signal, 1), make(chan os.Signal, 1), make(chan os.Signal, 1)}
	signal.Notify(in.reload, syscall.SIGHUP)
	signal.Notify(in.drain, syscall.SIGUSR1)
	signal.Notify(in.certificates, syscall.SIGUSR2)
	return in
}

// handle does what signals ask for until ctx ends. They mean what they mean to
// coturn, and SIGHUP reads the configuration anew besides: log rotation sends it
// every day, so an error is logged and changes nothing.
func (in *signals) handle(ctx context.Context, s *server.Server) {
	go func() {
		defer in.stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-in.reload:
				_, _ = s.Reload() // which is in the log
			case <-in.drain:
				s.LogDrain()
			case <-in.certificates:
				s.LogCertificates()
			}
		}
	}()
}

// stop gives the signals back to the system.
func (in *signals) stop() {
	for _, c := range []chan os.Signal{in.reload, in.drain, in.certificates} {
		signal.Stop(c)
	}
}
