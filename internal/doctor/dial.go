package doctor

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/pion/dtls/v3"

	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// endpoint is where and how to talk to a STUN or TURN server.
type endpoint struct {
	proto  turn.Proto
	server netip.AddrPort
	name   string     // whom the certificate must be for: a host name or an address
	local  netip.Addr // the address to talk from; zero leaves it to the kernel

	// roots are the authorities to trust, nil for the system's. A certificate that
	// none of them stands for ends the dialling, unless insecure.
	roots    *x509.CertPool
	insecure bool

	username, password string
	// patience bounds the handshake and each request; defaultPatience if zero.
	patience time.Duration
}

// defaultPatience is for a server that does not say a word. Those of the far side
// of the world answer within a second, and a lost datagram costs half of one.
const defaultPatience = 5 * time.Second

func (e endpoint) String() string { return fmt.Sprintf("%v %v", e.proto, e.server) }

// port names what a firewall would have to open: "UDP 3478".
func (e endpoint) port() string {
	if e.proto.Stream() {
		return fmt.Sprintf("TCP %d", e.server.Port())
	}
	return fmt.Sprintf("UDP %d", e.server.Port())
}

// unreachableError says that nobody was there to talk to: the connection was
// refused or never answered, before a word of STUN.
type unreachableError struct {
	to     endpoint
	closed bool // somebody said that the port is closed; else nothing came at all
	err    error
}

func (e *unreachableError) Error() string {
	if e.closed {
		return fmt.Sprintf("%s of %v is closed: the connection was refused", e.to.port(), e.to.server.Addr())
	}
	return fmt.Sprintf("no connection to %v: %v", e.to, e.err)
}

func (e *unreachableError) Unwrap() error { return e.err }

// waitsToConnect is what a silenceError is about if there was not even a connection.
const waitsToConnect = "the connection"

// silenceError says that a server did not answer in time.
type silenceError struct {
	to    endpoint
	what  string // the method, or the handshake
	after time.Duration
}

func (e *silenceError) Error() string {
	return fmt.Sprintf("no answer to %s on %s in %v", e.what, e.to.port(), e.after.Round(time.Second/10))
}

// bindingOnlyError says that a server answers Binding, and to Allocate is silent.
type bindingOnlyError struct{ silenceError }

func (e *bindingOnlyError) Error() string {
	return e.silenceError.Error() + ", though it answers Binding"
}

// handshakeError says that a server answered but would not shake hands.
type handshakeError struct {
	to  endpoint
	err error
}

func (e *handshakeError) Error() string {
	return fmt.Sprintf("the %v handshake with %v failed: %v", e.to.proto, e.to.server, e.err)
}

func (e *handshakeError) Unwrap() error { return e.err }

// certificateError says that nobody who verifies would talk to that server.
type certificateError struct {
	shown *ShownCertificate
}

func (e *certificateError) Error() string {
	return "the certificate is not trusted: " + e.shown.Problem
}

// dial connects to a server. The errors are of the four types above. The caller
// closes the session.
func dial(ctx context.Context, to endpoint) (*session, error) {
	if to.patience == 0 {
		to.patience = defaultPatience
	}
	start := time.Now()
	conn, shown, err := to.connect(ctx)
	if err != nil {
		return nil, err
	}
	s := newSession(conn, to)
	s.certificate, s.start = shown, start
	return s, nil
}

// connect opens the connection and, where there is one, does the handshake.
func (e endpoint) connect(ctx context.Context) (net.Conn, *ShownCertificate, error) {
	inner, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	var conn net.Conn
	var chain []*x509.Certificate
	var err error
	switch e.proto {
	case turn.DTLS:
		conn, chain, err = e.dialDTLS(inner)
	case turn.TLS:
		conn, chain, err = e.dialTLS(inner)
	default:
		conn, err = e.dialPlain(inner)
	}
	// The caller's own end is no finding about the server.
	if err != nil && ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if err != nil || chain == nil {
		return conn, nil, err
	}
	shown := examineChain(chain, e.name, e.roots, time.Now())
	if !shown.Trusted && !e.insecure {
		conn.Close()
		return nil, nil, &certificateError{shown: shown}
	}
	return conn, shown, nil
}

// dialPlain opens a UDP socket that is connected, so that the kernel tells of a
// closed port, or a TCP connection.
func (e endpoint) dialPlain(ctx context.Context) (net.Conn, error) {
	network, d := "udp", net.Dialer{}
	if e.proto.Stream() {
		network = "tcp"
	}
	if e.local.IsValid() {
		d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(e.local, 0))
		if network == "tcp" {
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(e.local, 0))
		}
	}
	conn, err := d.DialContext(ctx, network, e.server.String())
	if err == nil {
		return conn, nil
	}
	if timedOut(err) {
		return nil, &silenceError{to: e, what: waitsToConnect, after: e.patience}
	}
	return nil, &unreachableError{to: e, closed: errors.Is(err, syscall.ECONNREFUSED), err: err}
}

// dialTLS does what a browser does, except that it looks at the certificate
// afterwards, so that a bad one can be told about. No ALPN is offered, as browsers
// offer none for TURN.
func (e endpoint) dialTLS(ctx context.Context) (net.Conn, []*x509.Certificate, error) {
	plain, err := e.dialPlain(ctx)
	if err != nil {
		return nil, nil, err
	}
	conn := tls.Client(plain, &tls.Config{ServerName: e.name, InsecureSkipVerify: true})
	if err := conn.HandshakeContext(ctx); err != nil {
		plain.Close()
		return nil, nil, e.shaking(err)
	}
	return conn, conn.ConnectionState().PeerCertificates, nil
}

// dialDTLS does the same over UDP.
func (e endpoint) dialDTLS(ctx context.Context) (net.Conn, []*x509.Certificate, error) {
	plain, err := e.dialPlain(ctx)
	if err != nil {
		return nil, nil, err
	}
	options := []dtls.ClientOption{dtls.WithInsecureSkipVerify(true), dtls.WithFlightInterval(500 * time.Millisecond)}
	if _, err := netip.ParseAddr(e.name); err != nil {
		options = append(options, dtls.WithServerName(e.name))
	}
	conn, err := dtls.ClientWithOptions(connectedPacketConn{plain.(*net.UDPConn)}, plain.RemoteAddr(), options...)
	if err != nil {
		plain.Close()
		return nil, nil, e.shaking(err)
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		conn.Close()
		plain.Close()
		return nil, nil, e.shaking(err)
	}
	state, _ := conn.ConnectionState()
	chain := make([]*x509.Certificate, 0, len(state.PeerCertificates))
	for _, der := range state.PeerCertificates {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			conn.Close()
			return nil, nil, e.shaking(err)
		}
		chain = append(chain, c)
	}
	return conn, chain, nil
}

// shaking tells silence from a refusal in a handshake.
func (e endpoint) shaking(err error) error {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return &unreachableError{to: e, closed: true, err: err}
	case timedOut(err):
		return &silenceError{to: e, what: fmt.Sprintf("the %v hello", e.proto), after: e.patience}
	}
	return &handshakeError{to: e, err: err}
}

// timedOut says whether an error is that time was over.
func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// noRoute says whether this machine itself knows no way to the server.
func noRoute(err error) bool {
	for _, e := range []error{syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// connectedPacketConn lets the DTLS library write to a connected socket, which
// wants no address with each datagram.
type connectedPacketConn struct{ *net.UDPConn }

// WriteTo implements net.PacketConn.
func (c connectedPacketConn) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }

func newTransactionID() (id stun.TransactionID) {
	rand.Read(id[:])
	return id
}
