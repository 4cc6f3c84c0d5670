package turn

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"iceserver/internal/stun"
)

// A-P20, A-P21, A-X21, R-8656-21.1.7-a (RFC 8656, 21.1.7): two allocations of
// this server that are each other's peer. What one client sends comes out at the
// other client once, and nothing of it ever turns round.
func TestRelayedToRelayedEndsAtTheClient(t *testing.T) {
	w := newWorld(t, Options{})
	for i, name := range []string{"a", "b"} {
		w.clients[name] = FiveTuple{Client: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.10"), uint16(4000+i)), Via: Via(i)}
		w.do([]string{name, "allocate", "transport=17"})
		w.drain()
	}
	for _, line := range []string{"a bind channel=0x4000 peer=203.0.113.1:50001", "b bind channel=0x4000 peer=203.0.113.1:50000"} {
		w.do(strings.Fields(line))
		if got := strings.Join(w.drain(), " "); !strings.Contains(got, "success") {
			t.Fatalf("%s: %s", line, got)
		}
	}
	for _, client := range []string{"a", "b"} {
		w.packet(client, channelMessage(0x4000, []byte("round and round")))
		trips := 0
		for ; len(w.out.Sends) == 1 && w.out.Sends[0].Kind == ToRelay; trips++ {
			s := w.out.Sends[0]
			at := RelayID(s.To.Port() - 50000)
			w.out.Reset()
			w.s.Peer(w.now, at, s.From, bytes.Clone(s.Buf), &w.out)
		}
		if trips != 1 || len(w.out.Sends) != 1 || w.out.Sends[0].Kind != ToClient {
			t.Errorf("from %s: %d trips, then %+v", client, trips, w.out.Sends)
		}
		w.out.Reset()
	}
}

// A-X14: a hundred peers in one request are one answer of ordinary size.
func TestHundredPeers(t *testing.T) {
	w := boundWorld(t, UDP)
	var args []string
	for i := range 100 {
		args = append(args, fmt.Sprintf("peer=192.0.2.%d:9", i))
	}
	w.packet("a", w.build(w.clients["a"], "permit", args))
	if len(w.out.Sends) != 1 || len(w.out.Sends[0].Buf) > 100 {
		t.Fatalf("%d answers", len(w.out.Sends))
	}
	if m, err := stun.Parse(w.out.Sends[0].Buf); err != nil || m.Class != stun.ClassSuccess {
		t.Errorf("answered %v, %v", m.Class, err)
	}
}

// A-C26: a permission is for an address, and nothing is kept for the ports.
func TestPortsOfAPeerCostNothing(t *testing.T) {
	w := boundWorld(t, UDP)
	a := w.s.clients[keyOf(w.clients["a"])]
	perms, peers := len(a.perms), len(a.peers)
	for port := range 65536 {
		to := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.2"), uint16(port))
		w.packet("a", w.build(w.clients["a"], "send", []string{"peer=" + to.String(), "data=x"}))
		w.s.Peer(w.now, 0, to, headroom([]byte("x")), &w.out)
		w.out.Reset()
	}
	if len(a.perms) != perms || len(a.peers) != peers {
		t.Errorf("%d permissions and %d peers, there were %d and %d", len(a.perms), len(a.peers), perms, peers)
	}
}
