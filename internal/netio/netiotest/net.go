// Package netiotest tests engines: a suite that every netio.Engine passes, and
// a network in memory for tests that should not depend on real sockets.
//
// Knows: netio's contract. Does not know: STUN, TURN. Owns: nothing outside
// of the test that uses it.
package netiotest

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"iceserver/internal/netio"
)

// queueLimit is how many datagrams wait for one socket; more are lost, as they
// are when a socket's buffer is full.
const queueLimit = 1024

// errorLimit is how many ICMP errors one Poll brings; more are lost.
const errorLimit = 64

// firstPort is the lowest port that an Open with port 0 gets.
const firstPort = 49152

// A Net is a network in memory. Every address is local to every engine on it,
// nothing takes time, and what it loses or reorders follows from its seed and
// the order of the calls. It and its engines work in the bubble of
// testing/synctest in which they were made: a Poll that waits is durably
// blocked. Its methods may be called from any goroutine.
type Net struct {
	mu      sync.Mutex // guards the following and the queues of all engines
	rng     *rand.Rand
	bound   map[netip.AddrPort][]*socket // several only with ReusePort
	next    uint16                       // the port tried first for an Open with port 0
	loss    float64
	reorder float64
	refusal error
	watch   func(from netip.AddrPort, d netio.Datagram)
}

// NewNet makes an empty network that loses nothing and keeps the order.
func NewNet(seed uint64) *Net {
	return &Net{
		rng:   rand.New(rand.NewPCG(seed, seed)),
		bound: make(map[netip.AddrPort][]*socket),
		next:  firstPort,
	}
}

// Engine attaches a new engine. It never fails; the error is there to make it
// the kind of function by which engines are made elsewhere.
func (n *Net) Engine() (netio.Engine, error) {
	return &engine{net: n, signal: make(chan struct{}, 1)}, nil
}

// SetLoss makes the network lose each datagram with the probability p, from 0
// to 1.
func (n *Net) SetLoss(p float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss = p
}

// SetReorder makes each datagram, with the probability p from 0 to 1, overtake
// some of those that wait for the same engine.
func (n *Net) SetReorder(p float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reorder = p
}

// RefuseOpens makes every Open fail with an error that wraps err, such as
// syscall.EMFILE; nil allows them again.
func (n *Net) RefuseOpens(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refusal = err
}

// Watch calls f for each datagram that is sent from now on, also for those that
// are lost; nil ends it. The network waits for f, which must not use it nor
// keep d.Buf. Here d.Socket is the sender's and d.Peer is where d goes.
func (n *Net) Watch(f func(from netip.AddrPort, d netio.Datagram)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watch = f
}

// bind registers s, choosing a port if there is none. n.mu is held.
func (n *Net) bind(s *socket) error {
	if n.refusal != nil {
		return n.refusal
	}
	if s.addr.Port() == 0 {
		addr, ok := n.freePort(s.addr.Addr())
		if !ok {
			return syscall.EADDRINUSE
		}
		s.addr = addr
	}
	for _, other := range n.bound[s.addr] {
		if !s.shared || !other.shared {
			return syscall.EADDRINUSE
		}
	}
	n.bound[s.addr] = append(n.bound[s.addr], s)
	return nil
}

// freePort finds a port that nobody has on ip. n.mu is held.
func (n *Net) freePort(ip netip.Addr) (netip.AddrPort, bool) {
	for range 65536 - firstPort {
		addr := netip.AddrPortFrom(ip, n.next)
		if n.next++; n.next == 0 {
			n.next = firstPort
		}
		if len(n.bound[addr]) == 0 {
			return addr, true
		}
	}
	return netip.AddrPort{}, false
}

// unbind forgets s. n.mu is held.
func (n *Net) unbind(s *socket) {
	left := n.bound[s.addr][:0]
	for _, other := range n.bound[s.addr] {
		if other != s {
			left = append(left, other)
		}
	}
	if len(left) == 0 {
		delete(n.bound, s.addr)
		return
	}
	n.bound[s.addr] = left
}

// send delivers d, or loses it; false if it is no datagram that the socket
// could send. n.mu is held.
func (n *Net) send(from *socket, d netio.Datagram) bool {
	dst := d.Peer
	if !dst.IsValid() || dst.Port() == 0 || dst.Addr().Is4() != from.addr.Addr().Is4() ||
		dst.Addr().Is4In6() || len(d.Buf) > netio.MaxPayload {
		return false
	}
	if n.watch != nil {
		n.watch(from.addr, d)
	}
	if n.loss > 0 && n.rng.Float64() < n.loss {
		return true
	}
	to := n.receiver(from.addr, dst)
	if to == nil {
		from.report(unreachable(dst))
		return true
	}
	if to.waiting >= queueLimit {
		return true
	}
	p := packet{to: to, from: from.addr, buf: make([]byte, netio.Headroom+len(d.Buf)+netio.Tailroom)}
	copy(p.buf[netio.Headroom:], d.Buf)
	at := len(to.engine.queue)
	if n.reorder > 0 && n.rng.Float64() < n.reorder {
		at = n.rng.IntN(at + 1)
	}
	to.engine.enqueue(at, p)
	return true
}

// ICMP makes an error arrive for the socket bound to at, as if a router had sent
// it about a datagram to c.Peer; c.Socket means nothing. It says whether there is
// such a socket that hears of errors.
func (n *Net) ICMP(at netip.AddrPort, c netio.ICMP) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.bound[at], func(s *socket) bool { return s.report(c) })
}

// unreachable is what the host of a port that nobody has answers: type 3 with
// code 3 in IPv4, type 1 with code 4 in IPv6.
func unreachable(peer netip.AddrPort) netio.ICMP {
	if peer.Addr().Is4() {
		return netio.ICMP{Peer: peer, Type: 3, Code: 3}
	}
	return netio.ICMP{Peer: peer, Type: 1, Code: 4}
}

// report tells the socket of an error; false if it does not hear of them. net.mu
// is held.
func (s *socket) report(c netio.ICMP) bool {
	if !s.icmp {
		return false
	}
	if e := s.engine; len(e.errors) < errorLimit {
		c.Socket = s.id
		e.errors = append(e.errors, c)
		e.notify()
	}
	return true
}

// receiver chooses among the sockets of one address by the sender, so that one
// sender always reaches the same socket, as with SO_REUSEPORT. n.mu is held.
func (n *Net) receiver(from, to netip.AddrPort) *socket {
	sockets := n.bound[to]
	switch len(sockets) {
	case 0:
		return nil
	case 1:
		return sockets[0]
	}
	h := fnv.New32a()
	ip := from.Addr().As16()
	h.Write(ip[:])
	_ = binary.Write(h, binary.BigEndian, from.Port()) // a hash takes everything
	return sockets[h.Sum32()%uint32(len(sockets))]
}
