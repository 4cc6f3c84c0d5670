package netiotest

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"iceserver/internal/netio"
)

// patience is how long the suite waits for something that must happen. It
// bounds a test that fails; one that passes never waits for it.
const patience = 20 * time.Second

// Test runs the suite of what netio.Engine promises. The engines that open
// makes must be able to reach each other over 127.0.0.1 and ::1.
func Test(t *testing.T, open func() (netio.Engine, error)) {
	for _, c := range []struct {
		name string
		test func(*testing.T, func() (netio.Engine, error))
	}{
		{"open tells the port", testOpenPort},
		{"open refuses bad addresses", testOpenRefuses},
		{"open says address in use", testAddressInUse},
		{"reuse port", testReusePort},
		{"ids are dense and reused", testIDs},
		{"a thousand sockets leave nothing", testThousand},
		{"unknown socket", testUnknown},
		{"close ends all", testClose},
		{"close while woken", testCloseWake},
		{"closed socket is silent", testCloseSilent},
		{"closed socket's id starts afresh", testCloseFresh},
		{"echo IPv4", testEchoIPv4},
		{"echo IPv6", testEchoIPv6},
		{"both families", testFamilies},
		{"order in batches", testOrder},
		{"order with little room", testLittleRoom},
		{"empty datagram", testEmpty},
		{"longest datagram", testLongest},
		{"room around the payload", testRoom},
		{"bad datagrams in a batch", testBadInBatch},
		{"don't fragment", testDontFragment},
		{"closed port harms nobody", testClosedPort},
		{"ICMP refused", testICMPRefused},
		{"ICMP of a closed port", testICMP},
		{"ICMP ends a wait", testICMPWait},
		{"ICMP loses no datagram", testICMPLosesNothing},
		{"ICMP of a closed socket", testICMPCloseSilent},
		{"ICMP in a flood", testICMPFlood},
		{"wait", testWait},
		{"wake before poll", testWakeBefore},
		{"wake during poll", testWakeDuring},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open) })
	}
}

// A host is an engine within one test.
type host struct {
	netio.Engine
	t  *testing.T
	in []netio.Datagram
}

// A port is an open socket of a host.
type port struct {
	id   netio.SocketID
	addr netip.AddrPort
}

// A message is what came in, with a copy of the payload.
type message struct {
	at      netio.SocketID
	from    netip.AddrPort
	payload string
}

func loopback() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }

func newHost(t *testing.T, open func() (netio.Engine, error)) *host {
	t.Helper()
	e, err := open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &host{Engine: e, t: t, in: make([]netio.Datagram, 64)}
}

// open opens a socket on ip with buffers for whatever the suite sends.
func (h *host) open(ip netip.Addr) port {
	h.t.Helper()
	id, addr, err := h.Open(netip.AddrPortFrom(ip, 0), netio.Options{RecvBuf: 1 << 20, SendBuf: 1 << 20})
	if err != nil {
		h.t.Fatal(err)
	}
	return port{id, addr}
}

// send sends one datagram for each payload, and all must be taken.
func (h *host) send(from port, to netip.AddrPort, payloads ...string) {
	h.t.Helper()
	var out []netio.Datagram
	for _, p := range payloads {
		out = append(out, netio.Datagram{Socket: from.id, Peer: to, Buf: []byte(p)})
	}
	if n, err := h.Send(out); n != len(out) || err != nil {
		h.t.Fatalf("Send took %d of %d: %v (stats %+v)", n, len(out), err, h.Stats())
	}
}

// poll is one Poll, with its datagrams copied.
func (h *host) poll(wait time.Duration) []message {
	h.t.Helper()
	n, err := h.Poll(h.in, wait)
	if err != nil {
		h.t.Fatalf("Poll: %v", err)
	}
	var got []message
	for _, d := range h.in[:n] {
		got = append(got, message{d.Socket, d.Peer, string(d.Buf[netio.Headroom:])})
	}
	return got
}

// receive polls until n datagrams have come.
func (h *host) receive(n int) []message {
	h.t.Helper()
	var got []message
	deadline := time.Now().Add(patience)
	for len(got) < n {
		left := time.Until(deadline)
		if left <= 0 {
			h.t.Fatalf("%d datagrams came of %d", len(got), n)
		}
		got = append(got, h.poll(left)...)
	}
	if len(got) > n {
		h.t.Fatalf("%d datagrams came instead of %d: %+v", len(got), n, got)
	}
	return got
}

// expect receives exactly these payloads, in this order.
func (h *host) expect(at port, from netip.AddrPort, payloads ...string) {
	h.t.Helper()
	var got []string
	for _, m := range h.receive(len(payloads)) {
		if m.at != at.id || m.from != from {
			h.t.Fatalf("a datagram at socket %d from %v, want socket %d from %v", m.at, m.from, at.id, from)
		}
		got = append(got, m.payload)
	}
	if !slices.Equal(got, payloads) {
		h.t.Fatalf("received %.200q, want %.200q", got, payloads)
	}
}

// quiet checks that nothing is left to come. A datagram sent by from to itself
// comes last, so that no time needs to pass in waiting for nothing.
func (h *host) quiet(from port) {
	h.t.Helper()
	h.send(from, from.addr, "last")
	h.expect(from, from.addr, "last")
}

// hasIPv6 says so if the machine has no ::1.
func hasIPv6(t *testing.T) bool {
	c, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Logf("not tested with IPv6, since this machine has no ::1: %v", err)
		return false
	}
	c.Close()
	return true
}
