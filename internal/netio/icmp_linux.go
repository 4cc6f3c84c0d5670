package netio

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// icmpRun is how many errors of one socket a round of epoll takes. Whoever
	// floods a port with them gets no more of the worker's time than with
	// datagrams, and the other sockets are served in between.
	icmpRun = 16
	// icmpRoom is how many one Poll brings, from all sockets.
	icmpRoom = 4 * icmpRun
	// controlSize has room for one control message with an extended error and
	// the address of who reported it.
	controlSize = 64
)

// A controlMessage is that of one error. The words align it.
type controlMessage [controlSize / 8]uint64

// An errorQueue reads what the kernel keeps for each socket of ICMP errors. The
// kernel has already looked into them: they quote a UDP datagram, and its source
// is the socket.
//
// R-8656-11.5-c (RFC 8656, 11.5): so errors about packets that are not ours, or
// not UDP, end in the kernel.
type errorQueue struct {
	messages messages
	controls []controlMessage
	found    []ICMP // of this Poll
	zones    *zones
}

func newErrorQueue(z *zones) *errorQueue {
	q := &errorQueue{
		messages: newMessages(icmpRun), controls: make([]controlMessage, icmpRun),
		found: make([]ICMP, 0, icmpRoom), zones: z,
	}
	for i := range q.controls {
		// What the datagram had in it is not wanted, so its vector stays empty.
		q.messages.headers[i].hdr.Control = (*byte)(unsafe.Pointer(&q.controls[i]))
		q.messages.headers[i].hdr.SetControllen(controlSize)
	}
	return q
}

// reset forgets what the last Poll brought.
func (q *errorQueue) reset() { q.found = q.found[:0] }

// take hands out what the Poll brought, once.
func (q *errorQueue) take() []ICMP {
	found := q.found
	q.found = q.found[:0]
	return found
}

// read takes errors off a socket's queue, as far as there is room.
func (q *errorQueue) read(id SocketID, s *socket) {
	got, want := 0, min(icmpRun, cap(q.found)-len(q.found))
	if want > 0 {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(s.fd),
			uintptr(unsafe.Pointer(&q.messages.headers[0])), uintptr(want), unix.MSG_ERRQUEUE, 0, 0)
		if errno == 0 {
			got = int(n)
		}
	}
	for i := range got {
		if c, ok := q.parse(i); ok {
			c.Socket = id
			q.found = append(q.found, c)
		}
	}
	// An empty queue has no pending error. One that goes on has, and it would
	// come back from the next receive in place of a datagram: a flood of errors
	// must not hold up the data.
	if got == 0 || got == want {
		s.clearError()
	}
}

// parse reads the i-th message; false if it is no ICMP error, but one that this
// machine made itself about a datagram that it never sent.
func (q *errorQueue) parse(i int) (ICMP, bool) {
	hdr := &q.messages.headers[i].hdr
	length := int(hdr.Controllen)
	hdr.Namelen = sockaddrSize // the kernel wrote over both
	hdr.SetControllen(controlSize)
	if length < unix.CmsgLen(int(unsafe.Sizeof(unix.SockExtendedErr{}))) {
		return ICMP{}, false
	}
	control := unsafe.Pointer(&q.controls[i])
	cmsg := (*unix.Cmsghdr)(control)
	ipv4 := cmsg.Level == unix.IPPROTO_IP && cmsg.Type == unix.IP_RECVERR
	ipv6 := cmsg.Level == unix.IPPROTO_IPV6 && cmsg.Type == unix.IPV6_RECVERR
	e := (*unix.SockExtendedErr)(unsafe.Add(control, unix.CmsgLen(0)))
	if !(ipv4 && e.Origin == unix.SO_EE_ORIGIN_ICMP || ipv6 && e.Origin == unix.SO_EE_ORIGIN_ICMP6) {
		return ICMP{}, false
	}
	// R-8656-11.5-d (RFC 8656, 11.5): the kernel tells the port too.
	return ICMP{Peer: q.messages.names[i].addrPort(q.zones), Info: e.Info, Type: e.Type, Code: e.Code}, true
}

// hearICMP makes the kernel keep ICMP errors about the socket's datagrams.
func (s *socket) hearICMP() error {
	fd, level, option := int(s.fd), unix.IPPROTO_IP, unix.IP_RECVERR
	if s.ipv6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVERR
	}
	if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
		return os.NewSyscallError("setsockopt RECVERR", err)
	}
	s.icmp = true
	if s.ipv6 {
		return nil
	}
	return os.NewSyscallError("setsockopt MTU_DISCOVER",
		unix.SetsockoptInt(fd, level, unix.IP_MTU_DISCOVER, s.fragmenting()))
}

// fragmenting is the IP_MTU_DISCOVER of an IPv4 socket whose packets may be cut
// up. With DONT the kernel keeps "fragmentation needed" to itself, though it may
// be about an earlier packet that was sent with the bit; with OMIT packets are
// cut up just the same, and a forged error does not make them smaller.
func (s *socket) fragmenting() int {
	if s.icmp {
		return unix.IP_PMTUDISC_OMIT
	}
	return unix.IP_PMTUDISC_DONT
}
