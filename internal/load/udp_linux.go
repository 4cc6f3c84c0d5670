package load

import (
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readyBatch is how many sockets one look at the kernel may report as readable.
const readyBatch = 512

// Receive buffers asked for, in bytes; the kernel cuts them to its limit. The far
// end takes the packets of all allocations.
const (
	clientBuffer = 1 << 20
	farEndBuffer = 8 << 20
)

// udpWire is the sockets of all clients under one epoll, without a goroutine.
type udpWire struct {
	clock  clock
	server netip.AddrPort
	source netip.Prefix
	epoll  int
	fds    []int
	in     *batch
	out    *batch
	events []unix.EpollEvent
}

// newUDPWire returns a wire of connected UDP sockets.
func newUDPWire(c clock, server netip.AddrPort, from netip.Prefix, size int) (wire, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("load: epoll: %w", err)
	}
	return &udpWire{
		clock: c, server: server, source: from, epoll: epoll,
		in: newBatch(size), out: newBatch(0), events: make([]unix.EpollEvent, readyBatch),
	}, nil
}

func (w *udpWire) open() error {
	i := len(w.fds)
	fd, err := udpSocket(source(w.source, i), w.server.Addr(), 0, clientBuffer)
	if err != nil {
		return fmt.Errorf("load: client %d: %w", i, err)
	}
	w.fds = append(w.fds, fd)
	if err := unix.Connect(fd, unixAddr(w.server)); err != nil {
		return fmt.Errorf("load: client %d: connect to %s: %w", i, w.server, err)
	}
	// The index travels in the field for a descriptor, which epoll hands back as it is.
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("load: client %d: epoll: %w", i, err)
	}
	return nil
}

func (w *udpWire) send(client int, msgs [][]byte) int {
	return w.out.send(w.fds[client], nil, msgs)
}

func (w *udpWire) receive(wait time.Duration, deliver func(int, []byte, time.Duration)) error {
	for {
		// Rounded up: a wait of less than a millisecond must not become a busy loop.
		ms := int((wait + time.Millisecond - 1) / time.Millisecond)
		n, err := unix.EpollWait(w.epoll, w.events, ms)
		if err == unix.EINTR {
			return nil
		}
		if err != nil {
			return fmt.Errorf("load: epoll: %w", err)
		}
		for _, ev := range w.events[:n] {
			w.drain(int(ev.Fd), deliver)
		}
		if n < len(w.events) {
			return nil
		}
		wait = 0
	}
}

// drain delivers what one client's socket holds.
func (w *udpWire) drain(client int, deliver func(int, []byte, time.Duration)) {
	for {
		n := w.in.receive(w.fds[client], false)
		for i := range n {
			deliver(client, w.in.message(i), arrivalTime(w.clock, w.in, i))
		}
		if n < batchSize {
			return
		}
	}
}

// pause sleeps on the thread itself, in one call that the scheduler does not
// hear of: the runtime's timers are good to a millisecond only, and telling it
// of a sleep would have its idle threads look for work a thousand times a second,
// on the processors that the server needs.
func (w *udpWire) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	ts := unix.NsecToTimespec(int64(d))
	// Cut short by a signal, the caller's next look at the clock makes it good.
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}

func (w *udpWire) close() {
	for _, fd := range w.fds {
		_ = unix.Close(fd)
	}
	_ = unix.Close(w.epoll)
}

// udpFarEnd is the socket of all peers.
type udpFarEnd struct {
	clock clock
	fd    int
	at    netip.AddrPort
	in    *batch
	out   *batch
}

// newFarEnd binds the peers' socket; port 0 takes a free one.
func newFarEnd(c clock, at netip.AddrPort, size int) (farEnd, error) {
	fd, err := udpSocket(at.Addr(), at.Addr(), at.Port(), farEndBuffer)
	if err != nil {
		return nil, fmt.Errorf("load: peer: %w", err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("load: peer: %w", err)
	}
	var port int
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		port = sa.Port
	case *unix.SockaddrInet6:
		port = sa.Port
	}
	at = netip.AddrPortFrom(at.Addr(), uint16(port))
	return &udpFarEnd{clock: c, fd: fd, at: at, in: newBatch(size), out: newBatch(0)}, nil
}

func (f *udpFarEnd) addr() netip.AddrPort { return f.at }

func (f *udpFarEnd) send(to []netip.AddrPort, msgs [][]byte) int {
	return f.out.send(f.fd, to, msgs)
}

func (f *udpFarEnd) receive(deliver func(netip.AddrPort, []byte, time.Duration)) error {
	for {
		n := f.in.receive(f.fd, true)
		for i := range n {
			deliver(f.in.from(i), f.in.message(i), arrivalTime(f.clock, f.in, i))
		}
		if n < batchSize {
			return nil
		}
	}
}

func (f *udpFarEnd) close() { _ = unix.Close(f.fd) }

// arrivalTime is when the kernel received the i-th datagram of a batch. The
// kernel's stamp keeps the generator's own delay in reading out of the latency.
func arrivalTime(c clock, b *batch, i int) time.Duration {
	if ns, ok := b.arrived(i); ok {
		return c.fromWall(ns)
	}
	return c.now()
}

// udpSocket opens a socket of the family of far, bound to an address if it is
// valid, whose datagrams carry the kernel's time stamp.
func udpSocket(at, far netip.Addr, port uint16, buffer int) (int, error) {
	family := unix.AF_INET6
	if far.Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket (the limit of open files may be too low, see ulimit -n): %w", err)
	}
	// A smaller buffer or a missing stamp costs precision and shows in the figures.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	if at.IsValid() {
		if err := unix.Bind(fd, unixAddr(netip.AddrPortFrom(at, port))); err != nil {
			_ = unix.Close(fd)
			return -1, fmt.Errorf("bind to %s: %w", at, err)
		}
	}
	return fd, nil
}

// unixAddr converts an address for the calls of x/sys.
func unixAddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
