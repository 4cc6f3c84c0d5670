package doctor

import (
	"net/netip"
	"testing"

	"iceserver/internal/turn"
)

// The priorities that browsers are seen to give on a machine with one network.
func TestPriority(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct {
		kind  string
		proto turn.Proto
		own   netip.Addr
		want  uint32
	}{
		{hostCandidate, turn.UDP, v4, 2122260223},
		{hostCandidate, turn.UDP, v6, 2122262783},
		{srflxCandidate, turn.UDP, v4, 1686052607},
		{relayCandidate, turn.UDP, v4, 41885439},
		{relayCandidate, turn.TCP, v4, 25108223},
		{relayCandidate, turn.TLS, v4, 8331007},
	} {
		if got := priority(c.kind, c.proto, c.own); got != c.want {
			t.Errorf("%s over %v from %v: %d, want %d", c.kind, c.proto, c.own, got, c.want)
		}
	}
}

func TestByPriority(t *testing.T) {
	own, mapped := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("203.0.113.1:2")
	host := newCandidate(hostCandidate, turn.UDP, own, own, own.Addr(), "", 0)
	same := newCandidate(srflxCandidate, turn.UDP, own, own, own.Addr(), "turn:a", 0)
	srflx := newCandidate(srflxCandidate, turn.UDP, mapped, own, own.Addr(), "turn:a", 0)
	relay := newCandidate(relayCandidate, turn.TCP, mapped, mapped, own.Addr(), "turn:a", 0)
	got := byPriority([]Candidate{relay, same, srflx, host, srflx})
	if len(got) != 3 || got[0] != host || got[1] != srflx || got[2] != relay {
		t.Errorf("got %+v", got)
	}
}
