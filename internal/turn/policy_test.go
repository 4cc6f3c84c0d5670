package turn

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// disguises returns an IPv4 address in every form that IPv6 has for it.
func disguises(a netip.Addr) map[string]netip.Addr {
	b := a.As4()
	v6 := func(s string) netip.Addr { return netip.MustParseAddr(s) }
	at := func(prefix string, off int, x [4]byte) netip.Addr {
		raw := v6(prefix).As16()
		copy(raw[off:], x[:])
		return netip.AddrFrom16(raw)
	}
	return map[string]netip.Addr{
		"mapped":      at("::ffff:0:0", 12, b),
		"compatible":  at("::", 12, b),
		"translated":  at("::ffff:0:0:0", 12, b),
		"NAT64":       at("64:ff9b::", 12, b),
		"local NAT64": at("64:ff9b:1::", 12, b),
		"6to4":        at("2002::", 2, b),
		"Teredo":      at("2001::", 12, [4]byte{^b[0], ^b[1], ^b[2], ^b[3]}),
	}
}

// The matrix of addresses that are no peers by default.
//
// A-C02, A-C06, A-C08, A-C09, A-C10, A-O01 (RFC 8656, 21.4: R-8656-21.4-a): in
// every disguise.
func TestPolicyDeniesByDefault(t *testing.T) {
	p := NewPolicy(PolicyOptions{})
	for _, s := range strings.Fields(`
		0.0.0.0 0.1.2.3 127.0.0.1 127.255.255.254 10.0.0.1 172.16.0.1 172.31.255.254 192.168.0.1 100.64.0.1
		100.127.255.254 169.254.169.254 169.254.170.2 100.100.100.200 168.63.129.16 224.0.0.1 239.255.255.250
		255.255.255.255 192.0.0.1 192.0.2.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 192.88.99.1
		192.31.196.1 192.52.193.1 192.175.48.1 240.0.0.1 254.1.2.3`) {
		a := netip.MustParseAddr(s)
		if v := p.Check(a); !v.Denied || v.Rule == "" {
			t.Errorf("%s is let through: %+v", a, v)
		}
		for name, d := range disguises(a) {
			if v := p.Check(d); !v.Denied {
				t.Errorf("%s as %s, %s, is let through", a, name, d)
			}
		}
	}
	for _, s := range strings.Fields(`
		:: ::1 fe80::1 fe80::a9fe:a9fe fd00:ec2::254 fc00::1 fd12::1 fec0::1 ff02::1 ff0e::1 100::1 100:0:0:1::1
		2001::1 2001:1::1 2001:db8::1 2002::1 2620:4f:8000::1 3fff::1 5f00::1 64:ff9b::1 64:ff9b:1::1 fe80::1%eth0`) {
		if v := p.Check(netip.MustParseAddr(s)); !v.Denied {
			t.Errorf("%s is let through", s)
		}
	}
}

func TestPolicyAllowsThePublicInternet(t *testing.T) {
	p := NewPolicy(PolicyOptions{})
	for _, s := range strings.Fields(`8.8.8.8 1.1.1.1 9.255.255.255 11.0.0.0 172.15.255.255 172.32.0.0 192.167.255.255
		192.169.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 223.255.255.255 198.17.255.255
		198.20.0.0 2606:4700::1 2a00:1450::1 2003::1 2001:200::1`) {
		if v := p.Check(netip.MustParseAddr(s)); v.Denied {
			t.Errorf("%s is refused: %s", s, v.Rule)
		}
	}
}

// A disguise never opens what the plain address may not, whatever the operator
// has allowed and denied.
func TestPolicyDisguisesOpenNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o PolicyOptions
		o.AllowLoopback = rapid.Bool().Draw(t, "loopback")
		for range rapid.IntRange(0, 3).Draw(t, "rules") {
			from, to := drawRange(t)
			o.Denied = append(o.Denied, PeerRange{From: from, To: to, Text: "rule"})
		}
		p := NewPolicy(o)
		a := drawIPv4(t)
		if !p.Check(a).Denied {
			return
		}
		for name, d := range disguises(a) {
			// ::1 is loopback of its own right, not 0.0.0.1 in disguise.
			if !p.Check(d).Denied && !d.IsLoopback() {
				t.Fatalf("%s is denied, but %s (%s) is not", a, d, name)
			}
		}
	})
}

