package server

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"iceserver/internal/config"
	"iceserver/internal/relay"
	"iceserver/internal/turn"
)

// place is where this server is: the addresses it listens on, those it relays
// from, and what the world is told.
type place struct {
	listen []netip.Addr
	relays []relay.RelayAddr
	lan    []netip.Prefix // subnets whose hosts may be peers
	hosts  []netip.Addr   // how clients reach it, best first
}

// local is one address of this machine with the subnet it is in.
type local struct {
	addr   netip.Addr
	subnet netip.Prefix
}

// discover returns this machine's addresses, the best for relaying first: public
// ones, then the one that the default route uses, then the other private ones,
// then loopback. Link-local addresses are left out: they mean nothing without
// an interface, which STUN cannot name.
func discover() ([]local, error) {
	nets, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("cannot list this machine's addresses: %w", err)
	}
	var found []local
	for _, n := range nets {
		p, err := netip.ParsePrefix(n.String())
		if err != nil {
			continue // no IP address: some systems list others too
		}
		a := p.Addr().Unmap()
		if a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || a.Zone() != "" {
			continue
		}
		// An IPv6 address that is not ready yet, or a duplicate, cannot be bound.
		if bindable(a) == nil {
			found = append(found, local{a, netip.PrefixFrom(a, p.Bits()).Masked()})
		}
	}
	// Addresses of documentation stand for far away: whatever has a default
	// route has one for them.
	preferred := []netip.Addr{routed("udp4", "192.0.2.1:9"), routed("udp6", "[2001:db8::1]:9")}
	slices.SortStableFunc(found, func(a, b local) int {
		return cmp.Compare(rank(a.addr, preferred), rank(b.addr, preferred))
	})
	return found, nil
}

// rank orders addresses for relaying; less is better.
func rank(a netip.Addr, preferred []netip.Addr) int {
	r := 2
	switch {
	case public(a):
		r = 0
	case a.IsLoopback():
		r = 4
	}
	if !slices.Contains(preferred, a) {
		r++
	}
	return r
}

// public says whether the world can reach an address: whether a stranger's
// relay would accept it as a peer.
func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !turn.NewPolicy(turn.PolicyOptions{}).Check(a).Denied
}

// routed returns the address that the system would send from towards far away.
// Connecting a UDP socket sends nothing.
func routed(network, far string) netip.Addr {
	c, err := net.Dial(network, far)
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}

// bindable tries an address with a port that nobody else has.
func bindable(a netip.Addr) error {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
	if err != nil {
		return err
	}
	return c.Close()
}

// locate decides all addresses from the configuration and the machine's own.
//
// External addresses that have to be found out are what resolve makes of them;
// with nil they are left out.
func locate(cfg *config.Config, found []local, resolve resolver) (*place, error) {
	// The machine is asked about configured addresses here, not by the sockets
	// later: only here it is known which key the address came from.
	listen, err := chosenOr("listening-device", cfg.ListeningDevice, "listening-ip", cfg.ListeningIPs, found)
	if err != nil {
		return nil, err
	}
	relays, err := chosenOr("relay-device", cfg.RelayDevice, "relay-ip", cfg.RelayIPs, found)
	if err != nil {
		return nil, err
	}
	p := &place{listen: listen}
	if len(listen) == 0 {
		p.listen = addrs(found)
	}
	switch {
	case len(relays) > 0:
	case len(listen) > 0:
		// As coturn: whoever says where to listen means all of the server.
		relays = listen
	default:
		relays = beyondLoopback(found, cfg.AllowLoopbackPeers)
	}
	if len(p.listen) == 0 || len(relays) == 0 {
		return nil, errors.New("this machine has no address: set listening-ip")
	}
	if p.relays, err = told(relays, resolve.all(relays, cfg.ExternalIPs)); err != nil {
		return nil, err
	}
	p.lan = directSubnets(p.relays, found)
	p.hosts = reachable(p)
	return p, nil
}

func addrs(found []local) []netip.Addr {
	var out []netip.Addr
	for _, l := range found {
		out = append(out, l.addr)
	}
	return out
}

// chosen returns the addresses that a key names, each once, with 0.0.0.0 and ::
// standing for all of their family.
func chosen(key string, named []netip.Addr, found []local) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, a := range named {
		a = a.Unmap()
		if a.IsUnspecified() {
			all := ofFamily(found, a.Is4())
			if len(all) == 0 {
				return nil, fmt.Errorf("%s=%v: this machine has no address of that family; leave it out", key, a)
			}
			out = append(out, all...)
			continue
		}
		if err := bindable(a); err != nil {
			return nil, notHere(key, a, found, err)
		}
		out = append(out, a)
	}
	return distinct(out), nil
}

func ofFamily(found []local, v4 bool) (out []netip.Addr) {
	for _, l := range found {
		if l.addr.Is4() == v4 {
			out = append(out, l.addr)
		}
	}
	return out
}

