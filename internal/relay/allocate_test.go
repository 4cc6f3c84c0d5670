package relay

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

func evenPort(reserve bool) func(*stun.Builder) {
	return func(b *stun.Builder) { b.AddEvenPort(reserve) }
}

func withToken(token []byte) func(*stun.Builder) {
	return func(b *stun.Builder) { b.Add(stun.AttrReservationToken, token) }
}

func withFamily(t stun.AttrType, f turn.Family) func(*stun.Builder) {
	return func(b *stun.Builder) { b.AddFamily(t, uint8(f)) }
}

// clientsFor returns n clients of one user, each on a socket of its own.
func clientsFor(t *testing.T, r *Relay, user string, n int) []*client {
	t.Helper()
	list := make([]*client, n)
	for i := range list {
		list[i] = newClient(t, newUDPWire(t, serverIP), r.Addrs()[0], user)
	}
	return list
}

// A-X07, F-15: the range gives out every port once, then 508; those who have
// one go on, and a port that is freed can be had at once.
func TestPortExhaustion(t *testing.T) {
	o := testOptions(t)
	o.MinPort, o.MaxPort = 61200, 61209
	r := serveForTest(t, o)
	clients := clientsFor(t, r, "alice", 11)
	seen := make(map[netip.AddrPort]bool)
	for round := range 3 {
		for _, c := range clients[:10] {
			seen[c.allocate()] = true
		}
		clients[10].mustRefuse(clients[10].tryAllocate(), 508)
		if len(seen) != 10 {
			t.Fatalf("round %d: %d ports of 10", round, len(seen))
		}
		clients[3].must(clients[3].refresh(0))
		clients[10].allocate()
		clients[3].mustRefuse(clients[3].tryAllocate(), 508)
		for _, c := range append(clients[:3:3], clients[4:]...) {
			c.must(c.refresh(0))
		}
	}
	if s := awaitStats(r, noPorts); s.PortsUsed != 0 || s.Ports != 10 {
		t.Errorf("%d of %d ports in use", s.PortsUsed, s.Ports)
	}
}

// Ports that another process holds are passed over, and nothing is lost by it.
func TestPortsHeldByOthers(t *testing.T) {
	o := testOptions(t)
	o.MinPort, o.MaxPort = 61220, 61227
	for port := o.MinPort; port < o.MaxPort; port++ {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(relayIP()), Port: int(port)})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	r := serveForTest(t, o)
	clients := clientsFor(t, r, "alice", 2)
	if got := clients[0].allocate(); got.Port() != o.MaxPort {
		t.Errorf("got %s, where only port %d is free", got, o.MaxPort)
	}
	clients[1].mustRefuse(clients[1].tryAllocate(), 508)
	if s := r.Stats(); s.PortsUsed != 1 {
		t.Errorf("%d ports in use, want 1", s.PortsUsed)
	}
}

// R-8656-7.2-q, R-8656-7.2-o, R-8656-7.2-g (RFC 8656, 7.2): a pair, the second
// port of which another client gets with the token, once.
func TestReservation(t *testing.T) {
	o := testOptions(t)
	o.Quota.PerUser = 3
	r := serveForTest(t, o)
	c := clientsFor(t, r, "alice", 4)
	m := c[0].must(c[0].tryAllocate(evenPort(true)))
	first, _ := m.XORAddress(stun.AttrXORRelayedAddress)
	token, ok := m.Get(stun.AttrReservationToken)
	if !ok || first.Port()%2 != 0 {
		t.Fatalf("port %d, token %x", first.Port(), token)
	}
	// A-X15: the reservation counts, so a second pair is one too many.
	c[1].mustRefuse(c[1].tryAllocate(evenPort(true)), 486)
	if second := c[1].allocate(withToken(token)); second.Port() != first.Port()+1 {
		t.Errorf("the token gave port %d, want %d", second.Port(), first.Port()+1)
	}
	c[2].mustRefuse(c[2].tryAllocate(withToken(token)), 508)
	c[2].mustRefuse(c[2].tryAllocate(withToken([]byte("12345678"))), 508)
	c[2].allocate()
	c[3].mustRefuse(c[3].tryAllocate(), 486)
	for _, x := range c[:3] {
		x.must(x.refresh(0))
	}
}

