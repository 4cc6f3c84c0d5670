package relay

import (
	"net/netip"
	"testing"

	"iceserver/internal/turn"
	"pgregory.net/rapid"
)

// portPool returns a pool of one address with n ports from first on.
func portPool(first uint16, n int) (*ports, *portRange) {
	a := netip.MustParseAddr("198.18.0.1")
	p := newPorts([]RelayAddr{{Local: a, External: a}}, first, first+uint16(n-1), newLedger(Quota{}))
	return p, p.ranges[0]
}

// F-15, R-8656-6-a, A-D12: every port of the range can be had exactly once, again and again.
func TestPortsAllOfTheRange(t *testing.T) {
	p, r := portPool(49152, 100)
	for round := range 1000 {
		seen := make(map[uint16]bool)
		for i := range 100 {
			port, ok := p.take(r, false, false)
			if !ok || seen[port] || port < 49152 || port > 49251 {
				t.Fatalf("round %d, take %d: port %d, %v", round, i, port, ok)
			}
			seen[port] = true
		}
		if port, ok := p.take(r, false, false); ok {
			t.Fatalf("port %d from an empty pool", port)
		}
		for port := range seen {
			p.free(r, port)
		}
	}
}

// The last port of all is a range's end like any other.
func TestPortsUpTo65535(t *testing.T) {
	p, r := portPool(65535, 1)
	if port, ok := p.take(r, false, false); !ok || port != 65535 {
		t.Fatalf("got %d, %v", port, ok)
	}
	p, r = portPool(65535, 1)
	if port, ok := p.take(r, false, true); ok {
		t.Fatalf("a pair at %d, whose second port does not exist", port)
	}
}

// A-C24, R-8656-7.2-p (RFC 8656, 7.2): an even port without reservation leaves
// the odd one above it to others.
func TestPortsEvenLeavesTheSibling(t *testing.T) {
	p, r := portPool(49152, 10)
	for range 20 {
		port, ok := p.take(r, true, false)
		if !ok || port%2 != 0 {
			t.Fatalf("got %d, %v; want an even port", port, ok)
		}
		p.free(r, port)
	}
	for range 5 {
		if _, ok := p.take(r, true, false); !ok {
			t.Fatal("five even ports of ten were to be had")
		}
	}
	// R-8656-7.2-k (RFC 8656, 7.2): there is no sixth.
	if port, ok := p.take(r, true, false); ok {
		t.Fatalf("even port %d where none is left", port)
	}
	for range 5 {
		if port, ok := p.take(r, false, false); !ok || port%2 == 0 {
			t.Fatalf("got %d, %v; want one of the odd ports", port, ok)
		}
	}
}

// R-8656-7.2-q (RFC 8656, 7.2): the second port of a pair is kept for 30 s
// under a token that can be used once.
func TestPortsReservation(t *testing.T) {
	p, r := portPool(49152, 2)
	port, ok := p.take(r, true, true)
	if !ok || port != 49152 {
		t.Fatalf("got %d, %v", port, ok)
	}
	c, _ := p.ledger.reservation("r", "a")
	token := p.reserve(0, r, port+1, c)
	p.expire(reservationLife - 1)
	if _, ok := p.take(r, false, false); ok {
		t.Fatal("the reserved port was given away")
	}
	// R-8656-7.2-g (RFC 8656, 7.2): unknown and used tokens are worth nothing.
	if _, _, _, cause := p.redeem([8]byte{1}, "r", "a"); cause != turn.CauseReservation {
		t.Fatalf("a token never given: %q", cause)
	}
	_, got, c, cause := p.redeem(token, "r", "b")
	if cause != turn.CauseNone || got != 49153 || c.user != "b" {
		t.Fatalf("got %d for %q, %q", got, c.user, cause)
	}
	if _, _, _, cause := p.redeem(token, "r", "b"); cause != turn.CauseReservation {
		t.Fatalf("a token used twice: %q", cause)
	}
	// Its time passing does not take the port from who redeemed it.
	p.expire(reservationLife)
	if used, _ := p.usage(); used != 2 {
		t.Fatalf("%d ports in use, want 2", used)
	}
}

// A-X15: reservations that nobody redeems end by themselves, port and charge.
func TestPortsReservationExpires(t *testing.T) {
	p, r := portPool(49152, 2)
	port, _ := p.take(r, true, true)
	c, _ := p.ledger.reservation("r", "a")
	token := p.reserve(0, r, port+1, c)
	p.expire(reservationLife)
	if used, _ := p.usage(); used != 1 || p.ledger.total != 0 {
		t.Fatalf("%d ports used and %d charges, want 1 and 0", used, p.ledger.total)
	}
	if _, _, _, cause := p.redeem(token, "r", "a"); cause != turn.CauseReservation {
		t.Fatalf("redeemed after its end: %q", cause)
	}
}

// R-8656-7.2-s (RFC 8656, 7.2): ports come in no order. Of a thousand draws
// from the whole range few are neighbours of the one before.
func TestPortsRandom(t *testing.T) {
	p, r := portPool(49152, 16384)
	near, last := 0, 0
	for range 1000 {
		port, ok := p.take(r, false, false)
		if !ok {
			t.Fatal("no port")
		}
		if d := int(port) - last; d > -16 && d < 16 {
			near++
		}
		last = int(port)
	}
	// Expected are two; the chance of 30 is below 10^-25.
	if near > 30 {
		t.Fatalf("%d of 1000 ports lie next to the one before", near)
	}
}

