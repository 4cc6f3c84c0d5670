package engineio

import "time"

// In version 4 the server sends a ping and the client answers; in version 3 the
// client sends it and the server only waits, for the interval and the timeout
// together.

// sweep sends the heartbeats that are due and ends sessions that are silent.
//
// W-S10: a dead peer is noticed within interval and timeout.
func (e *Server) sweep(now time.Time) {
	for _, s := range e.all() {
		s.check(now)
	}
	e.mu.Lock()
	e.addresses.forget(now)
	e.mu.Unlock()
}

func (s *Session) check(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended || s.deadline.IsZero() || now.Before(s.deadline): // zero: about to open
	case s.waiting && s.closing:
		s.endLocked(Closed)
	case s.waiting:
		s.endLocked(Silent)
	default:
		s.deadline, s.waiting = now.Add(s.o.PingTimeout), true
		s.push(packet{kind: packetPing})
	}
}

// expect sets the first deadline of a session. s.mu is held or not yet needed.
func (s *Session) expect(now time.Time) {
	s.deadline = now.Add(s.o.PingInterval)
	if s.revision == Revision3 {
		s.deadline, s.waiting = s.deadline.Add(s.o.PingTimeout), true
	}
}

// heard notes a sign of life of a version 3 client, where any packet is one.
func (s *Session) heard() {
	if s.revision != Revision3 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		s.expect(time.Now())
	}
}

// heartbeat takes a ping or a pong; which of them a client may send depends on
// its version. false: the session is over.
func (s *Session) heartbeat(p packet) bool {
	if p.kind == packetPing {
		if s.revision != Revision3 {
			s.end(Violation)
			return false
		}
		s.heard()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.push(packet{kind: packetPong, data: p.data})
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revision == Revision4 && s.waiting && !s.closing {
		s.waiting = false
		s.expect(time.Now())
	}
	return true
}
