package netio

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A forger sends ICMP errors of its own over the loopback interface, which takes
// privilege.
type forger struct {
	t  *testing.T
	fd int
	to netip.Addr
}

func newForger(t *testing.T, to netip.Addr) forger {
	t.Helper()
	family, proto := unix.AF_INET, unix.IPPROTO_ICMP
	if to.Is6() {
		family, proto = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, proto)
	if errors.Is(err, unix.EPERM) {
		t.Skip("forging ICMP takes privilege")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return forger{t, fd, to}
}

// send sends an error about a datagram (or another packet, by its protocol).
func (f forger) send(kind, code uint8, info uint32, proto uint8, src, dst netip.AddrPort) {
	f.t.Helper()
	b := []byte{kind, code, 0, 0}
	b = binary.BigEndian.AppendUint32(b, info)
	b = append(b, quoted(proto, src, dst)...)
	if f.to.Is4() { // the kernel does it for ICMPv6
		binary.BigEndian.PutUint16(b[2:], checksum(b))
	}
	var to unix.Sockaddr = &unix.SockaddrInet6{Addr: f.to.As16()}
	if f.to.Is4() {
		to = &unix.SockaddrInet4{Addr: f.to.As4()}
	}
	if err := unix.Sendto(f.fd, b, 0, to); err != nil {
		f.t.Fatal(err)
	}
}

// quoted is the beginning of a packet, as an ICMP error repeats it.
func quoted(proto uint8, src, dst netip.AddrPort) []byte {
	var b []byte
	if src.Addr().Is4() {
		b = append(b, 0x45, 0, 0, 36, 0, 0, 0, 0, 64, proto, 0, 0)
	} else {
		b = append(b, 0x60, 0, 0, 0, 0, 16, proto, 64)
	}
	b = append(append(b, src.Addr().AsSlice()...), dst.Addr().AsSlice()...)
	if src.Addr().Is4() {
		binary.BigEndian.PutUint16(b[10:], checksum(b))
	}
	b = binary.BigEndian.AppendUint16(b, src.Port())
	b = binary.BigEndian.AppendUint16(b, dst.Port())
	return append(b, 0, 16, 0, 0, 'p', 'a', 'y', 'l', 'o', 'a', 'd', '!')
}

func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xFFFF {
		sum = sum>>16 + sum&0xFFFF
	}
	return ^uint16(sum)
}

// openHearing opens a socket that hears of ICMP errors.
func openHearing(t *testing.T, e Engine, ip netip.Addr) (SocketID, netip.AddrPort) {
	t.Helper()
	id, addr, err := e.Open(netip.AddrPortFrom(ip, 0), Options{ICMP: true, RecvBuf: 1 << 20})
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		t.Skipf("this machine has no %v", ip)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id, addr
}

// allICMP polls until nothing comes any more: over the loopback interface an
// error has come when its send returns.
func allICMP(t *testing.T, e Engine) (all []ICMP) {
	t.Helper()
	in := make([]Datagram, 8)
	for {
		n, err := e.Poll(in, 0)
		if n != 0 || err != nil {
			t.Fatalf("Poll gave %d: %v", n, err)
		}
		got := e.ICMP()
		if len(got) == 0 {
			return all
		}
		all = append(all, got...)
	}
}

