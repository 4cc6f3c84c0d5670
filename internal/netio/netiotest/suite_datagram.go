package netiotest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"iceserver/internal/netio"
)

// testEchoIPv4: each datagram tells whom to answer.
func testEchoIPv4(t *testing.T, open func() (netio.Engine, error)) {
	testEcho(t, open, loopback())
}

func testEchoIPv6(t *testing.T, open func() (netio.Engine, error)) {
	if !hasIPv6(t) {
		t.SkipNow()
	}
	testEcho(t, open, netip.IPv6Loopback())
}

func testEcho(t *testing.T, open func() (netio.Engine, error), ip netip.Addr) {
	a, b := newHost(t, open), newHost(t, open)
	pa, pb := a.open(ip), b.open(ip)
	for i := range 20 {
		a.send(pa, pb.addr, fmt.Sprint("ping ", i))
		b.expect(pb, pa.addr, fmt.Sprint("ping ", i))
		b.send(pb, pa.addr, fmt.Sprint("pong ", i))
		a.expect(pa, pb.addr, fmt.Sprint("pong ", i))
	}
	if st := (netio.Losses{}); a.Stats().Losses != st || b.Stats().Losses != st {
		t.Errorf("stats %+v and %+v, want nothing lost", a.Stats(), b.Stats())
	}
}

// testFamilies has both families on one engine, in turns and at once: nothing of
// one's address may show in the other's.
func testFamilies(t *testing.T, open func() (netio.Engine, error)) {
	if !hasIPv6(t) {
		t.SkipNow()
	}
	h := newHost(t, open)
	v4, v6 := h.open(loopback()), h.open(netip.IPv6Loopback())
	for i := range 10 {
		for _, p := range []port{v4, v6} {
			var sent []string
			for j := range 1 + i%5 {
				sent = append(sent, fmt.Sprint(i, j))
			}
			h.send(p, p.addr, sent...)
			h.expect(p, p.addr, sent...)
		}
	}
	h.send(v4, v4.addr, "four")
	h.send(v6, v6.addr, "six")
	for _, m := range h.receive(2) {
		if p := map[string]port{"four": v4, "six": v6}[m.payload]; m.at != p.id || m.from != p.addr {
			t.Errorf("%q came to socket %d from %v", m.payload, m.at, m.from)
		}
	}
}

// testOrder sends to several sockets in turns and in runs: the engine may
// gather what belongs to one socket, but not change its order.
func testOrder(t *testing.T, open func() (netio.Engine, error)) {
	a, b := newHost(t, open), newHost(t, open)
	from := []port{a.open(loopback()), a.open(loopback()), a.open(loopback())}
	to := []port{b.open(loopback()), b.open(loopback()), b.open(loopback())}
	sent := make(map[message]int) // a stream, by its ends, and its next number
	var out []netio.Datagram
	for batch := range 8 {
		out = out[:0]
		for i := range 96 {
			f, d := from[i%3], to[i/5%3]
			if batch%2 == 1 {
				f = from[i/32] // long runs
			}
			stream := message{at: d.id, from: f.addr}
			out = append(out, netio.Datagram{Socket: f.id, Peer: d.addr, Buf: fmt.Append(nil, sent[stream])})
			sent[stream]++
		}
		if n, err := a.Send(out); n != len(out) || err != nil {
			t.Fatalf("Send took %d of %d: %v", n, len(out), err)
		}
	}
	next := make(map[message]int)
	for got, room := 0, 1; got < 8*96; room = room%40 + 1 {
		b.in = b.in[:room]
		for _, m := range b.poll(patience) {
			got++
			stream := message{at: m.at, from: m.from}
			if m.payload != fmt.Sprint(next[stream]) {
				t.Fatalf("%s came from %v at socket %d, want %d", m.payload, m.from, m.at, next[stream])
			}
			next[stream]++
		}
	}
}

// testLittleRoom: a Poll with room for few leaves the others for the next.
func testLittleRoom(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	p := h.open(loopback())
	var sent []string
	for i := range 200 {
		sent = append(sent, fmt.Sprint(i))
	}
	h.send(p, p.addr, sent...)
	var got []string
	for i := 0; len(got) < len(sent); i++ {
		h.in = h.in[:1+i%7]
		for _, m := range h.poll(patience) {
			got = append(got, m.payload)
		}
	}
	if !slices.Equal(got, sent) {
		t.Errorf("received %q", got)
	}
	if _, err := h.Poll(nil, 0); err == nil {
		t.Error("Poll without room is no error")
	}
}

// testEmpty: a UDP datagram may have no payload.
func testEmpty(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	p := h.open(loopback())
	h.send(p, p.addr, "", "a", "", "", "b", "")
	h.expect(p, p.addr, "", "a", "", "", "b", "")
}

