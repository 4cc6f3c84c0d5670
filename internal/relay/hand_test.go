package relay

import (
	"net/netip"
	"testing"
	"time"

	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// handRelay is a relay of one worker that the test itself turns, so that
// nothing happens behind its back and time passes as the test likes.
type handRelay struct {
	t    testing.TB
	r    *Relay
	w    *worker
	skip turn.Now // how far the worker's time is ahead of ours
}

func newHandRelay(t testing.TB, o Options) *handRelay {
	t.Helper()
	o.Workers = 1
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &handRelay{t: t, r: r, w: r.workers[0]}
}

// end is what the worker does when Run ends.
func (h *handRelay) end() {
	h.w.end()
	checkEmpty(h.t, h.r)
}

func (h *handRelay) now() turn.Now { return time.Since(h.r.start) + h.skip }

// round handles n datagrams. Its counters are known at once: nobody turns the worker
// for who asks.
func (h *handRelay) round(n int) {
	h.w.round(h.now(), n)
	h.w.publish()
}

// turn handles the next batch that comes.
func (h *handRelay) turn() {
	for {
		n, err := h.w.engine.Poll(h.w.in, 10*time.Second)
		if err != nil {
			h.t.Fatal(err)
		}
		if n > 0 {
			h.round(n)
			return
		}
	}
}

// pass lets time pass, with nothing coming in.
func (h *handRelay) pass(d turn.Now) {
	h.skip += d
	h.round(0)
}

// handWire turns the relay once for everything that is sent.
type handWire struct {
	*udpWire
	h *handRelay
}

func (w handWire) send(to netip.AddrPort, b []byte) {
	w.udpWire.send(to, b)
	w.h.turn()
}

// client returns a client on a socket of its own.
func (h *handRelay) client(user string) *client {
	return newClient(h.t, handWire{newUDPWire(h.t, serverIP), h}, h.r.Addrs()[0], user)
}

// handLink is a link whose worker the test turns.
type handLink struct {
	stalledWire
	h *handRelay
}

func (w *handLink) send(_ netip.AddrPort, b []byte) {
	if err := w.link.Deliver(b); err != nil {
		w.h.t.Error(err)
	}
	w.h.round(0)
}

// linkClient returns a client on a link.
func (h *handRelay) linkClient(user string) *client {
	l, err := h.r.Link(turn.TCP, netip.MustParseAddrPort("198.18.0.5:5000"), netip.MustParseAddrPort("127.0.0.1:443"))
	if err != nil {
		h.t.Fatal(err)
	}
	return newClient(h.t, &handLink{stalledWire{link: l}, h}, netip.AddrPort{}, user)
}

// R-8656-6-d, R-8656-7.2-t, R-8656-9-a (RFC 8656, 6, 7.2 and 9): what is not
// refreshed ends after its time, and socket, port and charge with it.
func TestExpiryByVirtualMinutes(t *testing.T) {
	o := testOptions(t)
	o.MinPort, o.MaxPort = 61260, 61260
	h := newHandRelay(t, o)
	defer h.end()
	if wait := h.w.wait(); wait >= 0 {
		t.Errorf("an idle worker wakes up after %v", wait)
	}
	alice := h.client("alice")
	peer := handWire{newUDPWire(t, peerIP), h}
	relayed := alice.allocate()
	if wait := h.w.wait(); wait < 590*time.Second || wait > 600*time.Second {
		t.Errorf("the worker wakes up after %v, the allocation ends after 600 s", wait)
	}
	alice.permit(peer.addr())
	h.pass(290 * time.Second)
	peer.send(relayed, []byte("in time"))
	alice.expectData(peer.addr(), "in time")
	h.pass(11 * time.Second)
	peer.send(relayed, []byte("too late"))
	if n := h.r.Stats().Drops["no-permission"]; n != 1 {
		t.Errorf("%d packets without permission, want 1", n)
	}
	h.pass(290 * time.Second)
	alice.must(alice.refresh(600))
	h.pass(590 * time.Second)
	if n := h.r.Stats().Allocations; n != 1 {
		t.Fatalf("%d allocations, want the refreshed one", n)
	}
	h.pass(11 * time.Second)
	if s := h.r.Stats(); s.Allocations != 0 || s.PortsUsed != 0 || charges(h.r) != 0 {
		t.Errorf("after its end: %d allocations, %d ports, %d charges", s.Allocations, s.PortsUsed, charges(h.r))
	}
	alice.mustRefuse(alice.refresh(600), 437)
	if got := h.client("bob").allocate(); got.Port() != 61260 {
		t.Errorf("the freed port is not given out, but %d", got.Port())
	}
}

// A-X15: a port held back for nobody is free after 30 s.
func TestReservationEndsAfter30Seconds(t *testing.T) {
	o := testOptions(t)
	o.MinPort, o.MaxPort = 61270, 61271
	o.Quota.PerUser = 2
	h := newHandRelay(t, o)
	defer h.end()
	alice, bob := h.client("alice"), h.client("bob")
	m := alice.must(alice.tryAllocate(evenPort(true)))
	token, _ := m.Get(stun.AttrReservationToken)
	h.pass(29 * time.Second)
	bob.mustRefuse(bob.tryAllocate(), 508)
	h.pass(time.Second)
	bob.mustRefuse(bob.tryAllocate(withToken(token)), 508)
	if got := bob.allocate(); got.Port() != 61271 {
		t.Errorf("got port %d", got.Port())
	}
	if n := charges(h.r); n != 2 {
		t.Errorf("%d charges for two allocations", n)
	}
}
