package relay

import (
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// settings are what a relay with those options was started with.
func settings(o Options) Settings {
	return Settings{Quota: o.Quota, Keys: o.Keys, Turn: o.Turn, NonceLife: o.NonceLife, Relays: o.Relays}
}

// A thousand times other settings under traffic: nothing is lost, neither
// allocations nor packets.
func TestReconfigureUnderTraffic(t *testing.T) {
	o := testOptions(t)
	o.Workers = 2
	r := serveForTest(t, o)
	peer := newUDPWire(t, relayIP())
	var clients sync.WaitGroup
	for range 4 {
		c := newClient(t, newUDPWire(t, "127.0.0.1"), r.Addrs()[0], "alice")
		c.allocate()
		c.bind(0x4000, peer.addr())
		clients.Go(func() {
			for range 100 {
				c.sendChannel(0x4000, "up")
				time.Sleep(time.Millisecond)
			}
		})
	}
	got := 0
	clients.Go(func() {
		for ; got < 400; got++ {
			if _, _, ok := peer.recv(); !ok {
				return
			}
		}
	})
	for i := range 1000 {
		s := settings(o)
		s.Turn.Software = []string{"", "one", "another"}[i%3]
		s.Quota.PerUser = i % 2 * 100
		if err := r.Reconfigure(s); err != nil {
			t.Fatal(err)
		}
	}
	clients.Wait()
	if s := r.Stats(); s.Allocations != 4 || got != 400 {
		t.Errorf("%d of 4 allocations and %d of 400 packets are left", s.Allocations, got)
	}
}

func TestReconfigurePolicyQuotaAndKeys(t *testing.T) {
	o := testOptions(t)
	r := serveForTest(t, o)
	peer := newUDPWire(t, relayIP())
	c := newClient(t, newUDPWire(t, "127.0.0.1"), r.Addrs()[0], "alice")
	relayed := c.allocate()
	c.bind(0x4000, peer.addr())

	s := settings(o)
	s.Turn.Policy = turn.NewPolicy(turn.PolicyOptions{})
	s.Quota.PerUser = 1
	if err := r.Reconfigure(s); err != nil {
		t.Fatal(err)
	}
	c.sendChannel(0x4000, "lost")
	m := c.request(stun.MethodCreatePermission, func(b *stun.Builder) { b.AddXORAddress(stun.AttrXORPeerAddress, peer.addr()) })
	c.mustRefuse(m, 403)
	second := newClient(t, newUDPWire(t, "127.0.0.1"), r.Addrs()[0], "alice")
	second.mustRefuse(second.tryAllocate(), 486)

	// What was lost stays lost; what is allowed again has to be asked for again.
	if err := r.Reconfigure(settings(o)); err != nil {
		t.Fatal(err)
	}
	c.bind(0x4000, peer.addr())
	c.sendChannel(0x4000, "again")
	expectDatagram(t, peer, relayed, "again")
}

// A new external address is for new allocations; who was told the old one is
// reached by it still.
func TestReconfigureExternalAddress(t *testing.T) {
	o := testOptions(t)
	first, second := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2")
	o.Relays = []RelayAddr{{Local: netip.MustParseAddr(relayIP()), External: first}}
	o.Turn.Policy = turn.NewPolicy(turn.PolicyOptions{AllowLoopback: true, Self: []netip.Addr{first, second}})
	r := serveForTest(t, o)
	a := newClient(t, newUDPWire(t, "127.0.0.1"), r.Addrs()[0], "alice")
	old := a.allocate()
	s := settings(o)
	s.Relays = []RelayAddr{{Local: netip.MustParseAddr(relayIP()), External: second}}
	if err := r.Reconfigure(s); err != nil {
		t.Fatal(err)
	}
	b := newClient(t, newUDPWire(t, "127.0.0.1"), r.Addrs()[0], "alice")
	fresh := b.allocate()
	if old.Addr() != first || fresh.Addr() != second {
		t.Fatalf("relayed at %s before and %s after, want %s and %s", old, fresh, first, second)
	}
	a.permit(fresh)
	b.permit(old)
	b.sendIndication(old, "to the old one")
	a.expectData(fresh, "to the old one")
	a.sendIndication(fresh, "to the new one")
	b.expectData(old, "to the new one")

	s.Relays = []RelayAddr{{Local: netip.MustParseAddr("127.0.0.9")}}
	if err := r.Reconfigure(s); !errors.Is(err, ErrRestart) {
		t.Errorf("another local address: %v, want that it takes a restart", err)
	}
}

// Who is revoked is gone now, on whatever worker; others are not touched.
func TestEnd(t *testing.T) {
	o := testOptions(t)
	o.Workers = 2
	r := serveForTest(t, o)
	for _, user := range []string{"alice", "alice", "alice", "bob"} {
		newClient(t, newUDPWire(t, "127.0.0.1"), r.Addrs()[0], user).allocate()
	}
	if n := r.End(func(_, username string) bool { return username == "alice" }); n != 3 {
		t.Errorf("%d ended, want the 3 of alice", n)
	}
	if s := awaitStats(r, func(s Stats) bool { return s.Allocations == 1 }); s.Allocations != 1 {
		t.Errorf("%d allocations are left, want that of bob", s.Allocations)
	}
}

// What users did is told once, while they go on and at the end.
func TestTallies(t *testing.T) {
	o := testOptions(t)
	o.Workers = 2
	o.Quota.ID = func(username string) string { return username[:1] }
	r, stop := serve(t, o)
	peer := newUDPWire(t, relayIP())
	for range 3 {
		c := newClient(t, newUDPWire(t, "127.0.0.1"), r.Addrs()[0], "alice")
		c.allocate()
		c.bind(0x4000, peer.addr())
		c.sendChannel(0x4000, "four")
		if _, _, ok := peer.recv(); !ok {
			t.Fatal("nothing came")
		}
	}
	who := turn.Account{Realm: testRealm, Username: "a"}
	first := r.Tallies()[who]
	if first.Allocations != 3 || first.ClientPackets != 3 || first.ClientBytes != 12 || first.Time <= 0 {
		t.Errorf("three calls are told as %+v", first)
	}
	stop()
	rest := r.Tallies()
	if got := rest[who]; len(rest) != 1 || got.Allocations != 0 || got.ClientPackets != 0 || got.Time <= 0 {
		t.Errorf("then %+v", rest)
	}
	if last := r.Tallies(); len(last) != 0 {
		t.Errorf("and again %+v", last)
	}
}

// Whoever comes too late is told nothing, but is not kept waiting.
func TestReconfigureAfterTheEnd(t *testing.T) {
	o := testOptions(t)
	r, stop := serve(t, o)
	stop()
	if err := r.Reconfigure(settings(o)); err != nil {
		t.Error(err)
	}
	if n := r.End(func(string, string) bool { return true }); n != 0 {
		t.Errorf("%d ended", n)
	}
}
