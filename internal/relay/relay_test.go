package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/netio"
	"iceserver/internal/turn"
)

// Where the tests with real sockets live: clients and listeners on one loopback
// address, peers on another, relayed addresses on relayIP.
const (
	serverIP = "127.0.0.1"
	peerIP   = "127.0.0.3"
)

// relayIP is a loopback address of this process alone, since tests count on
// certain ports being free; those are above the ones that the system gives out.
func relayIP() string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.2", 64+pid>>8&63, pid&255)
}

// testOptions are options for the loopback addresses; users alice and bob are
// known at once.
func testOptions(t testing.TB) Options {
	self := netip.MustParseAddr(relayIP())
	return Options{
		Workers: 1,
		Listen:  []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr(serverIP), 0)},
		Relays:  []RelayAddr{{Local: self}},
		Keys: &directory{users: map[string]auth.Key{
			"alice": testKey(t, "alice"), "bob": testKey(t, "bob"),
		}},
		Turn: turn.Options{
			Realm:  testRealm,
			Policy: turn.NewPolicy(turn.PolicyOptions{AllowLoopback: true, Self: []netip.Addr{self}}),
		},
		Log: slog.New(slog.DiscardHandler),
	}
}

// serve runs a relay until the returned function is called.
func serve(t testing.TB, o Options) (*Relay, func()) {
	t.Helper()
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stopped := false
	return r, func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		checkEmpty(t, r)
	}
}

// checkEmpty fails the test if anything is left of a relay that has ended:
// A-D18, A-D19, F-15.
func checkEmpty(t testing.TB, r *Relay) {
	t.Helper()
	s := r.Stats()
	reserved := len(r.ports.reservations)
	if n := charges(r); s.Allocations != 0 || s.PortsUsed != reserved || n != reserved {
		t.Errorf("left behind: %d allocations, %d ports, %d charges", s.Allocations, s.PortsUsed, n)
	}
}

// charges returns how much all users are charged for.
func charges(r *Relay) int {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	return r.ledger.total
}

// serveForTest is serve that ends with the test.
func serveForTest(t testing.TB, o Options) *Relay {
	t.Helper()
	r, stop := serve(t, o)
	t.Cleanup(stop)
	return r
}

func TestRelayBothWays(t *testing.T) {
	for _, workers := range []int{1, 2} {
		o := testOptions(t)
		o.Workers = workers
		r := serveForTest(t, o)
		alice := newClient(t, newUDPWire(t, serverIP), r.Addrs()[0], "alice")
		peer := newUDPWire(t, peerIP)
		relayed := alice.allocate()
		alice.permit(peer.addr())
		alice.sendIndication(peer.addr(), "by indication")
		expectDatagram(t, peer, relayed, "by indication")
		peer.send(relayed, []byte("back"))
		alice.expectData(peer.addr(), "back")
		alice.bind(0x4000, peer.addr())
		alice.sendChannel(0x4000, "by channel")
		expectDatagram(t, peer, relayed, "by channel")
		peer.send(relayed, []byte("and back"))
		alice.expectChannel(0x4000, "and back")
		s := r.Stats()
		if s.Allocations != 1 || s.Allocated != 1 || s.PortsUsed != 1 {
			t.Errorf("%d workers: %+v", workers, s)
		}
		alice.must(alice.refresh(0))
	}
}

// Two clients of one server reach each other through their relayed addresses,
// whichever workers they have, and no socket sees the packets.
func TestRelayHandOver(t *testing.T) {
	for _, workers := range []int{1, 2} {
		o := testOptions(t)
		o.Workers = workers
		r := serveForTest(t, o)
		server := r.Addrs()[0]
		alice := newClient(t, newUDPWire(t, serverIP), server, "alice")
		a := alice.allocate()
		// The kernel spreads clients over workers by their ports; take one that
		// landed elsewhere.
		var bob *client
		var b netip.AddrPort
		for range 64 {
			bob = newClient(t, newUDPWire(t, serverIP), server, "bob")
			b = bob.allocate()
			if workers == 1 || workerOf(r, a) != workerOf(r, b) {
				break
			}
		}
		if workers == 2 && workerOf(r, a) == workerOf(r, b) {
			t.Fatal("64 clients on one worker of two")
		}
		alice.bind(0x4000, b)
		bob.bind(0x4001, a)
		before := r.Stats().HandedOver
		for range 20 {
			alice.sendChannel(0x4000, "hello bob")
			bob.expectChannel(0x4001, "hello bob")
			bob.sendChannel(0x4001, "hello alice")
			alice.expectChannel(0x4000, "hello alice")
		}
		if s := awaitStats(r, func(s Stats) bool { return s.HandedOver >= before+40 }); s.HandedOver-before != 40 {
			t.Errorf("%d workers: %d packets handed over, want 40", workers, s.HandedOver-before)
		}
	}
}