func distinct(in []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range in {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// notHere says what to do about an address that cannot be bound.
func notHere(key string, a netip.Addr, found []local, err error) error {
	// Anything else than a foreign address is the system's own trouble.
	if !errors.Is(err, syscall.EADDRNOTAVAIL) {
		return fmt.Errorf("%s=%v cannot be used: %w", key, a, err)
	}
	var own []string
	for _, l := range found {
		own = append(own, l.addr.String())
	}
	return fmt.Errorf("%s=%v is not an address of this machine, which has %s; a public address in front of a NAT belongs in external-ip",
		key, a, strings.Join(own, ", "))
}

// beyondLoopback leaves loopback out, unless it is asked for or all there is: a
// client on this machine gets a relay address that others can reach as well.
func beyondLoopback(found []local, loopback bool) []netip.Addr {
	all := addrs(found)
	if loopback {
		return all
	}
	out := slices.DeleteFunc(slices.Clone(all), netip.Addr.IsLoopback)
	if len(out) == 0 {
		return all
	}
	return out
}

// told gives each relay address the one that clients are told, after
// external-ip: a pair is for its private address, a single one for the best
// other address of its family. The rest of that family is left out, since a
// packet for the one public address could belong to any of them.
func told(relays []netip.Addr, external []config.ExternalIP) ([]relay.RelayAddr, error) {
	single, pairs, err := sortExternal(relays, external)
	if err != nil {
		return nil, err
	}
	var out []relay.RelayAddr
	taken := map[netip.Addr]bool{}
	for _, a := range relays {
		r := relay.RelayAddr{Local: a, External: pairs[a]}
		if !r.External.IsValid() {
			r.External = single[a.Is4()]
		}
		if taken[seen(r)] {
			continue
		}
		taken[seen(r)] = true
		out = append(out, r)
	}
	// An address that is told counts like one that is bound.
	slices.SortStableFunc(out, func(a, b relay.RelayAddr) int {
		return cmp.Compare(rank(seen(a), nil), rank(seen(b), nil))
	})
	return out, nil
}

// sortExternal tells the single addresses, by whether they are IPv4, from the
// pairs, by their private address.
func sortExternal(relays []netip.Addr, external []config.ExternalIP) (single map[bool]netip.Addr, pairs map[netip.Addr]netip.Addr, err error) {
	single, pairs = map[bool]netip.Addr{}, map[netip.Addr]netip.Addr{}
	for _, e := range external {
		if !e.Private.IsValid() {
			single[e.Public.Unmap().Is4()] = e.Public.Unmap()
			continue
		}
		private := e.Private.Unmap()
		if !slices.Contains(relays, private) {
			return nil, nil, fmt.Errorf("external-ip=%v/%v: this server does not relay at %v; correct it, or name it in relay-ip",
				e.Public, e.Private, e.Private)
		}
		pairs[private] = e.Public.Unmap()
	}
	return single, pairs, nil
}

// seen is the address of a relay that clients and peers see.
func seen(r relay.RelayAddr) netip.Addr {
	if r.External.IsValid() {
		return r.External
	}
	return r.Local
}

// seen are the addresses of all relays that clients and peers see.
func (p *place) seen() []netip.Addr {
	var out []netip.Addr
	for _, r := range p.relays {
		out = append(out, seen(r))
	}
	return out
}

// bound is where the sockets of a relay address are that clients are told.
func (p *place) bound(told netip.Addr) netip.Addr {
	for _, r := range p.relays {
		if seen(r) == told {
			return r.Local
		}
	}
	return told
}

// directSubnets returns the subnets whose hosts may be peers although they are
// private: in a family in which the world cannot reach this server anyway, it
// is there for its own network. A public relay address in a family closes them.
func directSubnets(relays []relay.RelayAddr, found []local) []netip.Prefix {
	open := map[bool]bool{} // by whether it is IPv4
	for _, r := range relays {
		if public(seen(r)) {
			open[r.Local.Is4()] = true
		}
	}
	var out []netip.Prefix
	for _, r := range relays {
		if open[r.Local.Is4()] || r.Local.IsLoopback() {
			continue
		}
		for _, l := range found {
			if l.addr == r.Local && !slices.Contains(out, l.subnet) {
				out = append(out, l.subnet)
			}
		}
	}
	return out
}

// reachable returns the addresses to give to clients, best first: what relays
// are seen as, where the server listens there too or a NAT leads there, else
// where it listens.
func reachable(p *place) []netip.Addr {
	var out []netip.Addr
	for _, r := range p.relays {
		if seen(r) != r.Local || slices.Contains(p.listen, r.Local) {
			out = append(out, seen(r))
		}
	}
	return distinct(append(out, p.listen...))
}

// host is the address that goes into the iceServers array.
func (p *place) host() netip.Addr { return p.hosts[0] }
