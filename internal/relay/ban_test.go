package relay

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/netio/netiotest"
	"iceserver/internal/stun"
	"iceserver/internal/turn"
	"iceserver/test/servertest"
)

const (
	guesserIP = "198.18.0.66"
	otherIP   = "198.18.0.67"
)

var testBan = Ban{After: 3, Window: time.Minute, Time: 10 * time.Minute}

// banning runs f with a relay that bans, and the log of it.
func banning(t *testing.T, f func(n *netiotest.Net, r *Relay, log *servertest.Log)) {
	t.Helper()
	log := new(servertest.Log)
	simulate(t, func(o *Options) {
		o.Ban, o.NonceLife = testBan, 30*time.Second
		o.Log = slog.New(slog.NewTextHandler(log, nil))
	}, func(n *netiotest.Net, r *Relay) { f(n, r, log) })
}

// guesser is a client at an address that does not know alice's password.
func guesser(t *testing.T, n *netiotest.Net, r *Relay, ip string) *client {
	t.Helper()
	c := newClient(t, newSimWire(t, n, ip), r.Addrs()[0], "alice")
	c.key = bytes.Repeat([]byte{7}, 16)
	return c
}

// challenge gets a nonce.
func (c *client) challenge() {
	c.t.Helper()
	c.nonce = nil
	m := c.response(c.post(stun.MethodAllocate, udpTransport))
	c.nonce, _ = m.Get(stun.AttrNonce)
}

// guess is wrong once, with a nonce of its own.
func (c *client) guess() {
	c.t.Helper()
	c.challenge()
	c.mustRefuse(c.response(c.post(stun.MethodAllocate, udpTransport)), 401)
}

// silent fails the test if a request gets an answer.
func (c *client) silent() {
	c.t.Helper()
	c.nonce = nil
	c.post(stun.MethodAllocate, udpTransport)
	if _, b, ok := c.recv(); ok {
		c.t.Fatalf("an answer of %d bytes to who is banned", len(b))
	}
}

// A-X05: who has guessed wrong too often is not answered any more, from any port;
// calls behind the same address go on, and so does everybody elsewhere. It ends
// in time, and the log tells of both.
func TestBan(t *testing.T) {
	banning(t, func(n *netiotest.Net, r *Relay, log *servertest.Log) {
		neighbour := newClient(t, newSimWire(t, n, guesserIP), r.Addrs()[0], "bob")
		relayed, peer := neighbour.allocate(), newSimWire(t, n, peerIP)
		neighbour.bind(0x4000, peer.addr())
		eve := guesser(t, n, r, guesserIP)
		for range testBan.After {
			eve.guess()
		}
		eve.silent()
		guesser(t, n, r, guesserIP).silent()
		if s := r.Stats(); s.Drops["banned"] != 2 || s.Banned != 1 {
			t.Errorf("%d drops, %d banned", s.Drops["banned"], s.Banned)
		}
		neighbour.sendChannel(0x4000, "still here")
		expectDatagram(t, peer, relayed, "still here")
		neighbour.must(neighbour.refresh(3000))
		newClient(t, newSimWire(t, n, otherIP), r.Addrs()[0], "alice").allocate()
		if !strings.Contains(log.String(), "level=WARN msg=banned client=198.18.0.66/32 failures=3 lasts=10m0s reason=wrong-credentials") {
			t.Errorf("the log does not tell:\n%s", log)
		}

		time.Sleep(testBan.Time)
		synctest.Wait()
		if s := r.Stats(); s.Banned != 0 || !strings.Contains(log.String(), `msg="ban over" client=198.18.0.66/32 reason=time`) {
			t.Errorf("%d banned:\n%s", s.Banned, log)
		}
		newClient(t, newSimWire(t, n, guesserIP), r.Addrs()[0], "alice").allocate()
	})
}

