package turn

import (
	"slices"
	"time"

	"iceserver/internal/stun"
)

// protocolUDP is the IP protocol number of REQUESTED-TRANSPORT for UDP.
const protocolUDP = 17

// allocateArguments is what an Allocate request asks for.
type allocateArguments struct {
	families [2]Family
	lifetime Now
	evenPort bool
	reserve  bool
	useToken bool
	token    [8]byte
}

// allocate answers an Allocate request (RFC 8656 section 7.2), or asks for the
// port first.
func (s *Server) allocate(now Now, r *request, out *Outbox) {
	if a := r.alloc; a != nil {
		// R-8656-5-h (RFC 8656, 5; X8): the same request again, the same answer.
		if a.created == r.msg.ID && r.of(a) {
			s.allocated(now, r, a, out)
			return
		}
		// R-8656-7.2-b (RFC 8656, 7.2): a 5-tuple holds one allocation.
		s.refuse(r, 437, CauseMismatch, out)
		return
	}
	if other := s.busy[keyOf(r.from)]; other != nil {
		if other.msg.ID == r.msg.ID {
			out.Drops[DropRetransmit]++
			return
		}
		s.refuse(r, 437, CauseMismatch, out)
		return
	}
	if s.o.Draining {
		s.refuse(r, 403, CauseDraining, out)
		return
	}
	want, code, cause := s.allocateArguments(r)
	if code != 0 {
		s.refuse(r, code, cause, out)
		return
	}
	if !want.useToken && s.redirect(r, out) {
		return
	}
	if s.blindToDF(r, want.families) {
		s.refuseUnknown(r, []stun.AttrType{stun.AttrDontFragment}, out)
		return
	}
	r.want = want
	r.keep()
	s.lastID++
	s.opening[s.lastID], s.busy[keyOf(r.from)] = r, r
	out.Opens = append(out.Opens, Open{
		ID: s.lastID, From: r.from, Realm: r.realm, Username: r.username, Families: want.families,
		EvenPort: want.evenPort, Reserve: want.reserve, UseToken: want.useToken, Token: want.token,
	})
}

// allocateArguments reads an Allocate request in the order of RFC 8656 section
// 7.2 and returns the code to refuse it with, or 0.
func (s *Server) allocateArguments(r *request) (w allocateArguments, code int, cause Cause) {
	m := &r.msg
	// R-8656-7.2-c, R-8656-7.2-d (RFC 8656, 7.2): absent or malformed is 400,
	// another protocol than UDP is 442 (X5).
	transport, ok := m.Get(stun.AttrRequestedTransport)
	if !ok || len(transport) != 4 {
		return w, 400, CauseBadRequest
	}
	if transport[0] != protocolUDP {
		return w, 442, CauseTransport
	}
	// R-8656-21.4-a (RFC 8656, 21.4): a client behind a tunnel whose end can be
	// made to bounce packets gets no allocation.
	if a := r.from.Client.Addr(); isTeredo(a) || isSixToFour(a) {
		return w, 403, CausePolicy
	}
	if !w.readPorts(m) {
		return w, 400, CauseBadRequest
	}
	if w.lifetime, ok = s.lifetime(m); !ok {
		return w, 400, CauseBadRequest
	}
	if code, cause = s.readFamilies(r, &w); code != 0 {
		return w, code, cause
	}
	return w, 0, CauseNone
}

// blindToDF says whether a client asks for DONT-FRAGMENT where it cannot be had.
//
// R-8656-3.7-a (RFC 8656, 3.7): from an IPv4 client to an IPv6 relayed address the
// DF bit of each packet would have to be seen, which a UDP socket does not show.
func (s *Server) blindToDF(r *request, families [2]Family) bool {
	_, asked := r.msg.Get(stun.AttrDontFragment)
	return asked && slices.Contains(families[:], IPv6) && !r.from.Proto.Stream() && FamilyOf(r.from.Client.Addr()) == IPv4
}

// readPorts reads EVEN-PORT and RESERVATION-TOKEN.
//
// R-8656-7.2-f (RFC 8656, 7.2): a token goes with neither EVEN-PORT nor a family.
// R-8656-7.2-j (RFC 8656, 7.2): nor does a reservation with a second family.
// R-8656-18-b (RFC 8656, 18): a wrong length is a 400.
func (w *allocateArguments) readPorts(m *stun.Message) bool {
	even, hasEven := m.Get(stun.AttrEvenPort)
	token, hasToken := m.Get(stun.AttrReservationToken)
	_, requested := m.Get(stun.AttrRequestedAddressFamily)
	_, additional := m.Get(stun.AttrAdditionalAddressFamily)
	if hasEven {
		if len(even) != 1 {
			return false
		}
		// The seven bits below R are reserved and ignored.
		w.evenPort, w.reserve = true, even[0]&0x80 != 0
	}
	if hasToken {
		if len(token) != len(w.token) || hasEven || requested || additional {
			return false
		}
		w.useToken = true
		copy(w.token[:], token)
	}
	return !(w.reserve && additional)
}

