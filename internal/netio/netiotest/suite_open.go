package netiotest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"iceserver/internal/netio"
)

// testOpenPort: Open tells which port it got, and takes the IPv6 form of an IPv4
// address for the IPv4 address.
func testOpenPort(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	p := h.open(loopback())
	if p.addr.Addr() != loopback() || p.addr.Port() == 0 {
		t.Errorf("Open said %v, want %v and a port", p.addr, loopback())
	}
	mapped := h.open(netip.AddrFrom16(loopback().As16()))
	if mapped.addr.Addr() != loopback() {
		t.Errorf("Open of the IPv6 form of %v said %v", loopback(), mapped.addr)
	}
}

// testOpenRefuses: what is not the address of a machine is refused by name.
func testOpenRefuses(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	for _, addr := range []netip.AddrPort{
		{},
		netip.MustParseAddrPort("0.0.0.0:0"),
		netip.MustParseAddrPort("[::]:0"),
	} {
		_, _, err := h.Open(addr, netio.Options{})
		if err == nil || !strings.Contains(err.Error(), addr.String()) {
			t.Errorf("Open(%v): %v, want an error that names the address", addr, err)
		}
	}
}

// testAddressInUse: a busy port can be told apart from other errors, for the relay
// tries another then, and is free again when its holder closes.
func testAddressInUse(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	p := h.open(loopback())
	_, _, err := h.Open(p.addr, netio.Options{})
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("Open of a busy address: %v, want EADDRINUSE", err)
	}
	if n := strings.Count(err.Error(), p.addr.String()); n != 1 {
		t.Errorf("%q names the address %d times, want once", err, n)
	}
	h.quiet(p) // the first socket is none the worse
	if err := h.CloseSocket(p.id); err != nil {
		t.Fatal(err)
	}
	if _, addr, err := h.Open(p.addr, netio.Options{}); err != nil || addr != p.addr {
		t.Errorf("Open after CloseSocket: %v, %v", addr, err)
	}
}

