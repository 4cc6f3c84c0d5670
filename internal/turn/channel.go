package turn

import (
	"encoding/binary"
	"net/netip"

	"iceserver/internal/stun"
)

// channel binds a number to a peer's address and port (RFC 8656 section 12).
//
// R-8656-12-d (RFC 8656, 12): it belongs to one allocation and ends with it.
type channel struct {
	number  uint16
	peer    netip.AddrPort
	relay   int // which of the allocation's relayed addresses
	perm    *permission
	expires Now
}

// channelBind answers a ChannelBind request (RFC 8656 section 12.2).
func (s *Server) channelBind(now Now, r *request, out *Outbox) {
	number, peer, cause := s.channelArguments(r)
	if cause != CauseNone {
		s.refuse(r, 400, cause, out)
		return
	}
	a := r.alloc
	peers := []netip.Addr{peer.Addr()}
	verdicts, ok := s.judge(r, peers, out)
	if !ok {
		return
	}
	peer = netip.AddrPortFrom(peers[0], peer.Port())
	if s.policy(r.realm).Listener(peer) {
		s.refuseRule(r, peer, "a listener of this server", out)
		return
	}
	c := a.channels[number]
	if c != nil && c.peer != peer || c == nil && a.peers[peer] != nil {
		// R-8656-12.2-a (RFC 8656, 12.2): a number has one peer and a peer one number.
		s.refuse(r, 400, CauseBadRequest, out)
		return
	}
	if c == nil && len(a.channels) >= s.o.MaxChannels ||
		a.newPermissions(peers) > s.o.MaxPermissions-len(a.perms) {
		s.refuse(r, 508, CauseChannels, out)
		return
	}
	// R-8656-12-b (RFC 8656, 12): binding again to the same peer refreshes the
	// binding for 600 s and the permission for 300 s.
	perm := s.permit(now, a, peer.Addr(), verdicts[0], out)
	if c == nil {
		c = &channel{number: number, peer: peer, relay: a.relay(FamilyOf(peer.Addr())), perm: perm}
		a.channels[number], a.peers[peer] = c, c
		perm.channels++
	}
	c.expires = now + s.o.ChannelLifetime
	s.hasten(a, c.expires)
	out.Bound = append(out.Bound, a.binding(c))
	s.succeed(r, out, nil)
}

// channelArguments reads CHANNEL-NUMBER and XOR-PEER-ADDRESS.
//
// R-8656-12.2-a (RFC 8656, 12.2): both are needed and the number is in range.
// R-8656-12.2-c (RFC 8656, 12.2): a peer without a port is no peer.
// R-8656-18.1-a (RFC 8656, 18.1): the two reserved bytes are ignored.
func (s *Server) channelArguments(r *request) (uint16, netip.AddrPort, Cause) {
	v, ok := r.msg.Get(stun.AttrChannelNumber)
	peer, err := r.msg.XORAddress(stun.AttrXORPeerAddress)
	if !ok || len(v) != 4 || err != nil || peer.Port() == 0 {
		return 0, netip.AddrPort{}, CauseBadRequest
	}
	number := binary.BigEndian.Uint16(v)
	switch {
	case number > stun.MaxChannel && number <= maxWideChannel && !s.o.WideChannels:
		return 0, netip.AddrPort{}, CauseWideChannel
	case number < stun.MinChannel || number > s.o.maxChannel():
		return 0, netip.AddrPort{}, CauseBadRequest
	}
	return number, peer, CauseNone
}

// unbind forgets a channel.
//
// R-8656-12-c (RFC 8656, 12): number and peer are free at once.
func (s *Server) unbind(a *allocation, c *channel, out *Outbox) {
	delete(a.channels, c.number)
	delete(a.peers, c.peer)
	if c.perm.channels--; c.perm.channels == 0 && c.perm.ended {
		delete(a.perms, c.peer.Addr())
	}
	out.Unbound = append(out.Unbound, a.binding(c))
}

// binding describes a channel for the offload.
func (a *allocation) binding(c *channel) Binding {
	r := a.relays[c.relay]
	return Binding{From: a.from, Relay: r.id, Relayed: r.addr, Peer: c.peer, Channel: c.number}
}
