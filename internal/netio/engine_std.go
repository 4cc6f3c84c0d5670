package netio

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// stdQueue is how many datagrams wait for Poll. When it is full the readers
// wait and the kernel drops, as it does for the other engine.
const stdQueue = 256

// std is the portable Engine: a goroutine per socket reads datagrams and puts
// them into one queue, which Poll empties.
type std struct {
	queue   chan stdPacket
	wake    chan struct{} // holds one token: somebody called Wake
	timer   *time.Timer
	pool    sync.Pool    // of *stdBuffer
	lent    []*stdBuffer // what the caller of Poll holds
	sockets table[*stdSocket]
	readers sync.WaitGroup

	stats     Stats
	truncated atomic.Uint64 // counted by the readers
	closed    bool
}

// A stdBuffer has one byte too many, so that a datagram longer than MaxPayload
// is noticed instead of cut.
type stdBuffer [Headroom + MaxPayload + Tailroom]byte

type stdPacket struct {
	buf        *stdBuffer
	n          int // bytes of payload
	peer       netip.AddrPort
	id         SocketID
	generation int32
}

func newStd() *std {
	e := &std{
		queue: make(chan stdPacket, stdQueue),
		wake:  make(chan struct{}, 1),
		timer: time.NewTimer(0),
		pool:  sync.Pool{New: func() any { return new(stdBuffer) }},
	}
	e.timer.Stop()
	return e
}

func (e *std) Open(laddr netip.AddrPort, o Options) (SocketID, netip.AddrPort, error) {
	if e.closed {
		return 0, laddr, openError(laddr, net.ErrClosed)
	}
	laddr, err := checkLocal(laddr)
	if err != nil {
		return 0, laddr, err
	}
	s, err := openStdSocket(laddr, o)
	if err != nil {
		return 0, laddr, openError(laddr, err)
	}
	id, generation := e.sockets.add(s)
	e.readers.Go(func() {
		defer close(s.done)
		e.read(s, id, generation)
	})
	bound := s.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	return id, netip.AddrPortFrom(laddr.Addr(), bound), nil
}

// read moves datagrams from one socket to the queue until the socket is closed.
func (e *std) read(s *stdSocket, id SocketID, generation int32) {
	for {
		buf := e.pool.Get().(*stdBuffer)
		n, peer, err := s.conn.ReadFromUDPAddrPort(buf[Headroom:])
		if err == nil && n <= MaxPayload {
			// The kernel's IPv4 peers come back in IPv6 form on some systems.
			peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
			select {
			case e.queue <- stdPacket{buf, n, peer, id, generation}:
				continue
			case <-s.closing:
				return
			}
		}
		e.pool.Put(buf)
		if n > MaxPayload {
			e.truncated.Add(1)
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil && !s.pause() {
			return
		}
	}
}

func (e *std) Poll(in []Datagram, wait time.Duration) (int, error) {
	switch {
	case e.closed:
		return 0, net.ErrClosed
	case len(in) == 0:
		return 0, errNoRoom
	}
	for _, buf := range e.lent {
		e.pool.Put(buf)
	}
	e.lent = e.lent[:0]
	if n := e.collect(in); n > 0 || wait == 0 {
		return n, nil
	}
	return e.await(in, wait), nil
}

// collect takes what is in the queue.
func (e *std) collect(in []Datagram) int {
	n := 0
	for n < len(in) {
		select {
		case p := <-e.queue:
			n += e.accept(&in[n], p)
		default:
			return n
		}
	}
	return n
}

// await waits for the first datagram, and takes what came with it.
func (e *std) await(in []Datagram, wait time.Duration) int {
	var expired <-chan time.Time
	if wait > 0 {
		e.timer.Reset(wait)
		defer e.timer.Stop()
		expired = e.timer.C
	}
	select {
	case p := <-e.queue:
		n := e.accept(&in[0], p)
		return n + e.collect(in[n:])
	case <-e.wake:
		return e.collect(in)
	case <-expired:
		return 0
	}
}

// accept fills d, unless the socket has been closed since; it returns 1 or 0.
func (e *std) accept(d *Datagram, p stdPacket) int {
	if e.sockets.match(p.id, p.generation) == nil {
		e.pool.Put(p.buf)
		return 0
	}
	e.lent = append(e.lent, p.buf)
	*d = Datagram{Buf: p.buf[:Headroom+p.n], Peer: p.peer, Socket: p.id}
	return 1
}

// Send may wait for room in the socket's buffer, since the standard library
// cannot be told not to.
func (e *std) Send(out []Datagram) (int, error) {
	if e.closed {
		return 0, net.ErrClosed
	}
	sent := 0
	for i := range out {
		if err := e.send(&out[i]); err == nil {
			sent++
		} else if errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.EAGAIN) {
			e.stats.SendFull++
		} else {
			e.stats.SendError++
		}
	}
	return sent, nil
}

func (e *std) send(d *Datagram) error {
	s := e.sockets.find(d.Socket)
	if s == nil {
		return ErrUnknownSocket
	}
	if d.DF {
		return errors.ErrUnsupported
	}
	if d.Peer.Addr().Is4() != (*s).ipv4 {
		// The library would send to the IPv4 form of a mapped address.
		return syscall.EAFNOSUPPORT
	}
	_, err := (*s).conn.WriteToUDPAddrPort(d.Buf, d.Peer)
	return err
}

func (e *std) Wake() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *std) CloseSocket(id SocketID) error {
	s := e.sockets.find(id)
	if s == nil {
		return ErrUnknownSocket
	}
	err := (*s).close()
	e.sockets.remove(id)
	return err
}

func (e *std) Stats() Stats {
	st := e.stats
	st.Truncated += e.truncated.Load()
	return st
}

// ICMP has nothing to tell: the standard library does not read error queues.
func (e *std) ICMP() []ICMP { return nil }

func (e *std) Features() Features { return Features{ReusePort: canReusePort} }

func (e *std) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	var errs []error
	e.sockets.all(func(id SocketID, _ **stdSocket) { errs = append(errs, e.CloseSocket(id)) })
	e.readers.Wait()
	return errors.Join(errs...)
}