// testLongest: MaxPayload goes through whole and one byte more is refused, with
// short datagrams between, whose buffers are the same.
func testLongest(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	p := h.open(loopback())
	long := strings.Repeat("0123456789abcdef", netio.MaxPayload/16+1)[:netio.MaxPayload]
	for range 4 {
		h.send(p, p.addr, "short", long)
		h.expect(p, p.addr, "short", long)
	}
	if n, err := h.Send([]netio.Datagram{{Socket: p.id, Peer: p.addr, Buf: []byte(long + "!")}}); n != 0 || err != nil {
		t.Errorf("Send of one byte too many took %d: %v", n, err)
	}
	if st := h.Stats().Losses; st != (netio.Losses{SendError: 1}) {
		t.Errorf("stats %+v, want one SendError", st)
	}
}

// testRoom writes all over the room around each payload, which must not reach
// another's.
func testRoom(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	p := h.open(loopback())
	var sent []string
	for i := range 32 {
		sent = append(sent, strings.Repeat(string(rune('a'+i%26)), i*40))
	}
	h.send(p, p.addr, sent...)
	for got := 0; got < len(sent); {
		n, err := h.Poll(h.in, patience)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range h.in[:n] {
			if cap(d.Buf)-len(d.Buf) < netio.Tailroom {
				t.Fatalf("%d bytes of room behind the payload", cap(d.Buf)-len(d.Buf))
			}
			room := d.Buf[:cap(d.Buf)]
			for i := range netio.Headroom {
				room[i] = 0xFF
			}
			for i := range netio.Tailroom {
				room[len(d.Buf)+i] = 0xFF
			}
		}
		for _, d := range h.in[:n] {
			if string(d.Buf[netio.Headroom:]) != sent[got] {
				t.Fatalf("datagram %d is %.40q", got, d.Buf[netio.Headroom:])
			}
			got++
		}
	}
}

// testBadInBatch puts datagrams that cannot be sent between good ones, in a run
// long enough to go out in one call.
func testBadInBatch(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	p := h.open(loopback())
	good := func(s string) netio.Datagram {
		return netio.Datagram{Socket: p.id, Peer: p.addr, Buf: []byte(s)}
	}
	bad := func(peer netip.AddrPort) netio.Datagram {
		return netio.Datagram{Socket: p.id, Peer: peer, Buf: []byte("bad")}
	}
	out := []netio.Datagram{
		bad(netip.AddrPort{}), good("0"), good("1"),
		bad(netip.AddrPortFrom(loopback(), 0)),
		bad(netip.AddrPortFrom(netip.AddrFrom16(loopback().As16()), p.addr.Port())),
		good("2"),
		{Socket: p.id, Peer: p.addr, Buf: make([]byte, netio.MaxPayload+1)},
		good("3"), good("4"),
		bad(netip.AddrPortFrom(netip.IPv6Loopback(), p.addr.Port())),
	}
	const wrong = 5
	if n, err := h.Send(out); n != len(out)-wrong || err != nil {
		t.Errorf("Send took %d of %d: %v", n, len(out)-wrong, err)
	}
	if st := h.Stats().Losses; st != (netio.Losses{SendError: wrong}) {
		t.Errorf("stats %+v, want SendError %d", st, wrong)
	}
	h.expect(p, p.addr, "0", "1", "2", "3", "4")
}

// testDontFragment switches the bit between datagrams, which must neither lose
// nor reorder them.
func testDontFragment(t *testing.T, open func() (netio.Engine, error)) {
	ips := []netip.Addr{loopback()}
	if hasIPv6(t) {
		ips = append(ips, netip.IPv6Loopback())
	}
	for _, ip := range ips {
		h := newHost(t, open)
		p := h.open(ip)
		var out []netio.Datagram
		var want []string
		able := h.Features().DontFragment
		for i := range 24 {
			df := i%3 == 1 || i > 16
			out = append(out, netio.Datagram{Socket: p.id, Peer: p.addr, Buf: fmt.Append(nil, i), DF: df})
			if able || !df {
				want = append(want, fmt.Sprint(i))
			}
		}
		if n, err := h.Send(out); n != len(want) || err != nil {
			t.Errorf("Send took %d of %d: %v", n, len(want), err)
		}
		if st := h.Stats(); st.SendError != uint64(len(out)-len(want)) {
			t.Errorf("stats %+v, want SendError %d", st, len(out)-len(want))
		}
		h.expect(p, p.addr, want...)
	}
}

// testClosedPort: refusals by the other side (ICMP) end neither the engine nor the
// socket.
func testClosedPort(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	p, gone := h.open(loopback()), h.open(loopback())
	if err := h.CloseSocket(gone.id); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		h.send(p, gone.addr, "nobody", "hears", "this", "at all")
		h.send(p, p.addr, fmt.Sprint(i))
		h.expect(p, p.addr, fmt.Sprint(i))
	}
}
