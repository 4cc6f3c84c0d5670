package relay

import "net/netip"

// exemption is the one way by which a packet for an address of this server may
// leave by a socket although no rule of the operator's allows it.
type exemption struct{ relayed, peer netip.AddrPort }

// Exempt lets the holder of the relayed address relayed, as clients are told it,
// send to peer, a port of this server's own address that no relay holds, until
// end is called. It is there for a server that tries its own sockets: it must be
// peer's owner and relayed's holder for as long, so that nobody else can use it.
// A further call replaces the exemption. It may be called from any goroutine.
//
// A-P20: for everybody else a relayed address leads to its client and no further.
func (r *Relay) Exempt(relayed, peer netip.AddrPort) (end func()) {
	e := &exemption{relayed, peer}
	r.exempt.Store(e)
	return func() { r.exempt.CompareAndSwap(e, nil) }
}

// exempts is asked only for packets that would be dropped otherwise.
func (r *Relay) exempts(relayed, peer netip.AddrPort) bool {
	e := r.exempt.Load()
	return e != nil && *e == exemption{relayed, peer}
}
