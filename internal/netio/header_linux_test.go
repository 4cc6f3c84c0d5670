package netio

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// R-8656-14-a, R-8656-14-b, R-8656-14-d, R-8656-15-a (RFC 8656, 14 and 15): what
// an engine sends is best effort, without ECN and with the system's TTL, whatever
// the packets looked like that came to the same socket before.
func TestHeadersAreTheDefaults(t *testing.T) {
	for _, name := range []string{"mmsg", "std"} {
		e, err := NewNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		id, addr := mustOpen(t, e, Options{})
		peer := markedSocket(t)
		plain := markedSocket(t)
		set(t, plain, unix.IP_TOS, 0)
		set(t, plain, unix.IP_TTL, -1)
		if _, err := plain.WriteToUDPAddrPort([]byte("x"), peer.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
			t.Fatal(err)
		}
		_, ttl := headers(t, peer)
		if _, err := peer.WriteToUDPAddrPort([]byte("marked"), addr); err != nil {
			t.Fatal(err)
		}
		in := make([]Datagram, 4)
		for n := 0; n == 0; {
			if n, err = e.Poll(in, 10*time.Second); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := e.Send([]Datagram{{Socket: id, Peer: in[0].Peer, Buf: in[0].Buf[Headroom:]}}); n != 1 || err != nil {
			t.Fatalf("Send took %d: %v", n, err)
		}
		if gotTOS, gotTTL := headers(t, peer); gotTOS != 0 || gotTTL != ttl {
			t.Errorf("%s: TOS %#x and TTL %d, want 0 and %d", name, gotTOS, gotTTL, ttl)
		}
	}
}

// markedSocket sends packets that ask for much (DSCP EF, ECT(1), a short life),
// and tells how those are marked that it gets.
func markedSocket(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for option, value := range map[int]int{unix.IP_TOS: 46<<2 | 1, unix.IP_TTL: 3, unix.IP_RECVTOS: 1, unix.IP_RECVTTL: 1} {
		set(t, c, option, value)
	}
	return c
}

func set(t *testing.T, c *net.UDPConn, option, value int) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err == nil {
		cerr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, option, value) })
		if err == nil {
			err = cerr
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// headers waits for a packet and returns how it was marked.
func headers(t *testing.T, c *net.UDPConn) (tos, ttl int) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b, oob := make([]byte, 64), make([]byte, 256)
	_, n, _, _, err := c.ReadMsgUDP(b, oob)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil {
		t.Fatal(err)
	}
	tos, ttl = -1, -1
	for _, m := range messages {
		switch m.Header.Type {
		case unix.IP_TOS:
			tos = int(m.Data[0])
		case unix.IP_TTL:
			ttl = int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	if tos < 0 || ttl < 0 {
		t.Fatalf("the system does not tell: %v", messages)
	}
	return tos, ttl
}