// R-8656-11.5-a, R-8656-11.5-c, R-8656-11.5-d (RFC 8656, 11.5): what is said about
// datagrams of the socket is told as it was said, whoever says it; what is about
// others, or no datagram, is not.
func TestForgedICMP(t *testing.T) {
	type said struct {
		kind, code uint8
		info       uint32
	}
	for ip, c := range map[netip.Addr]struct{ told, untold []said }{
		loopback: {
			told:   []said{{3, 0, 0}, {3, 1, 0}, {3, 3, 0}, {3, 13, 0}, {11, 0, 0}, {3, 4, 1280}},
			untold: []said{{0, 0, 0}, {5, 1, 0}, {4, 0, 0}},
		},
		netip.IPv6Loopback(): {
			told:   []said{{1, 0, 0}, {1, 4, 0}, {3, 0, 0}, {2, 0, 1400}},
			untold: []said{{128, 0, 0}, {137, 0, 0}},
		},
	} {
		t.Run(ip.String(), func(t *testing.T) {
			e := newTestMmsg(t)
			id, addr := openHearing(t, e, ip)
			_, deaf := mustOpen(t, e, Options{})
			f := newForger(t, ip)
			peer := netip.AddrPortFrom(ip, 9)
			for _, s := range c.told {
				f.send(s.kind, s.code, s.info, unix.IPPROTO_UDP, addr, peer)
				want := []ICMP{{Peer: peer, Info: s.info, Socket: id, Type: s.kind, Code: s.code}}
				if got := allICMP(t, e); !slices.Equal(got, want) {
					t.Errorf("told of %+v, want %+v", got, want)
				}
			}
			for _, s := range c.untold {
				f.send(s.kind, s.code, s.info, unix.IPPROTO_UDP, addr, peer)
			}
			f.send(c.told[0].kind, 0, 0, unix.IPPROTO_TCP, addr, peer)
			f.send(c.told[0].kind, 0, 0, unix.IPPROTO_UDP, peer, addr)
			if ip.Is4() {
				f.send(c.told[0].kind, 0, 0, unix.IPPROTO_UDP, deaf, peer)
			}
			if got := allICMP(t, e); len(got) > 0 {
				t.Errorf("told of %+v", got)
			}
		})
	}
}

// "Fragmentation needed" about a packet with the don't-fragment bit is told even
// if one without has been sent since, and then such packets still have none.
func TestFragmentationNeededAfterwards(t *testing.T) {
	e := newTestMmsg(t)
	id, addr := openHearing(t, e, loopback)
	discover := func() int { return e.option(t, id, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER) }
	f := newForger(t, loopback)
	wire := listenWire(t, addr.Port())
	for _, df := range []bool{false, true, false} {
		if n, err := e.Send([]Datagram{{Socket: id, Peer: addr, Buf: []byte("x"), DF: df}}); n != 1 || err != nil {
			t.Fatalf("Send took %d: %v", n, err)
		}
		if got := nextDF(t, wire, addr.Port()); got != df {
			t.Errorf("the bit is %v on a packet with DF %v", got, df)
		}
		if got := discover() == unix.IP_PMTUDISC_PROBE; got != df {
			t.Errorf("IP_MTU_DISCOVER is %d after DF %v", discover(), df)
		}
		if n, err := e.Poll(make([]Datagram, 1), time.Second); n != 1 || err != nil {
			t.Fatalf("Poll gave %d: %v", n, err)
		}
		f.send(3, 4, 1280, unix.IPPROTO_UDP, addr, netip.AddrPortFrom(loopback, 9))
		if got := allICMP(t, e); len(got) != 1 || got[0].Info != 1280 {
			t.Errorf("told of %+v after DF %v", got, df)
		}
	}
}

// Not a single packet is lost through a flood of forged errors, neither on its
// way out, alone or in a run, nor on its way in.
func TestForgedFloodLosesNothing(t *testing.T) {
	e := newTestMmsg(t)
	id, addr := openHearing(t, e, loopback)
	f := newForger(t, loopback)
	in := make([]Datagram, 64)
	sent, received, heard := 0, 0, 0
	for i := range 50 {
		for range 2*icmpRun + i%3 {
			f.send(3, 3, 0, unix.IPPROTO_UDP, addr, netip.AddrPortFrom(loopback, 9))
		}
		n := 1 + i%(2*minRun)
		if took, err := e.Send(burst(n, id, addr)); took != n || err != nil {
			t.Fatalf("Send took %d of %d: %v", took, n, err)
		}
		sent += n
		// Not all errors fit into one round; the data does not wait for them.
		for range 1 + n {
			k, err := e.Poll(in, 0)
			if err != nil {
				t.Fatal(err)
			}
			received += k
			got := len(e.ICMP())
			if heard += got; got > icmpRun {
				t.Fatalf("%d errors of one socket in a round, want %d at most", got, icmpRun)
			}
		}
	}
	if received != sent || heard == 0 || e.Stats().Losses != (Losses{}) {
		t.Errorf("received %d of %d with %d errors, stats %+v", received, sent, heard, e.Stats())
	}
}

