package relay

import (
	"testing"

	"iceserver/internal/turn"
)

// Every drop has a name of its own, since the names are labels in metrics.
func TestDropReasons(t *testing.T) {
	seen := make(map[string]counter)
	for c := dropSlowReader; c < numCounters; c++ {
		name := c.reason()
		if other, ok := seen[name]; ok || name == "" {
			t.Errorf("counters %d and %d are both called %q", c, other, name)
		}
		seen[name] = c
	}
	if seen[turn.DropNoPermission.String()] != dropCore+counter(turn.DropNoPermission) {
		t.Error("the core's drops are counted under each other's names")
	}
}

func TestCodes(t *testing.T) {
	var c codes
	for _, code := range []int{0, 299, 300, 486, 486, 699, 700, -5} {
		c.add(code)
	}
	got := make(map[int]uint64)
	c.addTo(got)
	if len(got) != 3 || got[300] != 1 || got[486] != 2 || got[699] != 1 {
		t.Errorf("counted %v", got)
	}
}

// The bytes and packets counted are those that went through.
func TestStatsCountTraffic(t *testing.T) {
	h := newHandRelay(t, testOptions(t))
	defer h.end()
	alice := h.client("alice")
	peer := handWire{newUDPWire(t, peerIP), h}
	relayed := alice.allocate()
	alice.bind(0x4000, peer.addr())
	before := h.r.Stats()
	alice.sendChannel(0x4000, "12345678") // 12 bytes in, 8 out
	expectDatagram(t, peer, relayed, "12345678")
	peer.send(relayed, []byte("1234")) // 4 in, 8 out
	alice.expectChannel(0x4000, "1234")
	s := h.r.Stats()
	if in, out := s.PacketsIn-before.PacketsIn, s.PacketsOut-before.PacketsOut; in != 2 || out != 2 {
		t.Errorf("%d packets in and %d out, want 2 and 2", in, out)
	}
	if in, out := s.BytesIn-before.BytesIn, s.BytesOut-before.BytesOut; in != 16 || out != 16 {
		t.Errorf("%d bytes in and %d out, want 16 and 16", in, out)
	}
}
