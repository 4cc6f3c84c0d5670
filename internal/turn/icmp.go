package turn

import (
	"net/netip"

	"iceserver/internal/stun"
)

// ICMP is an ICMP error about a packet that was sent to a peer. Anybody may have
// forged it.
type ICMP struct {
	Peer       netip.AddrPort // whom the packet was for; port 0 if that is not known
	Type, Code uint8          // of ICMPv4 if Peer is an IPv4 address, else of ICMPv6
	MTU        uint32         // in bytes, where the error is that a packet was too big for a hop
}

// icmpRate is how many errors a second a client is told of, after as many at
// once. A peer that has gone is worth hearing of soon and not often: its host
// sends about one a second, and whoever forges them gets no more out of this
// server than that.
const icmpRate = 10

// ICMP takes an ICMP error about a packet that was sent from a relayed transport
// address (RFC 8656 section 11.5).
//
// R-8656-11.5-a (RFC 8656, 11.5): the client gets a Data indication with peer and
// error. R-8656-12.5-a (RFC 8656, 12.5): also where a channel is bound.
func (s *Server) ICMP(now Now, at RelayID, e ICMP, out *Outbox) {
	// R-8656-11.5-c (RFC 8656, 11.5): the packet was sent by an allocation that
	// is still there, and to a peer that may be sent to.
	if int(at) >= len(s.relays) || s.relays[at] == nil {
		out.Drops[DropUnknownRelay]++
		return
	}
	a := s.relays[at]
	e.Peer = netip.AddrPortFrom(e.Peer.Addr().Unmap(), e.Peer.Port())
	if !e.relayable() {
		out.Drops[DropICMPType]++
		return
	}
	// R-8656-11.5-b (RFC 8656, 11.5): who reports it is not asked about, and
	// ports are not compared.
	if a.permitted(now, e.Peer.Addr()) == nil {
		out.Drops[DropNoPermission]++
		return
	}
	if !a.errors.take(now, 1) {
		out.Drops[DropICMPRate]++
		return
	}
	out.Sends = append(out.Sends, Send{Kind: ToClient, Buf: s.icmpIndication(e), To: a.from.Client, Via: a.from.Via})
}

// icmpIndicationSize is the length of the longest: header, XOR-PEER-ADDRESS of
// an IPv6 peer and ICMP attribute.
const icmpIndicationSize = 20 + 24 + 12

// icmpIndication makes a Data indication of an error. There is no packet whose
// memory it could take, and the rate bounds how often it takes its own.
func (s *Server) icmpIndication(e ICMP) []byte {
	b := stun.NewBuilder(make([]byte, 0, icmpIndicationSize), stun.MethodData, stun.ClassIndication, s.indicationID())
	b.AddXORAddress(stun.AttrXORPeerAddress, e.Peer)
	c := stun.ICMP{Type: e.Type, Code: e.Code}
	// R-8656-18.13-a (RFC 8656, 18.13): other errors carry a zero there.
	if e.tooBig() {
		c.Data = e.MTU
	}
	b.AddICMP(c)
	return b.Bytes()
}

// The ICMP errors that clients are told of (RFC 792, RFC 4443).
const (
	icmp4Unreachable  = 3
	icmp4NeedFragment = 4 // a code of that
	icmp4TimeExceeded = 11
	icmp6Unreachable  = 1
	icmp6TooBig       = 2
	icmp6TimeExceeded = 3
)

// relayable says whether an error is of a type that clients are told of.
func (e *ICMP) relayable() bool {
	if FamilyOf(e.Peer.Addr()) == IPv4 {
		return e.Type == icmp4Unreachable || e.Type == icmp4TimeExceeded
	}
	return e.Type == icmp6Unreachable || e.Type == icmp6TooBig || e.Type == icmp6TimeExceeded
}

// tooBig says whether the error is about the size of the packet.
func (e *ICMP) tooBig() bool {
	if FamilyOf(e.Peer.Addr()) == IPv4 {
		return e.Type == icmp4Unreachable && e.Code == icmp4NeedFragment
	}
	return e.Type == icmp6TooBig
}
