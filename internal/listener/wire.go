package listener

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
)

// wireQueue is how many datagrams of one client may wait for the library.
const wireQueue = 128

// wire is what the DTLS library has below it: the datagrams of one client on a
// socket that many share. It is a net.PacketConn.
type wire struct {
	socket *net.UDPConn
	remote netip.AddrPort
	in     chan []byte
	pass   pass

	cookie      []byte
	cookieField *[]byte

	mu        sync.Mutex // guards the following
	interrupt chan struct{}
	closed    chan struct{}
	once      sync.Once
}

func newWire(socket *net.UDPConn, remote netip.AddrPort, cookie []byte) *wire {
	return &wire{
		socket: socket, remote: remote, cookie: cookie, in: make(chan []byte, wireQueue),
		interrupt: make(chan struct{}), closed: make(chan struct{}),
	}
}

// put queues a datagram, which is the wire's from then on. It says false when
// the queue is full.
func (w *wire) put(b []byte) bool {
	select {
	case w.in <- b:
		return true
	default:
		return false
	}
}

// ReadFrom returns the next datagram.
func (w *wire) ReadFrom(b []byte) (int, net.Addr, error) {
	w.mu.Lock()
	interrupt := w.interrupt
	w.mu.Unlock()
	select {
	case <-interrupt:
		return 0, nil, os.ErrDeadlineExceeded
	case <-w.closed:
		return 0, nil, net.ErrClosed
	case packet := <-w.in:
		return copy(b, packet), net.UDPAddrFromAddrPort(w.remote), nil
	}
}

// WriteTo sends a datagram. What the system cannot send is lost, as it might be
// on its way; that does not end an association.
func (w *wire) WriteTo(b []byte, _ net.Addr) (int, error) {
	select {
	case <-w.closed:
		return 0, net.ErrClosed
	default:
	}
	if len(b) > recordHeader && b[0] == recordHandshake && epoch(b) == 0 && b[recordHeader] == handshakeVerify {
		// Called by the very goroutine that will compare the cookie, before
		// it does: no other one touches the field.
		*w.cookieField = w.cookie
		return len(b), nil
	}
	w.pass.leave()
	_, _ = w.socket.WriteToUDPAddrPort(b, w.remote)
	return len(b), nil
}

// Close ends all reading and writing here; the socket stays open.
func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

// LocalAddr is the socket's address.
func (w *wire) LocalAddr() net.Addr { return w.socket.LocalAddr() }

// SetDeadline is SetReadDeadline: writes do not wait.
func (w *wire) SetDeadline(t time.Time) error { return w.SetReadDeadline(t) }

// SetWriteDeadline does nothing: writes do not wait.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// SetReadDeadline interrupts a read with a time in the past. The library keeps
// its other deadlines itself, so a time to come is taken as none.
func (w *wire) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	interrupted := false
	select {
	case <-w.interrupt:
		interrupted = true
	default:
	}
	switch past := !t.IsZero() && !t.After(time.Now()); {
	case past && !interrupted:
		close(w.interrupt)
	case !past && interrupted:
		w.interrupt = make(chan struct{})
	}
	return nil
}

// cookieField is where the library keeps the cookie that it expects.
//
// R-6347-4.2.1-a (RFC 6347, 4.2.1): the library does the exchange of cookies, but
// with a random one that it remembers, in an association with three goroutines
// that anybody could make it create from forged addresses. Here the exchange is
// done before there is an association, and the library must then accept a cookie
// that is not its own. It has no option for that, hence this way in; where a
// future version has none of it, checkCookieField says so before anything listens.
//
// Checked with github.com/pion/dtls/v3 v3.1.15: the server sets the field when it
// begins, puts it into its HelloVerifyRequest, and compares it with the cookie of
// the second ClientHello in the goroutine that has sent the request. That the
// field still means this is what TestCookieOfTheLibrary is for.
func cookieField(c *dtls.Conn) *[]byte {
	field := reflect.ValueOf(c).Elem().FieldByName("state").FieldByName("cookie")
	return (*[]byte)(field.Addr().UnsafePointer())
}

// errCookieField can only come up after an upgrade of the library.
var errCookieField = errors.New("listener: this version of the DTLS library keeps its cookie elsewhere: DTLS cannot be offered")

// checkCookieField tells whether cookieField will find what it looks for.
func checkCookieField() error {
	state, ok := reflect.TypeFor[dtls.Conn]().FieldByName("state")
	if !ok || state.Type.Kind() != reflect.Struct {
		return errCookieField
	}
	cookie, ok := state.Type.FieldByName("cookie")
	if !ok || cookie.Type != reflect.TypeFor[[]byte]() {
		return errCookieField
	}
	return nil
}
