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

func TestRefusals(t *testing.T) {
	var c refusals
	c.add(300, turn.CauseElsewhere)
	for _, cause := range []turn.Cause{turn.CauseUserQuota, turn.CauseTotalQuota, turn.CauseUserQuota} {
		c.add(486, cause)
	}
	s := Stats{Refused: make(map[int]uint64), Refusals: make(map[turn.Cause]map[int]uint64)}
	c.addTo(&s)
	if len(s.Refused) != 2 || s.Refused[300] != 1 || s.Refused[486] != 3 {
		t.Errorf("counted %v", s.Refused)
	}
	if s.Refusals[turn.CauseUserQuota][486] != 2 || s.Refusals[turn.CauseTotalQuota][486] != 1 || s.Refusals[turn.CauseElsewhere][300] != 1 {
		t.Errorf("counted %v", s.Refusals)
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

// Who reads the counters has them as they are now, and is not kept waiting by a
// worker that hangs: of that one he has what it told last.
func TestStatsOfAHangingWorker(t *testing.T) {
	o := testOptions(t)
	o.Workers = 2
	r := serveForTest(t, o)
	newClient(t, newUDPWire(t, serverIP), r.Addrs()[0], "alice").allocate()
	if n := r.Stats().Allocations; n != 1 {
		t.Fatalf("%d allocations", n)
	}
	goOn, hanging := make(chan struct{}), make(chan struct{}, 2)
	for _, w := range r.workers {
		w.mailbox.order(func(turn.Now) { hanging <- struct{}{}; <-goOn })
		<-hanging
	}
	if n := r.Stats().Allocations; n != 1 {
		t.Errorf("%d allocations while the workers hang", n)
	}
	close(goOn)
	newClient(t, newUDPWire(t, serverIP), r.Addrs()[0], "bob").allocate()
	if n := r.Stats().Allocations; n != 2 {
		t.Errorf("%d allocations when they go on", n)
	}
}
