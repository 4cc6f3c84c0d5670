package listener

import (
	"net/netip"
	"testing"
	"time"
)

// A-D04, A-X12: a source gets 500 answers at once and 100 a second, whatever its
// port and, in IPv6, the half of the address that it picks itself; others are
// served meanwhile.
func TestHelloLimit(t *testing.T) {
	l := newHelloLimit(Limits{}.withDefaults().Hellos)
	now := time.Now()
	take := func(addr string) (n int) {
		for range 1000 {
			if l.allow(now, netip.MustParseAddr(addr)) {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		addr string
		want int
	}{
		{"198.18.0.1", 500},
		{"198.18.0.1", 0},
		{"::ffff:198.18.0.1", 0},
		{"2001:db8:0:1::1", 500},
		{"2001:db8:0:1:ffff::2", 0},
	} {
		if n := take(c.addr); n != c.want {
			t.Errorf("%s got %d answers, want %d", c.addr, n, c.want)
		}
	}
	now = now.Add(time.Second)
	if n := take("198.18.0.1"); n != 100 {
		t.Errorf("%d answers a second later", n)
	}
	now = now.Add(time.Hour)
	if n := take("198.18.0.1"); n != 500 {
		t.Errorf("%d answers an hour later", n)
	}
	// A flood from everywhere costs no memory; few share a bucket.
	served := 0
	for i := range 400 {
		if l.allow(now, netip.AddrFrom4([4]byte{198, 19, byte(i >> 8), byte(i)})) {
			served++
		}
	}
	if served < 300 || len(l.table) != helloBuckets {
		t.Errorf("%d of 400 others were served, %d buckets", served, len(l.table))
	}
	l = newHelloLimit(Limits{Hellos: -1}.withDefaults().Hellos)
	if n := take("198.18.0.1"); n != 1000 || len(l.table) != 0 {
		t.Errorf("without a limit %d of 1000 were answered, %d buckets", n, len(l.table))
	}
}

// A-D04, A-X12: beyond the limit a hello is dropped without a word, be it one for a
// cookie or one of DTLS 1.0; with a cookie a client gets in all the same.
func TestHelloLimitOnTheSocket(t *testing.T) {
	s := serve(t, withLimits(Limits{Hellos: 1}))
	socket := udpSocket(t)
	cookie := exchange(t, socket, s, hello(nil, 0, 5))[helloAt+3:]
	for range helloBurst - 1 {
		exchange(t, socket, s, hello(nil, 0, 5))
	}
	old := hello(nil, 0, 5)
	old[helloAt+1] = 0xFF
	// One more answer may have become due while the test was slow.
	for i := uint64(0); s.counts[dtlsHellos].Load() < 20; i++ {
		b := hello(nil, 0, 5)
		if i%2 == 1 {
			b = old
		}
		before := handled(s)
		if _, err := socket.WriteToUDPAddrPort(b, s.dtls); err != nil {
			t.Fatal(err)
		}
		for start := time.Now(); handled(s) == before; time.Sleep(time.Millisecond) {
			if time.Since(start) > patience {
				t.Fatalf("%d hellos dropped, then nothing", s.counts[dtlsHellos].Load())
			}
		}
		if i > 10_000 {
			t.Fatal("hellos are answered without end")
		}
	}
	drain(t, socket)
	if got := exchange(t, socket, s, hello(cookie, 1, 6)); got[recordHeader] != 2 {
		t.Errorf("instead of a ServerHello: % x", got)
	}
}

// handled is how many hellos have been answered or dropped.
func handled(s *server) uint64 {
	return s.counts[dtlsChallenged].Load() + s.counts[dtlsOld].Load() + s.counts[dtlsHellos].Load()
}
