package turn

import (
	"encoding/binary"
	"net/netip"

	"iceserver/internal/stun"
)

// channelData relays ChannelData from a client (RFC 8656 section 12.6). buf has
// the packet behind Headroom bytes.
//
// R-8656-12.6-b (RFC 8656, 12.6): it refreshes neither binding nor permission.
func (s *Server) channelData(now Now, from FiveTuple, buf []byte, out *Outbox) {
	pkt := buf[Headroom:]
	number := binary.BigEndian.Uint16(pkt)
	n := int(binary.BigEndian.Uint16(pkt[2:]))
	if stun.ChannelHeaderSize+n > len(pkt) {
		// R-8656-12.6-a (RFC 8656, 12.6): shorter than it says, dropped (A-O03).
		out.Drops[DropMalformed]++
		return
	}
	a := s.clients[keyOf(from)]
	if a == nil {
		out.Drops[DropNoAllocation]++
		return
	}
	c := a.channels[number]
	if c == nil || c.expires <= now {
		out.Drops[DropNoChannel]++
		return
	}
	// R-8656-12.6-c (RFC 8656, 12.6): a bound channel whose permission has run
	// out carries nothing.
	if c.perm.expires <= now {
		out.Drops[DropNoPermission]++
		return
	}
	start := Headroom + stun.ChannelHeaderSize
	s.toPeer(now, a, c.relay, c.perm, c.peer, buf, start, start+n, false, out)
}

// send relays a Send indication (RFC 8656 section 11.2).
//
// R-8656-5-b (RFC 8656, 5): it is not authenticated and changes no state.
func (s *Server) send(now Now, from FiveTuple, m *stun.Message, buf []byte, out *Outbox) {
	a := s.clients[keyOf(from)]
	if a == nil {
		out.Drops[DropNoAllocation]++
		return
	}
	// R-8489-6.3.2-a (RFC 8489, 6.3.2): unknown required attribute, no answer.
	// R-8656-11.2-a (RFC 8656, 11.2): a peer and data are needed; the data may
	// be empty. The first XOR-PEER-ADDRESS counts (R-8489-14-b).
	peer, err := m.XORAddress(stun.AttrXORPeerAddress)
	data, ok := m.Get(stun.AttrData)
	df, known := s.sendAttributes(m)
	if err != nil || !ok || !known || peer.Port() == 0 {
		out.Drops[DropBadIndication]++
		return
	}
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	i := a.relay(FamilyOf(peer.Addr()))
	if i < 0 {
		out.Drops[DropFamily]++
		return
	}
	// R-8656-11.2-c (RFC 8656, 11.2): no permission, no packet, and sending
	// refreshes none.
	p := a.permitted(now, peer.Addr())
	if p == nil {
		out.Drops[DropNoPermission]++
		return
	}
	// R-8656-11.2-d (RFC 8656, 11.2): a forbidden peer is dropped in silence.
	if p.guarded && s.policy(a.realm).Listener(peer) {
		out.Drops[DropForbiddenPeer]++
		return
	}
	start := Headroom + m.Offset(stun.AttrData)
	df = df && from.dontFragment(FamilyOf(peer.Addr()))
	s.toPeer(now, a, i, p, peer, buf, start, start+len(data), df, out)
}

// sendAttributes looks for DONT-FRAGMENT and for what this server does not
// know.
//
// R-8656-11.2-b (RFC 8656, 11.2): where DF cannot be set the indication is dropped.
func (s *Server) sendAttributes(m *stun.Message) (df, known bool) {
	for t := range m.Attributes() {
		if t == stun.AttrDontFragment && s.o.DontFragment {
			df = true
		} else if t.Required() && !s.understands(t) {
			return false, false
		}
	}
	return df, true
}

// dontFragment says whether DONT-FRAGMENT means anything on the way from a client
// to relayed addresses of a family.
//
// R-8656-13-a (RFC 8656, 13): where packets are translated, and that is what is
// said of datagrams from or to IPv6, it is ignored. R-8656-15-a (RFC 8656, 15):
// from a stream nothing is translated.
func (f FiveTuple) dontFragment(relay Family) bool {
	return f.Proto.Stream() || relay == IPv4 && FamilyOf(f.Client.Addr()) == IPv4
}

