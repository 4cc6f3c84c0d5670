package server

import (
	"context"
	"fmt"
	"sync"

	"iceserver/internal/store"
	"iceserver/internal/turn"
)

// openStats opens the database that sessions are reported to, if there is one.
func (s *Server) openStats() error {
	where := s.cfg().StatsRedis.Reveal()
	if where == "" {
		return nil
	}
	var err error
	s.stats, err = store.OpenStats(where, s.log)
	if err != nil {
		return fmt.Errorf("redis-statsdb: %w", err)
	}
	s.defers(func() {
		if !s.running {
			// One that never ran is closed by a run that ends at once.
			over, cancel := context.WithCancel(context.Background())
			cancel()
			s.stats.Run(over)
		}
	})
	return nil
}

// runStats reports until the returned function is called, which waits for the last
// report.
func (s *Server) runStats(ctx context.Context) (end func()) {
	if s.stats == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { s.stats.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// observe tells what happens to those who want to know it now.
func (s *Server) observe(e turn.Event) {
	if w := s.served(); w.on() {
		w.holders.observe(e)
	}
	if s.stats != nil {
		s.reportStats(e)
	}
}

// reportStats reports an event about an allocation. That of the self test is no
// client's.
func (s *Server) reportStats(e turn.Event) {
	if e.Session == 0 || e.Username == s.keys.name {
		return
	}
	r := store.Stat{
		Realm: e.Realm, User: e.Username, Session: fmt.Sprintf("%018d", e.Session),
		Usage: store.Usage{
			SentPackets: e.Usage.ClientPackets, SentBytes: e.Usage.ClientBytes,
			RecvPackets: e.Usage.PeerPackets, RecvBytes: e.Usage.PeerBytes,
		},
	}
	switch e.Kind {
	case turn.Allocated:
		r.Status = s.sessionStatus("new", e)
	case turn.Refreshed:
		r.Status = s.sessionStatus("refreshed", e)
	case turn.Deleted:
		r.Ended = true
	case turn.Moved:
	default:
		return
	}
	r.Lifetime = e.Lifetime
	s.stats.Tell(r)
}

// sessionStatus is the text of coturn's status, with its words for transports and
// for what has no TLS.
func (s *Server) sessionStatus(word string, e turn.Event) string {
	kind, version, cipher := e.From.Proto.String(), "NONE", "NONE"
	switch e.From.Proto {
	case turn.TLS:
		kind = "TLS/TCP"
	case turn.DTLS:
		kind = "DTLS/UDP"
	}
	if v, c := s.listener.Secured(e.From.Client, e.From.Server); v != "" {
		version, cipher = v, c
	}
	return fmt.Sprintf("%s lifetime=%d, type=%s, local=%v, remote=%v, ssl=%s, cipher=%s",
		word, int(e.Lifetime.Seconds()), kind, e.From.Server, e.From.Client, version, cipher)
}
