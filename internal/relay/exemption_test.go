package relay

import (
	"net/netip"
	"testing"

	"iceserver/internal/turn"
)

// A-P20: what may leave for an address of this server itself is what the one relayed
// address sends to the one port that are exempt, as long as they are; everybody and
// everything else ends inside, as ever.
func TestExempt(t *testing.T) {
	o := testOptions(t)
	o.Turn.Policy = turn.NewPolicy(turn.PolicyOptions{Self: []netip.Addr{o.Relays[0].Local}})
	h := newHandRelay(t, o)
	defer h.end()
	alice, bob := h.client("alice"), h.client("bob")
	relayed := alice.allocate()
	others := bob.allocate()
	peer, stranger := newUDPWire(t, relayIP()), newUDPWire(t, relayIP())
	alice.permit(peer.addr())
	bob.permit(peer.addr())
	dropped := uint64(0)
	refused := func(c *client, to netip.AddrPort) {
		t.Helper()
		c.sendIndication(to, "out")
		if dropped++; h.r.Stats().Drops["no-relay"] != dropped {
			t.Errorf("from %s to %v: %d packets dropped, want %d", c.user, to, h.r.Stats().Drops["no-relay"], dropped)
		}
	}
	refused(alice, peer.addr())
	end := h.r.Exempt(relayed, peer.addr())
	alice.sendIndication(peer.addr(), "out")
	expectDatagram(t, peer, relayed, "out")
	handWire{peer, h}.send(relayed, []byte("and in"))
	alice.expectData(peer.addr(), "and in")
	refused(alice, stranger.addr())
	refused(bob, peer.addr())
	next := h.r.Exempt(others, peer.addr())
	end() // which is not the next one's end
	refused(alice, peer.addr())
	bob.sendIndication(peer.addr(), "out")
	expectDatagram(t, peer, others, "out")
	next()
	refused(bob, peer.addr())
}
