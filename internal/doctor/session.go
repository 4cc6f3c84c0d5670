package doctor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"

	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// session is a client of one server over one connection: one 5-tuple, so one
// allocation at a time. It belongs to one goroutine.
type session struct {
	to          endpoint
	certificate *ShownCertificate // TLS and DTLS
	relayed     netip.AddrPort    // of the allocation; zero without one
	mapped      netip.AddrPort    // the own address as the server sees it, from the last answer that said so

	strange    int  // packets that were no answer to anything, before the first that was
	understood bool // there was one that was

	conn   net.Conn
	in     *bufio.Reader // of a stream
	client *turn.Client
	out    turn.ClientOutbox
	start  time.Time // when the dialling began; the client's clock counts from here
	packet []byte
}

// refusedError is an error response of the server.
type refusedError struct {
	turn.Result
	at     time.Time // when it came
	server endpoint
	peer   netip.Addr // whom the request was about, if about anybody
}

func (e *refusedError) Error() string {
	reason := printable(e.Reason)
	if reason == "" {
		reason = phrase(e.Code)
	}
	about := ""
	if e.peer.IsValid() {
		about = " for " + e.peer.String()
	}
	return fmt.Sprintf("%v%s was refused with %d %s", e.Method, about, e.Code, reason)
}

// protocolError says that what came back was not what a STUN server says.
type protocolError struct {
	to   endpoint
	what string
}

func (e *protocolError) Error() string { return fmt.Sprintf("%v: %s", e.to, e.what) }

// errQuiet says that nothing came until the time given.
var errQuiet = errors.New("nothing came in time")

// maxDatagram is the longest datagram there is, in bytes, and longer than a frame
// of a stream that makes sense.
const maxDatagram = 1 << 16

func newSession(conn net.Conn, to endpoint) *session {
	s := &session{to: to, conn: conn, start: time.Now()}
	if to.proto.Stream() {
		s.in = bufio.NewReaderSize(conn, maxDatagram)
	} else {
		s.packet = make([]byte, maxDatagram)
	}
	s.client = turn.NewClient(turn.ClientOptions{
		Username: to.username, Password: to.password, Proto: to.proto, NewID: newTransactionID,
	})
	return s
}

// local is the own address of the connection.
func (s *session) local() netip.AddrPort { return addrPortOf(s.conn.LocalAddr()) }

func addrPortOf(a net.Addr) netip.AddrPort {
	ap, _ := netip.ParseAddrPort(a.String())
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// binding asks for the own address as the server sees it. Its errors, as those of
// all requests, are refusedError, silenceError, protocolError, unreachableError,
// and the context's.
func (s *session) binding(ctx context.Context) (turn.Result, error) {
	return s.request(ctx, stun.MethodBinding, s.client.Binding)
}

// allocate asks for a relayed address; turn.NoFamily leaves the family to the
// server, as browsers do.
func (s *session) allocate(ctx context.Context, f turn.Family) (turn.Result, error) {
	res, err := s.request(ctx, stun.MethodAllocate, func(now turn.Now, out *turn.ClientOutbox) { s.client.Allocate(now, f, out) })
	if err == nil && !res.Relayed.IsValid() {
		err = &protocolError{s.to, "the answer to Allocate names no relayed address"}
	}
	if err == nil {
		s.relayed = res.Relayed
	}
	return res, err
}

// permit asks for a permission for a peer.
func (s *session) permit(ctx context.Context, peer netip.Addr) error {
	_, err := s.request(ctx, stun.MethodCreatePermission, func(now turn.Now, out *turn.ClientOutbox) { s.client.Permit(now, peer, out) })
	return about(err, peer)
}

// bind binds a channel number, from stun.MinChannel up, to a peer. From then on
// send uses it.
func (s *session) bind(ctx context.Context, number uint16, peer netip.AddrPort) error {
	_, err := s.request(ctx, stun.MethodChannelBind, func(now turn.Now, out *turn.ClientOutbox) { s.client.Bind(now, number, peer, out) })
	return about(err, peer.Addr())
}

// about notes in a refusal whom the request was about.
func about(err error, peer netip.Addr) error {
	var refused *refusedError
	if errors.As(err, &refused) {
		refused.peer = peer
	}
	return err
}

// refresh sets the lifetime of the allocation; 0 ends it.
func (s *session) refresh(ctx context.Context, lifetime time.Duration) error {
	_, err := s.request(ctx, stun.MethodRefresh, func(now turn.Now, out *turn.ClientOutbox) { s.client.Refresh(now, lifetime, out) })
	if err == nil && lifetime == 0 {
		s.relayed = netip.AddrPort{}
	}
	return err
}

// send sends data to a peer through the relay. Nothing says whether it arrived.
func (s *session) send(peer netip.AddrPort, data []byte) error {
	s.client.Send(peer, data, &s.out)
	return s.flush()
}

// receive waits until peers have sent something, at most until the time given:
// then the error is errQuiet. The data is valid until the next call of any method.
func (s *session) receive(ctx context.Context, until time.Time) ([]turn.PeerData, error) {
	defer s.interruptedBy(ctx)()
	for {
		if len(s.out.Data) > 0 {
			got := s.out.Data
			s.out.Data = nil
			return got, nil
		}
		if err := s.exchange(ctx, until); err != nil {
			return nil, err
		}
	}
}

// farewell bounds the last request, which nobody waits for.
const farewell = time.Second

// close gives the allocation back, even when ctx is over, and ends the connection.
func (s *session) close(ctx context.Context) {
	if s.relayed.IsValid() {
		s.to.patience = farewell
		_ = s.refresh(context.WithoutCancel(ctx), 0)
	}
	s.conn.Close()
}

// request sends one request and waits for its end.
func (s *session) request(ctx context.Context, method stun.Method, begin func(turn.Now, *turn.ClientOutbox)) (turn.Result, error) {
	defer s.interruptedBy(ctx)()
	began := time.Now()
	over := began.Add(s.to.patience)
	begin(time.Since(s.start), &s.out)
	for len(s.out.Results) == 0 {
		wait := s.start.Add(s.client.Deadline())
		if wait.After(over) {
			wait = over
		}
		// What peers send meanwhile would refer to a buffer that is used again.
		s.out.Data = nil
		err := s.exchange(ctx, wait)
		switch {
		case errors.Is(err, errQuiet) && !time.Now().Before(over):
			return turn.Result{}, s.unanswered(method, s.to.patience)
		case errors.Is(err, errQuiet):
			s.client.Expire(time.Since(s.start), &s.out)
		case err != nil:
			return turn.Result{}, err
		}
	}
	res := s.out.Results[0]
	s.out.Results = nil
	switch {
	case res.TimedOut:
		return res, s.unanswered(method, time.Since(began))
	case res.Code != 0:
		return res, &refusedError{Result: res, at: time.Now(), server: s.to}
	}
	if res.Mapped.IsValid() {
		s.mapped = res.Mapped
	}
	return res, nil
}

// interruptedBy lets the end of ctx end what reads. What it returns undoes that.
func (s *session) interruptedBy(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() { _ = s.conn.SetReadDeadline(time.Now()) })
}