// toPeer sends buf[start:end] from a relayed address to a peer, or inside this
// server to another allocation.
//
// R-8656-11.2-e (RFC 8656, 11.2): from the relayed address, to the peer, the
// payload exactly.
func (s *Server) toPeer(now Now, a *allocation, i int, p *permission, peer netip.AddrPort,
	buf []byte, start, end int, df bool, out *Outbox) {
	if !a.up.take(now, end-start) {
		out.Drops[DropBandwidth]++
		return
	}
	s.sent(a, end-start)
	s.moved(a, out)
	r := &a.relays[i]
	if p.inside {
		out.Sends = append(out.Sends, Send{
			Kind: ToRelay, Buf: buf[start-Headroom : end], To: peer, From: r.addr,
			Relay: r.id, Direct: p.direct, DF: df,
		})
		return
	}
	out.Sends = append(out.Sends, Send{Kind: ToPeer, Buf: buf[start:end], To: peer, Relay: r.id, DF: df})
}

// Peer takes a packet that arrived at a relayed transport address (RFC 8656
// section 11.3). buf[:Headroom] is scratch, the payload lies behind it, with
// Tailroom bytes of capacity after it.
func (s *Server) Peer(now Now, at RelayID, from netip.AddrPort, buf []byte, out *Outbox) {
	if int(at) >= len(s.relays) || s.relays[at] == nil {
		out.Drops[DropUnknownRelay]++
		return
	}
	a := s.relays[at]
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	// R-8656-11.3-a, R-8656-12.5-a (RFC 8656, 11.3 and 12.5): ChannelData where
	// a channel is bound to that address and port, else a Data indication.
	c := a.peers[from]
	var p *permission
	if c != nil && now < c.expires {
		p = c.perm
	} else {
		c, p = nil, a.perms[from.Addr()]
	}
	// R-8656-9-c (RFC 8656, 9): no permission, dropped without a word.
	if p == nil || p.expires <= now {
		out.Drops[DropNoPermission]++
		return
	}
	n := len(buf) - Headroom
	if !a.down.take(now, n) {
		out.Drops[DropBandwidth]++
		return
	}
	var msg []byte
	if c != nil {
		msg = channelFrame(buf, c.number, a.from.Proto.Stream())
	} else if msg = s.dataIndication(buf, from); msg == nil {
		out.Drops[DropTooLong]++
		return
	}
	s.received(a, n)
	s.moved(a, out)
	out.Sends = append(out.Sends, Send{Kind: ToClient, Buf: msg, To: a.from.Client, Via: a.from.Via})
}

// channelFrame puts a ChannelData header in front of the payload.
//
// R-8656-12.5-b (RFC 8656, 12.5): padded to four bytes on streams, the padding
// is zero and not counted (A-C05).
func channelFrame(buf []byte, number uint16, stream bool) []byte {
	n := len(buf) - Headroom
	msg := buf[Headroom-stun.ChannelHeaderSize:]
	stun.PutChannelHeader(msg, number, n)
	if stream {
		msg = pad(msg, n)
	}
	return msg
}

// dataIndication puts the head of a Data indication in front of the payload, or
// returns nil if that would be longer than a STUN message may be.
func (s *Server) dataIndication(buf []byte, from netip.AddrPort) []byte {
	head := dataHeadIPv4
	if from.Addr().Is6() {
		head = dataHeadIPv6
	}
	n := len(buf) - Headroom
	msg := buf[Headroom-head:]
	if stun.PutDataHeader(msg, s.indicationID(), from, n) == 0 {
		return nil
	}
	return pad(msg, n)
}

// What comes before the data of a Data indication: a STUN header (20 bytes),
// XOR-PEER-ADDRESS (12 or 24) and the header of DATA (4).
const (
	dataHeadIPv4 = 36
	dataHeadIPv6 = 48
)

// pad appends zeros for a payload of n bytes to end on a multiple of four.
func pad(msg []byte, n int) []byte {
	const zeros = "\x00\x00\x00"
	return append(msg, zeros[:(4-n%4)%4]...)
}

// indicationID numbers the Data indications. Nobody answers them, so the
// transaction id has nobody to keep guessing: a counter behind a secret tells
// one from another (RFC 8489 section 5).
func (s *Server) indicationID() stun.TransactionID {
	s.indications++
	var id stun.TransactionID
	binary.BigEndian.PutUint64(id[:], s.indications^s.o.Seed[0])
	binary.BigEndian.PutUint32(id[8:], uint32(s.o.Seed[1]))
	return id
}