// A-X05: a call that goes on is no place to guess on from, after a reload neither;
// not even the right password gets an answer there.
func TestBanWithAllocation(t *testing.T) {
	banning(t, func(n *netiotest.Net, r *Relay, _ *servertest.Log) {
		eve := newClient(t, newSimWire(t, n, guesserIP), r.Addrs()[0], "bob")
		eve.allocate()
		bob := eve.key
		eve.user, eve.key = "alice", bytes.Repeat([]byte{7}, 16)
		for range testBan.After {
			eve.mustRefuse(eve.response(eve.post(stun.MethodRefresh, nil)), 401)
		}
		eve.key = testKey(t, "alice")
		for range 2 {
			eve.post(stun.MethodRefresh, nil)
			if _, b, ok := eve.recv(); ok {
				t.Fatalf("an answer of %d bytes to who is banned", len(b))
			}
			o := testOptions(t)
			if err := r.Reconfigure(Settings{Quota: o.Quota, Keys: o.Keys, Ban: testBan, Turn: o.Turn, NonceLife: o.NonceLife, Relays: o.Relays}); err != nil {
				t.Fatal(err)
			}
		}
		eve.user, eve.key = "bob", bob
		eve.must(eve.refresh(3000))
	})
}

// Guesses that are further apart than the window ban nobody.
func TestBanWindow(t *testing.T) {
	banning(t, func(n *netiotest.Net, r *Relay, _ *servertest.Log) {
		eve := guesser(t, n, r, guesserIP)
		for range 4 * testBan.After {
			eve.guess()
			time.Sleep(testBan.Window/2 + time.Second)
		}
		eve.guess()
		if r.Stats().Banned != 0 {
			t.Error("banned for two guesses a minute")
		}
	})
}

// A-X04: no packet with a forged source bans that source. A forger has none of the
// nonces that are sent there: not one from the time when he had that address,
// not a made-up one, not one sent to himself.
//
// Nor does the log blame that source in a line that filters ban by.
func TestBanNeverForged(t *testing.T) {
	banning(t, func(n *netiotest.Net, r *Relay, log *servertest.Log) {
		forger, forged := guesser(t, n, r, otherIP), guesser(t, n, r, guesserIP)
		forger.challenge()
		forged.challenge()
		aged := forged.nonce
		time.Sleep(31 * time.Second)
		forger.challenge()
		for _, nonce := range [][]byte{aged, []byte("obMatJos2AAAAmade-up"), forger.nonce} {
			for range 20 * testBan.After {
				forged.nonce = nonce
				forged.post(stun.MethodAllocate, udpTransport)
			}
		}
		synctest.Wait()
		if s := r.Stats(); s.Banned != 0 || s.Refused[401]+s.Refused[438] < 60 {
			t.Fatalf("%d banned after refusals %v", s.Banned, s.Refused)
		}
		blamesNobody(t, log)
		for range testBan.After { // and this would have been the way
			newGuess := guesser(t, n, r, guesserIP)
			newGuess.guess()
		}
		if r.Stats().Banned != 1 {
			t.Error("whoever is really there is not banned either")
		}
	})
}

// A user whose credential is taken back during a call is no guesser, however often
// his browser tries to go on.
func TestBanNotForEnds(t *testing.T) {
	banning(t, func(n *netiotest.Net, r *Relay, log *servertest.Log) {
		alice := newClient(t, newSimWire(t, n, guesserIP), r.Addrs()[0], "alice")
		alice.allocate()
		alice.key = bytes.Repeat([]byte{7}, 16)
		for range 3 * testBan.After {
			alice.mustRefuse(alice.response(alice.post(stun.MethodRefresh, nil)), 401)
		}
		if r.Stats().Banned != 0 {
			t.Error("banned for the end of his own credential")
		}
		synctest.Wait()
		blamesNobody(t, log)
	})
}

// A-X05: clients that come with a time-limited credential that has run out, a page that
// was left open for example, shut nobody out behind their address: not themselves, who
// get a new one, nor their colleague. A wrong password for such a name is a guess.
func TestBanNotForExpired(t *testing.T) {
	banning(t, func(n *netiotest.Net, r *Relay, log *servertest.Log) {
		o := testOptions(t)
		o.Keys = &directory{
			users: map[string]auth.Key{"bob": testKey(t, "bob")}, ended: map[string]auth.Key{"alice": testKey(t, "alice")},
		}
		if err := r.Reconfigure(Settings{Relays: o.Relays, Keys: o.Keys, Turn: o.Turn, NonceLife: 30 * time.Second, Ban: testBan}); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			late := newClient(t, newSimWire(t, n, guesserIP), r.Addrs()[0], "alice")
			for range testBan.After {
				late.guess()
			}
		}
		newClient(t, newSimWire(t, n, guesserIP), r.Addrs()[0], "bob").allocate()
		synctest.Wait()
		if s := r.Stats(); s.Banned != 0 || s.Refusals[turn.CauseExpiredKey][401] != 5*uint64(testBan.After) {
			t.Errorf("%d banned after refusals %v", s.Banned, s.Refusals)
		}
		text := log.String()
		if !strings.Contains(text, " user=alice server=") || !strings.Contains(text, " reason=expired-credential guess=false\n") || strings.Contains(text, "reason=unknown-user") {
			t.Errorf("the log does not tell:\n%s", text)
		}

		eve := guesser(t, n, r, guesserIP)
		for range testBan.After {
			eve.guess()
		}
		eve.silent()
	})
}

