package relay

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/turn"
)

// What allocations carry can be seen while they live, by realm or by user, and
// stays when they are gone.
func TestCarriedWhileItLives(t *testing.T) {
	for _, users := range []bool{false, true} {
		o := testOptions(t)
		o.CountUsers = users
		h := newHandRelay(t, o)
		defer h.end()
		alice, bob := h.client("alice"), h.client("bob")
		peer := handWire{newUDPWire(t, peerIP), h}
		relayed := alice.allocate()
		bob.allocate()
		alice.bind(0x4000, peer.addr())
		who := turn.Account{Realm: o.Turn.Realm}
		if users {
			who.Username = "alice"
		}
		for i := range 3 {
			alice.sendChannel(0x4000, "12345678")
			expectDatagram(t, peer, relayed, "12345678")
			peer.send(relayed, []byte("1234"))
			alice.expectChannel(0x4000, "1234")
			n := uint64(i + 1)
			if got, want := h.r.Carried()[who], (turn.Usage{ClientPackets: n, ClientBytes: 8 * n, PeerPackets: n, PeerBytes: 4 * n}); got != want {
				t.Errorf("users %v: after %d exchanges %+v, want %+v", users, n, got, want)
			}
		}
		alice.must(alice.refresh(0))
		if got := h.r.Carried()[who]; got.ClientPackets != 3 {
			t.Errorf("users %v: after the end %+v", users, got)
		}
	}
}

// A-L03: however many users come, the table of names ends somewhere.
func TestCarriedIsBounded(t *testing.T) {
	h := newHandRelay(t, testOptions(t))
	defer h.end()
	h.r.carriage.users = true
	for i := range 2 * mostCarried {
		h.w.carriedFor("r", fmt.Sprint("user-", i)).ClientPackets++
	}
	for _, c := range h.w.carried.byID {
		c.publish()
	}
	all := h.r.Carried()
	if n := all[turn.Account{Realm: otherNames, Username: otherNames}].ClientPackets; len(all) != mostCarried+1 || n != mostCarried {
		t.Errorf("%d names, of which the others carried %d, want %d and %d", len(all), n, mostCarried+1, mostCarried)
	}
	if got := h.r.carriage.name("r", "user-5"); got.Username != "user-5" {
		t.Errorf("who had a name is now %v", got)
	}
}

// Allocations are counted by the transport of their clients, and the core's own
// counters and the causes of refusals come through.
func TestStatsByTransport(t *testing.T) {
	h := newHandRelay(t, testOptions(t))
	defer h.end()
	h.client("alice").allocate()
	bob := h.client("bob")
	bob.allocate()
	bob.must(bob.refresh(0))
	s := h.r.Stats()
	if udp := s.Transports[turn.UDP]; udp.Now != 1 || udp.Ever != 2 {
		t.Errorf("over UDP %+v, want 1 of 2", udp)
	}
	if tcp := s.Transports[turn.TCP]; tcp.Now != 0 || tcp.Ever != 0 {
		t.Errorf("over TCP %+v, want none", tcp)
	}
	if s.Counts[turn.CountChallenge] != 2 {
		t.Errorf("%d challenges, want 2", s.Counts[turn.CountChallenge])
	}
	bob.mustRefuse(bob.refresh(600), 437)
	if n := h.r.Stats().Refusals[turn.CauseMismatch][437]; n != 1 {
		t.Errorf("%d refusals with 437, want 1", n)
	}
}

// Answers are counted by what they were, and those that took time by how long.
func TestLookupsAreCounted(t *testing.T) {
	l := newLookupCounts()
	l.answered(fromMemory, &turn.KeyReply{Candidates: auth.Candidates{Keys: []auth.Key{{1}}}})
	for _, reply := range []turn.KeyReply{{}, {}, {Unavailable: true}} {
		l.answered(fromFind, &reply)
	}
	for _, d := range []time.Duration{time.Millisecond, 40 * time.Millisecond, 2 * time.Second, time.Minute} {
		l.lasted(d)
	}
	got := l.load()
	if got.Answers != [2][3]uint64{{1, 0, 0}, {0, 2, 1}} {
		t.Errorf("answers %v", got.Answers)
	}
	if got.Took != time.Minute+2041*time.Millisecond {
		t.Errorf("took %v", got.Took)
	}
	var within []uint64
	for _, b := range lookupBounds() {
		within = append(within, got.Within[b])
	}
	if !slices.Equal(within, []uint64{1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3}) {
		t.Errorf("within %v", within)
	}
}
