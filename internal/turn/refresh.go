package turn

import (
	"time"

	"iceserver/internal/stun"
)

// refresh answers a Refresh request (RFC 8656 section 8.2). Nothing is changed
// before all of it is found right (R-8656-8.2-d).
func (s *Server) refresh(now Now, r *request, out *Outbox) {
	a := r.alloc
	family := NoFamily
	if v, ok := r.msg.Get(stun.AttrRequestedAddressFamily); ok {
		if len(v) != 4 {
			s.refuse(r, 400, CauseBadRequest, out)
			return
		}
		family = Family(v[0])
		// R-8656-8.2-a (RFC 8656, 8.2): 443 for a family it does not have.
		if a.relay(family) < 0 {
			s.refuse(r, 443, CauseFamily, out)
			return
		}
	}
	lifetime, ok := s.lifetime(&r.msg)
	if !ok {
		s.refuse(r, 400, CauseBadRequest, out)
		return
	}
	if v, err := r.msg.Uint32(stun.AttrLifetime); err == nil && v == 0 {
		lifetime = 0
	}
	a.key = r.key // the password may be another by now
	if lifetime == 0 {
		s.release(now, a, family, out)
	} else {
		s.prolong(now, a, family, lifetime, out)
	}
	s.succeed(r, out, func(b *stun.Builder) {
		b.AddUint32(stun.AttrLifetime, uint32(lifetime/time.Second))
	})
}

// release ends an allocation, or one family of it, at the client's wish.
//
// R-8656-8.2-b (RFC 8656, 8.2): lifetime 0 deletes, and the answer is a success.
func (s *Server) release(now Now, a *allocation, family Family, out *Outbox) {
	if i := a.relay(family); family != NoFamily && a.relays[0].open && a.relays[1].open {
		s.closeRelay(a, i, out)
		return
	}
	s.remove(now, a, CauseReleased, out)
}

// prolong sets the end of an allocation anew.
//
// R-8656-8-a (RFC 8656, 8): without a family for both, with one for that alone.
func (s *Server) prolong(now Now, a *allocation, family Family, lifetime Now, out *Outbox) {
	for i := range a.relays {
		if r := &a.relays[i]; r.open && (family == NoFamily || FamilyOf(r.addr.Addr()) == family) {
			r.expires = now + lifetime
		}
	}
	s.hasten(a, now+lifetime)
	ev := s.event(a, Refreshed)
	ev.Lifetime = lifetime
	out.Events = append(out.Events, ev)
}
