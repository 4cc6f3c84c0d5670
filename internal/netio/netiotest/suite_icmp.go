package netiotest

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"iceserver/internal/netio"
)

// hearing opens a socket that hears of ICMP errors.
func (h *host) hearing(ip netip.Addr) port {
	h.t.Helper()
	id, addr, err := h.Open(netip.AddrPortFrom(ip, 0), netio.Options{ICMP: true, RecvBuf: 1 << 20, SendBuf: 1 << 20})
	if err != nil {
		h.t.Fatal(err)
	}
	return port{id, addr}
}

// gone returns an address that nobody has any more.
func (h *host) gone(ip netip.Addr) netip.AddrPort {
	h.t.Helper()
	p := h.open(ip)
	if err := h.CloseSocket(p.id); err != nil {
		h.t.Fatal(err)
	}
	return p.addr
}

// hear polls until n ICMP errors have come, and nothing else.
func (h *host) hear(n int) []netio.ICMP {
	h.t.Helper()
	var got []netio.ICMP
	for deadline := time.Now().Add(patience); len(got) < n; {
		left := time.Until(deadline)
		if left <= 0 {
			h.t.Fatalf("%d ICMP errors came of %d", len(got), n)
		}
		if m := h.poll(left); len(m) > 0 {
			h.t.Fatalf("datagrams came: %+v", m)
		}
		got = append(got, h.ICMP()...)
	}
	return got
}

// hearsICMP skips the test for an engine that does not.
func hearsICMP(t *testing.T, open func() (netio.Engine, error)) *host {
	t.Helper()
	h := newHost(t, open)
	if !h.Features().ICMP {
		t.Skip("not among this engine's features")
	}
	return h
}

// testICMPRefused: an engine that says it cannot do it does not pretend to, and
// nobody else is told of anything that he did not ask for.
func testICMPRefused(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	if !h.Features().ICMP {
		if _, _, err := h.Open(netip.AddrPortFrom(loopback(), 0), netio.Options{ICMP: true}); err == nil {
			t.Error("Open takes an option that is not among the features")
		}
	}
	p := h.open(loopback())
	for range 3 {
		h.send(p, h.gone(loopback()), "x")
		h.quiet(p)
		if got := h.ICMP(); len(got) > 0 {
			t.Errorf("told of %+v unasked", got)
		}
	}
}

// testICMP: R-8656-11.5-a, R-8656-11.5-d (RFC 8656, 11.5): an engine tells whom
// the datagram was for, port and all, and what was said of it, once.
func testICMP(t *testing.T, open func() (netio.Engine, error)) {
	h := hearsICMP(t, open)
	cases := []struct {
		ip         netip.Addr
		kind, code uint8
	}{{loopback(), 3, 3}}
	if hasIPv6(t) {
		cases = append(cases, cases[0])
		cases[1].ip, cases[1].kind, cases[1].code = netip.IPv6Loopback(), 1, 4
	}
	for range 3 {
		for _, c := range cases {
			p, gone := h.hearing(c.ip), h.gone(c.ip)
			h.send(p, gone, "x")
			want := []netio.ICMP{{Peer: gone, Socket: p.id, Type: c.kind, Code: c.code}}
			if got := h.hear(1); !slices.Equal(got, want) {
				t.Errorf("told of %+v, want %+v", got, want)
			}
			if got := h.ICMP(); len(got) > 0 {
				t.Errorf("told again of %+v", got)
			}
			h.quiet(p)
			if got := h.ICMP(); len(got) > 0 {
				t.Errorf("told again by the next Poll of %+v", got)
			}
		}
	}
}

// testICMPWait: a Poll without a limit returns for an error, or the test hangs:
// alone, after a Poll that brought much, and after one that had no room for it.
func testICMPWait(t *testing.T, open func() (netio.Engine, error)) {
	h := hearsICMP(t, open)
	p, other, gone := h.hearing(loopback()), h.hearing(loopback()), h.gone(loopback())
	await := func() {
		for heard := 0; heard == 0; {
			if got := h.poll(-1); len(got) > 0 {
				t.Fatalf("received %+v", got)
			}
			heard = len(h.ICMP())
		}
	}
	for range 10 {
		h.send(p, gone, "x")
		await()
		h.send(p, p.addr, "one", "two", "three")
		h.expect(p, p.addr, "one", "two", "three")
		h.send(p, gone, "x")
		await()
		h.poll(0) // or the engine may still have p in mind, and look there first
		h.send(other, other.addr, "data")
		h.send(p, gone, "x")
		h.in = h.in[:1]
		if got := h.poll(-1); len(got) == 0 {
			t.Fatal("the data came behind the error")
		}
		if len(h.ICMP()) == 0 {
			await()
		}
		h.in = h.in[:cap(h.in)]
	}
}

// testICMPLosesNothing: errors that wait cost neither what is sent after
// them, alone or in runs, nor what is received.
func testICMPLosesNothing(t *testing.T, open func() (netio.Engine, error)) {
	h := hearsICMP(t, open)
	p, gone := h.hearing(loopback()), h.gone(loopback())
	for i := range 20 {
		var out []netio.Datagram
		var want []string
		for j := range 1 + i {
			text := fmt.Sprint(i, " ", j)
			want = append(want, text)
			out = append(out,
				netio.Datagram{Socket: p.id, Peer: gone, Buf: []byte("nobody hears this")},
				netio.Datagram{Socket: p.id, Peer: p.addr, Buf: []byte(text)})
		}
		if n, err := h.Send(out); n != len(out) || err != nil {
			t.Fatalf("Send took %d of %d: %v", n, len(out), err)
		}
		h.expect(p, p.addr, want...)
	}
	if st := h.Stats().Losses; st != (netio.Losses{}) {
		t.Errorf("stats %+v, want nothing lost", st)
	}
}

// testICMPCloseSilent: the next holder of an id is not told what the last one did.
func testICMPCloseSilent(t *testing.T, open func() (netio.Engine, error)) {
	h := hearsICMP(t, open)
	gone := h.gone(loopback())
	for range 10 {
		p := h.hearing(loopback())
		h.send(p, gone, "x")
		if err := h.CloseSocket(p.id); err != nil {
			t.Fatal(err)
		}
		next := h.hearing(loopback())
		if next.id != p.id {
			t.Fatalf("socket %d, want the id %d again", next.id, p.id)
		}
		h.quiet(next)
		if got := h.ICMP(); len(got) > 0 {
			t.Errorf("told of %+v", got)
		}
		if err := h.CloseSocket(next.id); err != nil {
			t.Fatal(err)
		}
	}
}

// testICMPFlood: hundreds of errors for one socket come in bounded numbers,
// and data for it and for another is not held up by them.
func testICMPFlood(t *testing.T, open func() (netio.Engine, error)) {
	h := hearsICMP(t, open)
	p, other, gone := h.hearing(loopback()), h.hearing(loopback()), h.gone(loopback())
	for range 300 {
		h.send(p, gone, "x")
	}
	h.send(p, p.addr, "one")
	h.send(p, other.addr, "two")
	received, most := 0, 0
	for rounds := 0; received < 2 && rounds < 3; rounds++ {
		received += len(h.poll(patience))
		most = max(most, len(h.ICMP()))
	}
	if received != 2 {
		t.Errorf("%d of 2 datagrams in three rounds", received)
	}
	if most == 0 || most > errorLimit {
		t.Errorf("%d errors in one Poll", most)
	}
	for rounds := 0; most > 0; rounds++ {
		if rounds > 300 {
			t.Fatal("errors without end")
		}
		h.poll(0)
		most = len(h.ICMP())
	}
	h.quiet(p)
}
