package relay

import (
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/netio"
	"iceserver/internal/netio/netiotest"
	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// simWire is a socket on a simulated network.
type simWire struct {
	t      testing.TB
	engine netio.Engine
	id     netio.SocketID
	at     netip.AddrPort
	in     [1]netio.Datagram
}

func newSimWire(t testing.TB, n *netiotest.Net, ip string) *simWire {
	t.Helper()
	e, err := n.Engine()
	if err != nil {
		t.Fatal(err)
	}
	w := &simWire{t: t, engine: e}
	if w.id, w.at, err = e.Open(netip.AddrPortFrom(netip.MustParseAddr(ip), 0), netio.Options{}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *simWire) send(to netip.AddrPort, b []byte) {
	if n, err := w.engine.Send([]netio.Datagram{{Buf: b, Peer: to, Socket: w.id}}); n != 1 || err != nil {
		w.t.Errorf("send: %d, %v", n, err)
	}
}

// recv waits for 4 virtual seconds, two more than a look-up may take.
func (w *simWire) recv() (netip.AddrPort, []byte, bool) {
	n, err := w.engine.Poll(w.in[:], 4*time.Second)
	if err != nil || n == 0 {
		return netip.AddrPort{}, nil, false
	}
	return w.in[0].Peer, w.in[0].Buf[netio.Headroom:], true
}

func (w *simWire) addr() netip.AddrPort { return w.at }

// simulate runs f with a relay on a simulated network, in virtual time.
func simulate(t *testing.T, edit func(*Options), f func(n *netiotest.Net, r *Relay)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := netiotest.NewNet(1)
		o := testOptions(t)
		o.Engine = n.Engine
		if edit != nil {
			edit(&o)
		}
		r, stop := serve(t, o)
		defer stop()
		f(n, r)
	})
}

func simClient(t testing.TB, n *netiotest.Net, r *Relay, user string) *client {
	t.Helper()
	return newClient(t, newSimWire(t, n, "198.18.0.20"), r.Addrs()[0], user)
}

