package netio

import (
	"errors"
	"net/netip"
)

// An ICMP is an error that a router or a peer reported about a datagram sent
// from a socket with Options.ICMP. Nobody vouches for it: whoever guesses a port
// can forge one.
type ICMP struct {
	Peer netip.AddrPort // whom the datagram was for, not who reported it
	// Info is the word that some types carry: for "fragmentation needed" (IPv4)
	// and "packet too big" (IPv6) the MTU in bytes of the hop that was too
	// narrow. What others have there means nothing to their sender.
	Info       uint32
	Socket     SocketID
	Type, Code uint8 // of ICMPv4 if Peer is an IPv4 address, else of ICMPv6
}

// errNoICMP is why an engine that cannot do it refuses Options.ICMP.
var errNoICMP = errors.New("this engine does not hear of ICMP errors")
