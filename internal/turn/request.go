package turn

import (
	"encoding/binary"
	"slices"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
)

// request is an authenticated request on its way, or one that waits for a key
// or a port.
type request struct {
	from     FiveTuple
	msg      stun.Message
	realm    string      // that the client is, or will be, asked for
	username string      // prepared, as two spellings of it are one user
	sent     string      // as the client wrote it
	key      auth.Key    // signs the answer; nil: not signed
	alloc    *allocation // of the 5-tuple, if there is one
	present  bool        // it has returned a nonce: its address is no forged one
	stale    bool        // the nonce is ours but too old
	gone     bool        // the client left while a port was opened
	kept     bool        // msg is a copy
	want     allocateArguments
}

// request takes a request that needs authentication (RFC 8489 section 9.2.4).
//
// The order is that of the standard, behind one cheap look at the nonce: who
// brings none of ours for its own address gets a fresh one and costs neither a
// look-up nor memory (X6, A-D03, F-10).
func (s *Server) request(now Now, from FiveTuple, m *stun.Message, out *Outbox) {
	r := &request{from: from, msg: *m, alloc: s.clients[keyOf(from)], realm: s.realmFor(m)}
	if s.o.NoAuth {
		s.authenticated(now, r, out)
		return
	}
	// R-8489-9.2.4-a (RFC 8489, 9.2.4): without integrity a challenge.
	if _, ok := m.Integrity(); !ok {
		s.challenge(now, r, 401, CauseNoCredentials, out)
		return
	}
	username, okU := m.Get(stun.AttrUsername)
	realm, okR := m.Get(stun.AttrRealm)
	nonce, okN := m.Get(stun.AttrNonce)
	// R-8489-9.2.4-e (RFC 8489, 9.2.4): integrity without the rest is broken.
	if !okU || !okR || !okN {
		s.reject(now, r, 400, CauseIncomplete, out)
		return
	}
	switch s.checkNonce(now, from, nonce) {
	case auth.NonceForeign:
		s.challenge(now, r, 438, CauseNonce, out)
		return
	case auth.NonceStale:
		r.stale = true
	}
	r.present = true
	// R-8489-9.2-c (RFC 8489, 9.2): another realm than ours is a 401.
	if !s.serves(r, realm) {
		s.challenge(now, r, 401, CauseRealm, out)
		return
	}
	s.identify(now, r, string(username), out)
}

// identify goes on with a request whose nonce and realm are ours.
//
// R-8489-14.3-b (RFC 8489, 14.3): what counts is the prepared name, so that a
// name has one allocation and one quota however it is spelt; what cannot be
// prepared is nobody's name.
func (s *Server) identify(now Now, r *request, username string, out *Outbox) {
	prepared, err := auth.OpaqueString(username)
	if err != nil {
		prepared = username // for the log
	}
	r.username, r.sent = prepared, username
	if r.own() && r.msg.Method != stun.MethodRefresh {
		s.verify(now, r, r.alloc.candidates(), out)
		return
	}
	// A-X05: a source that has been wrong too often is not even compared, or a
	// guesser would only have to wait for the one answer that comes. Who holds
	// an allocation of that very user is not concerned; but it is no place to guess
	// the passwords of other users from, nor is one whose source is banned.
	if !r.own() && (!s.failures.left(now, r.from.Client.Addr()) || s.o.Banned != nil && s.o.Banned(r.from.Client.Addr())) {
		out.Drops[DropRateLimit]++
		out.countChallenge(false)
		return
	}
	if err != nil {
		s.verify(now, r, auth.Candidates{}, out)
		return
	}
	// A Refresh asks again, so that a user who was removed or whose credential
	// ran out cannot go on for ever (R-REST-4-c, A-A09).
	s.lookup(r, out)
}

// own says whether the sender says to be the user who holds the allocation.
func (r *request) own() bool { return r.alloc != nil && r.of(r.alloc) }