// testReusePort: workers share an address, each sender has one worker, and a
// socket that did not ask to share is left alone.
func testReusePort(t *testing.T, open func() (netio.Engine, error)) {
	a, b := newHost(t, open), newHost(t, open)
	shared := netio.Options{ReusePort: true}
	_, addr, err := a.Open(netip.AddrPortFrom(loopback(), 0), shared)
	if !a.Features().ReusePort {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Fatalf("Open with ReusePort: %v, want ErrUnsupported", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Open(addr, netio.Options{}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("Open without ReusePort: %v, want EADDRINUSE", err)
	}
	if _, _, err := b.Open(addr, shared); err != nil {
		t.Fatal(err)
	}
	// Every datagram comes to one of the two, and those of a sender to one only.
	sender := newHost(t, open)
	const senders = 8
	for range senders {
		sender.send(sender.open(loopback()), addr, "one", "two")
	}
	seen := make(map[netip.AddrPort]*host)
	for n := 0; n < 2*senders; {
		for _, h := range []*host{a, b} {
			for _, m := range h.poll(0) {
				if n++; seen[m.from] != nil && seen[m.from] != h {
					t.Errorf("%v was given to both", m.from)
				}
				seen[m.from] = h
			}
		}
		runtime.Gosched()
	}
}

// testIDs: ids stay small, since callers index slices by them.
func testIDs(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	var ports []port
	for range 4 {
		ports = append(ports, h.open(loopback()))
	}
	for _, p := range ports {
		if p.id >= 4 {
			t.Errorf("id %d with 4 sockets", p.id)
		}
	}
	for range 10 {
		if err := h.CloseSocket(ports[1].id); err != nil {
			t.Fatal(err)
		}
		id := h.open(loopback()).id
		if id != ports[1].id {
			t.Fatalf("id %d after closing %d", id, ports[1].id)
		}
	}
}

// testThousand: an allocation that is opened and closed leaves no descriptor.
func testThousand(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	h.open(loopback()) // whatever the first socket makes the runtime open, is open now
	before := descriptors(t)
	for range 2 {
		var ids []netio.SocketID
		for range 1000 {
			ids = append(ids, h.open(loopback()).id)
		}
		for _, id := range ids {
			if err := h.CloseSocket(id); err != nil {
				t.Fatal(err)
			}
		}
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors are open, %d were", after, before)
	}
}

// descriptors counts those of this process, on Linux; elsewhere it is 0.
func descriptors(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// testUnknown: a datagram for a socket that has just been closed is an everyday
// event, which costs that datagram and no other.
func testUnknown(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	if err := h.CloseSocket(0); !errors.Is(err, netio.ErrUnknownSocket) {
		t.Errorf("CloseSocket of none: %v", err)
	}
	p := h.open(loopback())
	if err := h.CloseSocket(p.id + 1); !errors.Is(err, netio.ErrUnknownSocket) {
		t.Errorf("CloseSocket of another: %v", err)
	}
	if err := h.CloseSocket(1<<32 - 1); !errors.Is(err, netio.ErrUnknownSocket) {
		t.Errorf("CloseSocket of the highest id: %v", err)
	}
	n, err := h.Send([]netio.Datagram{
		{Socket: p.id, Peer: p.addr, Buf: []byte("a")},
		{Socket: p.id + 1, Peer: p.addr, Buf: []byte("lost")},
		{Socket: p.id, Peer: p.addr, Buf: []byte("b")},
	})
	if n != 2 || err != nil {
		t.Errorf("Send took %d of 2: %v", n, err)
	}
	if st := h.Stats().Losses; st != (netio.Losses{SendError: 1}) {
		t.Errorf("stats %+v, want one SendError", st)
	}
	h.expect(p, p.addr, "a", "b")
}

// testClose: a closed engine says so, and leaves its addresses to others.
func testClose(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	p := h.open(loopback())
	for range 2 {
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Poll(h.in, -1); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Poll: %v", err)
	}
	if _, err := h.Send([]netio.Datagram{{Socket: p.id, Peer: p.addr}}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send: %v", err)
	}
	if _, _, err := h.Open(p.addr, netio.Options{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Open: %v", err)
	}
	if err := h.CloseSocket(p.id); !errors.Is(err, netio.ErrUnknownSocket) {
		t.Errorf("CloseSocket: %v", err)
	}
	h.Wake()
	if _, _, err := newHost(t, open).Open(p.addr, netio.Options{}); err != nil {
		t.Errorf("the address was not freed: %v", err)
	}
}

// testCloseWake: other goroutines may call Wake while the engine is closed.
func testCloseWake(t *testing.T, open func() (netio.Engine, error)) {
	for range 4 {
		h := newHost(t, open)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					h.Wake()
				}
			}
		})
		for range 20 {
			h.poll(-1)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		close(stop)
		wg.Wait()
	}
}

// testCloseSilent: what waits for a closed socket never comes.
func testCloseSilent(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	closed, other := h.open(loopback()), h.open(loopback())
	h.send(other, closed.addr, "lost", "lost", "lost")
	h.send(other, other.addr, "kept")
	if err := h.CloseSocket(closed.id); err != nil {
		t.Fatal(err)
	}
	h.expect(other, other.addr, "kept")
	h.quiet(other)
}

// testCloseFresh closes a socket of which one datagram has been read and others
// are waiting, and gives its id to another.
func testCloseFresh(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	sender := h.open(loopback())
	var ports []port
	for i := range 8 {
		ports = append(ports, h.open(loopback()))
		for j := range 4 {
			h.send(sender, ports[i].addr, fmt.Sprint("old ", j))
		}
	}
	h.in = h.in[:1] // the others stay in the engine or its sockets
	h.receive(1)
	for i := range ports {
		if err := h.CloseSocket(ports[i].id); err != nil {
			t.Fatal(err)
		}
		ports[i] = h.open(loopback())
	}
	for _, p := range ports {
		h.send(sender, p.addr, "new")
	}
	for _, m := range h.receive(len(ports)) {
		if m.payload != "new" {
			t.Errorf("socket %d got %q of its predecessor", m.at, m.payload)
		}
	}
	h.quiet(sender)
}
