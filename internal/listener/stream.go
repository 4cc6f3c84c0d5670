package listener

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"iceserver/internal/stun"
)

const (
	// smallBuffer is what a new connection reads into, in bytes.
	smallBuffer = 2 << 10
	// strangerBuffer is what a client may fill before it has authenticated
	// (A-X09); its messages may not be longer.
	strangerBuffer = 16 << 10
	// largestBuffer holds the longest message that there is, a STUN message: its
	// length field counts what follows the header, in multiples of four.
	largestBuffer = stun.HeaderSize + 65532
)

// What ends a stream, besides the client itself.
var (
	errLate  = errors.New("listener: deadline passed")
	errFrame = errors.New("listener: stream out of step")
)

// stream is a client that sends messages over TCP or TLS. Its fields belong to
// the goroutine that reads.
type stream struct {
	conn   net.Conn
	link   link
	limits *Limits
	counts *counters

	since   time.Time // when it was accepted
	begun   time.Time // when the message at the start of buf began; zero: none has
	first   bool      // a whole message has come
	trusted bool      // it has authenticated
	armed   time.Time // the read deadline that is set
	buf     []byte    // buf[:n] has been read and not delivered
	n       int
}

// serveStream carries messages between c and the relay until one of them ends.
// raw is the TCP connection below c, and head what has been read already.
func (l *Listener) serveStream(ctx context.Context, raw *conn, c net.Conn, head []byte, t transport) {
	defer raw.Close()
	k, err := l.open(t, raw.client, raw.server)
	if err != nil {
		l.counts.add(relayBusy)
		return
	}
	defer k.Close()
	raw.trickle(l.limits.Write)
	stop := context.AfterFunc(ctx, k.Close)
	defer stop()
	written := make(chan struct{})
	l.tasks.Go(func() {
		defer close(written)
		defer c.Close()
		l.write(raw, c, k)
	})
	s := stream{conn: c, link: k, limits: &l.limits, counts: &l.counts, since: raw.since}
	s.buf = make([]byte, smallBuffer)
	s.n = copy(s.buf, head)
	if err := s.read(); errors.Is(err, io.EOF) {
		// R-8489-6.2.2-b (RFC 8489, 6.2.2): a client that has said all it
		// has to say still gets the answers to it.
		select {
		case <-written:
		case <-time.After(l.limits.Linger):
		}
	}
	// A writer that waits for the relay is woken by the one, a writer that
	// waits for the client by the other.
	k.Close()
	c.Close()
	<-written
}

// read delivers messages until the stream ends.
func (s *stream) read() error {
	s.arm()
	for {
		full := s.n == len(s.buf)
		if err := s.deliver(); err != nil {
			return err
		}
		if full {
			s.grow()
		}
		n, err := s.conn.Read(s.buf[s.n:])
		s.n += n
		if err != nil && n == 0 {
			if err = s.late(err); err != nil {
				return err
			}
		}
	}
}

// deliver hands over the whole messages in the buffer and moves the rest to its
// start.
//
// R-8489-6.2.2-f, R-8489-5-g (RFC 8489, 6.2.2 and 5), A-C20: the length fields
// alone say where a message ends, however the bytes arrive.
func (s *stream) deliver() error {
	at := 0
	for {
		size, err := stun.FrameSize(s.buf[at:s.n])
		if errors.Is(err, stun.ErrShort) {
			break
		}
		if err != nil {
			s.counts.add(frameBroken)
			return errFrame
		}
		if size > strangerBuffer && !s.authenticated() {
			s.counts.add(frameTooLong)
			return errFrame
		}
		if size > s.n-at {
			break
		}
		if err := s.link.Deliver(s.buf[at : at+size]); err != nil {
			return err
		}
		at += size
		s.first = true
	}
	if at > 0 || s.begun.IsZero() {
		s.begin(at < s.n)
	}
	s.n = copy(s.buf, s.buf[at:s.n])
	return nil
}

// begin notes when the message that is now at the start of the buffer began.
func (s *stream) begin(partial bool) {
	s.begun = time.Time{}
	if partial {
		s.begun = time.Now()
		if s.armed.IsZero() {
			s.arm()
		}
	}
}

// grow doubles a buffer that has been full, up to what the client is entitled to.
func (s *stream) grow() {
	most := strangerBuffer
	if s.authenticated() {
		most = largestBuffer
	}
	if size := min(2*len(s.buf), most); size > len(s.buf) {
		s.buf = append(make([]byte, 0, size), s.buf[:s.n]...)[:size]
	}
}

// authenticated asks the relay until it says yes.
func (s *stream) authenticated() bool {
	s.trusted = s.trusted || s.link.Authenticated()
	return s.trusted
}

// arm sets the read deadline to the earliest limit that holds now.
//
// R-8489-6.2.2-a (RFC 8489, 6.2.2; X11): a client that has authenticated may be
// silent for as long as it likes; it is the client who closes.
func (s *stream) arm() {
	var at time.Time
	earliest := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if !s.first {
		earliest(s.since.Add(s.limits.Message))
	}
	if !s.authenticated() {
		earliest(s.since.Add(s.limits.Authenticate))
	}
	if !s.begun.IsZero() {
		earliest(s.begun.Add(s.limits.Message))
	}
	s.armed = at
	_ = s.conn.SetReadDeadline(at)
}

// late judges a read that failed. A deadline is often one that no longer holds,
// since moving it with every message would cost more than being woken once.
func (s *stream) late(err error) error {
	if !timedOut(err) {
		return err
	}
	now := time.Now()
	switch {
	case !s.first && !now.Before(s.since.Add(s.limits.Message)):
		s.counts.add(firstLate)
	case !s.authenticated() && !now.Before(s.since.Add(s.limits.Authenticate)):
		s.counts.add(authenticateLate)
	case !s.begun.IsZero() && !now.Before(s.begun.Add(s.limits.Message)):
		s.counts.add(messageLate)
	default:
		s.arm()
		return nil
	}
	return errLate
}
