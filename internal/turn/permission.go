package turn

import (
	"net/netip"

	"iceserver/internal/stun"
)

// permission lets one peer address send to the client and be sent to (RFC 8656
// section 9).
//
// R-8656-9-b (RFC 8656, 9): it counts for the address, whatever the port.
type permission struct {
	expires  Now
	inside   bool // a relayed address of this server
	direct   bool // with inside: may be sent to by socket too
	guarded  bool // this server listens on some port of that address
	ended    bool // it has run out and that was told
	channels int  // bound to peers of that address: they keep it, as they outlive it
}

// permit makes or refreshes a permission. The caller has asked the policy.
//
// R-8656-9-a (RFC 8656, 9): it lasts 300 s from here, and nothing but
// CreatePermission and ChannelBind comes here.
func (s *Server) permit(now Now, a *allocation, peer netip.Addr, v Verdict, out *Outbox) *permission {
	p := a.perms[peer]
	if p == nil {
		p = new(permission)
		a.perms[peer] = p
	}
	_, guarded := s.policy(a.realm).listening[peer]
	*p = permission{
		expires: now + s.o.PermissionLifetime, inside: v.Inside, direct: v.Direct,
		guarded: guarded, channels: p.channels,
	}
	s.hasten(a, p.expires)
	ev := s.event(a, Permitted)
	ev.Peer, ev.Lifetime = netip.AddrPortFrom(peer, 0), s.o.PermissionLifetime
	out.Events = append(out.Events, ev)
	return p
}

// permitted says whether a live permission for an address exists.
func (a *allocation) permitted(now Now, peer netip.Addr) *permission {
	if p := a.perms[peer]; p != nil && now < p.expires {
		return p
	}
	return nil
}

// maxPeers is how many addresses one CreatePermission may name.
const maxPeers = 128

// createPermission answers a CreatePermission request (RFC 8656 section 10.2).
//
// R-8656-10.2-c (RFC 8656, 10.2): all or nothing, one bad address and none of
// the permissions is installed.
func (s *Server) createPermission(now Now, r *request, out *Outbox) {
	a := r.alloc
	var peers []netip.Addr
	for t, v := range r.msg.Attributes() {
		if t != stun.AttrXORPeerAddress {
			continue
		}
		// A-X14: many, but not so many that one request keeps others waiting.
		if len(peers) == maxPeers {
			s.refuse(r, 400, CauseBadRequest, out)
			return
		}
		ap, err := r.msg.DecodeXORAddress(v)
		if err != nil {
			s.refuse(r, 400, CauseBadRequest, out)
			return
		}
		// R-8656-10.2-d (RFC 8656, 10.2): the port means nothing here.
		peers = append(peers, ap.Addr())
	}
	// R-8656-10.2-a (RFC 8656, 10.2): at least one address.
	if len(peers) == 0 {
		s.refuse(r, 400, CauseBadRequest, out)
		return
	}
	verdicts, ok := s.judge(r, peers, out)
	if !ok {
		return
	}
	if a.newPermissions(peers) > s.o.MaxPermissions-len(a.perms) {
		s.refuse(r, 508, CausePermissions, out)
		return
	}
	for i, p := range peers {
		s.permit(now, a, p, verdicts[i], out)
	}
	s.succeed(r, out, nil)
}

// judge checks family and policy of every peer, answers the request if one
// fails, and leaves the peers in their canonical form.
//
// R-8656-10.2-b, R-8656-12.2-b (RFC 8656, 10.2 and 12.2): 443 for a family that
// the allocation has no relayed address of, 403 for a peer that is not allowed.
func (s *Server) judge(r *request, peers []netip.Addr, out *Outbox) ([]Verdict, bool) {
	for _, p := range peers {
		if r.alloc.relay(FamilyOf(p)) < 0 {
			s.refuse(r, 443, CauseFamily, out)
			return nil, false
		}
	}
	verdicts := make([]Verdict, len(peers))
	for i, p := range peers {
		verdicts[i] = s.policy(r.realm).Check(p)
		if verdicts[i].Denied {
			s.refuseRule(r, netip.AddrPortFrom(p, 0), verdicts[i].Rule, out)
			return nil, false
		}
		peers[i] = p.Unmap()
	}
	return verdicts, true
}

// newPermissions counts the addresses that have no entry yet.
//
// R-8656-9-e (RFC 8656, 9): there is a cap on the permissions of an allocation.
func (a *allocation) newPermissions(peers []netip.Addr) int {
	n := 0
	for i, p := range peers {
		fresh := a.perms[p] == nil
		for _, q := range peers[:i] {
			fresh = fresh && p != q
		}
		if fresh {
			n++
		}
	}
	return n
}