// A Poll brings a bounded number of errors, however many sockets have some, and
// the next ones bring the others.
func TestICMPIsBounded(t *testing.T) {
	e := newTestMmsg(t)
	f := newForger(t, loopback)
	const sockets, each = 3 * icmpRoom / icmpRun, icmpRun + 4
	for range sockets {
		_, addr := openHearing(t, e, loopback)
		for range each {
			f.send(3, 3, 0, unix.IPPROTO_UDP, addr, netip.AddrPortFrom(loopback, 9))
		}
	}
	in, heard := make([]Datagram, 1), map[SocketID]int{}
	for all := 0; all < sockets*each; {
		if _, err := e.Poll(in, 0); err != nil {
			t.Fatal(err)
		}
		got := e.ICMP()
		if len(got) == 0 || len(got) > icmpRoom {
			t.Fatalf("%d errors in a Poll, %d of %d before", len(got), all, sockets*each)
		}
		for _, c := range got {
			heard[c.Socket]++
		}
		all += len(got)
	}
	for id, n := range heard {
		if n != each {
			t.Errorf("%d errors of socket %d, want %d", n, id, each)
		}
	}
}

// What this machine itself says about a datagram that it did not send is no ICMP
// error, and is taken off the socket all the same.
func TestLocalErrorIsNotICMP(t *testing.T) {
	e := newTestMmsg(t)
	id, addr := openHearing(t, e, netip.IPv6Loopback())
	// With its headers this is longer than the loopback interface's packets.
	if n, err := e.Send([]Datagram{{Socket: id, Peer: addr, Buf: make([]byte, MaxPayload), DF: true}}); n != 0 || err != nil {
		t.Fatalf("Send took %d: %v", n, err)
	}
	if st := e.Stats().Losses; st != (Losses{SendError: 1}) {
		t.Errorf("stats %+v, want one SendError", st)
	}
	if err := e.epoll.wait(0); err != nil || e.epoll.count != 1 {
		t.Fatalf("%d events, want that of the error: %v", e.epoll.count, err)
	}
	if got := allICMP(t, e); len(got) > 0 {
		t.Errorf("told of %+v", got)
	}
	if err := e.epoll.wait(0); err != nil || e.epoll.count != 0 {
		t.Errorf("%d events are still reported: %v", e.epoll.count, err)
	}
}

// ICMP errors cost no memory, nor does the data between them.
func TestICMPAllocatesNothing(t *testing.T) {
	for _, ip := range []netip.Addr{loopback, netip.IPv6Loopback()} {
		t.Run(ip.String(), func(t *testing.T) {
			e := newTestMmsg(t)
			id, addr := openHearing(t, e, ip)
			gone, closed := openHearing(t, e, ip)
			if err := e.CloseSocket(gone); err != nil {
				t.Fatal(err)
			}
			in, out := make([]Datagram, 64), append(burst(20, id, closed), burst(20, id, addr)...)
			allocs := testing.AllocsPerRun(100, func() {
				if n, err := e.Send(out); n != len(out) || err != nil {
					t.Fatalf("Send took %d of %d: %v", n, len(out), err)
				}
				for heard, received := 0, 0; heard < 20 || received < 20; {
					n, err := e.Poll(in, time.Second)
					if err != nil {
						t.Fatal(err)
					}
					heard, received = heard+len(e.ICMP()), received+n
				}
			})
			if allocs != 0 {
				t.Errorf("%v allocations", allocs)
			}
		})
	}
}
