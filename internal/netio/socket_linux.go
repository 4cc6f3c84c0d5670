package netio

import (
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A socket is what the mmsg engine remembers of one of its sockets.
type socket struct {
	fd    int32
	ipv6  bool
	df    bool // the don't-fragment bit is on now
	icmp  bool // see Options.ICMP
	guess guess
}

// openSocket makes a bound socket. A machine without descriptors left (EMFILE)
// or a busy port (EADDRINUSE) can be told apart in the error.
func openSocket(laddr netip.AddrPort, o Options, z *zones) (socket, netip.AddrPort, error) {
	s := socket{guess: newGuess(), ipv6: laddr.Addr().Is6()}
	family := unix.AF_INET
	if s.ipv6 {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return s, laddr, os.NewSyscallError("socket", err)
	}
	s.fd = int32(fd)
	if err := s.configure(o); err != nil {
		unix.Close(fd)
		return s, laddr, err
	}
	bound, err := s.bind(laddr, z)
	if err != nil {
		unix.Close(fd)
		return s, laddr, err
	}
	return s, bound, nil
}

// configure sets the options of o and those that every socket has.
//
// R-8656-3.6-a, R-8656-14-a, R-8656-14-b, R-8656-14-d, R-8656-16-a (RFC 8656, 3.6,
// 14 and 16): DSCP, ECN and TTL stay the system's defaults, those of what came in
// are not looked at, and nothing here takes privilege.
func (s *socket) configure(o Options) error {
	fd := int(s.fd)
	if s.ipv6 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return os.NewSyscallError("setsockopt IPV6_V6ONLY", err)
		}
	}
	if o.ReusePort {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return os.NewSyscallError("setsockopt SO_REUSEPORT", err)
		}
	}
	if err := allowFragments(fd, s.ipv6); err != nil {
		return err
	}
	if o.ICMP {
		if err := s.hearICMP(); err != nil {
			return err
		}
	}
	setBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, o.RecvBuf)
	setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, o.SendBuf)
	return nil
}

// setBuffer asks for a buffer above the system's limit, which needs privilege,
// and else for what is allowed. A smaller buffer than wanted is no reason to
// refuse service, so failures are not reported.
func setBuffer(fd, force, plain, size int) {
	if size <= 0 {
		return
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, size) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, size)
	}
}

// bind returns the address with the port that the kernel chose.
func (s *socket) bind(laddr netip.AddrPort, z *zones) (netip.AddrPort, error) {
	var addr sockaddr
	size := addr.set(laddr, z)
	_, _, errno := unix.RawSyscall(unix.SYS_BIND, uintptr(s.fd),
		uintptr(unsafe.Pointer(&addr)), uintptr(size))
	if errno != 0 {
		return laddr, os.NewSyscallError("bind", errno)
	}
	if laddr.Port() != 0 {
		return laddr, nil
	}
	size = sockaddrSize
	_, _, errno = unix.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(s.fd),
		uintptr(unsafe.Pointer(&addr)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return laddr, os.NewSyscallError("getsockname", errno)
	}
	return netip.AddrPortFrom(laddr.Addr(), addr.addrPort(z).Port()), nil
}

// setDF switches the don't-fragment bit of the packets that follow. The state
// is remembered, so that a run of like packets costs one call.
func (s *socket) setDF(on bool) error {
	if s.df == on {
		return nil
	}
	level, option, value := unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, s.fragmenting()
	if on {
		// PROBE, not DO: whoever sets the bit looks for the path's size, and
		// the packet must reach the narrow hop whatever the kernel believes.
		value = unix.IP_PMTUDISC_PROBE
	}
	if s.ipv6 {
		level, option, value = unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG, 0
		if on {
			value = 1
		}
	}
	if err := unix.SetsockoptInt(int(s.fd), level, option, value); err != nil {
		return err
	}
	s.df = on
	return nil
}

// clearError takes a pending error off the socket.
func (s *socket) clearError() {
	_, _ = unix.GetsockoptInt(int(s.fd), unix.SOL_SOCKET, unix.SO_ERROR)
}
