package turn

import "net/netip"

// PeerRange is a range of peer addresses that the operator allows or denies.
type PeerRange struct {
	From, To netip.Addr // inclusive, of one family, From not above To
	Text     string     // the rule as the operator wrote it, for the log
}

// PolicyOptions says which peers may be relayed to.
type PolicyOptions struct {
	Allowed       []PeerRange      // allowed-peer-ip: beats Denied and the built-in table
	Denied        []PeerRange      // denied-peer-ip
	AllowLoopback bool             // allow-loopback-peers
	LAN           []netip.Prefix   // directly connected subnets of a server on a private network
	Self          []netip.Addr     // relayed addresses of this server, as bound and as told to clients
	Listeners     []netip.AddrPort // where this server and its databases listen: never a peer
}

// Policy decides which addresses may be peers. It is the one place that every
// path asks: CreatePermission, ChannelBind, Send and what comes later. It is
// not changed after NewPolicy, so workers may share it.
type Policy struct {
	allowed, denied []PeerRange
	builtin         []PeerRange
	lan             []netip.Prefix
	loopback        bool
	self            map[netip.Addr]struct{}
	listeners       map[netip.AddrPort]struct{}
	listening       map[netip.Addr]struct{}
}

// Verdict is what Policy.Check says of an address.
type Verdict struct {
	Denied bool
	Inside bool   // a relayed address of this server: handed over, no socket
	Direct bool   // with Inside: allowed by the operator's own words, so a port that no relay holds may be sent to
	Rule   string // Denied: the rule that says so
}

// NewPolicy builds a policy. What is allowed as an IPv4-mapped address is allowed
// as the IPv4 address that it is. What is denied as one is denied in that form
// alone: guides tell people to deny the whole of ::ffff:0:0/96, and they do not
// mean the whole of IPv4.
func NewPolicy(o PolicyOptions) *Policy {
	p := &Policy{
		allowed:   canonicalRanges(o.Allowed),
		denied:    o.Denied,
		builtin:   builtinDenied(),
		lan:       o.LAN,
		loopback:  o.AllowLoopback,
		self:      make(map[netip.Addr]struct{}),
		listeners: make(map[netip.AddrPort]struct{}),
		listening: make(map[netip.Addr]struct{}),
	}
	for _, a := range o.Self {
		p.self[a.Unmap()] = struct{}{}
	}
	for _, l := range o.Listeners {
		p.listeners[netip.AddrPortFrom(l.Addr().Unmap(), l.Port())] = struct{}{}
		p.listening[l.Addr().Unmap()] = struct{}{}
	}
	return p
}

func canonicalRanges(in []PeerRange) []PeerRange {
	out := make([]PeerRange, len(in))
	for i, r := range in {
		out[i] = PeerRange{From: r.From.Unmap(), To: r.To.Unmap(), Text: r.Text}
	}
	return out
}

// Check says whether an address may be a peer: an address, as a name would have to
// be looked up, and might be another one a moment later (A-P24). An IPv4 address in any IPv6
// disguise is judged in both forms, and one denial is enough: so a tunnel or a
// translator cannot carry what the plain address may not do (A-C08, A-C09,
// A-C10), and an operator who opens a NAT64 prefix does not open what is behind
// it.
func (p *Policy) Check(a netip.Addr) Verdict {
	if a.Zone() != "" {
		return Verdict{Denied: true, Rule: "scoped address"}
	}
	if r := matchRange(p.denied, a); r != nil && a.Is4In6() {
		return Verdict{Denied: true, Rule: deniedRule(r)}
	}
	a = a.Unmap()
	v := p.check(a)
	if v.Denied {
		return v
	}
	if in, ok := embedded(a); ok {
		if w := p.check(in); w.Denied {
			return w
		}
	}
	return v
}

// check judges one form of an address. The operator's allow list beats
// everything but the addresses of this server, as in coturn.
func (p *Policy) check(a netip.Addr) Verdict {
	allowed := matchRange(p.allowed, a) != nil
	loopback := p.loopback && a.IsLoopback()
	if _, ok := p.self[a]; ok {
		return Verdict{Inside: true, Direct: allowed || loopback}
	}
	if allowed {
		return Verdict{}
	}
	if r := matchRange(p.denied, a); r != nil {
		return Verdict{Denied: true, Rule: deniedRule(r)}
	}
	if loopback || p.onLAN(a) {
		return Verdict{}
	}
	if r := matchRange(p.builtin, a); r != nil {
		return Verdict{Denied: true, Rule: r.Text}
	}
	return Verdict{}
}

func deniedRule(r *PeerRange) string { return "denied-peer-ip=" + r.Text }

// onLAN says whether a is a host of a directly connected subnet. The subnet's
// own address and its broadcast address are no hosts.
func (p *Policy) onLAN(a netip.Addr) bool {
	for _, n := range p.lan {
		if n.Contains(a) {
			r := prefixRange(n, "")
			return !a.Is4() || n.Bits() >= 31 || a != r.From && a != r.To
		}
	}
	return false
}

// Listener says whether an address and port is where this server itself (or one
// of its databases) listens. Checked where the port is known, which a
// permission's is not.
func (p *Policy) Listener(ap netip.AddrPort) bool {
	if _, ok := p.listening[ap.Addr().Unmap()]; !ok {
		return false
	}
	_, ok := p.listeners[netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())]
	return ok
}

// matchRange returns the first range that holds a. Addresses are compared as
// numbers of one family, never part by part (A-C11).
func matchRange(rs []PeerRange, a netip.Addr) *PeerRange {
	for i := range rs {
		r := &rs[i]
		if r.From.Is4() == a.Is4() && r.From.Compare(a) <= 0 && a.Compare(r.To) <= 0 {
			return r
		}
	}
	return nil
}

// prefixRange turns a prefix into its first and last address.
func prefixRange(p netip.Prefix, text string) PeerRange {
	from := p.Masked().Addr()
	b := from.AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	to, _ := netip.AddrFromSlice(b)
	return PeerRange{From: from, To: to, Text: text}
}
