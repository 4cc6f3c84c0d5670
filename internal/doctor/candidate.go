package doctor

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"iceserver/internal/turn"
)

// Candidate is an address that a browser would tell its peer (RFC 8445).
type Candidate struct {
	Type      string `json:"type"`      // host, srflx or relay
	Transport string `json:"transport"` // to the server; of a host candidate UDP
	Family    string `json:"family"`    // IPv4 or IPv6
	Address   string `json:"address"`
	// Base is the address that it is sent from: the own socket's for host and
	// srflx, the relayed one for relay.
	Base     string  `json:"base"`
	Server   string  `json:"server,omitempty"` // the URL that it came from
	Gathered float64 `json:"gathered_ms"`
	Priority uint32  `json:"priority"` // of component 1, as browsers reckon it
}

// The types of candidates.
const (
	hostCandidate  = "host"
	srflxCandidate = "srflx"
	relayCandidate = "relay"
)

// typePreference is how much browsers like a type of candidate, 0 to 126; a relay
// the less, the more there is between it and the client.
func typePreference(kind string, p turn.Proto) uint32 {
	switch {
	case kind == hostCandidate:
		return 126
	case kind == srflxCandidate:
		return 100
	case p == turn.UDP:
		return 2
	case p == turn.TCP:
		return 1
	}
	return 0
}

// localPreference is that of the only network of a machine: the upper byte counts
// networks down from 127, the lower is the address's precedence (RFC 6724) in
// steps as browsers have them.
func localPreference(base netip.Addr) uint32 {
	const network, v6, v4 = 127 << 8, 40, 30
	if base.Is6() {
		return network | v6
	}
	return network | v4
}

// priority is the formula of RFC 8445, 5.1.2.1, for component 1.
func priority(kind string, p turn.Proto, base netip.Addr) uint32 {
	const component = 1
	return typePreference(kind, p)<<24 | localPreference(base)<<8 | (256 - component)
}

// newCandidate puts one together; own is the socket's address, which counts for the
// priority even where the base is the relayed one.
func newCandidate(kind string, p turn.Proto, at, base netip.AddrPort, own netip.Addr, server string, took time.Duration) Candidate {
	return Candidate{
		Type: kind, Transport: p.String(), Family: familyName(at.Addr()), Address: at.String(), Base: base.String(),
		Server: server, Gathered: milliseconds(took), Priority: priority(kind, p, own),
	}
}

func familyName(a netip.Addr) string {
	if turn.FamilyOf(a.Unmap()) == turn.IPv6 {
		return "IPv6"
	}
	return "IPv4"
}

// hosts gathers the host candidates of this machine: a socket on every address of
// every interface, except those that browsers leave out too, loopback and
// link-local ones. What cannot be opened is no candidate.
func hosts(ctx context.Context, families []turn.Family) []Candidate {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var all []Candidate
	began := time.Now()
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		addr := prefix.Addr().Unmap()
		if err != nil || addr.IsLoopback() || addr.IsLinkLocalUnicast() || !slices.Contains(families, turn.FamilyOf(addr)) {
			continue
		}
		var l net.ListenConfig
		conn, err := l.ListenPacket(ctx, "udp", netip.AddrPortFrom(addr, 0).String())
		if err != nil {
			continue
		}
		at := addrPortOf(conn.LocalAddr())
		conn.Close()
		all = append(all, newCandidate(hostCandidate, turn.UDP, at, at, addr, "", time.Since(began)))
	}
	return all
}

// byPriority sorts candidates the best first, and drops those that say the same as
// one before: a server-reflexive one that is a host's own address is none (RFC
// 8445, 5.1.3).
func byPriority(all []Candidate) []Candidate {
	slices.SortStableFunc(all, func(a, b Candidate) int { return int(int64(b.Priority) - int64(a.Priority)) })
	kept := []Candidate{}
	for _, c := range all {
		if !slices.ContainsFunc(kept, func(k Candidate) bool {
			return k.Type != relayCandidate && k.Address == c.Address && k.Base == c.Base
		}) {
			kept = append(kept, c)
		}
	}
	return kept
}
