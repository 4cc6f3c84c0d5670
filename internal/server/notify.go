package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// statusEvery is how often the workers are asked whether they go on, and the service
// manager is told what the server does, at least.
const statusEvery = 10 * time.Second

// hungText is what the ports that tell how the server is say of a worker that hangs.
const hungText = "a worker does not answer"

// notify tells the service manager something, one assignment an argument. Where
// there is none (NOTIFY_SOCKET is not set) it does nothing.
func (s *Server) notify(assignments ...string) {
	if _, err := daemon.SdNotify(false, strings.Join(assignments, "\n")); err != nil {
		s.log.Warn("the service manager cannot be told how this server is", "error", err)
	}
}

// statusLine is what systemctl status shows.
func (s *Server) statusLine() string {
	what := "Serving"
	if s.draining.Load() {
		what = "Draining"
	}
	now := s.relay.Stats()
	return fmt.Sprintf("STATUS=%s: allocations %d, clients over TCP, TLS and DTLS %d", what, now.Allocations, now.Links)
}

// notifyReload tells the service manager that the configuration is read anew, and
// by what it returns that this is over.
func (s *Server) notifyReload() (over func()) {
	s.notify(daemon.SdNotifyReloading, strings.TrimSpace(daemon.SdNotifyMonotonicUsec()))
	return func() { s.notify(daemon.SdNotifyReady, s.statusLine()) }
}

// runNotify asks the workers every now and then whether they go on, and tells the
// service manager, if there is one, and its watchdog, until ctx ends. In a container
// there is none: /healthz tells what was found.
func (s *Server) runNotify(ctx context.Context) {
	patience, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		s.log.Warn("the watchdog of the service manager cannot be served", "error", err)
	}
	every := statusEvery
	if patience > 0 {
		every = min(every, patience/2)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch {
		case !s.responsive(ctx, every):
		case patience == 0:
			s.notify(s.statusLine())
		default:
			s.notify(daemon.SdNotifyWatchdog, s.statusLine())
		}
	}
}

// responsive waits until all workers have answered, for as long as it takes: a
// ticker that goes on while a worker hangs would keep a server alive that relays
// nothing. It is false when ctx has ended first.
func (s *Server) responsive(ctx context.Context, patience time.Duration) bool {
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if s.relay.Alive(soon) == nil {
		return true
	}
	if ctx.Err() == nil {
		s.hung.Store(true)
		defer s.hung.Store(false)
		s.log.Error("a worker does not answer; unless it does so soon a watchdog, or who asks /healthz, ends this process", "waited", patience)
	}
	return s.relay.Alive(ctx) == nil
}

// unhealthy says why this process had better be started anew, or nothing.
func (s *Server) unhealthy() string {
	if s.hung.Load() {
		return hungText
	}
	return ""
}
