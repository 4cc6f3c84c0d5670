package load

import (
	"net/netip"
	"time"
)

// maxMessage is the longest message that a wire carries, in bytes: a full UDP
// payload.
const maxMessage = 65507

// A wire joins the clients of a run with the server: one connection or socket
// each, known by its index.
type wire interface {
	// open connects one more client; the first is number 0.
	open() error
	// send hands whole messages of one client to the kernel, back to back, and
	// returns how many it took.
	send(client int, msgs [][]byte) int
	// receive delivers every message that has arrived, waiting at most wait for
	// the first. A message is valid during the call only.
	receive(wait time.Duration, deliver func(client int, msg []byte, at time.Duration)) error
	// pause sleeps between two ticks, as exactly as the wire needs and can.
	pause(d time.Duration)
	// close closes every connection and waits for what reads them.
	close()
}

// A far end plays the peers that the clients talk to: one UDP socket, because a
// permission and a channel are per allocation and many may name one peer.
type farEnd interface {
	// addr is the transport address that channels are bound to.
	addr() netip.AddrPort
	// send hands one datagram for each address to the kernel and returns how
	// many, of the first, it took.
	send(to []netip.AddrPort, msgs [][]byte) int
	// receive delivers every datagram that has arrived, and does not wait.
	receive(deliver func(from netip.AddrPort, msg []byte, at time.Duration)) error
	// close closes the socket.
	close()
}

// A clock gives the time since the run started, and puts the kernel's time
// stamps, which are on the wall clock, on the same scale.
type clock struct{ started time.Time }

// now is the monotonic time since the run started.
func (c clock) now() time.Duration { return time.Since(c.started) }

// fromWall converts nanoseconds since 1970 into time since the run started.
func (c clock) fromWall(ns int64) time.Duration {
	return time.Duration(ns - c.started.UnixNano())
}

// stepped is how far the wall clock has moved against the monotonic one. While
// it is not near zero, latencies taken from kernel time stamps are wrong.
func (c clock) stepped() time.Duration {
	now := time.Now()
	wall := time.Duration(now.UnixNano() - c.started.UnixNano())
	return wall - now.Sub(c.started)
}

// source returns the address that client i sends from: the addresses of the
// prefix in turn, without its first, which is the network's own. An invalid
// prefix leaves the choice to the system.
func source(p netip.Prefix, i int) netip.Addr {
	if !p.IsValid() {
		return netip.Addr{}
	}
	bits := p.Addr().BitLen() - p.Bits()
	if bits < 2 {
		return p.Addr()
	}
	// 16 bits are enough: no run has more clients than that.
	hosts := 1<<min(bits, 16) - 2
	n := 1 + i%hosts
	b := p.Masked().Addr().AsSlice()
	b[len(b)-1] |= byte(n)
	if hosts > 255 {
		b[len(b)-2] |= byte(n >> 8)
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}