// blamesNobody fails if the log has no line about a wrong credential, or one that
// counts against its source.
func blamesNobody(t *testing.T, log *servertest.Log) {
	t.Helper()
	text := log.String()
	if !strings.Contains(text, " reason=wrong-password guess=false\n") || strings.Contains(text, " reason=wrong-password\n") {
		t.Errorf("the log blames somebody:\n%s", text)
	}
}

// A client that is connected is really there, so its guesses count whatever nonce
// it has; and what it sends is dropped from then on.
func TestBanOfStreams(t *testing.T) {
	banning(t, func(_ *netiotest.Net, r *Relay, _ *servertest.Log) {
		from := netip.MustParseAddrPort(guesserIP + ":5000")
		l, err := r.Link(turn.TCP, from, netip.AddrPortFrom(r.Addrs()[0].Addr(), 3478))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c := newClient(t, &bareLink{t: t, link: l}, netip.AddrPort{}, "alice")
		c.key = bytes.Repeat([]byte{7}, 16)
		c.challenge()
		time.Sleep(31 * time.Second)
		for range testBan.After {
			c.mustRefuse(c.response(c.post(stun.MethodAllocate, udpTransport)), 401)
		}
		if !r.Banned(from.Addr()) {
			t.Fatal("not banned")
		}
		c.post(stun.MethodAllocate, udpTransport)
		synctest.Wait()
		if n := r.Stats().Drops["banned"]; n != 1 {
			t.Errorf("%d messages dropped, want 1", n)
		}
	})
}

// bareLink speaks through a link without a goroutine of its own.
type bareLink struct {
	t    *testing.T
	link *Link
	got  [][]byte
}

func (w *bareLink) send(_ netip.AddrPort, b []byte) {
	if err := w.link.Deliver(b); err != nil {
		w.t.Error(err)
	}
}

func (w *bareLink) recv() (netip.AddrPort, []byte, bool) {
	for len(w.got) == 0 {
		block, err := w.link.Next(nil)
		if err != nil {
			return netip.AddrPort{}, nil, false
		}
		for _, b := range block {
			w.got = append(w.got, bytes.Clone(b))
		}
	}
	b := w.got[0]
	w.got = w.got[1:]
	return netip.AddrPort{}, b, true
}

func (w *bareLink) addr() netip.AddrPort { return w.link.tuple.Client }

// Other rules are in force at once, and lift what they do not have.
func TestBanReconfigure(t *testing.T) {
	banning(t, func(n *netiotest.Net, r *Relay, log *servertest.Log) {
		eve := guesser(t, n, r, guesserIP)
		settings := func(b Ban) Settings {
			o := testOptions(t)
			keys := &directory{users: map[string]auth.Key{"alice": testKey(t, "alice")}}
			return Settings{Relays: o.Relays, Keys: keys, Turn: o.Turn, Ban: b}
		}
		for _, lifted := range []Ban{{}, {After: 3, Window: time.Minute, Time: time.Hour, Ignore: []netip.Prefix{netip.MustParsePrefix("198.18.0.64/26")}}} {
			if err := r.Reconfigure(settings(testBan)); err != nil {
				t.Fatal(err)
			}
			for range testBan.After {
				eve.guess()
			}
			eve.silent()
			if err := r.Reconfigure(settings(lifted)); err != nil {
				t.Fatal(err)
			}
			for range 2 * testBan.After {
				eve.guess()
			}
		}
		synctest.Wait()
		if n := strings.Count(log.String(), `msg="ban over" client=198.18.0.66/32 reason=rules`); n != 2 {
			t.Errorf("%d bans lifted, want 2:\n%s", n, log)
		}
	})
}

