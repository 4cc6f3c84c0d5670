package load

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"
)

// Retransmission of requests: the first wait, doubled each time, and how often.
// They are those of RFC 8489, 6.2.1, cut short because nothing here is far away.
const (
	firstRetry = 500 * time.Millisecond
	maxTries   = 5
)

// errNoAnswer is the failure of a session whose server stays silent.
var errNoAnswer = errors.New("load: no answer from the server")

// An exchange carries the requests of all sessions, a window of them at a time.
type exchange struct {
	wire     wire
	clock    clock
	user     *identity
	peer     netip.AddrPort
	window   int
	stream   bool // the transport delivers by itself: nothing is sent twice
	sessions []session

	active  []int // sessions with a request on its way
	retries int   // transmissions beyond the first of each request
	buf     []byte
}

// run brings every session to the end of what it can reach from where it is: a
// new one to ready or gone, one that releases to gone. It returns early, with
// the context's error, when that ends.
func (e *exchange) run(ctx context.Context) error {
	next := 0
	for {
		for len(e.active) < e.window && next < len(e.sessions) {
			if !e.sessions[next].settled() {
				e.sessions[next].fresh()
				e.transmit(next)
				e.active = append(e.active, next)
			}
			next++
		}
		if len(e.active) == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.wire.receive(10*time.Millisecond, e.deliver); err != nil {
			return err
		}
		e.retransmit()
		e.active = slices.DeleteFunc(e.active, func(i int) bool { return e.sessions[i].settled() })
	}
}

// deliver gives a response to its session and sends what that asks next.
func (e *exchange) deliver(client int, msg []byte, _ time.Duration) {
	s := &e.sessions[client]
	if s.handle(msg, e.user) && !s.settled() {
		e.transmit(client)
	}
}

// transmit sends the session's request, for the first time or again.
func (e *exchange) transmit(i int) {
	s := &e.sessions[i]
	e.buf = s.request(e.buf, e.user, e.peer)
	e.wire.send(i, [][]byte{e.buf})
	if e.stream {
		s.tries = maxTries - 1
	}
	s.deadline = e.clock.now() + firstRetry<<s.tries
	s.tries++
}

// retransmit sends again what was not answered in time, and gives up on what
// never is.
func (e *exchange) retransmit() {
	now := e.clock.now()
	for _, i := range e.active {
		s := &e.sessions[i]
		if s.settled() || s.deadline > now {
			continue
		}
		if s.tries == maxTries {
			s.fail(errNoAnswer)
			continue
		}
		e.retries++
		e.transmit(i)
	}
}

// settled reports whether the session has nothing to ask for.
func (s *session) settled() bool { return s.step == ready || s.step == gone }

// release asks the server to end every allocation that is ready.
func (e *exchange) release(ctx context.Context) error {
	for i := range e.sessions {
		if e.sessions[i].step == ready {
			e.sessions[i].step = release
		}
	}
	return e.run(ctx)
}

// readySessions returns the indexes of the sessions that relay, and the first
// failure among the others.
func (e *exchange) readySessions() (indexes []int, failure error) {
	for i := range e.sessions {
		s := &e.sessions[i]
		switch {
		case s.step == ready:
			indexes = append(indexes, i)
		case failure == nil:
			failure = s.failed
		}
	}
	return indexes, failure
}
