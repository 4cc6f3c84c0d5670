package server

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// clientHello is what a DTLS client begins with.
func clientHello() []byte {
	body := append([]byte{0xFE, 0xFD}, make([]byte, 32)...)
	body = append(body, 0, 0, 0, 2, 0xC0, 0x2B, 1, 0)
	n := byte(len(body))
	b := append([]byte{22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, n + 12}, 1, 0, 0, n, 0, 0, 0, 0, 0, 0, 0, n)
	return append(b, body...)
}

// knock sends a ClientHello and says whether it was answered in time.
func knock(t *testing.T, c net.Conn, wait time.Duration) bool {
	t.Helper()
	if _, err := c.Write(clientHello()); err != nil {
		t.Fatal(err)
	}
	if wait == 0 {
		return false
	}
	_ = c.SetReadDeadline(time.Now().Add(wait))
	_, err := c.Read(make([]byte, 1500))
	return err == nil
}

// A-D04: unauthorized-ratelimit bounds the answers to strangers over DTLS as it
// does over UDP, and switches both off.
func TestHelloLimitIsConfigured(t *testing.T) {
	r := start(t, load(t, "dtls\nunauthorized-ratelimit-rps=1"), Options{})
	dial := func(to *running, from string) net.Conn {
		t.Helper()
		c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)}, net.UDPAddrFromAddrPort(to.Addrs().DTLS[0]))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	c, other := dial(r, "127.0.0.1"), dial(r, "127.0.0.2")
	for i := range challengeBurst {
		if !knock(t, c, 10*time.Second) {
			t.Fatalf("no answer to hello %d", i)
		}
	}
	const more = 100
	for range more {
		knock(t, c, 0)
	}
	// The socket is read in order: once this is answered, so are all before it.
	if !knock(t, other, 10*time.Second) {
		t.Fatal("no answer to another source")
	}
	answered := 0
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	for b := make([]byte, 1500); ; answered++ {
		if _, err := c.Read(b); err != nil {
			break
		}
	}
	if answered > more/2 {
		t.Errorf("%d of %d hellos beyond the limit were answered", answered, more)
	}

	open := start(t, load(t, "dtls\nunauthorized-ratelimit=false"), Options{})
	c = dial(open, "127.0.0.1")
	for i := range 1000 {
		if !knock(t, c, 10*time.Second) {
			t.Fatalf("without a limit no answer to hello %d", i)
		}
	}
}

// A-D04: what strangers get of a worker is bounded in all, and never below what one
// of them may have alone.
func TestChallengeTotal(t *testing.T) {
	for text, want := range map[string]int{
		"": 20000, "unauthorized-ratelimit-rps=10": 20000, "unauthorized-ratelimit-rps=10000": 50000, "unauthorized-ratelimit=false": 0,
	} {
		cfg := load(t, text)
		s := newServer(cfg, &access{}, &place{listen: []netip.Addr{netip.IPv6Loopback()}})
		o := s.turnOptions()
		if o.ChallengeTotal != want || o.ChallengeBurst > o.ChallengeTotal {
			t.Errorf("%q: %d in all, %d at once for one", text, o.ChallengeTotal, o.ChallengeBurst)
		}
	}
}
