package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// parsePeer reads a rule about peers: an address, a range a-b, or a CIDR block.
//
// A-C12: a rule that is not understood is an error; none is ever left out
// silently, since the server would start more open than it was meant to be.
func parsePeer(_ *Key, s string) (any, *fault) {
	switch {
	case strings.Contains(s, "/"):
		return parseBlock(s)
	case strings.Contains(s, "-") && !looksLikeHost(s):
		return parseRange(s)
	}
	a, f := peerAddr(s)
	if f != nil {
		return nil, f
	}
	return PeerRange{From: a, To: a, Text: s}, nil
}

// parseBlock reads address/bits. Bits of the address behind the mask are a
// mistake: the operator meant either the block or the one address.
func parseBlock(s string) (any, *fault) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return nil, faultf("write one such as 10.0.0.0/8 or fc00::/7", "%s is not a CIDR block", quote(s))
	}
	if p != p.Masked() {
		return nil, faultf("write "+p.Masked().String()+" for the block or "+p.Addr().String()+" for the address",
			"%s has an address inside the block where its first one belongs", quote(s))
	}
	return PeerRange{From: p.Addr(), To: lastOf(p), Text: s}, nil
}

// lastOf returns the highest address of a block.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

// parseRange reads a-b, both inclusive. A range that ends before it
// begins would match nothing, so the operator must have meant something else.
func parseRange(s string) (any, *fault) {
	from, to, _ := strings.Cut(s, "-")
	a, f := peerAddr(strings.TrimSpace(from))
	if f != nil {
		return nil, f
	}
	b, f := peerAddr(strings.TrimSpace(to))
	if f != nil {
		return nil, f
	}
	if a.BitLen() != b.BitLen() {
		return nil, faultf("write two ranges", "%s goes from one address family to the other", quote(s))
	}
	if b.Less(a) {
		return nil, faultf("write "+b.String()+"-"+a.String(), "%s ends before it begins", quote(s))
	}
	return PeerRange{From: a, To: b, Text: s}, nil
}

// peerAddr reads one address of a rule. Host names are refused: what a rule
// about them means would change behind the operator's back.
func peerAddr(s string) (netip.Addr, *fault) {
	a, err := netip.ParseAddr(s)
	switch {
	case err == nil && a.Zone() == "":
		return a, nil
	case err == nil:
		return a, faultf("write "+a.WithZone("").String(), "%s has a zone, and rules hold on every interface", quote(s))
	case looksLikeHost(s):
		return a, faultf("write its address, a range a-b, or a CIDR block",
			"%s is a host name, and a rule about a name would change whenever its addresses do", quote(s))
	}
	return a, faultf("write an address, a range a-b, or a CIDR block", "%s is not an IP address", quote(s))
}

// mappedFault warns of a rule about IPv4-mapped IPv6 addresses. Peers in that
// disguise are judged as the IPv4 addresses that they are, so the rule never
// applies. A rule about all of them says nothing and is left in peace: widely
// copied files hold it.
func mappedFault(r PeerRange) *fault {
	if !r.From.Is4In6() || !r.To.Is4In6() {
		return nil
	}
	from, to := r.From.Unmap(), r.To.Unmap()
	if from == netip.AddrFrom4([4]byte{}) && to == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return nil
	}
	text := from.String()
	if from != to {
		text += "-" + to.String()
	}
	return faultf("write "+text+" if that is meant", "%s never applies: peers are judged by the IPv4 address inside", quote(r.Text))
}

// ParsePeer reads a rule about peers that stands elsewhere than in a file, as
// denied-peer-ip has it. The error says what is wrong in one line.
func ParsePeer(text string) (PeerRange, error) {
	v, f := parsePeer(nil, text)
	if f != nil {
		return PeerRange{}, fmt.Errorf("%s; %s", f.message, f.suggestion)
	}
	return v.(PeerRange), nil
}