// exchange sends what is due and takes one packet before the given time.
func (s *session) exchange(ctx context.Context, until time.Time) error {
	if err := s.conn.SetReadDeadline(until); err != nil {
		return s.lost(err)
	}
	// Looked at after the deadline was set, so that the one of interruptedBy comes
	// either before or is the one that holds.
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.flush(); err != nil {
		return err
	}
	packet, err := s.read()
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if timedOut(err) {
		return errQuiet
	}
	if err != nil {
		return err
	}
	s.client.Receive(time.Since(s.start), packet, &s.out)
	switch {
	case len(s.out.Data)+len(s.out.Results)+len(s.out.Sends) > 0:
		s.understood = true
	case !s.understood: // later on it may be an answer that comes twice
		s.strange++
	}
	return nil
}

// unanswered is the error for a request that nothing answered. Who was heard is not
// silent.
func (s *session) unanswered(method stun.Method, after time.Duration) error {
	if s.strange > 0 && !s.understood {
		return &protocolError{s.to, fmt.Sprintf("%s came in %v, and no answer to %v among them", times(s.strange, "packet"), after.Round(time.Second/10), method)}
	}
	return &silenceError{to: s.to, what: method.String(), after: after}
}

// flush sends what is due. A server that reads nothing cannot hold it up for ever.
func (s *session) flush() error {
	if len(s.out.Sends) == 0 {
		return nil
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.to.patience)); err != nil {
		return s.lost(err)
	}
	for _, b := range s.out.Sends {
		if _, err := s.conn.Write(b); err != nil {
			s.out.Sends = nil
			return s.lost(err)
		}
	}
	s.out.Sends = nil
	return nil
}

// read returns the next message, valid until the next call.
func (s *session) read() ([]byte, error) {
	if s.in == nil {
		n, err := s.conn.Read(s.packet)
		return s.packet[:n], s.lost(err)
	}
	// Peeked at, so that a message that came in part when time was over is still
	// there the next time. The one peeked at last is taken out now.
	if _, err := s.in.Discard(len(s.packet)); err != nil {
		return nil, s.lost(err)
	}
	s.packet = nil
	head, err := s.in.Peek(4)
	if err != nil {
		return nil, s.lost(err)
	}
	size, err := stun.FrameSize(head)
	// A web server's first word would pass for ChannelData.
	if err != nil || size > s.in.Size() || string(head) == "HTTP" {
		return nil, &protocolError{s.to, fmt.Sprintf("what answers is no STUN server: its first bytes are %q", head)}
	}
	packet, err := s.in.Peek(size)
	if err != nil {
		return nil, s.lost(err)
	}
	s.packet = packet
	return packet, nil
}

// lost names what happened to the connection.
func (s *session) lost(err error) error {
	switch {
	case err == nil, timedOut(err):
		return err
	case errors.Is(err, syscall.ECONNREFUSED):
		return &unreachableError{to: s.to, closed: true, err: err}
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrUnexpectedEOF):
		return &protocolError{s.to, "the server closed the connection"}
	}
	return &unreachableError{to: s.to, err: err}
}
