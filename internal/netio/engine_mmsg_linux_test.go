package netio

import (
	"errors"
	"math"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var loopback = netip.MustParseAddr("127.0.0.1")

func newTestMmsg(t testing.TB) *mmsg {
	t.Helper()
	e, err := newMmsg()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e.(*mmsg)
}

func mustOpen(t testing.TB, e Engine, o Options) (SocketID, netip.AddrPort) {
	t.Helper()
	id, addr, err := e.Open(netip.AddrPortFrom(loopback, 0), o)
	if err != nil {
		t.Fatal(err)
	}
	return id, addr
}

func (e *mmsg) option(t *testing.T, id SocketID, level, name int) int {
	t.Helper()
	v, err := unix.GetsockoptInt(int(e.sockets.find(id).fd), level, name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Nothing on the packet path allocates, whatever the shape of the traffic.
func TestMmsgAllocatesNothing(t *testing.T) {
	for _, ip := range []netip.Addr{loopback, netip.IPv6Loopback()} {
		for _, n := range []int{1, 2, 8, 64} {
			e := newTestMmsg(t)
			id, addr, err := e.Open(netip.AddrPortFrom(ip, 0), Options{RecvBuf: 1 << 20})
			if errors.Is(err, unix.EADDRNOTAVAIL) {
				t.Logf("this machine has no %v", ip)
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			in, out := make([]Datagram, 64), make([]Datagram, n)
			for i := range out {
				out[i] = Datagram{Socket: id, Peer: addr, Buf: make([]byte, 172)}
			}
			allocs := testing.AllocsPerRun(200, func() {
				if sent, err := e.Send(out); sent != n || err != nil {
					t.Fatalf("Send took %d of %d: %v", sent, n, err)
				}
				for got := 0; got < n; {
					k, err := e.Poll(in, time.Second)
					if k == 0 || err != nil {
						t.Fatalf("Poll gave %d: %v", k, err)
					}
					got += k
				}
			})
			if allocs != 0 {
				t.Errorf("%v, %d at a time: %v allocations", ip, n, allocs)
			}
		}
	}
}

// An IPv6 datagram can be 20 bytes longer than an engine takes.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"mmsg", "std"} {
		t.Run(name, func(t *testing.T) {
			e, err := NewNamed(name)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			c, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
			if err != nil {
				t.Skipf("this machine has no ::1: %v", err)
			}
			defer c.Close()
			_, addr, err := e.Open(netip.AddrPortFrom(netip.IPv6Loopback(), 0), Options{RecvBuf: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			long := make([]byte, MaxPayload+20)
			for _, p := range [][]byte{long, []byte("1"), long[:MaxPayload+1], []byte("2"), long[:MaxPayload], long} {
				if _, err := c.WriteToUDPAddrPort(p, addr); err != nil {
					t.Fatal(err)
				}
			}
			in := make([]Datagram, 64)
			var sizes []int
			deadline := time.Now().Add(20 * time.Second)
			for len(sizes) < 3 || e.Stats().Truncated < 3 {
				n, err := e.Poll(in, 100*time.Millisecond)
				if err != nil || time.Now().After(deadline) {
					t.Fatalf("received sizes %v, stats %+v: %v", sizes, e.Stats(), err)
				}
				for _, d := range in[:n] {
					sizes = append(sizes, len(d.Buf)-Headroom)
				}
			}
			if len(sizes) != 3 || sizes[0] != 1 || sizes[1] != 1 || sizes[2] != MaxPayload {
				t.Errorf("received sizes %v", sizes)
			}
		})
	}
}

// An error without data is taken off the socket, so that the next Poll sleeps.
func TestPendingErrorIsCleared(t *testing.T) {
	e := newTestMmsg(t)
	id, _ := mustOpen(t, e, Options{})
	gone, closed := mustOpen(t, e, Options{})
	if err := e.CloseSocket(gone); err != nil {
		t.Fatal(err)
	}
	fd := int(e.sockets.find(id).fd)
	// Only a connected socket hears of refusals.
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: closed.Addr().As4(), Port: int(closed.Port())}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Send(fd, []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	in := make([]Datagram, 8)
	for range 3 {
		if n, err := e.Poll(in, 0); n != 0 || err != nil {
			t.Fatalf("Poll gave %d: %v", n, err)
		}
	}
	if err := e.epoll.wait(0); err != nil || e.epoll.count != 0 {
		t.Errorf("%d events are still reported: %v", e.epoll.count, err)
	}
	// The refusal also comes back from a send, which is counted and no more.
	if err := unix.Send(fd, []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if n, err := e.Send([]Datagram{{Socket: id, Peer: closed}}); n != 0 || err != nil {
		t.Errorf("Send took %d: %v", n, err)
	}
	if st := e.Stats().Losses; st != (Losses{SendError: 1}) {
		t.Errorf("stats %+v, want one SendError", st)
	}
}

// A full buffer is counted apart, for single datagrams and for runs. A loopback
// interface never fills one, so a pair of local sockets stands for it.
func TestSendFull(t *testing.T) {
	for _, n := range []int{1, minRun, 64} {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fds[0])
		defer unix.Close(fds[1])
		var st Stats
		tx := newSender(new(zones), &st)
		out := make([]Datagram, n)
		for i := range out {
			out[i].Buf = make([]byte, 1000)
		}
		s := &socket{fd: int32(fds[0])}
		sent, rounds := 0, 0
		for ; rounds < 2000 && st.Losses == (Losses{}); rounds++ {
			sent += tx.send(s, out)
		}
		if lost := rounds*n - sent; lost == 0 || st.Losses != (Losses{SendFull: uint64(lost)}) {
			t.Errorf("runs of %d: sent %d of %d, stats %+v", n, sent, rounds*n, st)
		}
	}
}

func TestSocketOptions(t *testing.T) {
	e := newTestMmsg(t)
	plain, _ := mustOpen(t, e, Options{})
	id, _ := mustOpen(t, e, Options{ReusePort: true, RecvBuf: 150_000, SendBuf: 140_000})
	if e.option(t, id, unix.SOL_SOCKET, unix.SO_REUSEPORT) != 1 {
		t.Error("no SO_REUSEPORT")
	}
	// The kernel doubles what is asked for, and limits it without privilege.
	if n := e.option(t, id, unix.SOL_SOCKET, unix.SO_RCVBUF); n < 150_000 {
		t.Errorf("SO_RCVBUF is %d", n)
	}
	if n := e.option(t, id, unix.SOL_SOCKET, unix.SO_SNDBUF); n < 140_000 {
		t.Errorf("SO_SNDBUF is %d", n)
	}
	// A size that no kernel grants is not an error.
	mustOpen(t, e, Options{RecvBuf: math.MaxInt32, SendBuf: math.MaxInt32})
	if e.option(t, plain, unix.SOL_SOCKET, unix.SO_REUSEPORT) != 0 {
		t.Error("SO_REUSEPORT unasked")
	}
	ipv6, _, err := e.Open(netip.AddrPortFrom(netip.IPv6Loopback(), 0), Options{})
	if err != nil {
		t.Skipf("this machine has no ::1: %v", err)
	}
	if e.option(t, ipv6, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY) != 1 {
		t.Error("an IPv6 socket takes IPv4 too")
	}
}

func TestOpenErrors(t *testing.T) {
	foreign := netip.MustParseAddrPort("192.0.2.1:0")
	for _, name := range []string{"mmsg", "std"} {
		e, err := NewNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		_, _, err = e.Open(foreign, Options{})
		if !errors.Is(err, unix.EADDRNOTAVAIL) || !strings.Contains(err.Error(), "192.0.2.1") {
			t.Errorf("%s: open of another machine's address: %v", name, err)
		}
	}
}

func TestOpenWithoutDescriptors(t *testing.T) {
	e := newTestMmsg(t)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	low := old
	low.Cur = uint64(e.waker.fd) + 1
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
	for range 100 {
		if _, _, err := e.Open(netip.AddrPortFrom(loopback, 0), Options{}); err != nil {
			if !errors.Is(err, unix.EMFILE) {
				t.Errorf("Open: %v, want EMFILE", err)
			}
			return
		}
	}
	t.Error("a hundred sockets were opened above the limit")
}

func TestMilliseconds(t *testing.T) {
	for in, want := range map[time.Duration]int{
		-1:                      -1,
		-time.Hour:              -1,
		1:                       1,
		time.Millisecond:        1,
		time.Millisecond + 1:    2,
		time.Hour:               3_600_000,
		100 * 24 * time.Hour:    math.MaxInt32,
		math.MaxInt64 - 999_999: math.MaxInt32,
	} {
		if got := milliseconds(in); got != want {
			t.Errorf("%v is %d ms, want %d", in, got, want)
		}
	}
}

func TestNewNamed(t *testing.T) {
	if _, err := NewNamed("io_uring"); err == nil || !strings.Contains(err.Error(), "mmsg and std") {
		t.Errorf("an unknown name gives %v", err)
	}
	for name, want := range map[string]Features{
		"": {true, true, true}, "mmsg": {true, true, true}, "std": {ReusePort: true},
	} {
		e, err := NewNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Features(); got != want {
			t.Errorf("engine %q has %+v, want %+v", name, got, want)
		}
		e.Close()
	}
}