// A-C24: an even port leaves nothing behind.
func TestEvenPortDoesNotLeak(t *testing.T) {
	o := testOptions(t)
	o.MinPort, o.MaxPort = 61240, 61243
	r := serveForTest(t, o)
	c := clientsFor(t, r, "alice", 2)
	for range 8 {
		if a := c[0].allocate(evenPort(false)); a.Port()%2 != 0 {
			t.Fatalf("port %d is odd", a.Port())
		}
		c[0].must(c[0].refresh(0))
	}
	if s := awaitStats(r, noPorts); s.PortsUsed != 0 {
		t.Errorf("%d ports in use", s.PortsUsed)
	}
}

func noPorts(s Stats) bool { return s.PortsUsed == 0 }

// R-8656-7.2-i, R-8656-7.2-l (RFC 8656, 7.2): two families, one, or none.
func TestFamilies(t *testing.T) {
	if c, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback}); err != nil {
		t.Skip("this machine has no IPv6:", err)
	} else {
		c.Close()
	}
	o := testOptions(t)
	o.Relays = append(o.Relays, RelayAddr{Local: netip.IPv6Loopback()})
	r := serveForTest(t, o)
	c := clientsFor(t, r, "alice", 2)
	m := c[0].must(c[0].tryAllocate(withFamily(stun.AttrAdditionalAddressFamily, turn.IPv6)))
	var got []netip.Addr
	for typ, v := range m.Attributes() {
		if typ == stun.AttrXORRelayedAddress {
			a, err := m.DecodeXORAddress(v)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, a.Addr())
		}
	}
	if len(got) != 2 || !got[0].Is4() || !got[1].Is6() {
		t.Errorf("relayed addresses %v", got)
	}
	// Two addresses are one allocation for the quota, and it ends with both.
	if n := charges(r); n != 1 || r.Stats().PortsUsed != 2 {
		t.Errorf("%d charges for %d ports", n, r.Stats().PortsUsed)
	}
	if a := c[1].allocate(withFamily(stun.AttrRequestedAddressFamily, turn.IPv6)); !a.Addr().Is6() {
		t.Errorf("got %s, want IPv6", a)
	}

	only4 := serveForTest(t, testOptions(t))
	c = clientsFor(t, only4, "alice", 2)
	c[0].mustRefuse(c[0].tryAllocate(withFamily(stun.AttrRequestedAddressFamily, turn.IPv6)), 440)
	m = c[1].must(c[1].tryAllocate(withFamily(stun.AttrAdditionalAddressFamily, turn.IPv6)))
	if family, code, _, err := m.AddressError(); err != nil || family != uint8(turn.IPv6) || code != 440 {
		t.Errorf("family %d, code %d, %v", family, code, err)
	}
}

// External addresses are what clients see, and packets to either form of an
// address are handed over.
func TestExternalAddress(t *testing.T) {
	outside := netip.MustParseAddr("198.18.0.99")
	o := testOptions(t)
	o.Relays[0].External = outside
	o.Turn.Policy = turn.NewPolicy(turn.PolicyOptions{
		AllowLoopback: true, Self: []netip.Addr{netip.MustParseAddr(relayIP()), outside},
	})
	r := serveForTest(t, o)
	c := clientsFor(t, r, "alice", 2)
	a, b := c[0].allocate(), c[1].allocate()
	if a.Addr() != outside || b.Addr() != outside {
		t.Fatalf("told %s and %s", a, b)
	}
	c[1].permit(a)
	for _, to := range []netip.AddrPort{b, netip.AddrPortFrom(netip.MustParseAddr(relayIP()), b.Port())} {
		c[0].permit(to)
		c[0].sendIndication(to, "inside")
		c[1].expectData(a, "inside")
	}
}

