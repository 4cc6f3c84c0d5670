package listener

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"iceserver/internal/stun"
)

// transports runs a test over TCP and over TLS, on both kinds of port.
func transports(t *testing.T, s *server, test func(t *testing.T, dial func() net.Conn, p transport)) {
	for name, addr := range map[string]string{"tcp port": s.tcp, "tls port": s.tls} {
		t.Run("TCP on the "+name, func(t *testing.T) {
			test(t, func() net.Conn { return dial(t, addr) }, overTCP)
		})
		t.Run("TLS on the "+name, func(t *testing.T) {
			test(t, func() net.Conn { return dialTLS(t, addr, alpnTURN) }, overTLS)
		})
	}
}

// R-8489-6.2.2-f (RFC 8489, 6.2.2), A-C20: messages are the same however their
// bytes are cut: one at a time, or all at once.
func TestSegmentation(t *testing.T) {
	s := serve(t)
	small := [][]byte{binding(0), channelData(0), channelData(1), binding(3), channelData(4), binding(20), channelData(30)}
	large := append(small, binding(1200), channelData(3000), binding(9000), channelData(1200))
	for _, c := range []struct {
		messages [][]byte
		piece    int
	}{{small, 1}, {small, 3}, {large, 1000}, {large, 1 << 20}} {
		all := bytes.Join(c.messages, nil)
		transports(t, s, func(t *testing.T, dial func() net.Conn, p transport) {
			conn := dial()
			go func() {
				for b := range chunks(all, c.piece) {
					if _, err := conn.Write(b); err != nil {
						return
					}
				}
			}()
			k := s.link(t)
			if k.transport != p || k.client != addrPort(conn.LocalAddr()) || k.server != addrPort(conn.RemoteAddr()) {
				t.Fatalf("link %v from %v to %v", k.transport, k.client, k.server)
			}
			for i, want := range c.messages {
				if got := k.next(t); !bytes.Equal(got, want) {
					t.Fatalf("pieces of %d: message %d is % x, want % x", c.piece, i, got, want)
				}
			}
			conn.Close()
			k.wait(t)
		})
	}
}

// chunks cuts b into pieces of n bytes.
func chunks(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			size := min(n, len(b))
			if !yield(b[:size]) {
				return
			}
			b = b[size:]
		}
	}
}

// R-8489-6.3.1.2-b, R-8489-6.2.2-e (RFC 8489, 6.3.1.2): answers come on the
// connection of their requests, many of them and of any size.
func TestAnswers(t *testing.T) {
	s := serve(t, withEcho)
	transports(t, s, func(t *testing.T, dial func() net.Conn, _ transport) {
		c := dial()
		send(t, c, binding(0))
		receive(t, c, binding(0))
		s.link(t).trusted.Store(true)
		var all []byte
		for i := range 300 {
			all = append(all, channelData(i*13%1500)...)
		}
		all = append(all, channelData(65535)...)
		all = append(all, binding(65000)...)
		go func() { _, _ = c.Write(all) }()
		receive(t, c, all)
	})
}

// Over TLS a record is one message, for the clients that take it for one,
// however many of them wait; and what is as long as several comes whole.
func TestOneRecordPerMessage(t *testing.T) {
	s := serve(t)
	c := dialTLS(t, s.tls, alpnTURN)
	send(t, c, binding(0))
	k := s.link(t)
	var sent [][]byte
	for i := range 200 {
		sent = append(sent, channelData(i*7))
		k.out <- sent[i]
	}
	b := make([]byte, 1<<15)
	for _, want := range sent {
		n, err := c.Read(b)
		if err != nil || !bytes.Equal(b[:n], want) {
			t.Fatalf("a record of %d bytes, want %d: %v", n, len(want), err)
		}
	}
	for range 3 {
		k.out <- channelData(50000)
		k.out <- binding(4)
	}
	for range 3 {
		receive(t, c, channelData(50000))
		receive(t, c, binding(4))
	}
}

// A-C20, A-X09: a message longer than a stranger may send ends the connection as
// soon as its header is there; the one embedded in it is never seen.
func TestLongMessageOfAStranger(t *testing.T) {
	s := serve(t)
	header := func(length int) []byte {
		b := binding(0)
		b[2], b[3] = byte(length>>8), byte(length)
		return append(b, binding(0)...)
	}
	for i, length := range []int{16 << 10, 65520, 65524, 65528, 65532} {
		c := dial(t, s.tcp)
		send(t, c, header(length))
		k := s.link(t)
		mustEnd(t, c)
		k.wait(t)
		if len(k.got) > 0 {
			t.Errorf("length %d: a message came out", length)
		}
		s.counted(t, frameTooLong, uint64(i+1))
	}
}

