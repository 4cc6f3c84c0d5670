package listener

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// firstPause and longestPause bound how long Accept rests after a failure.
	firstPause   = 5 * time.Millisecond
	longestPause = time.Second
	// sendBuffer of a connection's socket, in bytes: two seconds of a megabit
	// a second. What a client has not taken by then is stale, and the memory
	// is the kernel's.
	sendBuffer = 256 << 10
)

// acceptor is what accept needs of a *net.TCPListener.
type acceptor interface {
	AcceptTCP() (*net.TCPConn, error)
}

// accept takes connections until the listener is closed, and hands them to admit.
//
// A-X08: without descriptors Accept fails at once and for long; the loop rests
// longer each time instead of spinning, and says so once.
func (l *Listener) accept(ctx context.Context, from acceptor, admit func(context.Context, *net.TCPConn)) {
	var pause time.Duration
	for {
		c, err := from.AcceptTCP()
		if err == nil {
			pause = 0
			admit(ctx, c)
			continue
		}
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		l.counts.add(acceptFailed)
		if pause == 0 {
			l.log.Warn("cannot accept connections for now", "error", err)
		}
		pause = min(max(2*pause, firstPause), longestPause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// admit gives a connection its place and its goroutine, or closes it.
func (l *Listener) admit(ctx context.Context, tcp *net.TCPConn) {
	c := l.connection(tcp)
	if l.enter(c) {
		l.start(ctx, c, l.serve)
	}
}

// connection is one that has no place yet.
func (l *Listener) connection(tcp *net.TCPConn) *conn {
	return &conn{
		TCPConn: tcp, client: addrPort(tcp.RemoteAddr()), server: addrPort(tcp.LocalAddr()), since: time.Now(),
		conns: &l.conns,
	}
}

// enter gives a connection the place of its client, or closes it.
func (l *Listener) enter(c *conn) bool {
	if l.banned(c.client.Addr()) {
		l.counts.add(banned)
		c.TCPConn.Close()
		return false
	}
	if !l.place(c, c.client.Addr()) {
		return false
	}
	l.counts.add(accepted)
	return true
}

// place gives a connection a place that counts for a source, or closes it.
func (l *Listener) place(c *conn, source netip.Addr) bool {
	leave, why, ok := l.streams.enter(source)
	if !ok {
		l.counts.add(why)
		c.TCPConn.Close()
		return false
	}
	c.leave = leave
	return true
}

// start serves a connection that has its place.
func (l *Listener) start(ctx context.Context, c *conn, serve func(context.Context, *conn)) {
	_ = c.SetWriteBuffer(sendBuffer) // a smaller one than wished for will do
	if l.hold(ctx, c) {
		l.tasks.Go(func() { serve(ctx, c) })
	}
}

// hold puts a connection among those that end with ctx, and says whether it came
// in time. First it is in the set, then comes a look whether that has been emptied
// for the last time: no connection can slip through between.
func (l *Listener) hold(ctx context.Context, c *conn) bool {
	l.conns.Store(c, nil)
	if ctx.Err() != nil {
		c.Close()
		return false
	}
	return true
}

// conn is an accepted connection with its place among the others. Closing it
// gives the place back.
type conn struct {
	*net.TCPConn
	client, server netip.AddrPort
	since          time.Time
	leave          func()
	conns          *sync.Map // of the listener, keyed by *conn
	once           sync.Once
	proxied        bool   // a load balancer has named client
	head           []byte // came behind its header and is still to be read

	mu       sync.Mutex    // guards the following, and is held while writing
	patience time.Duration // for one write; 0: as long as SetWriteDeadline says
	corked   []byte        // waits to be written
}

// Close closes the connection. Closing again does nothing.
func (c *conn) Close() (err error) {
	c.once.Do(func() {
		err = c.TCPConn.Close()
		c.conns.Delete(c)
		c.leave()
	})
	return err
}

// serve finds out what a connection speaks and serves it to its end, or hands
// it to the HTTP server.
func (l *Listener) serve(ctx context.Context, c *conn) {
	_ = c.SetReadDeadline(c.since.Add(l.limits.Message))
	head, p, err := readHead(c)
	if err != nil {
		l.countLate(err, firstLate)
		c.Close()
		return
	}
	switch {
	case p == speaksTURN && l.open != nil:
		defer l.note(c.client, c.server, encryption{})()
		l.serveStream(ctx, c, c, head, overTCP)
	case p == speaksHTTP:
		l.serveHTTP(ctx, c, &ahead{Conn: c, head: head})
	case p == speaksTLS:
		l.serveTLS(ctx, c, head)
	default:
		l.counts.add(unrecognised)
		c.Close()
	}
}

// countLate counts what only if err is a deadline that passed: a client that
// goes away by itself is nothing to count.
func (l *Listener) countLate(err error, what count) {
	if timedOut(err) {
		l.counts.add(what)
	}
}

func timedOut(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// ahead is a connection of which some bytes have been read already.
type ahead struct {
	net.Conn
	head []byte
}

// Read returns the bytes that were read ahead before any others.
func (a *ahead) Read(b []byte) (int, error) {
	if len(a.head) > 0 {
		return cut(b, &a.head), nil
	}
	return a.Conn.Read(b)
}

// cut moves what fits from the start of head to b.
func cut(b []byte, head *[]byte) int {
	n := copy(b, *head)
	*head = (*head)[n:]
	return n
}
