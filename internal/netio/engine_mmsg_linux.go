package netio

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// wakerID stands for the waker among the ids in events.
const wakerID = -1

// mmsg is the Engine over epoll, recvfrom, recvmmsg, sendto and sendmmsg. A lone
// datagram costs it three calls, an epoll_pwait that sleeps, a recvfrom and a
// sendto; guess and minRun say when it is recvmmsg and sendmmsg instead.
type mmsg struct {
	epoll    *epoll
	waker    *waker
	receiver *receiver
	sender   *sender
	errors   *errorQueue
	zones    zones
	sockets  table[socket]
	slice    timeslice
	stats    Stats
	closed   bool
	busy     bool // the last Poll brought several datagrams
}

func newMmsg() (Engine, error) {
	e := new(mmsg)
	if err := e.init(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *mmsg) init() (err error) {
	if e.receiver, err = newReceiver(&e.zones, &e.stats); err != nil {
		return err
	}
	e.sender = newSender(&e.zones, &e.stats)
	e.errors = newErrorQueue(&e.zones)
	if e.epoll, err = newEpoll(); err != nil {
		return err
	}
	if e.waker, err = newWaker(); err != nil {
		return err
	}
	return e.epoll.add(e.waker.fd, unix.EPOLLIN|unix.EPOLLET, wakerID, 0)
}

func (e *mmsg) Open(laddr netip.AddrPort, o Options) (SocketID, netip.AddrPort, error) {
	if e.closed {
		return 0, laddr, openError(laddr, net.ErrClosed)
	}
	laddr, err := checkLocal(laddr)
	if err != nil {
		return 0, laddr, err
	}
	s, bound, err := openSocket(laddr, o, &e.zones)
	if err != nil {
		return 0, laddr, openError(laddr, err)
	}
	id, generation := e.sockets.add(s)
	if err := e.epoll.add(int(s.fd), unix.EPOLLIN, int32(id), generation); err != nil {
		unix.Close(int(s.fd))
		e.sockets.remove(id)
		return 0, laddr, openError(laddr, err)
	}
	return id, bound, nil
}

func (e *mmsg) Poll(in []Datagram, wait time.Duration) (int, error) {
	switch {
	case e.closed:
		return 0, net.ErrClosed
	case len(in) == 0:
		return 0, errNoRoom
	}
	e.receiver.reset()
	e.errors.reset()
	n, err := e.poll(in, wait)
	e.busy = n > 1
	return n, err
}

func (e *mmsg) poll(in []Datagram, wait time.Duration) (int, error) {
	if n := e.serve(in); n > 0 || e.heard() {
		return n, nil
	}
	// Asking without sleeping first would be in vain at every lone datagram, and
	// save little when it is not, so it is done in busy times only (BenchmarkEpoll).
	if wait == 0 || e.busy {
		if err := e.epoll.wait(0); err != nil {
			return 0, err
		}
		if n := e.serve(in); n > 0 || e.heard() || wait == 0 {
			return n, nil
		}
	}
	e.slice.pause()
	if !e.waker.sleep() {
		wait = 0
	}
	err := e.epoll.wait(wait)
	e.waker.rise()
	if err != nil {
		return 0, err
	}
	return e.serve(in), nil
}

// serve reads from the sockets that the current round found ready, until it is
// through with them or there is no more room.
func (e *mmsg) serve(in []Datagram) int {
	n := 0
	for n < len(in) && e.receiver.room() > 0 {
		ev := e.epoll.take()
		if ev == nil {
			break
		}
		s := e.sockets.match(SocketID(ev.Fd), ev.Pad)
		if s == nil { // the waker, or closed since the round began
			continue
		}
		// Errors first: while one is pending, nothing can be received.
		if ev.Events&unix.EPOLLERR != 0 {
			e.fault(SocketID(ev.Fd), s)
		}
		if ev.Events&unix.EPOLLIN != 0 {
			n += e.receiver.receive(e.epoll.round, SocketID(ev.Fd), s, in[n:])
		}
	}
	return n
}

// fault takes off a socket what epoll reported of errors. Without that it would
// be reported for ever and the worker would spin.
func (e *mmsg) fault(id SocketID, s *socket) {
	if s.icmp {
		e.errors.read(id, s)
	} else {
		s.clearError()
	}
}

// heard says whether this Poll has brought ICMP errors.
func (e *mmsg) heard() bool { return len(e.errors.found) > 0 }

func (e *mmsg) ICMP() []ICMP { return e.errors.take() }

func (e *mmsg) Send(out []Datagram) (int, error) {
	if e.closed {
		return 0, net.ErrClosed
	}
	sent := 0
	for len(out) > 0 {
		n := run(out)
		if s := e.sockets.find(out[0].Socket); s != nil {
			sent += e.sender.send(s, out[:n])
		} else {
			e.stats.SendError += uint64(n)
		}
		out = out[n:]
	}
	return sent, nil
}

func (e *mmsg) Wake() { e.waker.wake() }

func (e *mmsg) CloseSocket(id SocketID) error {
	s := e.sockets.find(id)
	if s == nil {
		return ErrUnknownSocket
	}
	// Closing takes it out of epoll too.
	unix.Close(int(s.fd))
	e.sockets.remove(id)
	return nil
}

func (e *mmsg) Stats() Stats { return e.stats }

func (e *mmsg) Features() Features { return Features{DontFragment: true, ReusePort: true, ICMP: true} }

func (e *mmsg) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	e.sockets.all(func(id SocketID, _ *socket) { _ = e.CloseSocket(id) })
	var errs []error
	if e.waker != nil {
		errs = append(errs, e.waker.close())
	}
	if e.epoll != nil {
		errs = append(errs, e.epoll.close())
	}
	if e.receiver != nil {
		errs = append(errs, e.receiver.free())
	}
	return errors.Join(errs...)
}