// A-C20: with a client that is known the same header is waited for, and what
// follows is part of that message.
func TestLongMessageOfAFriend(t *testing.T) {
	s := serve(t)
	for _, want := range [][]byte{channelData(0xFFFD), channelData(0xFFFE), channelData(0xFFFF), binding(65500)} {
		c := dial(t, s.tcp)
		send(t, c, binding(0))
		k := s.link(t)
		k.next(t)
		k.trusted.Store(true)
		copy(want[100:], binding(0))
		go func() { _, _ = c.Write(append(bytes.Clone(want), binding(4)...)) }()
		if got := k.next(t); !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, want %d", len(got), len(want))
		}
		if got := k.next(t); !bytes.Equal(got, binding(4)) {
			t.Fatalf("then % x", got)
		}
	}
}

// A stream that gets out of step cannot be saved.
func TestBrokenFrame(t *testing.T) {
	s := serve(t)
	transports(t, s, func(t *testing.T, dial func() net.Conn, _ transport) {
		before := s.counts[frameBroken].Load()
		c := dial()
		send(t, c, append(binding(0), 0x80, 0, 0, 0))
		k := s.link(t)
		k.next(t)
		mustEnd(t, c)
		k.wait(t)
		s.counted(t, frameBroken, before+1)
	})
}

// R-8489-6.2.2-b (RFC 8489, 6.2.2): a client that shuts down its sending side
// after a request is still answered.
func TestHalfClose(t *testing.T) {
	s := serve(t, withLimits(Limits{Linger: patience}))
	c := dial(t, s.tcp)
	send(t, c, binding(0))
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	k := s.link(t)
	k.next(t)
	k.out <- binding(8)
	receive(t, c, binding(8))
	c.Close()
	k.out <- binding(8) // finds out that the client is gone, at the second try
	k.out <- binding(8)
	k.Close()
}

// A link that ends, because the relay does, takes its connection along.
func TestLinkEnds(t *testing.T) {
	s := serve(t)
	transports(t, s, func(t *testing.T, dial func() net.Conn, _ transport) {
		c := dial()
		send(t, c, binding(0))
		k := s.link(t)
		k.next(t)
		k.Close()
		mustEnd(t, c)
	})
}

// A-X10: a client that does not read is given up at the deadline, and another
// one is served all the while.
func TestSlowReader(t *testing.T) {
	s := serve(t, withLimits(Limits{Write: 200 * time.Millisecond}))
	slow, quick := dial(t, s.tcp), dial(t, s.tcp)
	_ = slow.(*net.TCPConn).SetReadBuffer(4 << 10)
	send(t, slow, binding(0))
	k := s.link(t)
	go func() {
		for {
			select {
			case k.out <- channelData(60000):
			case <-k.closed:
				return
			}
		}
	}()
	send(t, quick, binding(0))
	other := s.link(t)
	for range 100 {
		other.out <- binding(100)
		receive(t, quick, binding(100))
	}
	k.wait(t)
	s.counted(t, slowReader, 1)
}

// R-8489-6.2.2-c (RFC 8489, 6.2.2): the server's end of TLS is closed in form,
// so that a client can tell the end from a cut.
func TestCloseNotify(t *testing.T) {
	s := serve(t)
	c := dialTLS(t, s.tls)
	send(t, c, binding(0))
	s.link(t).Close()
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%v, want EOF", err)
	}
}

// Everything ends with Run's context: strangers, handshakes, clients, HTTP.
func TestRunEnds(t *testing.T) {
	s := serve(t)
	idle, half, turn, web := dial(t, s.tcp), dial(t, s.tls), dialTLS(t, s.tls), dial(t, s.tcp)
	send(t, half, []byte("\x16\x03\x01\x02\x00\x01\x00"))
	send(t, turn, binding(0))
	k := s.link(t)
	k.next(t)
	send(t, web, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	if _, err := web.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	s.counted(t, accepted, 4)
	s.stop()
	k.wait(t)
	for _, c := range []net.Conn{idle, half, turn} {
		mustEnd(t, c)
	}
	if _, err := net.Dial("tcp", s.tcp); err == nil {
		t.Error("still listening")
	}
}

// A stream's size stays small until its client has shown who it is.
func TestBufferGrowth(t *testing.T) {
	k := &testLink{got: make(chan []byte, 1), closed: make(chan struct{})}
	s := stream{link: k, buf: make([]byte, smallBuffer)}
	for range 20 {
		s.grow()
	}
	if len(s.buf) != strangerBuffer {
		t.Errorf("a stranger has %d bytes", len(s.buf))
	}
	k.trusted.Store(true)
	for range 20 {
		s.grow()
	}
	if longest, _ := stun.FrameSize([]byte{0, 1, 0xFF, 0xFC}); len(s.buf) != longest {
		t.Errorf("a friend has %d bytes, and the longest message %d", len(s.buf), longest)
	}
}
