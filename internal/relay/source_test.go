package relay

import (
	"net"
	"net/netip"
	"testing"

	"iceserver/internal/stun"
)

// R-8489-6.3.1.2-a (RFC 8489, 6.3.1): on a machine with several addresses the
// answer leaves from the one that was asked, whichever worker gives it.
// R-8489-12-a (RFC 8489, 12): Binding over UDP.
func TestAnswersLeaveFromWhereTheyWereAsked(t *testing.T) {
	o := testOptions(t)
	o.Workers = 2
	o.Listen = nil
	for _, ip := range []string{serverIP, relayIP(), "::1"} {
		a := netip.AddrPortFrom(netip.MustParseAddr(ip), 0)
		if c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a)); err == nil {
			c.Close() // not every machine has IPv6
			o.Listen = append(o.Listen, a)
		}
	}
	r := serveForTest(t, o)
	if len(r.Addrs()) < 2 {
		t.Fatal("there is nothing to confuse")
	}
	for range 8 {
		for _, server := range r.Addrs() {
			ip := "127.0.0.1"
			if server.Addr().Is6() {
				ip = "::1"
			}
			w := newUDPWire(t, ip)
			var id stun.TransactionID
			b := stun.NewBuilder(nil, stun.MethodBinding, stun.ClassRequest, id)
			w.send(server, b.Bytes())
			from, msg, ok := w.recv()
			if !ok || from != server {
				t.Fatalf("asked at %s, answered from %s", server, from)
			}
			m, err := stun.Parse(msg)
			if err != nil {
				t.Fatal(err)
			}
			if mapped, err := m.XORAddress(stun.AttrXORMappedAddress); err != nil || mapped != w.addr() {
				t.Errorf("mapped to %s, not to %s: %v", mapped, w.addr(), err)
			}
		}
	}
}
