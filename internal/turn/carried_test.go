package turn

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// What an allocation carries is counted elsewhere too while it lives, for several
// allocations in one place, and each batch tells of what it has touched alone.
func TestCarried(t *testing.T) {
	w := boundWorld(t, UDP)
	touched, still := &Carried{ID: 3}, &Carried{ID: 4}
	w.s.clients[keyOf(w.clients["a"])].carried = touched
	channel := headroom(channelMessage(0x4000, []byte("hello")))
	for range 3 {
		w.s.Client(w.now, w.clients["a"], channel, &w.out)
	}
	w.s.Peer(w.now, 0, netip.MustParseAddrPort("192.0.2.1:9"), headroom([]byte("ab")), &w.out)
	w.s.Peer(w.now, 0, netip.MustParseAddrPort("8.8.8.8:9"), headroom([]byte("refused")), &w.out)
	if want := (Usage{ClientPackets: 3, ClientBytes: 15, PeerPackets: 1, PeerBytes: 2}); touched.Usage != want || still.Usage != (Usage{}) {
		t.Errorf("carried %+v and %+v, want %+v and nothing", touched.Usage, still.Usage, want)
	}
	if got := w.s.Moving(); !slices.Equal(got, []*Carried{touched}) {
		t.Errorf("moving are %v", got)
	}
	if got := w.s.Moving(); len(got) != 0 {
		t.Errorf("nothing came since, and moving are %v", got)
	}
	w.out.Reset()
	if n := testing.AllocsPerRun(1000, func() {
		w.s.Client(w.now, w.clients["a"], channel, &w.out)
		w.s.Moving()
		w.out.Reset()
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

// Every Binding request is counted, and so is the answer; every request that
// deserves a challenge, and whether it got one.
func TestCounts(t *testing.T) {
	w := newWorld(t, Options{ChallengeRate: 1, ChallengeBurst: 6})
	w.clients["a"] = FiveTuple{Client: netip.MustParseAddrPort("192.0.2.10:4000")}
	for _, line := range []string{
		"a binding unsigned", "a binding unsigned attr=0x7777:", "a allocate unsigned transport=17", "a allocate transport=17",
		"a allocate unsigned transport=17",
	} {
		w.do(strings.Fields(line))
		w.drain()
	}
	before := w.out.Counts
	stranger := FiveTuple{Client: netip.MustParseAddrPort("192.0.2.11:4000")}
	for range 10 {
		w.s.Client(w.now, stranger, headroom(w.build(stranger, "allocate", []string{"unsigned", "transport=17"})), &w.out)
	}
	want := [NumCounts]uint64{CountBindingRequest: 2, CountBindingResponse: 1, CountBindingError: 1, CountUnauthenticated: 2, CountChallenge: 2}
	if before != want {
		t.Errorf("counted %v, want %v", before, want)
	}
	if due, sent, kept := w.out.Counts[CountUnauthenticated]-2, w.out.Counts[CountChallenge]-2, w.out.Counts[CountChallengeDropped]; due != 10 || sent != 6 || kept != 4 {
		t.Errorf("of 10 challenges to a stranger %d were due, %d sent, %d kept back, want 10, 6 and 4", due, sent, kept)
	}
}

// The table of the limit is as full as there were sources of late, and empties by
// itself; without a limit there is none.
func TestStrangers(t *testing.T) {
	s := NewServer(Options{ChallengeRate: 10, ChallengeBurst: 50})
	ask := func(now Now, n int) (used int, until Now, buckets int) {
		for i := range n {
			a := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
			s.limit.allow(now, a)
			s.limit.allow(now, a)
		}
		return s.Strangers()
	}
	used, until, buckets := ask(time.Second, 3)
	if used != 3 || until < 5*time.Second || until > 6*time.Second || buckets != limiterBuckets {
		t.Errorf("%d used until %v of %d, want 3 until 5 s of %d", used, until, buckets, limiterBuckets)
	}
	if used, next, _ := ask(until+time.Second, 1); used != 1 || next <= until {
		t.Errorf("%d used until %v in the next window, want 1", used, next)
	}
	if _, _, buckets := NewServer(Options{}).Strangers(); buckets != 0 {
		t.Errorf("%d buckets without a limit", buckets)
	}
}