// The worker wakes by itself when something ends, and not before.
func TestSimulatedLife(t *testing.T) {
	simulate(t, nil, func(n *netiotest.Net, r *Relay) {
		alice := simClient(t, n, r, "alice")
		peer := newSimWire(t, n, peerIP)
		relayed := alice.allocate()
		alice.bind(0x4000, peer.addr())
		for minute := range 30 {
			// Permissions live for five minutes and channels for ten.
			if minute%4 == 3 {
				alice.bind(0x4000, peer.addr())
				alice.must(alice.refresh(600))
			}
			up, down := fmt.Sprint("up ", minute), fmt.Sprint("down ", minute)
			alice.sendChannel(0x4000, up)
			expectDatagram(t, peer, relayed, up)
			peer.send(relayed, []byte(down))
			alice.expectChannel(0x4000, down)
			time.Sleep(time.Minute)
		}
		if s := r.Stats(); s.Allocations != 1 {
			t.Fatalf("%d allocations after half an hour of refreshing", s.Allocations)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if s := r.Stats(); s.Allocations != 0 || s.PortsUsed != 0 {
			t.Errorf("ten minutes later: %d allocations, %d ports", s.Allocations, s.PortsUsed)
		}
	})
}

// F-16: a database that hangs costs its own users a 500 after two seconds, and
// nobody else anything.
func TestSimulatedSlowLookups(t *testing.T) {
	edit := func(o *Options) {
		d := o.Keys.(*directory)
		d.slow, d.delay = map[string]auth.Key{}, time.Hour
	}
	simulate(t, edit, func(n *netiotest.Net, r *Relay) {
		alice := simClient(t, n, r, "alice")
		peer := newSimWire(t, n, peerIP)
		relayed := alice.allocate()
		alice.bind(0x4000, peer.addr())
		lost := make([]*client, 3*lookupWorkers)
		ids := make([]stun.TransactionID, len(lost))
		for i := range lost {
			lost[i] = simClient(t, n, r, "eve")
			challenge := lost[i].response(lost[i].post(stun.MethodAllocate, udpTransport))
			lost[i].nonce, _ = challenge.Get(stun.AttrNonce)
			ids[i] = lost[i].post(stun.MethodAllocate, udpTransport)
		}
		start := time.Now()
		for range 100 {
			alice.sendChannel(0x4000, "up")
			expectDatagram(t, peer, relayed, "up")
		}
		simClient(t, n, r, "bob").allocate()
		if d := time.Since(start); d != 0 {
			t.Errorf("the others waited for %v", d)
		}
		for i, c := range lost {
			c.mustRefuse(c.response(ids[i]), 500)
		}
		if d := time.Since(start); d != lookupTimeout {
			t.Errorf("refused after %v, want %v", d, lookupTimeout)
		}
	})
}

// Between two workers packets go through a mailbox, in order.
func TestSimulatedHandOver(t *testing.T) {
	edit := func(o *Options) {
		o.Workers = 2
		o.Turn.Policy = turn.NewPolicy(turn.PolicyOptions{Self: []netip.Addr{o.Relays[0].Local}})
	}
	simulate(t, edit, func(n *netiotest.Net, r *Relay) {
		alice := simClient(t, n, r, "alice")
		a := alice.allocate()
		bob := simClient(t, n, r, "bob")
		b := bob.allocate()
		for workerOf(r, a) == workerOf(r, b) {
			bob = simClient(t, n, r, "bob")
			b = bob.allocate()
		}
		sockets := 0
		n.Watch(func(from netip.AddrPort, _ netio.Datagram) {
			if from == a || from == b {
				sockets++
			}
		})
		alice.bind(0x4000, b)
		bob.permit(a)
		for i := range 100 {
			alice.sendChannel(0x4000, fmt.Sprint("packet ", i))
		}
		for i := range 100 {
			bob.expectData(a, fmt.Sprint("packet ", i))
		}
		synctest.Wait()
		if s := r.Stats(); s.HandedOver != 100 || sockets != 0 {
			t.Errorf("%d packets handed over and %d by socket, want 100 and 0", s.HandedOver, sockets)
		}
		n.Watch(nil)
		// A relayed address that ends takes nothing with it.
		bob.must(bob.refresh(0))
		synctest.Wait()
		alice.sendChannel(0x4000, "too late")
		synctest.Wait()
		if n := r.Stats().Drops["no-relay"]; n != 1 {
			t.Errorf("%d packets for nobody, want 1", n)
		}
	})
}

// A-D19: on a network that loses and reorders, clients that try again get
// through, and nothing is left of them in the end.
func TestSimulatedLoss(t *testing.T) {
	simulate(t, func(o *Options) { o.Workers = 2 }, func(n *netiotest.Net, r *Relay) {
		n.SetLoss(0.3)
		n.SetReorder(0.2)
		const clients = 40
		for range clients {
			c := simClient(t, n, r, "alice")
			relayed := persist(t, c)
			if !relayed.IsValid() {
				t.Fatal("no relayed address")
			}
		}
		synctest.Wait()
		if s := r.Stats(); s.Allocations != clients || s.Allocated != clients {
			t.Errorf("%d allocations, %d ever, for %d clients", s.Allocations, s.Allocated, clients)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if s := r.Stats(); s.Allocations != 0 || s.PortsUsed != 0 || charges(r) != 0 {
			t.Errorf("left: %d allocations, %d ports, %d charges", s.Allocations, s.PortsUsed, charges(r))
		}
	})
}

// persist allocates as a client does on a bad network: the same request, again
// and again until there is an answer.
func persist(t *testing.T, c *client) (relayed netip.AddrPort) {
	t.Helper()
	for range 200 {
		id := c.post(stun.MethodAllocate, udpTransport)
		c.next-- // a retransmission has the same transaction id
		_, b, ok := c.recv()
		if !ok {
			continue
		}
		m, err := stun.Parse(b)
		if err != nil || m.ID != id {
			continue
		}
		if m.Class == stun.ClassSuccess {
			relayed, _ = m.XORAddress(stun.AttrXORRelayedAddress)
			return relayed
		}
		if nonce, ok := m.Get(stun.AttrNonce); ok && c.nonce == nil {
			c.nonce = append([]byte(nil), nonce...)
			c.next++
		}
	}
	t.Fatal("200 requests without success")
	return
}

// A-X08: a system that opens no more sockets makes 508, and that passes.
func TestSimulatedNoSockets(t *testing.T) {
	simulate(t, nil, func(n *netiotest.Net, r *Relay) {
		for _, refusal := range []error{syscall.EMFILE, syscall.EADDRINUSE} {
			alice := simClient(t, n, r, "alice")
			n.RefuseOpens(refusal)
			alice.mustRefuse(alice.tryAllocate(), 508)
			synctest.Wait()
			if s := r.Stats(); s.PortsUsed != 0 || charges(r) != 0 {
				t.Errorf("%v: %d ports, %d charges", refusal, s.PortsUsed, charges(r))
			}
			n.RefuseOpens(nil)
			alice.allocate()
			alice.must(alice.refresh(0))
		}
	})
}