func drawIPv4(t *rapid.T) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], rapid.Uint32().Draw(t, "address"))
	return netip.AddrFrom4(b)
}

func drawRange(t *rapid.T) (from, to netip.Addr) {
	from, to = drawIPv4(t), drawIPv4(t)
	if to.Less(from) {
		from, to = to, from
	}
	return from, to
}

// A-C11: a range is compared as a number, not byte by byte.
func TestRangeIsNumeric(t *testing.T) {
	draw := func(t *rapid.T, name string) netip.Addr {
		b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name)
		return netip.AddrFrom16([16]byte(b))
	}
	num := func(a netip.Addr) *big.Int { b := a.As16(); return new(big.Int).SetBytes(b[:]) }
	rapid.Check(t, func(t *rapid.T) {
		from, to, a := draw(t, "from"), draw(t, "to"), draw(t, "a")
		for _, x := range []netip.Addr{from, to, a} {
			if x.Is4In6() {
				t.Skip("an IPv4 address")
			}
		}
		want := num(from).Cmp(num(a)) <= 0 && num(a).Cmp(num(to)) <= 0
		got := matchRange([]PeerRange{{From: from, To: to}}, a) != nil
		if got != want {
			t.Fatalf("%s in %s-%s: %v, by number %v", a, from, to, got, want)
		}
	})
	in := matchRange([]PeerRange{{From: netip.MustParseAddr("fd00:10::5"), To: netip.MustParseAddr("fd00:20::3")}},
		netip.MustParseAddr("fd00:11::ffff"))
	if in == nil {
		t.Error("fd00:11::ffff is not in fd00:10::5-fd00:20::3")
	}
}

func TestPolicyOrder(t *testing.T) {
	rng := func(s string) PeerRange { return prefixRange(netip.MustParsePrefix(s), s) }
	p := NewPolicy(PolicyOptions{
		Allowed:   []PeerRange{rng("10.1.0.0/16"), rng("64:ff9b::/96"), rng("64:ff9b:1::/48"), rng("203.0.113.9/32")},
		Denied:    []PeerRange{rng("10.0.0.0/8"), rng("8.8.0.0/16")},
		LAN:       []netip.Prefix{netip.MustParsePrefix("192.168.7.0/24")},
		Self:      []netip.Addr{netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("203.0.113.9")},
		Listeners: []netip.AddrPort{netip.MustParseAddrPort("203.0.113.9:3478")},
	})
	cases := map[string]Verdict{
		"10.1.2.3":             {}, // allowed beats denied, as in coturn
		"::ffff:10.1.2.3":      {},
		"10.2.2.3":             {Denied: true, Rule: "denied-peer-ip=10.0.0.0/8"},
		"8.8.8.8":              {Denied: true, Rule: "denied-peer-ip=8.8.0.0/16"},
		"192.168.7.20":         {}, // a server on a private network serves its own subnet
		"192.168.7.255":        {Denied: true, Rule: "private (192.168.0.0/16)"},
		"192.168.7.0":          {Denied: true, Rule: "private (192.168.0.0/16)"},
		"192.168.8.1":          {Denied: true, Rule: "private (192.168.0.0/16)"},
		"198.51.100.1":         {Inside: true},               // another relayed address of this server
		"203.0.113.9":          {Inside: true, Direct: true}, // and one that the operator allows by name
		"64:ff9b::808:404":     {Denied: true, Rule: "denied-peer-ip=8.8.0.0/16"},
		"64:ff9b::102:304":     {}, // a NAT64 prefix that the operator has opened
		"64:ff9b::7f00:1":      {Denied: true, Rule: "loopback (127.0.0.0/8)"},
		"64:ff9b:1::102:304":   {},
		"64:ff9b:1::7f00:1":    {Denied: true, Rule: "loopback (127.0.0.0/8)"},
		"2002:0102:0304::1":    {Denied: true, Rule: "6to4 (2002::/16)"},
		"2002:cb00:7109::1":    {Denied: true, Rule: "6to4 (2002::/16)"},
		"::ffff:198.51.100.1":  {Inside: true},
		"::ffff:192.168.7.255": {Denied: true, Rule: "private (192.168.0.0/16)"},
	}
	for s, want := range cases {
		if got := p.Check(netip.MustParseAddr(s)); got != want {
			t.Errorf("%s: %+v, want %+v", s, got, want)
		}
	}
	for s, want := range map[string]bool{"203.0.113.9:3478": true, "[::ffff:203.0.113.9]:3478": true, "203.0.113.9:3479": false} {
		if p.Listener(netip.MustParseAddrPort(s)) != want {
			t.Errorf("Listener(%s) is not %v", s, want)
		}
	}
}