// What counts as one source, and who is never one.
func TestBanSources(t *testing.T) {
	rules := Ban{After: 1, Window: time.Minute, Time: time.Minute, Ignore: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8:0:3::5/128")}}
	for _, tt := range []struct {
		failed, asked string
		banned        bool
	}{
		{"198.51.100.1", "198.51.100.1", true},
		{"198.51.100.1", "::ffff:198.51.100.1", true},
		{"::ffff:198.51.100.1", "198.51.100.1", true},
		{"198.51.100.1", "198.51.100.2", false},
		{"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
		{"2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"fe80::1%eth0", "fe80::1", true},
		{"127.0.0.1", "127.0.0.1", false},
		{"::1", "::1", false},
		{"::ffff:127.0.0.5", "127.0.0.5", false},
		{"192.0.2.7", "192.0.2.7", false},
		{"2001:db8:0:3::6", "2001:db8:0:3::7", true},
		{"2001:db8:0:3::6", "2001:db8:0:3::5", false}, // beside a guesser in one /64
		{"2001:db8:0:3::5", "2001:db8:0:3::6", false},
	} {
		r := &Relay{bans: newBans(rules, slog.New(slog.DiscardHandler))}
		r.bans.failed(netip.MustParseAddr(tt.failed))
		if got := r.Banned(netip.MustParseAddr(tt.asked)); got != tt.banned {
			t.Errorf("%s failed, %s banned: %v", tt.failed, tt.asked, got)
		}
	}
}

// Any number of sources takes a bounded amount of memory: the oldest make room.
func TestBanBounded(t *testing.T) {
	r := &Relay{bans: newBans(Ban{After: 2, Window: time.Hour, Time: time.Hour}, slog.New(slog.DiscardHandler))}
	at := func(i int) netip.Addr {
		var a [16]byte
		a[0] = 0x20
		binary.BigEndian.PutUint32(a[4:], uint32(i))
		return netip.AddrFrom16(a)
	}
	const many = 3 * maxOffenders
	for i := range many {
		r.bans.failed(at(i))
	}
	if n := r.bans.failing.len(); n != maxOffenders || len(r.bans.failing.bySource) != n {
		t.Errorf("%d sources that failed once, and %d in the index", n, len(r.bans.failing.bySource))
	}
	for i := range many {
		r.bans.failed(at(many + i))
		r.bans.failed(at(many + i))
	}
	if n := r.bans.banned.len(); n != maxOffenders || int(r.bans.count.Load()) != n {
		t.Errorf("%d banned, counted %d", n, r.bans.count.Load())
	}
	if r.Banned(at(many)) || !r.Banned(at(2*many-1)) {
		t.Error("it is not the oldest that made room")
	}
	if r.bans.lost.Load() == 0 {
		t.Error("nobody reads the log, and still no line is lost")
	}
}

// Asking costs no memory, whether somebody is banned or nobody.
func TestBannedAllocatesNothing(t *testing.T) {
	r := &Relay{bans: newBans(Ban{After: 1, Window: time.Hour, Time: time.Hour}, slog.New(slog.DiscardHandler))}
	a, b := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("198.51.100.1")
	ask := func() { _, _ = r.Banned(a), r.Banned(b) }
	if n := testing.AllocsPerRun(100, ask); n != 0 {
		t.Errorf("%v allocations while nobody is banned", n)
	}
	r.bans.failed(a)
	if n := testing.AllocsPerRun(100, ask); n != 0 || !r.Banned(a) || r.Banned(b) {
		t.Errorf("%v allocations", n)
	}
}

// The goroutine that logs ends with the relay, whatever waits.
func TestBansEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBans(Ban{After: 1, Window: time.Minute, Time: time.Minute}, slog.New(slog.DiscardHandler))
		b.failed(netip.MustParseAddr(guesserIP))
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { b.run(ctx) })
		time.Sleep(2 * time.Minute)
		if n := b.count.Load(); n != 0 {
			t.Errorf("%d banned after their time", n)
		}
		cancel()
		run.Wait()
	})
}
