package relay

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"iceserver/internal/netio"
	"iceserver/internal/netio/netiotest"
	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// expectICMP waits for a Data indication of an ICMP error.
func (c *client) expectICMP(peer netip.AddrPort, want stun.ICMP) {
	c.t.Helper()
	_, b, ok := c.recv()
	m, err := stun.Parse(b)
	if !ok || err != nil || m.Method != stun.MethodData || m.Class != stun.ClassIndication {
		c.t.Fatalf("%s: got %x (%v, %v), want a Data indication", c.user, b, ok, err)
	}
	got, err := m.ICMP()
	about, peerErr := m.XORAddress(stun.AttrXORPeerAddress)
	if _, data := m.Get(stun.AttrData); err != nil || peerErr != nil || data || got != want || about != peer {
		c.t.Fatalf("%s: told %+v about %s (%v, %v), want %+v about %s", c.user, got, about, err, peerErr, want, peer)
	}
}

// closedPort is an address that nobody listens on.
func closedPort(t testing.TB) netip.AddrPort {
	t.Helper()
	w := newUDPWire(t, peerIP)
	w.conn.Close()
	return w.addr()
}

// R-8656-11.5-a, R-8656-11.5-d, R-8656-12.5-a (RFC 8656, 11.5 and 12.5): what a
// real kernel says of a closed port reaches the client, by whatever transport it
// came, and no packet is lost by that.
func TestICMPOfAClosedPort(t *testing.T) {
	r := serveForTest(t, testOptions(t))
	clients := map[string]*client{
		"UDP": newClient(t, newUDPWire(t, serverIP), r.Addrs()[0], "alice"),
		"TCP": newClient(t, newLinkWire(t, r, turn.TCP, "198.18.0.5:5000"), netip.AddrPort{}, "bob"),
	}
	for name, c := range clients {
		t.Run(name, func(t *testing.T) {
			gone, peer := closedPort(t), newUDPWire(t, peerIP)
			relayed := c.allocate()
			c.permit(peer.addr())
			unreachable := stun.ICMP{Type: 3, Code: 3}
			for range 3 {
				c.sendIndication(gone, "nobody hears this")
				c.expectICMP(gone, unreachable)
				c.sendIndication(peer.addr(), "but this")
				expectDatagram(t, peer, relayed, "but this")
			}
			channel := channelData(0x4000, "nor this")
			c.bind(0x4000, gone)
			c.send(c.server, channel)
			c.expectICMP(gone, unreachable)
			peer.send(relayed, []byte("and back"))
			c.expectData(peer.addr(), "and back")
		})
	}
	if s := awaitStats(r, func(s Stats) bool { return s.PacketsOut > 0 }); s.Drops["send-error"] != 0 {
		t.Errorf("%d packets lost", s.Drops["send-error"])
	}
}

// An engine that hears nothing of errors serves without.
func TestNoICMP(t *testing.T) {
	o := testOptions(t)
	o.Engine = netio.NewStd
	r := serveForTest(t, o)
	alice, peer := newClient(t, newUDPWire(t, serverIP), r.Addrs()[0], "alice"), newUDPWire(t, peerIP)
	relayed := alice.allocate()
	alice.permit(peer.addr())
	alice.sendIndication(closedPort(t), "nobody hears this")
	alice.sendIndication(peer.addr(), "but this")
	expectDatagram(t, peer, relayed, "but this")
	peer.send(relayed, []byte("back"))
	alice.expectData(peer.addr(), "back")
}

