package engineio

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// Reason says why a session ended.
type Reason int

// The reasons. Only after Lost, Silent and Shutdown may the client have wanted
// to stay.
const (
	Left      Reason = iota // the page went away, and said so
	Lost                    // the connection broke
	Silent                  // no answer to the heartbeat
	Violation               // the client broke the protocol or a limit
	Slow                    // more is waiting than the client takes
	Closed                  // by the layer above
	Shutdown                // Run ended
)

// Session is one client, whatever transport it uses at the moment. Its methods
// may be called from any goroutine.
type Session struct {
	server   *Server
	o        *Options // of when it began: the client was told some of them
	id       string
	revision Revision
	address  netip.Addr
	receiver Receiver

	// receiving is held while a message is handed to the receiver, so that a
	// POST and a WebSocket never deliver at the same time.
	receiving sync.Mutex
	done      chan struct{} // closed when the session ends

	mu       sync.Mutex // guards the following
	reason   Reason
	ended    bool
	closing  bool // the layer above closed; what is queued still goes out
	conn     *socket
	knock    context.CancelFunc // ends the WebSocket that knocks, nil if none does
	probing  bool               // it has shown that it works: polls are answered at once
	flushing bool               // a goroutine writes to conn
	queue    []packet
	queued   int           // bytes in queue and being written
	poll     chan struct{} // the poll that waits, nil if none does; closed to wake it
	posting  bool
	waiting  bool      // a heartbeat is unanswered
	deadline time.Time // of the next heartbeat, or of its answer
}

// perPacket is added to the size of each packet that waits, so that many empty
// ones count too.
const perPacket = 64

// share is what may wait for a session even when too much waits for all of them
// together, in bytes: who reads is never put out for those who do not.
const share = 64 << 10

// Revision is the protocol version that the client speaks.
func (s *Session) Revision() Revision { return s.revision }

// Address is where the client opened the session from.
func (s *Session) Address() netip.Addr { return s.address }

// Done is closed when the session ends.
func (s *Session) Done() <-chan struct{} { return s.done }

// Send queues messages, all or none and with nothing between them. It never
// blocks: a session that does not take what it is sent is closed as Slow.
func (s *Session) Send(all ...Message) {
	packets := make([]packet, len(all))
	for i, m := range all {
		packets[i] = packet{kind: packetMessage, data: m.Data, binary: m.Binary}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		s.push(packets...)
	}
}

// Close ends the session once what is queued has gone out.
func (s *Session) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.closing {
		return
	}
	s.closing = true
	// A client that takes nothing must not keep a closed session alive.
	s.deadline, s.waiting = time.Now().Add(s.o.PingTimeout), true
	if s.conn == nil {
		s.push(packet{kind: packetClose})
		return
	}
	s.push()
}

// push queues packets and wakes whoever sends them. s.mu is held.
func (s *Session) push(all ...packet) {
	if s.ended {
		return
	}
	n := size(all)
	s.queued += n
	total := s.server.waiting.Add(int64(n))
	s.queue = append(s.queue, all...)
	switch {
	case s.queued > s.o.Buffer || s.queued > share && total > int64(s.o.Waiting):
		s.endLocked(Slow)
	case s.conn == nil:
		s.wake()
	case !s.flushing:
		s.flushing = s.server.start(s.flush)
	}
}

// wake lets a poll that waits answer. s.mu is held.
func (s *Session) wake() {
	if s.poll != nil {
		close(s.poll)
		s.poll = nil
	}
}

// drain takes what is queued. s.mu is held.
func (s *Session) drain() []packet {
	all := s.queue
	s.queue = nil
	return all
}

// sent forgets packets that have been written. s.mu is held.
func (s *Session) sent(all []packet) {
	if s.ended {
		return // all is forgotten
	}
	n := size(all)
	s.queued -= n
	s.server.waiting.Add(int64(-n))
}

func size(all []packet) int {
	n := 0
	for _, p := range all {
		n += len(p.data) + perPacket
	}
	return n
}

// end ends the session now; what is queued is lost.
func (s *Session) end(r Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(r)
}

// endLocked ends the session. The rest, which may take time or call the layer
// above, is done by another goroutine: the caller may hold locks. s.mu is held.
func (s *Session) endLocked(r Reason) {
	if s.ended {
		return
	}
	s.ended, s.reason = true, r
	s.queue = nil
	s.server.waiting.Add(int64(-s.queued))
	s.queued = 0
	s.wake()
	close(s.done)
	if s.knock != nil {
		s.knock()
	}
	conn := s.conn
	s.server.start(func() {
		s.server.remove(s)
		s.receiving.Lock()
		if s.receiver != nil {
			s.receiver.Closed(r)
		}
		s.receiving.Unlock()
		if conn != nil {
			hangUp(conn, r) // last, since it waits for the client
		}
	})
}

// receive handles one packet of the client. false: the session is over.
func (s *Session) receive(p packet) bool {
	s.receiving.Lock()
	defer s.receiving.Unlock()
	select {
	case <-s.done:
		return false
	default:
	}
	switch p.kind {
	case packetMessage:
		s.heard()
		if err := s.receiver.Receive(Message{Data: p.data, Binary: p.binary}); err != nil {
			s.end(Violation)
			return false
		}
	case packetPing, packetPong:
		return s.heartbeat(p)
	case packetClose:
		s.end(Lost) // the page is still there: it may come back
		return false
	case packetNoop:
	default:
		s.end(Violation)
		return false
	}
	return true
}

// onWebSocket says whether the session has left polling behind.
func (s *Session) onWebSocket() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn != nil
}
