package interop

import (
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/turn/v5"
)

const patience = 30 * time.Second

// wire counts the ChannelData messages on the way to the server and back, to
// tell channels from indications.
type wire struct {
	net.PacketConn
	out, in atomic.Int64
}

func channelData(p []byte) bool { return len(p) > 0 && p[0]>>6 == 1 }

func (w *wire) WriteTo(p []byte, to net.Addr) (int, error) {
	if channelData(p) {
		w.out.Add(1)
	}
	return w.PacketConn.WriteTo(p, to)
}

func (w *wire) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := w.PacketConn.ReadFrom(p)
	if err == nil && channelData(p[:n]) {
		w.in.Add(1)
	}
	return n, from, err
}

// datagrams is a connection that keeps the bounds of messages, as DTLS does.
type datagrams struct{ net.Conn }

func (d datagrams) WriteTo(p []byte, _ net.Addr) (int, error) { return d.Write(p) }

func (d datagrams) ReadFrom(p []byte) (int, net.Addr, error) {
	n, err := d.Read(p)
	return n, d.RemoteAddr(), err
}

// dial opens a way to the server as pion's client wants it: one message per
// call, whatever lies below.
func (s server) dial(t *testing.T, over string) *wire {
	t.Helper()
	plain, secure := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), net.JoinHostPort("127.0.0.1", strconv.Itoa(s.tlsPort))
	var packets net.PacketConn
	var conn net.Conn
	var err error
	switch over {
	case "UDP":
		packets, err = net.ListenPacket("udp", "127.0.0.1:0")
	case "TCP":
		conn, err = net.DialTimeout("tcp", plain, patience)
	case "TLS":
		conn, err = tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", secure, &tls.Config{ServerName: "localhost"})
	case "DTLS":
		var to *net.UDPAddr
		if to, err = net.ResolveUDPAddr("udp", secure); err == nil {
			conn, err = dtls.DialWithOptions("udp", to, dtls.WithServerName("localhost"))
		}
	}
	if err != nil {
		t.Fatalf("%s: %v", over, err)
	}
	switch over {
	case "TCP", "TLS":
		packets = turn.NewSTUNConn(conn)
	case "DTLS":
		packets = datagrams{conn}
	}
	t.Cleanup(func() { packets.Close() })
	return &wire{PacketConn: packets}
}

// client allocates with pion's client.
func (s server) client(t *testing.T, w *wire, username, password string) (*turn.Client, net.PacketConn) {
	t.Helper()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: address, TURNServerAddr: address, Conn: w,
		Username: username, Password: password, Realm: realm,
		// It would go by the local address, and a DTLS client's is [::].
		RequestedAddressFamily: turn.RequestedAddressFamilyIPv4,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	relayed, err := client.Allocate()
	if err != nil {
		t.Fatalf("allocate: %v", err)
	}
	t.Cleanup(func() { relayed.Close() })
	return client, relayed
}

// pion's client over each transport: data goes both ways, at first by
// indications and then by a channel, and a stranger at an address without a
// permission is never heard.
func TestPionTurn(t *testing.T) {
	t.Parallel()
	s := start(t, "user=u:p", "lt-cred-mech", "allow-loopback-peers")
	for _, over := range []string{"UDP", "TCP", "TLS", "DTLS"} {
		t.Run(over, func(t *testing.T) {
			t.Parallel()
			w := s.dial(t, over)
			client, relayed := s.client(t, w, "u", "p")
			peer, stranger := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.2:0")
			if err := client.CreatePermission(peer.LocalAddr()); err != nil {
				t.Fatalf("permission: %v", err)
			}
			send(t, stranger, relayed.LocalAddr(), "let me in")
			send(t, peer, relayed.LocalAddr(), "hello")
			if got := receive(t, relayed); got != "hello" {
				t.Fatalf("the client received %q, want %q", got, "hello")
			}
			send(t, stranger, relayed.LocalAddr(), "let me in")
			exchange(t, w, relayed, peer)
		})
	}
}

func listen(t *testing.T, address string) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// exchange sends to and fro until channels carry both directions.
func exchange(t *testing.T, w *wire, relayed, peer net.PacketConn) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for i := 0; w.in.Load() < 3 || w.out.Load() < 3; i++ {
		if time.Now().After(deadline) {
			t.Fatalf("no channel after %d messages: %d out, %d in", i, w.out.Load(), w.in.Load())
		}
		ping, pong := fmt.Sprintf("ping %d", i), fmt.Sprintf("pong %d, which is odd in length", i)
		send(t, relayed, peer.LocalAddr(), ping)
		if got := receive(t, peer); got != ping {
			t.Fatalf("the peer received %q, want %q", got, ping)
		}
		send(t, peer, relayed.LocalAddr(), pong)
		if got := receive(t, relayed); got != pong {
			t.Fatalf("the client received %q, want %q", got, pong)
		}
	}
}

func send(t *testing.T, from net.PacketConn, to net.Addr, text string) {
	t.Helper()
	if _, err := from.WriteTo([]byte(text), to); err != nil {
		t.Fatalf("sending %q: %v", text, err)
	}
}

func receive(t *testing.T, at net.PacketConn) string {
	t.Helper()
	if err := at.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 1500)
	n, _, err := at.ReadFrom(p)
	if err != nil {
		t.Fatalf("receiving: %v", err)
	}
	return string(p[:n])
}