// A port of a relay address that no allocation holds is nobody, unless the
// operator has allowed the address: then a program may be there.
func TestToRelayNobodyHolds(t *testing.T) {
	program := newUDPWire(t, relayIP())
	for _, allowed := range []bool{false, true} {
		o := testOptions(t)
		p := turn.PolicyOptions{Self: []netip.Addr{netip.MustParseAddr(relayIP())}, AllowLoopback: allowed}
		o.Turn.Policy = turn.NewPolicy(p)
		r := serveForTest(t, o)
		alice := newClient(t, newUDPWire(t, serverIP), r.Addrs()[0], "alice")
		relayed := alice.allocate()
		alice.permit(program.addr())
		alice.sendIndication(program.addr(), "hello")
		if allowed {
			expectDatagram(t, program, relayed, "hello")
			continue
		}
		s := awaitStats(r, func(s Stats) bool { return s.Drops["no-relay"] > 0 })
		if s.Drops["no-relay"] != 1 {
			t.Errorf("dropped %v", s.Drops)
		}
	}
}

// A-X06: a quota that is used up is a 486, until something is given back.
func TestQuotaRefusals(t *testing.T) {
	cases := []struct {
		name  string
		quota Quota
		third string // the user of the third allocation
	}{
		{"user", Quota{PerUser: 2}, "alice"},
		{"total", Quota{Total: 2}, "bob"},
		{"capacity", Quota{MaxBPS: 1000, CapacityBPS: 1500}, "bob"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := testOptions(t)
			o.Quota = c.quota
			r := serveForTest(t, o)
			a := clientsFor(t, r, "alice", 2)
			a[0].allocate()
			a[1].allocate()
			third := newClient(t, newUDPWire(t, serverIP), r.Addrs()[0], c.third)
			third.mustRefuse(third.tryAllocate(), 486)
			if n := r.Stats().Refused[486]; n != 1 {
				t.Errorf("%d refusals with 486 counted", n)
			}
			a[0].must(a[0].refresh(0))
			third.allocate()
		})
	}
}

// gate is a user database that answers when the test says so.
type gate struct {
	directory
	open chan struct{}
}

func (g *gate) Known(now time.Time, realm, username string) (auth.Candidates, bool) {
	if username == "slow" {
		return auth.Candidates{}, false
	}
	return g.directory.Known(now, realm, username)
}

func (g *gate) Find(ctx context.Context, _, username string) (auth.Candidates, error) {
	select {
	case <-g.open:
		return auth.Candidates{Keys: []auth.Key{g.users[username]}}, nil
	case <-ctx.Done():
		return auth.Candidates{}, ctx.Err()
	}
}

// F-16: while the database stands still, those whom memory knows are served and
// media flows; the others get their answer when it comes.
func TestSlowLookupsStallNobody(t *testing.T) {
	o := testOptions(t)
	g := &gate{open: make(chan struct{}), directory: directory{users: map[string]auth.Key{
		"alice": testKey(t, "alice"), "slow": testKey(t, "slow"),
	}}}
	o.Keys = g
	r := serveForTest(t, o)
	server := r.Addrs()[0]
	alice := newClient(t, newUDPWire(t, serverIP), server, "alice")
	peer := newUDPWire(t, peerIP)
	relayed := alice.allocate()
	alice.bind(0x4000, peer.addr())

	slow := newClient(t, newUDPWire(t, serverIP), server, "slow")
	challenge := slow.response(slow.post(stun.MethodAllocate, udpTransport))
	slow.nonce, _ = challenge.Get(stun.AttrNonce)
	id := slow.post(stun.MethodAllocate, udpTransport)
	for range 20 {
		alice.sendChannel(0x4000, "up")
		expectDatagram(t, peer, relayed, "up")
		peer.send(relayed, []byte("down"))
		alice.expectChannel(0x4000, "down")
	}
	newClient(t, newUDPWire(t, serverIP), server, "alice").allocate()
	close(g.open)
	slow.must(slow.response(id))
}
