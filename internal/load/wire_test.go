package load

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"iceserver/internal/stun"
)

// patience bounds every wait of these tests; nothing is measured against it.
const patience = 20 * time.Second

// echo is a UDP socket that sends everything back, as long as the test runs.
func echo(t *testing.T) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		buf := make([]byte, maxMessage)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteToUDPAddrPort(buf[:n], from)
		}
	})
	t.Cleanup(func() { _ = conn.Close(); done.Wait() })
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// echoStream does the same for one TCP connection after the other.
func echoStream(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); done.Wait() })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// exchangeAll opens clients, has each send messages of its own, and checks that
// every one gets exactly those back.
func exchangeAll(t *testing.T, c clock, w wire) {
	t.Helper()
	const clients, each = 5, 7
	want := make(map[string]bool)
	for i := range clients {
		if err := w.open(); err != nil {
			t.Fatal(err)
		}
		var msgs [][]byte
		for j := range each {
			data := fmt.Sprintf("client %d message %d%s", i, j, bytes.Repeat([]byte("."), j))
			m := make([]byte, stun.ChannelHeaderSize, 100)
			stun.PutChannelHeader(m, stun.MinChannel, len(data))
			msgs = append(msgs, append(m, data...))
			want[fmt.Sprint(i, data)] = true
		}
		if n := w.send(i, msgs); n != each {
			t.Fatalf("client %d: the kernel took %d of %d", i, n, each)
		}
	}
	for end := c.now() + patience; len(want) > 0 && c.now() < end; {
		err := w.receive(100*time.Millisecond, func(client int, msg []byte, at time.Duration) {
			_, data, err := stun.ParseChannelData(msg)
			key := fmt.Sprint(client, string(data))
			if err != nil || !want[key] {
				t.Errorf("client %d received %q, %v", client, msg, err)
			}
			if at <= 0 || at > c.now() {
				t.Errorf("arrived at %v, and it is %v", at, c.now())
			}
			delete(want, key)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(want) > 0 {
		t.Errorf("never arrived: %v", want)
	}
}

func TestEveryWireBringsEachClientItsOwnMessages(t *testing.T) {
	c := clock{started: time.Now().Add(-time.Second)}
	t.Run("udp", func(t *testing.T) {
		w, err := newUDPWire(c, echo(t), netip.Prefix{}, 1500)
		if err != nil {
			t.Fatal(err)
		}
		defer w.close()
		exchangeAll(t, c, w)
	})
	t.Run("udp, portable", func(t *testing.T) {
		w := newConnWire(c, "udp", echo(t), netip.Prefix{}, nil)
		defer w.close()
		exchangeAll(t, c, w)
	})
	t.Run("tcp", func(t *testing.T) {
		w := newConnWire(c, "tcp", echoStream(t), netip.Prefix{}, nil)
		defer w.close()
		exchangeAll(t, c, w)
	})
}

// A stream that brings something else ends that client's reading and nothing else.
func TestFramesStopAtWhatIsNoMessage(t *testing.T) {
	channel := []byte{0x40, 0x00, 0x00, 0x03, 'a', 'b', 'c', 0}
	next := frames(io.MultiReader(bytes.NewReader(channel), bytes.NewReader([]byte("HTTP/1.1 400"))))
	if got, err := next(); err != nil || !bytes.Equal(got, channel) {
		t.Errorf("first frame %x, %v", got, err)
	}
	if got, err := next(); err == nil {
		t.Errorf("HTTP was read as %x", got)
	}
}

func TestFarEndSendsToManyAndHearsMany(t *testing.T) {
	c := clock{started: time.Now().Add(-time.Second)}
	f, err := newFarEnd(c, netip.MustParseAddrPort("127.0.0.1:0"), 1500)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if f.addr().Port() == 0 {
		t.Fatal("no port")
	}
	to := []netip.AddrPort{echo(t), echo(t), echo(t)}
	want := make(map[netip.AddrPort]string)
	var msgs [][]byte
	for i, a := range to {
		msgs = append(msgs, fmt.Appendf(nil, "to %d", i))
		want[a] = string(msgs[i])
	}
	if n := f.send(to, msgs); n != len(to) {
		t.Fatalf("the kernel took %d of %d", n, len(to))
	}
	for end := c.now() + patience; len(want) > 0 && c.now() < end; {
		err := f.receive(func(from netip.AddrPort, msg []byte, _ time.Duration) {
			if want[from] != string(msg) {
				t.Errorf("%s sent %q, want %q", from, msg, want[from])
			}
			delete(want, from)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(want) > 0 {
		t.Errorf("never arrived: %v", want)
	}
}

func TestInboxIsBounded(t *testing.T) {
	b := inbox{more: make(chan struct{}, 1)}
	for i := range inboxSize + 10 {
		b.put(letter{client: i})
	}
	got := b.take()
	if len(got) != inboxSize || got[0].client != 0 || got[len(got)-1].client != inboxSize-1 {
		t.Errorf("%d letters waited", len(got))
	}
	if len(b.take()) != 0 {
		t.Error("letters are given twice")
	}
}