func workerOf(r *Relay, relayed netip.AddrPort) int {
	w, _, _ := r.ports.owner(relayed)
	return w
}

// awaitStats polls until ok, for counters of what a worker does behind the packet
// that a test has already seen; it gives up in the end and lets the test judge.
func awaitStats(r *Relay, ok func(Stats) bool) Stats {
	for range 2000 {
		if s := r.Stats(); ok(s) {
			return s
		}
		time.Sleep(time.Millisecond)
	}
	return r.Stats()
}

func TestNewRefuses(t *testing.T) {
	busy, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(serverIP)})
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	at := busy.LocalAddr().(*net.UDPAddr).AddrPort()
	addr := netip.MustParseAddr
	cases := []struct {
		name string
		edit func(*Options)
		want []string
		is   error
	}{
		{"busy", func(o *Options) { o.Listen = []netip.AddrPort{at} },
			[]string{at.String(), "another server"}, syscall.EADDRINUSE},
		{"busy for several workers", func(o *Options) { o.Listen, o.Workers = []netip.AddrPort{at}, 2 },
			[]string{at.String(), "another server"}, syscall.EADDRINUSE},
		{"foreign listen address", func(o *Options) { o.Listen = []netip.AddrPort{netip.MustParseAddrPort("198.18.0.7:3478")} },
			[]string{"198.18.0.7:3478", "no such address"}, syscall.EADDRNOTAVAIL},
		{"foreign relay address", func(o *Options) { o.Relays = []RelayAddr{{Local: addr("198.18.0.7")}} },
			[]string{"relay from 198.18.0.7", "no such address"}, syscall.EADDRNOTAVAIL},
		{"no relay address", func(o *Options) { o.Relays = nil }, []string{"relay-ip"}, nil},
		{"ports upside down", func(o *Options) { o.MinPort, o.MaxPort = 50001, 50000 },
			[]string{"50001", "50000", "min-port"}, nil},
		// R-8656-7.2-r (RFC 8656, 7.2): well-known ports are never relayed from.
		{"well-known ports", func(o *Options) { o.MinPort = 1023 }, []string{"1023", "1024"}, nil},
		{"capacity without rate", func(o *Options) { o.Quota.CapacityBPS = 1 }, []string{"max-bps"}, nil},
		{"families mixed", func(o *Options) { o.Relays[0].External = addr("2001:db8::1") }, []string{"IPv4", "IPv6"}, nil},
		{"one address twice", func(o *Options) {
			o.Relays = []RelayAddr{{Local: addr("127.0.0.2"), External: addr("198.18.0.9")},
				{Local: addr("127.0.0.3"), External: addr("198.18.0.9")}}
		}, []string{"127.0.0.2", "127.0.0.3", "198.18.0.9"}, nil},
		{"no keys", func(o *Options) { o.Keys = nil }, []string{"Keys"}, nil},
		{"no engine", func(o *Options) {
			o.Engine = func() (netio.Engine, error) { return nil, errors.New("no io_uring here") }
		}, []string{"no io_uring here"}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := testOptions(t)
			c.edit(&o)
			_, err := New(o)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not name %q", err, w)
				}
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%q is not %v", err, c.is)
			}
		})
	}
}

// A second server on the same address is refused, though both could share it.
func TestNewRefusesASecondServer(t *testing.T) {
	o := testOptions(t)
	o.Workers = 2
	r := serveForTest(t, o)
	o.Listen = r.Addrs()
	if _, err := New(o); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("the second server got %v", err)
	}
}
