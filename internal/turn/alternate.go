package turn

import (
	"net/netip"

	"iceserver/internal/stun"
)

// redirect sends a client to another server, if there is one for it, and says
// whether it did.
//
// R-8656-7.2-n (RFC 8656, 7.2): it is the last of the checks, in place of the
// allocation.
// R-8489-14.8-a, X1 (RFC 8489, 14.8): only who has authenticated is sent away, by
// an answer that is signed; of anybody else it would be a forger's tool.
func (s *Server) redirect(r *request, out *Outbox) bool {
	if r.key == nil || r.username == s.o.Resident && s.o.Resident != "" {
		return false
	}
	own := FamilyOf(r.from.Client.Addr())
	first := s.alternate(r.from.Proto, own)
	if !first.IsValid() {
		return false
	}
	other := IPv4
	if own == IPv4 {
		other = IPv6
	}
	second := firstOf(s.o.Alternates[r.from.Proto], other)
	s.respond(r, stun.ClassError, out, func(b *stun.Builder) {
		b.AddError(300, s.reason(300))
		// R-8489-10-a (RFC 8489, 10): the first is of the family that the client
		// came with, and one of the other family may follow.
		b.AddAddress(stun.AttrAlternateServer, first)
		if second.IsValid() {
			b.AddAddress(stun.AttrAlternateServer, second)
		}
	})
	s.tellRefusal(r, 300, CauseElsewhere, out)
	return true
}

// alternate returns the server of a family whose turn it is, or none.
func (s *Server) alternate(p Proto, f Family) netip.AddrPort {
	all := s.o.Alternates[p]
	for range all {
		// There may be fewer than before a Reconfigure.
		a := all[s.turns[p]%len(all)]
		s.turns[p] = (s.turns[p] + 1) % len(all)
		if FamilyOf(a.Addr()) == f {
			return a
		}
	}
	return netip.AddrPort{}
}

// firstOf returns the first server of a family, or none.
func firstOf(all []netip.AddrPort, f Family) netip.AddrPort {
	for _, a := range all {
		if FamilyOf(a.Addr()) == f {
			return a
		}
	}
	return netip.AddrPort{}
}
