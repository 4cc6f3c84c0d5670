package relay

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// leaveDuringLookup is a client that has gone while a database looks for its key,
// and the next one, which has got its number. finish lets the database answer.
func leaveDuringLookup(t *testing.T) (h *handRelay, old, next *Link, finish func()) {
	t.Helper()
	o := testOptions(t)
	o.Keys = &directory{slow: map[string]auth.Key{"alice": testKey(t, "alice")}}
	h = newHandRelay(t, o)
	alice := h.linkClient("alice")
	old = alice.wire.(*handLink).link
	m := alice.response(alice.post(stun.MethodAllocate, udpTransport))
	alice.nonce, _ = m.Get(stun.AttrNonce)
	alice.post(stun.MethodAllocate, udpTransport)
	var job lookup
	select {
	case job = <-h.r.lookups.jobs:
	case <-time.After(10 * time.Second):
		t.Fatal("no question for the key")
	}
	old.Close()
	h.round(0)
	other := h.linkClient("bob")
	next = other.wire.(*handLink).link
	if next.number() != old.number() {
		t.Fatalf("number %d, want %d again", next.number(), old.number())
	}
	other.must(other.request(stun.MethodBinding, nil))
	return h, old, next, func() {
		job.answer.reply(h.r.lookups.find(context.Background(), job))
		h.round(0)
	}
}

// queuedFor is how many messages wait for a link's writer.
func queuedFor(l *Link) int {
	l.queue.mu.Lock()
	defer l.queue.mu.Unlock()
	return len(l.queue.in.ends)
}

// A-C25: a client that goes away while its key is looked up leaves nothing
// behind, and whoever gets its number hears and gains nothing.
func TestLinkLeavesDuringLookup(t *testing.T) {
	h, old, next, finish := leaveDuringLookup(t)
	defer h.end()
	finish()
	if n := queuedFor(next); n > 0 || next.Authenticated() || next.Holds() {
		t.Errorf("the next client got %d messages; authenticated: %v, holds an allocation: %v",
			n, next.Authenticated(), next.Holds())
	}
	if old.Authenticated() || old.Holds() {
		t.Error("the client that has gone was authenticated")
	}
	if s := h.r.Stats(); s.Allocations != 0 || s.Allocated != 0 || s.PortsUsed != 0 || charges(h.r) != 0 {
		t.Errorf("left behind: %d of %d allocations, %d ports, %d charges",
			s.Allocations, s.Allocated, s.PortsUsed, charges(h.r))
	}
	// The next one is served as before.
	bob := newClient(t, &handLink{stalledWire{link: next}, h}, netip.AddrPort{}, "bob")
	bob.must(bob.request(stun.MethodBinding, nil))
}

// A-C25: whatever the core still has for a client that has gone reaches nobody.
func TestOldViaIsNobody(t *testing.T) {
	h, old, next, finish := leaveDuringLookup(t)
	defer h.end()
	finish()
	before := h.w.count[dropLinkGone]
	h.w.send(h.now(), &turn.Send{Kind: turn.ToClient, Buf: []byte("secret"), Via: old.tuple.Via})
	if n := queuedFor(next); n > 0 || h.w.count[dropLinkGone] != before+1 {
		t.Errorf("the next client got %d messages; %d were dropped", n, h.w.count[dropLinkGone]-before)
	}
	ev := turn.Event{Kind: turn.Allocated, From: old.tuple}
	h.w.event(&ev)
	if next.Authenticated() || next.Holds() {
		t.Error("the next client was taken for the one that has gone")
	}
	ev.From = next.tuple
	h.w.event(&ev)
	if !next.Authenticated() || !next.Holds() {
		t.Error("a client's own allocation is not noticed")
	}
	ev.Kind, ev.From = turn.Deleted, old.tuple
	h.w.event(&ev)
	if !next.Holds() {
		t.Error("the end of another's allocation is taken for its own")
	}
	h.w.count[allocated], h.w.count[deleted] = 0, 0 // what was pretended
}

// A number comes with another Via each time, and never with one of a UDP socket.
func TestLinkGenerations(t *testing.T) {
	var table linkTable
	seen := make(map[turn.Via]bool)
	for i := range linkGenerations + 1 {
		l := new(Link)
		var err error
		if l.tuple.Via, err = table.add(l); err != nil {
			t.Fatal(err)
		}
		if v := l.tuple.Via; v&linkVia == 0 || l.number() != 0 || seen[v] != (i == linkGenerations) {
			t.Fatalf("link %d is %#x, number %d", i, v, l.number())
		}
		seen[l.tuple.Via] = true
		table.remove(l)
	}
}

// The listener lets a silent client go sooner once it holds nothing: it is told
// of the end of an allocation, however that comes.
func TestLinkHolds(t *testing.T) {
	h := newHandRelay(t, testOptions(t))
	defer h.end()
	alice := h.linkClient("alice")
	l := alice.wire.(*handLink).link
	check := func(when string, authenticated, holds bool) {
		t.Helper()
		if l.Authenticated() != authenticated || l.Holds() != holds {
			t.Errorf("%s: authenticated %v, holds %v", when, l.Authenticated(), l.Holds())
		}
	}
	check("at first", false, false)
	alice.allocate()
	check("with an allocation", true, true)
	alice.must(alice.refresh(0))
	check("after its release", true, false)
	alice.allocate()
	check("with another", true, true)
	h.pass(601 * time.Second)
	check("after its time", true, false)
}

// R-8489-5-g (RFC 8489, 5), A-C20: the longest message that a stream can frame is
// the longest that a link takes.
func TestLongestMessage(t *testing.T) {
	longest := 0
	for _, head := range [][]byte{{0, 1, 0xFF, 0xFC}, {0x40, 0, 0xFF, 0xFF}} {
		n, err := stun.FrameSize(head)
		if err != nil {
			t.Fatal(err)
		}
		longest = max(longest, n)
	}
	if longest != maxMessage {
		t.Errorf("a link takes %d bytes, a frame has up to %d", maxMessage, longest)
	}
}
