package e2e

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// client is a TURN client over a real connection.
type client struct {
	t      *testing.T
	conn   net.Conn
	in     *bufio.Reader
	proto  turn.Proto
	turn   *turn.Client
	out    turn.ClientOutbox
	start  time.Time
	packet [2048]byte
}

// dial connects to a turn or turns URL. TLS trusts only the certificate in
// certFile.
func dial(t *testing.T, url, username, password, certFile string) *client {
	t.Helper()
	return dialFrom(t, url, netip.Addr{}, username, password, certFile)
}

// dialFrom is dial from an address of this machine over TCP or TLS; the zero address
// is any.
func dialFrom(t *testing.T, url string, from netip.Addr, username, password, certFile string) *client {
	t.Helper()
	u, err := stun.ParseURI(url)
	if err != nil {
		t.Fatal(err)
	}
	host, port := u.Address()
	at := net.JoinHostPort(host, strconv.Itoa(int(port)))
	c := &client{t: t, start: time.Now()}
	d := new(net.Dialer)
	if from.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	switch {
	case u.Secure:
		c.proto = turn.TLS
		c.conn, err = tls.DialWithDialer(d, "tcp", at, &tls.Config{RootCAs: pool(t, certFile), NextProtos: []string{"stun.turn"}})
	case u.Transport == "tcp":
		c.proto = turn.TCP
		c.conn, err = d.Dial("tcp", at)
	default:
		c.conn, err = net.Dial("udp", at)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })
	c.in = bufio.NewReader(c.conn)
	c.turn = turn.NewClient(turn.ClientOptions{
		Username: username, Password: password, Proto: c.proto,
		NewID: func() (id stun.TransactionID) { rand.Read(id[:]); return id },
		RTO:   firstRetransmission,
	})
	return c
}

// firstRetransmission is long: on loopback an answer is rather late, on a busy
// machine, than lost, and tests count what the server was asked.
const firstRetransmission = 5 * time.Second

func pool(t *testing.T, certFile string) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(text) {
		t.Fatalf("%s holds no certificate", certFile)
	}
	return p
}

func (c *client) now() turn.Now { return time.Since(c.start) }

// do sends a request and returns how it ended.
func (c *client) do(begin func(turn.Now, *turn.ClientOutbox)) turn.Result {
	c.t.Helper()
	over := c.now() + limit
	begin(c.now(), &c.out)
	for len(c.out.Results) == 0 {
		if c.now() > over {
			c.t.Fatalf("no answer from %v", c.conn.RemoteAddr())
		}
		c.exchange(min(c.turn.Deadline(), over))
		c.turn.Expire(c.now(), &c.out)
	}
	r := c.out.Results[0]
	c.out.Results = nil
	return r
}

// allocate returns the relayed address, or the error code.
func (c *client) allocate() (relayed netip.AddrPort, code int) {
	c.t.Helper()
	r := c.do(func(now turn.Now, out *turn.ClientOutbox) { c.turn.Allocate(now, turn.NoFamily, out) })
	return r.Relayed, r.Code
}

// permit asks for a permission and returns the error code.
func (c *client) permit(peer netip.Addr) int {
	c.t.Helper()
	return c.do(func(now turn.Now, out *turn.ClientOutbox) { c.turn.Permit(now, peer, out) }).Code
}

// exchange sends what is due and takes one packet, if one comes before then.
func (c *client) exchange(until turn.Now) {
	c.t.Helper()
	for _, b := range c.out.Sends {
		if _, err := c.conn.Write(b); err != nil {
			c.t.Fatal(err)
		}
	}
	c.out.Sends = nil
	if err := c.conn.SetReadDeadline(c.start.Add(until)); err != nil {
		c.t.Fatal(err)
	}
	packet, err := c.read()
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return
	}
	if err != nil {
		c.t.Fatalf("reading from %v: %v", c.conn.RemoteAddr(), err)
	}
	c.turn.Receive(c.now(), packet, &c.out)
}

func (c *client) read() ([]byte, error) {
	if !c.proto.Stream() {
		n, err := c.conn.Read(c.packet[:])
		return c.packet[:n], err
	}
	head, err := c.in.Peek(4)
	if err != nil {
		return nil, err
	}
	n, err := stun.FrameSize(head)
	if err != nil {
		return nil, err
	}
	_, err = io.ReadFull(c.in, c.packet[:n])
	return c.packet[:n], err
}

// receive waits until data has come from a peer. Between tries send is called,
// since datagrams may be lost.
func (c *client) receive(from netip.AddrPort, data []byte, send func()) {
	c.t.Helper()
	for over := time.Now().Add(limit); time.Now().Before(over); {
		send()
		c.exchange(c.now() + 500*time.Millisecond)
		for _, d := range c.out.Data {
			if d.From == from && bytes.Equal(d.Data, data) {
				return
			}
		}
		c.out.Data = nil
	}
	c.t.Fatalf("%q never came from %v", data, from)
}

// relays requires that an account can relay through a URL: two clients allocate
// and send to each other.
func relays(t *testing.T, url, username, password, certFile string) {
	t.Helper()
	a, b := dial(t, url, username, password, certFile), dial(t, url, username, password, certFile)
	atA, codeA := a.allocate()
	atB, codeB := b.allocate()
	if codeA != 0 || codeB != 0 {
		t.Fatalf("%s as %q: allocations refused with %d and %d", url, username, codeA, codeB)
	}
	if code := a.permit(atB.Addr()); code != 0 {
		t.Fatalf("%s: permission refused with %d", url, code)
	}
	if code := b.permit(atA.Addr()); code != 0 {
		t.Fatalf("%s: permission refused with %d", url, code)
	}
	for _, way := range []struct {
		from, to *client
		at, peer netip.AddrPort
	}{{a, b, atA, atB}, {b, a, atB, atA}} {
		data := []byte("through " + url)
		way.to.receive(way.at, data, func() {
			way.from.turn.Send(way.peer, data, &way.from.out)
			for _, m := range way.from.out.Sends {
				if _, err := way.from.conn.Write(m); err != nil {
					t.Fatal(err)
				}
			}
			way.from.out.Sends = nil
		})
	}
}

// refused requires that an account cannot relay.
func refused(t *testing.T, url, username, password string) {
	t.Helper()
	if _, code := dial(t, url, username, password, "").allocate(); code != 401 {
		t.Errorf("%s as %q: got %d, want 401", url, username, code)
	}
}
