package netiotest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"iceserver/internal/netio"
)

// poison overwrites buffers that the caller of Poll has given back, so that a
// test notices who kept one.
const poison = 0xDB

// An engine is a netio.Engine on a Net. Its fields are guarded by net.mu.
type engine struct {
	net     *Net
	signal  chan struct{} // holds a token when the queue or woken has changed
	queue   []packet
	woken   bool
	sockets []*socket // by id; nil: free
	free    []netio.SocketID
	lent    [][]byte
	errors  []netio.ICMP // that the next Poll brings
	told    []netio.ICMP // that the last one brought
	stats   netio.Stats
	closed  bool
}

type socket struct {
	engine  *engine
	id      netio.SocketID
	addr    netip.AddrPort
	shared  bool
	icmp    bool
	waiting int // datagrams in engine.queue
}

type packet struct {
	to   *socket
	from netip.AddrPort
	buf  []byte // with headroom and tailroom
}

func (e *engine) Open(laddr netip.AddrPort, o netio.Options) (netio.SocketID, netip.AddrPort, error) {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	laddr = netip.AddrPortFrom(laddr.Addr().Unmap(), laddr.Port())
	s := &socket{engine: e, addr: laddr, shared: o.ReusePort, icmp: o.ICMP}
	var err error
	switch {
	case e.closed:
		err = net.ErrClosed
	case !laddr.IsValid() || laddr.Addr().IsUnspecified():
		err = errors.New("not the address of a machine")
	default:
		err = e.net.bind(s)
	}
	if err != nil {
		return 0, laddr, fmt.Errorf("netio: open UDP %v: %w", laddr, err)
	}
	if last := len(e.free) - 1; last >= 0 {
		s.id, e.free = e.free[last], e.free[:last]
		e.sockets[s.id] = s
	} else {
		s.id = netio.SocketID(len(e.sockets))
		e.sockets = append(e.sockets, s)
	}
	return s.id, s.addr, nil
}

func (e *engine) Poll(in []netio.Datagram, wait time.Duration) (int, error) {
	var expired <-chan time.Time
	for {
		n, done, err := e.take(in)
		if err != nil || done || wait == 0 {
			return n, err
		}
		if wait > 0 && expired == nil {
			t := time.NewTimer(wait)
			defer t.Stop()
			expired = t.C
		}
		select {
		case <-e.signal:
		case <-expired:
			return 0, nil
		}
	}
}

// take fills in from the queue; done means that Poll has to return.
func (e *engine) take(in []netio.Datagram) (n int, done bool, err error) {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	switch {
	case e.closed:
		return 0, true, net.ErrClosed
	case len(in) == 0:
		return 0, true, errors.New("netio: Poll was given no room for a datagram")
	}
	for _, buf := range e.lent {
		for i := range buf {
			buf[i] = poison
		}
	}
	e.lent = e.lent[:0]
	e.told, e.errors = e.errors, nil
	for n < len(in) && n < len(e.queue) {
		p := e.queue[n]
		p.to.waiting--
		e.lent = append(e.lent, p.buf)
		in[n] = netio.Datagram{Buf: p.buf[:len(p.buf)-netio.Tailroom], Peer: p.from, Socket: p.to.id}
		n++
	}
	e.queue = slices.Delete(e.queue, 0, n)
	done = n > 0 || len(e.told) > 0 || e.woken
	e.woken = false
	return n, done, nil
}

// enqueue puts p at the place at of the queue. net.mu is held.
func (e *engine) enqueue(at int, p packet) {
	e.queue = slices.Insert(e.queue, at, p)
	p.to.waiting++
	e.notify()
}

// ICMP lets a test see who keeps the slice for longer than it may: Poll makes a
// new one.
func (e *engine) ICMP() []netio.ICMP {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	told := e.told
	e.told = nil
	return told
}

func (e *engine) notify() {
	select {
	case e.signal <- struct{}{}:
	default:
	}
}

func (e *engine) Send(out []netio.Datagram) (int, error) {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	if e.closed {
		return 0, net.ErrClosed
	}
	sent := 0
	for _, d := range out {
		if s := e.find(d.Socket); s != nil && e.net.send(s, d) {
			sent++
		} else {
			e.stats.SendError++
		}
	}
	return sent, nil
}

func (e *engine) find(id netio.SocketID) *socket {
	if uint64(id) >= uint64(len(e.sockets)) {
		return nil
	}
	return e.sockets[id]
}

func (e *engine) Wake() {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	e.woken = true
	e.notify()
}

func (e *engine) CloseSocket(id netio.SocketID) error {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	s := e.find(id)
	if s == nil {
		return netio.ErrUnknownSocket
	}
	e.net.unbind(s)
	e.queue = slices.DeleteFunc(e.queue, func(p packet) bool { return p.to == s })
	e.errors = slices.DeleteFunc(e.errors, func(c netio.ICMP) bool { return c.Socket == id })
	e.sockets[id] = nil
	e.free = append(e.free, id)
	return nil
}

func (e *engine) Stats() netio.Stats {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	return e.stats
}

func (e *engine) Features() netio.Features {
	return netio.Features{DontFragment: true, ReusePort: true, ICMP: true}
}

func (e *engine) Close() error {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	e.closed = true
	for id, s := range e.sockets {
		if s != nil {
			e.net.unbind(s)
			e.sockets[id] = nil
		}
	}
	e.queue, e.errors = nil, nil
	e.notify()
	return nil
}