// What guides recommend for coturn denies the mapped form, not all of IPv4.
func TestPolicyMappedRule(t *testing.T) {
	p := NewPolicy(PolicyOptions{Denied: []PeerRange{{
		From: netip.MustParseAddr("::ffff:0.0.0.0"), To: netip.MustParseAddr("::ffff:255.255.255.255"), Text: "mapped",
	}}})
	if v := p.Check(netip.MustParseAddr("8.8.8.8")); v.Denied {
		t.Errorf("8.8.8.8 is refused: %s", v.Rule)
	}
	if v := p.Check(netip.MustParseAddr("::ffff:8.8.8.8")); v.Rule != "denied-peer-ip=mapped" {
		t.Errorf("::ffff:8.8.8.8: %+v", v)
	}
}

// allow-loopback-peers opens loopback of both families and nothing else.
func TestPolicyLoopback(t *testing.T) {
	p := NewPolicy(PolicyOptions{AllowLoopback: true})
	for s, denied := range map[string]bool{"127.0.0.1": false, "::1": false, "::ffff:127.0.0.1": false, "10.0.0.1": true, "0.0.0.0": true, "::": true} {
		if p.Check(netip.MustParseAddr(s)).Denied != denied {
			t.Errorf("%s: denied is not %v", s, denied)
		}
	}
}

// Every path asks the same policy (A-O04): what is denied is denied in
// CreatePermission, in a list with a good address, in ChannelBind, and no
// packet of a Send gets out.
func TestPolicyOnEveryPath(t *testing.T) {
	w := newWorld(t, Options{Policy: NewPolicy(PolicyOptions{})})
	w.clients["a"] = FiveTuple{Client: netip.MustParseAddrPort("198.41.0.4:4000")}
	w.do(strings.Fields("a allocate transport=17 add-family=2"))
	w.drain()
	n := 0
	for _, s := range strings.Fields("127.0.0.1 10.0.0.1 169.254.169.254 0.0.0.0 224.0.0.1 ::1 fd00::1 64:ff9b::7f00:1 2002:7f00:1:: ::127.0.0.1 ::ffff:127.0.0.1") {
		for _, port := range []uint16{22, 80, 443, 3478, 6379} {
			peer := "peer=" + netip.AddrPortFrom(netip.MustParseAddr(s), port).String()
			for _, line := range []string{"a permit " + peer, "a permit peer=8.8.8.8:1 " + peer, fmt.Sprintf("a bind channel=0x4000 %s", peer)} {
				w.do(strings.Fields(line))
				if got := strings.Join(w.drain(), "\n"); !strings.Contains(got, "error 403") || !strings.Contains(got, "rule=") {
					t.Errorf("%s: %s", line, got)
				}
				n++
			}
			w.do(strings.Fields("a send data=x " + peer))
			if got := strings.Join(w.drain(), "\n"); got != "drop no-permission" {
				t.Errorf("send %s: %s", peer, got)
			}
		}
	}
	w.do(strings.Fields("a send data=x peer=8.8.8.8:1"))
	if got := w.drain(); len(got) != 1 || got[0] != "drop no-permission" {
		t.Errorf("a permission was installed beside a forbidden one: %v", got)
	}
	if n == 0 {
		t.Fatal("nothing was tried")
	}
}