// readFamilies decides which families the relayed addresses have.
//
// R-8656-7.2-h (RFC 8656, 7.2): one of the two attributes, not both.
// R-8656-7.2-i (RFC 8656, 7.2): a family that is not served is 440; none named
// means IPv4.
// R-8656-7.2-l (RFC 8656, 7.2): the additional family can only be IPv6.
func (s *Server) readFamilies(r *request, w *allocateArguments) (int, Cause) {
	req, hasReq := r.msg.Get(stun.AttrRequestedAddressFamily)
	add, hasAdd := r.msg.Get(stun.AttrAdditionalAddressFamily)
	if hasReq && hasAdd || hasReq && len(req) != 4 || hasAdd && (len(add) != 4 || Family(add[0]) != IPv6) {
		return 400, CauseBadRequest
	}
	w.families[0] = s.o.DefaultFamily
	if s.o.KeepFamily {
		w.families[0] = FamilyOf(r.from.Client.Addr())
	}
	if hasReq {
		w.families[0] = Family(req[0])
	}
	if hasAdd {
		w.families = [2]Family{IPv4, IPv6}
		return 0, CauseNone
	}
	if !s.hasFamily(w.families[0]) && !w.useToken {
		return 440, CauseFamily
	}
	return 0, CauseNone
}

func (s *Server) hasFamily(f Family) bool { return slices.Contains(s.o.Families, f) }

// lifetime reads LIFETIME of an Allocate or Refresh request.
//
// R-8656-7.2-t, R-8656-8.2-c (RFC 8656, 7.2 and 8.2): at least the default, at
// most the maximum, whatever was asked for.
func (s *Server) lifetime(m *stun.Message) (Now, bool) {
	if _, ok := m.Get(stun.AttrLifetime); !ok {
		return min(s.o.DefaultLifetime, s.o.MaxLifetime), true
	}
	v, err := m.Uint32(stun.AttrLifetime)
	if err != nil {
		return 0, false
	}
	return min(max(s.o.DefaultLifetime, Now(v)*time.Second), s.o.MaxLifetime), true
}

// Port takes the answer to an Open.
func (s *Server) Port(now Now, p PortReply, out *Outbox) {
	r := s.opening[p.ID]
	if r == nil {
		closeAll(p, out)
		return
	}
	delete(s.opening, p.ID)
	delete(s.busy, keyOf(r.from))
	if r.gone {
		closeAll(p, out)
		return
	}
	if p.Code != 0 {
		s.refuse(r, p.Code, p.Cause, out)
		return
	}
	a := s.newAllocation(now, r, p)
	s.insert(a)
	r.alloc = a
	ev := s.event(a, Allocated)
	ev.Lifetime = r.want.lifetime
	out.Events = append(out.Events, ev)
	s.allocated(now, r, a, out)
}

// closeAll gives back ports that came for nobody.
func closeAll(p PortReply, out *Outbox) {
	for _, rel := range p.Relayed {
		if p.Code == 0 && rel.Code == 0 && rel.Addr.IsValid() {
			out.Closes = append(out.Closes, rel.ID)
		}
	}
}

func (s *Server) newAllocation(now Now, r *request, p PortReply) *allocation {
	s.session++
	a := &allocation{
		session: s.session, from: r.from, realm: r.realm, username: r.username, key: r.key, origin: sentOrigin(&r.msg),
		counted: Tally{Time: now}, created: r.msg.ID, token: p.Token, hasToken: r.want.reserve,
		up: newMeter(now, p.MaxBPS), down: newMeter(now, p.MaxBPS), carried: p.Carried,
		errors: newMeter(now, icmpRate),
	}
	for i, rel := range p.Relayed {
		if r.want.families[i] == NoFamily {
			continue
		}
		if rel.Code != 0 {
			a.addError, a.addFamily = rel.Code, r.want.families[i]
			continue
		}
		a.relays[i] = relayed{open: true, id: rel.ID, addr: rel.Addr, expires: now + r.want.lifetime}
	}
	return a
}

// allocated answers an Allocate request with what the allocation is.
//
// R-8656-7.2-u (RFC 8656, 7.2): the relayed addresses, the lifetime, the
// client's own address, and the reservation if one was made.
func (s *Server) allocated(now Now, r *request, a *allocation, out *Outbox) {
	s.succeed(r, out, func(b *stun.Builder) {
		for _, rel := range a.relays {
			if rel.open {
				b.AddXORAddress(stun.AttrXORRelayedAddress, rel.addr)
			}
		}
		b.AddUint32(stun.AttrLifetime, seconds(a.expires()-now))
		b.AddXORAddress(stun.AttrXORMappedAddress, xorMapped(r.from))
		if a.hasToken {
			b.Add(stun.AttrReservationToken, a.token[:])
		}
		if a.addError != 0 {
			b.AddAddressError(byte(a.addFamily), a.addError, s.reason(a.addError))
		}
	})
}

// seconds rounds a lifetime to whole seconds, up, so that the full lifetime is
// told as what it is.
func seconds(d Now) uint32 { return uint32((d + time.Second - 1) / time.Second) }
