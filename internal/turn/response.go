package turn

import (
	"net/netip"

	"iceserver/internal/stun"
)

// binding answers a Binding request without authentication.
//
// R-8489-6.3.1.1-c, R-8489-12-b, R-8489-6.3.1-c (RFC 8489, 6.3.1 and 12): the
// source address as seen, nobody asked who they are, nothing kept.
// R-8489-9.1-a (RFC 8489, 9.1): credentials of an ICE check are ignored.
func (s *Server) binding(now Now, from FiveTuple, m *stun.Message, out *Outbox) {
	if !s.answerable(now, from, false, out) {
		return
	}
	r := &request{from: from, msg: *m, realm: s.realmFor(m)}
	if unknown := s.unknown(m); len(unknown) > 0 {
		s.refuseUnknown(r, unknown, out)
		return
	}
	s.mapped(now, r, out)
}

// mapped answers a Binding request with the address that it came from.
// Its sender may be forged, so the answer has 32 bytes in IPv4, and 44 only where
// the operator has clients from before XOR-MAPPED-ADDRESS.
func (s *Server) mapped(now Now, r *request, out *Outbox) {
	s.succeed(r, out, func(b *stun.Builder) {
		b.AddXORAddress(stun.AttrXORMappedAddress, xorMapped(r.from))
		if s.o.MappedAddress {
			b.AddAddress(stun.AttrMappedAddress, xorMapped(r.from))
		}
	})
	if s.o.TellBindings {
		s.bindings.tell(now, r, out)
	}
}

// bindings tells of Binding requests. Anybody can send any number of them.
type bindings struct {
	told   ceiling
	untold uint64 // since the last one that was told
}

// bindingsTold is how many a second are told.
const bindingsTold = 10

func (b *bindings) tell(now Now, r *request, out *Outbox) {
	if !b.told.allow(now) {
		b.untold++
		return
	}
	out.Events = append(out.Events, Event{
		Kind: Answered, From: r.from, Username: r.username, Realm: r.realm, Method: r.msg.Method.String(), Untold: b.untold,
	})
	b.untold = 0
}

// answerable takes an answer from the budget of a stranger. Who holds an
// allocation is none. Present says that the source is where it says to be, so that
// it is served however many forged ones there are: a connection shows that, and
// so does a nonce that came back.
func (s *Server) answerable(now Now, from FiveTuple, present bool, out *Outbox) bool {
	switch {
	case s.clients[keyOf(from)] != nil:
	case !s.limit.allow(now, from.Client.Addr()):
		out.Drops[DropRateLimit]++
		return false
	case !present && from.Proto == UDP && !s.total.allow(now):
		out.Drops[DropRateLimitTotal]++
		return false
	}
	return true
}

// challenge answers with REALM and a fresh NONCE, unsigned and without a reason
// phrase, which would only make it bigger (A-D05).
//
// R-8489-9.2.4-d, R-8489-9.2.4-h, R-8489-9.2.4-j (RFC 8489, 9.2.4): no name and
// no integrity in it.
func (s *Server) challenge(now Now, r *request, code int, cause Cause, out *Outbox) {
	answered := s.answerable(now, r.from, r.present, out)
	if code == 401 {
		out.countChallenge(answered)
	}
	if !answered {
		return
	}
	s.respond(r, stun.ClassError, out, func(b *stun.Builder) {
		b.AddError(code, "")
		b.AddString(stun.AttrRealm, toldRealm(r.realm))
		var nonce [128]byte
		b.Add(stun.AttrNonce, s.o.Nonces.Append(nonce[:0], s.wall(now), nonceBinding(r.from)))
	})
	if cause != CauseNoCredentials {
		s.tellRefusal(r, code, cause, out)
	}
}

// reject answers a stranger with an error that is no challenge.
func (s *Server) reject(now Now, r *request, code int, cause Cause, out *Outbox) {
	if !s.answerable(now, r.from, r.present, out) {
		return
	}
	s.respond(r, stun.ClassError, out, func(b *stun.Builder) { b.AddError(code, "") })
	s.tellRefusal(r, code, cause, out)
}

// refuse answers an authenticated request with an error.
//
// R-8489-6.3.1.1-a, R-8489-6.3.1.1-b (RFC 8489, 6.3.1.1): it has a code, and it
// is signed where the request was.
func (s *Server) refuse(r *request, code int, cause Cause, out *Outbox) {
	s.respond(r, stun.ClassError, out, func(b *stun.Builder) { b.AddError(code, s.reason(code)) })
	s.tellRefusal(r, code, cause, out)
}

// refuseUnknown answers 420 with the list of what is not known.
func (s *Server) refuseUnknown(r *request, unknown []stun.AttrType, out *Outbox) {
	s.respond(r, stun.ClassError, out, func(b *stun.Builder) {
		b.AddError(420, s.reason(420))
		b.AddUnknown(unknown)
	})
	s.tellRefusal(r, 420, CauseUnknownAttr, out)
}

// refuseRule answers 403 and tells the operator which rule said so.
func (s *Server) refuseRule(r *request, peer netip.AddrPort, rule string, out *Outbox) {
	s.refuse(r, 403, CausePolicy, out)
	ev := &out.Events[len(out.Events)-1]
	ev.Peer, ev.Rule = peer, rule
}

func (s *Server) tellRefusal(r *request, code int, cause Cause, out *Outbox) {
	ev := Event{
		Kind: Refused, From: r.from, Username: r.username, Realm: r.realm,
		Method: r.msg.Method.String(), Code: code, Cause: cause, Guessed: r.guessed(cause),
	}
	if r.alloc != nil {
		ev.Session, ev.Relayed = r.alloc.session, r.alloc.firstRelayed()
	}
	out.Events = append(out.Events, ev)
}

// succeed answers with a success response; add, if not nil, fills it.
func (s *Server) succeed(r *request, out *Outbox, add func(*stun.Builder)) {
	s.respond(r, stun.ClassSuccess, out, add)
}

// respond builds the answer to a request and sends it back the way it came.
//
// R-8489-5-c (RFC 8489, 5): with the transaction id of the request.
// R-8489-9.2.4-k (RFC 8489, 9.2.4): signed with the key of the request.
// R-8489-14.7-b (RFC 8489, 14.7): FINGERPRINT where the request had one.
func (s *Server) respond(r *request, class stun.Class, out *Outbox, add func(*stun.Builder)) {
	b := stun.NewBuilder(make([]byte, 0, 192), r.msg.Method, class, r.msg.ID)
	if add != nil {
		add(&b)
	}
	if r.key != nil {
		// X4: who authenticated may know what we are, without the version.
		if s.o.Software != "" {
			b.AddString(stun.AttrSoftware, s.o.Software)
		}
		b.AddIntegrity(r.key)
	}
	if present, _ := r.msg.CheckFingerprint(); present || s.o.Fingerprint {
		b.AddFingerprint()
	}
	if r.msg.Method == stun.MethodBinding {
		out.countBinding(class)
	}
	s.answer(r, b.Bytes(), out)
}

// answer sends a message back the way a request came.
func (s *Server) answer(r *request, msg []byte, out *Outbox) {
	out.Sends = append(out.Sends, Send{Kind: ToClient, Buf: msg, To: r.from.Client, Via: r.from.Via})
}

// reason returns the phrase for an error code, where the operator wants them.
func (s *Server) reason(code int) string {
	if !s.o.Reasons {
		return ""
	}
	return stun.ErrorPhrase(code)
}