func TestPortsOwner(t *testing.T) {
	local, external := netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("198.18.9.9")
	p := newPorts([]RelayAddr{{Local: local, External: external}}, 50000, 50009, newLedger(Quota{}))
	r := p.ranges[0]
	r.own(50003, 7, 42)
	for _, a := range []netip.Addr{local, external, netip.AddrFrom16(external.As16())} {
		w, id, ok := p.owner(netip.AddrPortFrom(a, 50003))
		if !ok || w != 7 || id != 42 {
			t.Errorf("%s: worker %d, id %d, %v", a, w, id, ok)
		}
	}
	for _, a := range []string{"198.18.0.1:50004", "198.18.0.1:49999", "198.18.0.1:50010", "198.18.0.2:50003"} {
		if w, id, ok := p.owner(netip.MustParseAddrPort(a)); ok {
			t.Errorf("%s belongs to worker %d, id %d", a, w, id)
		}
	}
	r.own(50003, 0, 0) // the first worker's first socket is somebody too
	if w, id, ok := p.owner(netip.AddrPortFrom(local, 50003)); !ok || w != 0 || id != 0 {
		t.Errorf("worker %d, id %d, %v", w, id, ok)
	}
	r.disown(50003)
	if _, _, ok := p.owner(netip.AddrPortFrom(local, 50003)); ok {
		t.Error("still owned")
	}
}

func TestPortsChoose(t *testing.T) {
	addr := netip.MustParseAddr
	p := newPorts([]RelayAddr{
		{Local: addr("198.18.0.1"), External: addr("198.18.0.1")},
		{Local: addr("198.18.0.2"), External: addr("198.18.0.2")},
	}, 50000, 50009, newLedger(Quota{}))
	for _, c := range []struct {
		family turn.Family
		server string
		want   string
	}{
		{turn.IPv4, "198.18.0.2", "198.18.0.2"},
		{turn.IPv4, "198.18.0.3", "198.18.0.1"},
		{turn.IPv4, "2001:db8::1", "198.18.0.1"},
		{turn.IPv6, "198.18.0.1", ""},
	} {
		got := ""
		if r := p.choose(c.family, addr(c.server)); r != nil {
			got = r.local.String()
		}
		if got != c.want {
			t.Errorf("family %d by way of %s: %q, want %q", c.family, c.server, got, c.want)
		}
	}
}

// portModel is the pool as a list of what every port is used for.
type portModel struct {
	pool   *ports
	r      *portRange
	now    turn.Now
	used   map[uint16]bool
	tokens map[[8]byte]modelReservation
}

type modelReservation struct {
	port uint16
	ends turn.Now
}

// F-15, A-D18: no sequence of operations loses a port or gives one out twice.
func TestPortsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &portModel{used: make(map[uint16]bool), tokens: make(map[[8]byte]modelReservation)}
		first := rapid.Uint16Range(50000, 50001).Draw(t, "first")
		m.pool, m.r = portPool(first, rapid.IntRange(1, 12).Draw(t, "size"))
		t.Repeat(map[string]func(*rapid.T){
			"take":    func(t *rapid.T) { m.take(t, rapid.Bool().Draw(t, "even")) },
			"pair":    m.pair,
			"free":    m.free,
			"redeem":  m.redeem,
			"advance": m.advance,
			"":        m.check,
		})
	})
}

func (m *portModel) take(t *rapid.T, even bool) {
	port, ok := m.pool.take(m.r, even, false)
	want := false
	for i := range m.r.size {
		q := m.r.first + uint16(i)
		want = want || !m.isUsed(q) && (!even || q%2 == 0)
	}
	if ok != want || ok && (m.isUsed(port) || even && port%2 != 0) {
		t.Fatalf("take gave %d, %v, want %v", port, ok, want)
	}
	if ok {
		m.used[port] = true
	}
}

func (m *portModel) pair(t *rapid.T) {
	port, ok := m.pool.take(m.r, true, true)
	want := false
	for i := range m.r.size - 1 {
		q := m.r.first + uint16(i)
		want = want || q%2 == 0 && !m.isUsed(q) && !m.isUsed(q+1)
	}
	if ok != want || ok && (m.isUsed(port) || m.isUsed(port+1) || port%2 != 0) {
		t.Fatalf("pair gave %d, %v, want %v", port, ok, want)
	}
	if ok {
		c, _ := m.pool.ledger.reservation("r", "u")
		m.used[port] = true
		m.tokens[m.pool.reserve(m.now, m.r, port+1, c)] = modelReservation{port + 1, m.now + reservationLife}
	}
}

func (m *portModel) free(t *rapid.T) {
	for port := range m.used {
		m.pool.free(m.r, port)
		delete(m.used, port)
		return
	}
	t.Skip("none in use")
}

func (m *portModel) redeem(t *rapid.T) {
	for token, v := range m.tokens {
		_, port, c, cause := m.pool.redeem(token, "r", "u")
		if cause != turn.CauseNone || port != v.port {
			t.Fatalf("redeem gave %d, %q, want %d", port, cause, v.port)
		}
		m.pool.ledger.release(c)
		delete(m.tokens, token)
		m.used[port] = true
		return
	}
	t.Skip("no reservation")
}

func (m *portModel) advance(t *rapid.T) {
	m.now += turn.Now(rapid.IntRange(1, 40).Draw(t, "seconds")) * 1e9
	m.pool.expire(m.now)
	for token, v := range m.tokens {
		if v.ends <= m.now {
			delete(m.tokens, token)
		}
	}
}

func (m *portModel) isUsed(port uint16) bool {
	for _, v := range m.tokens {
		if v.port == port {
			return true
		}
	}
	return m.used[port]
}

func (m *portModel) check(t *rapid.T) {
	if used, _ := m.pool.usage(); used != len(m.used)+len(m.tokens) || m.pool.ledger.total != len(m.tokens) {
		t.Fatalf("%d ports used and %d charges, want %d and %d",
			used, m.pool.ledger.total, len(m.used)+len(m.tokens), len(m.tokens))
	}
}