// guessed says whether a refusal counts against the source of the request, which
// must be known to be its source: a connection shows that, and so does a nonce
// that is still good. One that has aged may have been given to who had the
// address before.
func (r *request) guessed(cause Cause) bool {
	wrong := cause == CauseIntegrity || cause == CauseUnknownUser
	return wrong && !r.own() && (r.from.Proto != UDP || r.present && !r.stale)
}

// of says whether the sender is the user of an allocation. The same name in
// another realm is another user (A-A08).
func (r *request) of(a *allocation) bool { return a.username == r.username && a.realm == r.realm }

// keep copies the packet, whose bytes are the caller's, for a request that has
// to wait.
func (r *request) keep() {
	if !r.kept {
		r.msg, r.kept = r.msg.Clone(), true
	}
}

// lookup puts a request aside until its key comes.
func (s *Server) lookup(r *request, out *Outbox) {
	if len(s.waiting) >= maxWaiting {
		out.Drops[DropPendingFull]++
		return
	}
	if r.alloc == nil && r.msg.Size() > maxKept {
		out.Drops[DropTooLong]++
		return
	}
	r.keep()
	s.lastID++
	s.waiting[s.lastID] = r
	out.Lookups = append(out.Lookups, Lookup{ID: s.lastID, Realm: r.realm, Username: r.sent})
}

// Key takes the answer to a Lookup.
func (s *Server) Key(now Now, k KeyReply, out *Outbox) {
	r := s.waiting[k.ID]
	if r == nil {
		return
	}
	delete(s.waiting, k.ID)
	// The allocation may have come or gone meanwhile.
	r.alloc = s.clients[keyOf(r.from)]
	c := k.Candidates
	if k.Unavailable {
		// A-A10, F-16: nobody can tell. Who is known already goes on with the
		// key of the allocation, all others are turned away.
		if !r.own() {
			s.reject(now, r, 500, CauseKeysUnavailable, out)
			return
		}
		c = r.alloc.candidates()
	}
	s.verify(now, r, c, out)
}

// candidates are the key that the user of an allocation has shown.
func (a *allocation) candidates() auth.Candidates {
	return auth.Candidates{Keys: []auth.Key{a.key}}
}

// verify checks the integrity of a request against the candidates.
func (s *Server) verify(now Now, r *request, c auth.Candidates, out *Outbox) {
	key, cause := signer(&r.msg, c)
	// R-8489-9.2.4-h, R-8489-9.2.4-i (RFC 8489, 9.2.4): all of them are a 401.
	if cause != CauseNone {
		// A-X05: an expired credential that fits is no guess. Whoever could tell by
		// that, as nothing shuts him out, has learnt a password that opens nothing,
		// and has had no more tries at it than at one that does.
		if !r.own() && cause != CauseExpiredKey {
			s.failures.allow(now, r.from.Client.Addr())
		}
		s.challenge(now, r, 401, cause, out)
		return
	}
	// R-8489-9.2.4-j (RFC 8489, 9.2.4): a nonce of ours that has aged is
	// answered with a new one, behind the other checks.
	if r.stale {
		s.challenge(now, r, 438, CauseStaleNonce, out)
		return
	}
	r.key = key
	s.authenticated(now, r, out)
}

// signer returns the candidate that a message is signed with, or why there is none
// that lets its sender in.
func signer(m *stun.Message, c auth.Candidates) (auth.Key, Cause) {
	if len(c.Keys)+len(c.Expired) == 0 {
		// R-8489-9.2.4-l (RFC 8489, 9.2.4): an unknown name costs as much as a
		// wrong password and looks the same from outside (A-A02).
		m.CheckIntegrity(make(auth.Key, 16))
		return nil, CauseUnknownUser
	}
	fits := func(k auth.Key) bool { return m.CheckIntegrity(k) }
	if i := slices.IndexFunc(c.Keys, fits); i >= 0 {
		return c.Keys[i], CauseNone
	}
	// R-REST-4-a (TURN REST draft, 4): what has expired lets nobody in; it is only
	// called by its name, for the operator.
	if slices.ContainsFunc(c.Expired, fits) {
		return nil, CauseExpiredKey
	}
	return nil, CauseIntegrity
}

