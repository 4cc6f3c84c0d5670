package turn

import "net/netip"

// builtinDenied is the table of addresses that are no peers unless the operator
// says so: the special-purpose registries of IANA, private networks and the
// metadata services of clouds.
func builtinDenied() []PeerRange {
	table := [...]struct{ prefix, name string }{
		{"0.0.0.0/8", "unspecified (0.0.0.0/8)"},
		{"10.0.0.0/8", "private (10.0.0.0/8)"},
		{"100.64.0.0/10", "carrier-grade NAT (100.64.0.0/10)"},
		{"127.0.0.0/8", "loopback (127.0.0.0/8)"},
		{"169.254.0.0/16", "link-local and cloud metadata (169.254.0.0/16)"},
		{"168.63.129.16/32", "cloud metadata (168.63.129.16)"},
		{"172.16.0.0/12", "private (172.16.0.0/12)"},
		{"192.0.0.0/24", "protocol assignments (192.0.0.0/24)"},
		{"192.0.2.0/24", "documentation (192.0.2.0/24)"},
		{"192.31.196.0/24", "AS112 (192.31.196.0/24)"},
		{"192.52.193.0/24", "AMT (192.52.193.0/24)"},
		{"192.88.99.0/24", "6to4 relays (192.88.99.0/24)"},
		{"192.168.0.0/16", "private (192.168.0.0/16)"},
		{"192.175.48.0/24", "AS112 (192.175.48.0/24)"},
		{"198.18.0.0/15", "benchmarking (198.18.0.0/15)"},
		{"198.51.100.0/24", "documentation (198.51.100.0/24)"},
		{"203.0.113.0/24", "documentation (203.0.113.0/24)"},
		{"224.0.0.0/4", "multicast (224.0.0.0/4)"},
		{"255.255.255.255/32", "broadcast (255.255.255.255)"},
		{"240.0.0.0/4", "reserved (240.0.0.0/4)"},
		{"::1/128", "loopback (::1)"},
		{"::/96", "unspecified or IPv4-compatible (::/96)"},
		{"::ffff:0:0:0/96", "IPv4-translated (::ffff:0:0:0/96)"},
		{"64:ff9b::/96", "NAT64 (64:ff9b::/96)"},
		{"64:ff9b:1::/48", "local NAT64 (64:ff9b:1::/48)"},
		{"100::/64", "discard only (100::/64)"},
		{"100:0:0:1::/64", "dummy prefix (100:0:0:1::/64)"},
		{"2001::/32", "Teredo (2001::/32)"},
		{"2001::/23", "protocol assignments (2001::/23)"},
		{"2001:db8::/32", "documentation (2001:db8::/32)"},
		{"2002::/16", "6to4 (2002::/16)"},
		{"2620:4f:8000::/48", "AS112 (2620:4f:8000::/48)"},
		{"3fff::/20", "documentation (3fff::/20)"},
		{"5f00::/16", "segment routing (5f00::/16)"},
		{"fc00::/7", "unique local (fc00::/7)"},
		{"fe80::/10", "link-local (fe80::/10)"},
		{"fec0::/10", "site-local (fec0::/10)"},
		{"ff00::/8", "multicast (ff00::/8)"},
	}
	out := make([]PeerRange, 0, len(table))
	for _, e := range table {
		out = append(out, prefixRange(netip.MustParsePrefix(e.prefix), e.name))
	}
	return out
}

// embedded returns the IPv4 address that an IPv6 address stands for on its way
// through a translator or tunnel: IPv4-compatible, IPv4-translated (SIIT),
// NAT64 (well-known and local-use), 6to4 and Teredo.
func embedded(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() || a.IsLoopback() {
		return netip.Addr{}, false // ::1 only looks like IPv4-compatible
	}
	b := a.As16()
	last := netip.AddrFrom4([4]byte(b[12:16]))
	switch {
	case allZero(b[:12]), isTranslated(b), isNAT64(b):
		return last, true
	case isSixToFour(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case isTeredo(a):
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}), true
	}
	return netip.Addr{}, false
}

// isTranslated says whether b is in ::ffff:0:0:0/96.
func isTranslated(b [16]byte) bool {
	return allZero(b[:8]) && b[8] == 0xff && b[9] == 0xff && allZero(b[10:12])
}

// isNAT64 says whether b is in 64:ff9b::/96 or 64:ff9b:1::/48.
func isNAT64(b [16]byte) bool {
	return b[0] == 0 && b[1] == 0x64 && b[2] == 0xff && b[3] == 0x9b &&
		(allZero(b[4:12]) || b[4] == 0 && b[5] == 1)
}

// isTeredo says whether a is in 2001::/32.
func isTeredo(a netip.Addr) bool {
	b := a.As16()
	return a.Is6() && b[0] == 0x20 && b[1] == 0x01 && b[2] == 0 && b[3] == 0
}

// isSixToFour says whether a is in 2002::/16.
func isSixToFour(a netip.Addr) bool {
	b := a.As16()
	return a.Is6() && b[0] == 0x20 && b[1] == 0x02
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
