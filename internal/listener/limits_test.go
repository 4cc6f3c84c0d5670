package listener

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A-X09: connections that say nothing, or too little, are closed on their
// deadlines: silence, half a message, half a handshake, no allocation.
func TestDeadlines(t *testing.T) {
	// Later is for what has to come before the deadline, on a busy machine too.
	const soon, later, never = 60 * time.Millisecond, 3 * time.Second, time.Hour
	hello := "\x16\x03\x01\x02\x00\x01\x00"
	for _, c := range []struct {
		name   string
		limits Limits
		send   string
		tls    bool
		why    count
	}{
		{"silence", Limits{Message: soon, Authenticate: never}, "", false, firstLate},
		{"half a head", Limits{Message: soon, Authenticate: never}, "\x00\x01\x00", false, firstLate},
		{"half a message", Limits{Message: soon, Authenticate: never}, string(binding(100)[:30]), false, firstLate},
		{"half a handshake", Limits{Handshake: soon, Message: never}, hello, false, handshakeFailed},
		{"silence after the handshake", Limits{Message: later}, "", true, firstLate},
		{"no allocation", Limits{Authenticate: soon}, string(binding(0)), false, authenticateLate},
		{"no allocation over TLS", Limits{Authenticate: later}, string(binding(0)), true, authenticateLate},
		{"the second message never ends", Limits{Message: later, Authenticate: never},
			string(binding(0)) + string(binding(100)[:30]), false, messageLate},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // it waits
			s := serve(t, withLimits(c.limits))
			var conn net.Conn
			if c.tls {
				conn = dialTLS(t, s.tcp)
			} else {
				conn = dial(t, s.tcp)
			}
			if c.send != "" {
				send(t, conn, []byte(c.send))
			}
			if got, err := io.ReadAll(conn); len(got) > 0 || timedOut(err) {
				t.Fatalf("% x and %v", got, err)
			}
			s.counted(t, c.why, 1)
		})
	}
}

// R-8489-6.2.2-a (RFC 8489, 6.2.2; X11): the deadlines are for strangers. A client
// that has authenticated may be silent, though not in the middle of a message.
func TestIdleAfterAuthentication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := Limits{}.withDefaults()
		ours, theirs := net.Pipe()
		k := &testLink{got: make(chan []byte, 9), closed: make(chan struct{})}
		var counts counters
		s := stream{conn: ours, link: k, limits: &limits, counts: &counts, since: time.Now(), buf: make([]byte, smallBuffer)}
		ended := make(chan error, 1)
		go func() { ended <- s.read() }()
		_, _ = theirs.Write(binding(0))
		k.trusted.Store(true)
		time.Sleep(24 * time.Hour)
		_, _ = theirs.Write(binding(4))
		time.Sleep(24 * time.Hour)
		if len(k.got) != 2 || len(ended) != 0 {
			t.Fatalf("%d messages, %d ends", len(k.got), len(ended))
		}
		_, _ = theirs.Write(binding(4)[:9])
		began := time.Now()
		if err := <-ended; !errors.Is(err, errLate) || time.Since(began) != limits.Message {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if counts[messageLate].Load() != 1 {
			t.Error("not counted")
		}
	})
}

// A-X09, R-8489-6.2.2-d (RFC 8489, 6.2.2): one source and all sources together
// may have so many connections, and a closed one makes room.
func TestCaps(t *testing.T) {
	s := serve(t, withEcho, withLimits(Limits{PerSource: 3, Connections: 4}))
	var in []net.Conn
	for range 3 {
		c := dial(t, s.tcp)
		send(t, c, binding(0))
		receive(t, c, binding(0))
		in = append(in, c)
	}
	mustEnd(t, dial(t, s.tls))
	s.counted(t, overSource, 1)

	elsewhere := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	for i := range 2 {
		c, err := elsewhere.Dial("tcp", s.tcp)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		if i == 1 {
			mustEnd(t, c)
			s.counted(t, overTotal, 1)
			continue
		}
		send(t, c, binding(0))
		receive(t, c, binding(0))
	}
	in[0].Close()
	for range 3 {
		s.link(t)
	}
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		if leave, _, ok := s.streams.enter(netip.MustParseAddr("127.0.0.1")); ok {
			leave()
			break
		}
		if time.Since(start) > patience {
			t.Fatal("no room after a connection was closed")
		}
	}
}

