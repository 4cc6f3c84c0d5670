package listener

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
)

// tapped is a socket that keeps what it has sent and received.
type tapped struct {
	*net.UDPConn
	mu       sync.Mutex // guards the following
	sent     [][]byte
	received [][]byte
}

func (c *tapped) WriteTo(b []byte, to net.Addr) (int, error) {
	c.mu.Lock()
	c.sent = append(c.sent, bytes.Clone(b))
	c.mu.Unlock()
	return c.UDPConn.WriteTo(b, to)
}

func (c *tapped) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.UDPConn.ReadFrom(b)
	c.mu.Lock()
	c.received = append(c.received, bytes.Clone(b[:n]))
	c.mu.Unlock()
	return n, from, err
}

// upgraded is what a failure of the next tests means.
const upgraded = "the DTLS library no longer does with its cookie what cookieField says: read there, and in its server's flights, before upgrading"

// R-6347-4.2.1-a (RFC 6347, 4.2.1): in a whole handshake the client sees one
// exchange of cookies, ours, and the library accepts the cookie that it never made.
func TestCookieOfTheLibrary(t *testing.T) {
	s := serve(t, withEcho)
	socket := &tapped{UDPConn: udpSocket(t)}
	c, err := dtls.ClientWithOptions(socket, net.UDPAddrFromAddrPort(s.dtls), dtls.WithInsecureSkipVerify(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ctx, cancel := contextWithPatience()
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		t.Fatalf("%s: %v", upgraded, err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	echoed(t, c, binding(0))
	a := s.Listener.dtls[0].find(addrPort(socket.LocalAddr()))
	socket.mu.Lock()
	defer socket.mu.Unlock()
	var ours []byte
	for _, b := range socket.received {
		if len(b) == verifySize && b[recordHeader] == handshakeVerify {
			ours = b[helloAt+3:]
		}
	}
	var theirs []byte
	for _, b := range socket.sent {
		if h, ok := parseClientHello(b); ok && len(h.cookie) > 0 {
			theirs = h.cookie
		}
	}
	if len(ours) != cookieSize || !bytes.Equal(ours, theirs) {
		t.Fatalf("the client was given % x and returned % x", ours, theirs)
	}
	if kept := *cookieField(a.conn); !bytes.Equal(kept, ours) {
		t.Errorf("%s: it holds % x, and the client had % x", upgraded, kept, ours)
	}
}

// The field is what the library compares: without our cookie in it, the library
// refuses the client, so that nothing else lets it in.
func TestCookieFieldIsCompared(t *testing.T) {
	s := serve(t)
	at := s.Listener.dtls[0]
	socket := udpSocket(t)
	from := addrPort(socket.LocalAddr())
	cookie := bytes.Repeat([]byte{9}, cookieSize)
	for _, ours := range []bool{true, false} {
		h, ok := parseClientHello(hello(cookie, 1, 6))
		if !ok {
			t.Fatal("no ClientHello")
		}
		a, err := newAssociation(at, from, &h, func() {})
		if err != nil {
			t.Fatal(err)
		}
		if !ours {
			a.wire.cookieField = new([]byte) // the library keeps its own
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = a.conn.HandshakeContext(ctx)
		}()
		// A ServerHello is the library's yes; its no is an alert, or silence.
		_ = socket.SetReadDeadline(time.Now().Add(time.Second))
		if ours {
			_ = socket.SetReadDeadline(time.Now().Add(patience))
		}
		b := make([]byte, 1500)
		n, _ := socket.Read(b)
		if yes := n > recordHeader && b[0] == recordHandshake && b[recordHeader] == 2; yes != ours {
			t.Errorf("%s: with our cookie in its place %v, and it answers % x", upgraded, ours, b[:n])
		}
		cancel()
		a.close()
		a.end()
		<-done
		drain(t, socket) // what is left of the first
	}
}