// R-8656-11.5-b, R-8656-11.5-c (RFC 8656, 11.5): errors are forged, of types that
// are not listed, about peers that may not be sent to; each has its counter. A
// flood is told of at a bounded rate, and media flows on.
func TestSimulatedICMP(t *testing.T) {
	simulate(t, nil, func(n *netiotest.Net, r *Relay) {
		alice := simClient(t, n, r, "alice")
		peer := newSimWire(t, n, peerIP)
		relayed := alice.allocate()
		alice.bind(0x4000, peer.addr())
		forge := func(e netio.ICMP) {
			if !n.ICMP(relayed, e) {
				t.Fatalf("the socket of %s hears of no errors", relayed)
			}
			synctest.Wait()
		}
		forge(netio.ICMP{Peer: peer.addr(), Type: 3, Code: 4, Info: 1280})
		alice.expectICMP(peer.addr(), stun.ICMP{Type: 3, Code: 4, Data: 1280})
		forge(netio.ICMP{Peer: peer.addr(), Type: 11, Info: 7})
		alice.expectICMP(peer.addr(), stun.ICMP{Type: 11})
		forge(netio.ICMP{Peer: peer.addr(), Type: 12})
		forge(netio.ICMP{Peer: netip.MustParseAddrPort("8.8.8.8:53"), Type: 3, Code: 3})
		time.Sleep(time.Second)
		const flood, burst = 1000, 10
		for range flood {
			forge(netio.ICMP{Peer: peer.addr(), Type: 3, Code: 3})
		}
		for range burst {
			alice.expectICMP(peer.addr(), stun.ICMP{Type: 3, Code: 3})
		}
		alice.sendChannel(0x4000, "up")
		expectDatagram(t, peer, relayed, "up")
		peer.send(relayed, []byte("down"))
		alice.expectChannel(0x4000, "down")
		synctest.Wait()
		s := r.Stats()
		for reason, want := range map[string]uint64{"icmp-rate-limit": flood - burst, "icmp-type": 1, "no-permission": 1} {
			if s.Drops[reason] != want {
				t.Errorf("%d drops for %s, want %d", s.Drops[reason], reason, want)
			}
		}
	})
}

// The listening sockets are told of no errors: those are about answers to clients,
// and any stranger can cause them.
func TestListenersHearNoICMP(t *testing.T) {
	simulate(t, nil, func(n *netiotest.Net, r *Relay) {
		if n.ICMP(r.Addrs()[0], netio.ICMP{Peer: netip.MustParseAddrPort("8.8.8.8:53"), Type: 3, Code: 3}) {
			t.Error("a listening socket hears of ICMP errors")
		}
	})
}

// F-21: a fault in the handling of an error costs that error.
func TestPanicLosesOneICMP(t *testing.T) {
	h := newHandRelay(t, testOptions(t))
	defer h.end()
	alice := h.client("alice")
	alice.allocate()
	core := h.w.server
	h.w.server = nil
	h.w.fault(h.now(), &netio.ICMP{Peer: alice.addr(), Type: 3, Code: 3})
	h.w.server = core
	h.w.publish()
	if n := h.r.Stats().Panics; n != 1 {
		t.Errorf("%d panics counted, want 1", n)
	}
	alice.must(alice.refresh(600))
}

// An error that goes nowhere costs no memory.
func TestNoAllocationsPerICMP(t *testing.T) {
	h := newHandRelay(t, testOptions(t))
	defer h.end()
	alice := h.client("alice")
	alice.allocate()
	peer, stranger := closedPort(t), netip.MustParseAddrPort("8.8.8.8:53")
	alice.permit(peer)
	id := netio.SocketID(len(h.w.sockets) - 1)
	tell := func(e netio.ICMP) {
		e.Socket = id
		h.w.fault(h.now(), &e)
		h.w.settle(h.now())
	}
	for range 20 {
		tell(netio.ICMP{Peer: peer, Type: 3, Code: 3})
	}
	before := h.w.filling.Drops[turn.DropICMPRate] + h.w.acting.Drops[turn.DropICMPRate]
	now := h.now()
	for name, e := range map[string]netio.ICMP{
		"over the rate": {Peer: peer, Type: 3, Code: 3, Socket: id},
		"no permission": {Peer: stranger, Type: 3, Code: 3, Socket: id},
		"type":          {Peer: peer, Type: 12, Socket: id},
	} {
		if n := testing.AllocsPerRun(100, func() { h.w.fault(now, &e) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if after := h.w.filling.Drops[turn.DropICMPRate] + h.w.acting.Drops[turn.DropICMPRate]; after-before < 90 {
		t.Errorf("%d errors over the rate", after-before)
	}
}
