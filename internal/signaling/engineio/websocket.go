package engineio

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// upgradeTime is how long a WebSocket may take to replace polling.
const upgradeTime = 10 * time.Second

// Sizes of the buffers of a WebSocket. Those of net/http would be most of the
// memory of an idle client; longer messages go around them.
const (
	readBuffer  = 512
	writeBuffer = 1024
)

// slack is what a message of version 3 may be longer than its data.
const slack = 1

// socket is a WebSocket with the connection below it.
type socket struct {
	*websocket.Conn
	raw net.Conn
}

// lean hands a connection over with small buffers, and keeps it.
type lean struct {
	http.ResponseWriter
	raw net.Conn
}

// Hijack is called by websocket.Accept.
func (l *lean) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(l.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early := rw.Reader.Buffered()
	// A bare bufio.Reader would be taken as it is, with its size.
	reader := bufio.NewReaderSize(struct{ io.Reader }{rw.Reader}, max(readBuffer, early))
	if _, err := reader.Peek(early); err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	l.raw = conn
	return conn, bufio.NewReadWriter(reader, bufio.NewWriterSize(conn, writeBuffer)), nil
}

// acceptWebSocket answers a request for a WebSocket. After an error the request
// has been answered.
//
// W-S8: no compression, and a message has a longest length however many frames
// it comes in; the library refuses frames that are not masked.
func acceptWebSocket(w http.ResponseWriter, r *http.Request, limit int) (*socket, error) {
	l := &lean{ResponseWriter: w}
	conn, err := websocket.Accept(l, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // ServeHTTP has looked at the origin
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(int64(limit) + slack)
	return &socket{conn, l.raw}, nil
}

// handshakeWebSocket opens a session that starts on a WebSocket. The goroutine
// of the request ends, and with it all that net/http keeps for a request.
func (s *Session) handshakeWebSocket(w http.ResponseWriter, r *http.Request) *fault {
	conn, err := acceptWebSocket(w, r, s.o.MaxPayload)
	if err != nil {
		s.server.remove(s)
		return nil // it has been answered
	}
	s.open(r, conn)
	if !s.server.start(func() { s.read(conn) }) {
		_ = conn.CloseNow()
	}
	return nil
}

// read takes messages until the WebSocket or the session ends.
func (s *Session) read(conn *socket) {
	for {
		p, err := s.next(context.Background(), conn)
		if err != nil {
			s.end(why(err))
			return
		}
		// The layers above need a deep stack for a moment. Here it would stay,
		// and be a fifth of what an idle client costs.
		more := make(chan bool, 1)
		go func() { more <- s.receive(p) }()
		if !<-more {
			return
		}
	}
}

func (s *Session) next(ctx context.Context, conn *socket) (packet, error) {
	kind, data, err := conn.Read(ctx)
	switch {
	case err != nil:
		return packet{}, err
	case kind == websocket.MessageBinary:
		return decodeBinary(data, s.revision)
	}
	return decodeText(data, s.revision)
}

// why tells a page that was left from a connection that broke. A browser closes
// with "going away" when the page goes; every other close comes from a page that
// may try again.
func why(err error) Reason {
	switch {
	case errors.Is(err, errPacket), errors.Is(err, websocket.ErrMessageTooBig):
		return Violation
	case websocket.CloseStatus(err) == websocket.StatusGoingAway:
		return Left
	}
	return Lost
}

// upgrade lets a WebSocket replace polling.
func (s *Session) upgrade(w http.ResponseWriter, r *http.Request) *fault {
	ctx, cancel := context.WithTimeout(context.Background(), upgradeTime)
	s.mu.Lock()
	if s.ended || s.closing || s.conn != nil || s.knock != nil {
		s.mu.Unlock()
		cancel()
		return badRequest()
	}
	s.knock = cancel
	s.mu.Unlock()
	conn, err := acceptWebSocket(w, r, s.o.MaxPayload)
	if err == nil && s.server.start(func() { s.probe(ctx, conn) }) {
		return nil
	}
	if err == nil {
		_ = conn.CloseNow()
	}
	s.stopKnocking()
	return nil
}

func (s *Session) stopKnocking() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.probing = false
	if s.knock != nil {
		s.knock()
		s.knock = nil
	}
}

// probe is the dance of an upgrade: the client asks whether the WebSocket works,
// stops polling, and says so. Until then everything goes out by polling.
func (s *Session) probe(ctx context.Context, conn *socket) {
	if !s.dance(ctx, conn) {
		_ = conn.CloseNow()
		s.stopKnocking()
		return
	}
	s.mu.Lock()
	s.probing = false
	s.knock() // its deadline was for the dance alone
	s.knock = nil
	if s.ended {
		s.mu.Unlock()
		_ = conn.CloseNow()
		return
	}
	s.conn = conn
	s.wake()
	s.push()
	s.mu.Unlock()
	s.read(conn)
}

func (s *Session) dance(ctx context.Context, conn *socket) bool {
	p, err := s.next(ctx, conn)
	if err != nil || p.kind != packetPing || string(p.data) != "probe" {
		return false
	}
	if conn.Write(ctx, websocket.MessageText, []byte("3probe")) != nil {
		return false
	}
	s.mu.Lock()
	s.probing = true
	s.wake() // the client waits for its poll before it goes on
	s.mu.Unlock()
	p, err = s.next(ctx, conn)
	return err == nil && p.kind == packetUpgrade
}

// flush writes what is queued to the WebSocket and ends; an idle session has no
// goroutine for writing.
func (s *Session) flush() {
	for {
		s.mu.Lock()
		all, conn := s.drain(), s.conn
		if len(all) == 0 || s.ended {
			s.flushing = false
			if s.closing {
				s.endLocked(Closed)
			}
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		for _, p := range all {
			if r, err := s.write(conn, p); err != nil {
				s.end(r)
				return
			}
		}
		s.mu.Lock()
		s.sent(all)
		s.mu.Unlock()
	}
}

func (s *Session) write(conn *socket, p packet) (Reason, error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.o.PingTimeout)
	defer cancel()
	data, binary := frame(p, s.revision)
	kind := websocket.MessageText
	if binary {
		kind = websocket.MessageBinary
	}
	err := conn.Write(ctx, kind, data)
	if ctx.Err() != nil {
		return Slow, err
	}
	return Lost, err
}

// closeTime is how long a client has to answer a close.
const closeTime = 2 * time.Second

// hangUp closes the WebSocket of a session that ended, politely if the client is
// likely to listen.
func hangUp(conn *socket, r Reason) {
	var code websocket.StatusCode
	switch r {
	case Closed:
		code = websocket.StatusNormalClosure
	case Shutdown:
		code = websocket.StatusGoingAway
	case Violation:
		code = websocket.StatusPolicyViolation
	default:
		_ = conn.CloseNow()
		return
	}
	// The library would wait without end for the rest of a frame.
	_ = conn.raw.SetDeadline(time.Now().Add(closeTime))
	_ = conn.Close(code, "")
}
