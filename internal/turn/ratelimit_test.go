package turn

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// A-D04, A-O09: a source has its burst and its rate, whatever port it names; a
// /64 of IPv6 is one source.
func TestLimiter(t *testing.T) {
	seed := [2]uint64{1, 2}
	count := func(l *limiter, now Now, n int, addr func(i int) netip.Addr) (allowed int) {
		for i := range n {
			if l.allow(now, addr(i)) {
				allowed++
			}
		}
		return allowed
	}
	one := func(int) netip.Addr { return netip.MustParseAddr("192.0.2.1") }
	l := newLimiter(100, 500, seed)
	if n := count(l, 0, 2000, one); n != 500 {
		t.Errorf("%d answers at once, want the burst of 500", n)
	}
	if n := count(l, 100*time.Millisecond, 2000, one); n != 10 {
		t.Errorf("%d answers after 100 ms, want 10", n)
	}
	if n := count(l, time.Hour, 2000, one); n != 500 {
		t.Errorf("%d answers after an hour, want 500", n)
	}
	sub := func(i int) netip.Addr {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0xd, 0xb8, 8: byte(i >> 8), 9: byte(i)})
	}
	if n := count(newLimiter(100, 500, seed), 0, 2000, sub); n != 500 {
		t.Errorf("%d answers to one /64, want 500", n)
	}
	if l = newLimiter(1, 1, seed); !l.left(0, one(0)) || !l.allow(0, one(0)) || l.left(0, one(0)) || !l.left(time.Second, one(0)) {
		t.Error("left does not say what allow would")
	}
	if n := count(newLimiter(0, 0, seed), 0, 100000, one); n != 100000 {
		t.Errorf("%d of 100000 without a limit", n)
	}
}

// Sources spread over the buckets, also with a seed of zeros (A-X19).
func TestLimiterSpreads(t *testing.T) {
	for _, seed := range [][2]uint64{{}, {1, 2}, {1 << 63, 12345}} {
		l := newLimiter(1, 1, seed)
		used := map[uint64]bool{}
		for i := range 4096 {
			a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
			used[l.hash(a)%limiterBuckets] = true
		}
		// 4096 balls into 4096 bins leave about 63 % of them used.
		if len(used) < 2200 {
			t.Errorf("seed %v: 4096 addresses in %d buckets", seed, len(used))
		}
	}
}

// A-D04, A-O09: strangers from ever other addresses get their answers up to the
// ceiling and no more, a second's worth at once; what is dropped then has a reason
// of its own.
func TestCeiling(t *testing.T) {
	w := newWorld(t, Options{ChallengeRate: 100, ChallengeBurst: 500, ChallengeTotal: 50})
	flood := func(line ...string) (answers int) {
		for i := range 200 {
			from := FiveTuple{Client: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, byte(w.ids), byte(i)}), 4000)}
			w.s.Client(w.now, from, headroom(w.build(from, line[0], line[1:])), &w.out)
		}
		answers = len(w.out.Sends)
		w.out.Reset()
		return answers
	}
	for _, tt := range []struct {
		at   Now
		line []string
		want int
	}{
		{0, []string{"allocate", "unsigned"}, 50}, {0, []string{"binding"}, 0},
		{time.Second / 2, []string{"binding"}, 25}, {time.Second / 2, []string{"allocate", "nonce=foreign"}, 0},
		{time.Hour, []string{"allocate", "nonce=foreign"}, 50},
	} {
		w.now = tt.at
		if n := flood(tt.line...); n != tt.want {
			t.Errorf("%v at %v: %d answers, want %d", tt.line, tt.at, n, tt.want)
		}
	}
	if n := w.out.Drops[DropRateLimitTotal]; n != 5*200-125 || w.out.Drops[DropRateLimit] != 0 {
		t.Errorf("%d dropped by the ceiling, %d by source", n, w.out.Drops[DropRateLimit])
	}
}

// A-D04: behind a flood everybody goes on who is no forged source: the holder of an
// allocation, who returns a nonce, and who has a connection.
func TestCeilingSparesClients(t *testing.T) {
	w := newWorld(t, Options{ChallengeRate: 100, ChallengeBurst: 500, ChallengeTotal: 1})
	do := func(line string) string {
		w.do(strings.Fields(line))
		return strings.Join(w.drain(), "\n")
	}
	for _, line := range []string{
		"client a 192.0.2.10:4000", "client b 192.0.2.11:4000", "client c 192.0.2.12:4000 tcp",
		"client d 192.0.2.13:4000 dtls", "client x 192.0.2.14:4000",
	} {
		do(line)
	}
	if got := do("a allocate transport=17"); !strings.Contains(got, "success") {
		t.Fatalf("before the flood: %s", got)
	}
	do("x binding") // and that was the last answer to a stranger
	if got := do("x binding"); !strings.Contains(got, "drop rate-limit-total") {
		t.Fatalf("the ceiling is not reached: %s", got)
	}
	for line, want := range map[string]string{
		"a binding": "success", "a refresh unsigned": "error 401", "a refresh": "success",
		"b allocate transport=17 bad": "error 401", "b allocate transport=17 nonce=stale": "error 438",
		"b allocate transport=17": "Allocate success", "c binding": "success", "c allocate unsigned": "error 401",
		"d binding": "success",
	} {
		if got := do(line); !strings.Contains(got, want) {
			t.Errorf("%s: %s", line, got)
		}
	}
	if n := newCeiling(0); !n.allow(0) {
		t.Error("no ceiling stops somebody")
	}
}