// authenticated goes on with a request whose sender is known.
func (s *Server) authenticated(now Now, r *request, out *Outbox) {
	if cause := s.foreign(r); cause != CauseNone {
		s.refuse(r, 441, cause, out)
		return
	}
	// R-8489-6.3-e, R-8489-6.3.1-a (RFC 8489, 6.3): unknown required attributes
	// are looked for behind authentication, and all of them are named.
	if unknown := s.unknown(&r.msg); len(unknown) > 0 {
		s.refuseUnknown(r, unknown, out)
		return
	}
	// R-8656-5-e (RFC 8656, 5): without an allocation there is nothing to change.
	if r.alloc == nil && r.msg.Method != stun.MethodAllocate && r.msg.Method != stun.MethodBinding {
		s.refuse(r, 437, CauseMismatch, out)
		return
	}
	switch r.msg.Method {
	case stun.MethodAllocate:
		s.allocate(now, r, out)
	case stun.MethodRefresh:
		s.refresh(now, r, out)
	case stun.MethodCreatePermission:
		s.createPermission(now, r, out)
	case stun.MethodChannelBind:
		s.channelBind(now, r, out)
	case stun.MethodBinding:
		s.mapped(now, r, out)
	}
}

// foreign says why a request may not touch the allocation of its 5-tuple.
//
// R-8656-5-d (RFC 8656, 5): an allocation answers to its own user alone.
func (s *Server) foreign(r *request) Cause {
	switch {
	case r.alloc == nil || r.msg.Method == stun.MethodAllocate || r.msg.Method == stun.MethodBinding:
	case !r.of(r.alloc):
		return CauseWrongUser
	case !s.sameOrigin(r):
		return CauseOrigin
	}
	return CauseNone
}

// maxUnknown bounds the list in a 420, so that the answer fits into a datagram
// of any path (R-8489-6.1-a, A-X14).
const maxUnknown = 64

// unknown lists the required attributes that this server does not know, once
// each.
func (s *Server) unknown(m *stun.Message) []stun.AttrType {
	var list []stun.AttrType
	for t := range m.Attributes() {
		if t.Required() && !s.understands(t) && len(list) < maxUnknown && !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list
}

// understands says whether a required attribute is known. Those that are known
// but make no sense in a message are ignored (R-8489-6.3-g).
func (s *Server) understands(t stun.AttrType) bool {
	switch t {
	case stun.AttrMappedAddress, stun.AttrUsername, stun.AttrMessageIntegrity,
		stun.AttrErrorCode, stun.AttrUnknownAttributes, stun.AttrRealm, stun.AttrNonce,
		stun.AttrXORMappedAddress, stun.AttrChannelNumber, stun.AttrLifetime,
		stun.AttrXORPeerAddress, stun.AttrData, stun.AttrXORRelayedAddress,
		stun.AttrRequestedAddressFamily, stun.AttrEvenPort, stun.AttrRequestedTransport,
		stun.AttrReservationToken, stun.AttrMessageIntegritySHA256:
		return true
	case stun.AttrDontFragment:
		// R-8656-7.2-e (RFC 8656, 7.2): known only where the sockets can.
		return s.o.DontFragment
	}
	return !t.Required()
}

// checkNonce judges a nonce against the client's address.
func (s *Server) checkNonce(now Now, from FiveTuple, nonce []byte) auth.NonceState {
	return s.o.Nonces.Check(nonce, s.wall(now), nonceBinding(from))
}

// wall is the wall-clock time at now.
func (s *Server) wall(now Now) time.Time { return s.o.Start.Add(now) }

// nonceBinding is what a nonce is bound to.
//
// R-8489-9.2.4-b (RFC 8489, 9.2.4): no two sources get the same nonce, so it
// covers address, port and transport of the client.
func nonceBinding(f FiveTuple) []byte {
	var b [19]byte
	a := f.Client.Addr().Unmap().As16()
	copy(b[:], a[:])
	binary.BigEndian.PutUint16(b[16:], f.Client.Port())
	b[18] = byte(f.Proto)
	return b[:]
}