// A site with IPv6 has 2^64 addresses and counts as one.
func TestAdmissionOfIPv6(t *testing.T) {
	a := newAdmission(Limits{Connections: 10, PerSource: 1})
	enter := func(addr string) bool {
		_, _, ok := a.enter(netip.MustParseAddr(addr))
		return ok
	}
	for _, c := range []struct {
		addr string
		want bool
	}{
		{"2001:db8::1", true}, {"2001:db8::ffff:2", false}, {"2001:db8:0:1::1", true},
		{"192.0.2.1", true}, {"::ffff:192.0.2.1", false}, {"192.0.2.2", true}, {"fe80::1%eth0", true}, {"fe80::2%eth1", false},
	} {
		if got := enter(c.addr); got != c.want {
			t.Errorf("%s: %v", c.addr, got)
		}
	}
}

// Behind a proxy there are many, and it is limited by the total alone.
//
// H-18: nobody is a proxy unless it is named.
func TestAdmissionOfProxies(t *testing.T) {
	a := newAdmission(Limits{Connections: 5, PerSource: 1, Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/30")}})
	for i, c := range []struct {
		addr string
		want bool
	}{
		{"10.0.0.1", true}, {"10.0.0.1", true}, {"::ffff:10.0.0.1", true},
		{"10.0.0.4", true}, {"10.0.0.4", false}, {"10.0.0.2", true}, {"10.0.0.3", false},
	} {
		if _, _, got := a.enter(netip.MustParseAddr(c.addr)); got != c.want {
			t.Errorf("%d: %s: %v", i, c.addr, got)
		}
	}
}

// failing is a socket without descriptors to give.
type failing struct {
	calls []time.Time
	stop  context.CancelFunc
}

func (f *failing) AcceptTCP() (*net.TCPConn, error) {
	f.calls = append(f.calls, time.Now())
	if len(f.calls) == 20 {
		f.stop()
	}
	return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
}

// A-X08: without descriptors the loop rests, longer each time up to a second,
// and says so once.
func TestAcceptBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines lineCounter
		l := &Listener{log: slog.New(slog.NewTextHandler(&lines, nil))}
		ctx, cancel := context.WithCancel(t.Context())
		f := &failing{stop: cancel}
		l.accept(ctx, f, l.admit)
		for i := 1; i < len(f.calls); i++ {
			rest := f.calls[i].Sub(f.calls[i-1])
			if want := min(firstPause<<(i-1), longestPause); rest != want {
				t.Errorf("rest %d is %v, want %v", i, rest, want)
			}
		}
		if lines != 1 || l.counts[acceptFailed].Load() != 19 {
			t.Errorf("%d lines, %d counted", lines, l.counts[acceptFailed].Load())
		}
	})
}

type lineCounter int

func (n *lineCounter) Write(b []byte) (int, error) {
	*n++
	return len(b), nil
}

// Every count has a name of its own.
func TestStats(t *testing.T) {
	var c counters
	if got := c.snapshot(); len(got) != int(numCounts) {
		t.Errorf("%d names for %d counts", len(got), numCounts)
	}
	if _, unnamed := c.snapshot()[""]; unnamed {
		t.Error("a count without a name")
	}
}

// A port that is taken is named in the error, and nothing stays open.
func TestBusyPort(t *testing.T) {
	s := serve(t)
	busy := netip.MustParseAddrPort(s.tcp)
	free := netip.MustParseAddrPort("127.0.0.1:0")
	for _, o := range []Options{
		{TCP: []netip.AddrPort{free, busy}},
		{TCP: []netip.AddrPort{free}, TLS: []netip.AddrPort{busy}, Certificates: s.certs},
		{TCP: []netip.AddrPort{free}, DTLS: []netip.AddrPort{s.dtls}, Certificates: s.certs},
		{DTLS: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:0")}, Certificates: s.certs},
		{TLS: []netip.AddrPort{free}},
	} {
		if l, err := listen(o, nil); err == nil {
			l.Close()
			t.Errorf("%+v: no error", o)
		} else {
			t.Log(err)
		}
	}
	if _, err := New(Options{}); err == nil {
		t.Error("no relay, and no error")
	}
}
