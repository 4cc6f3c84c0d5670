package netio

import (
	"os"

	"golang.org/x/sys/unix"
)

// allowFragments clears the don't-fragment bit, which Linux sets by default.
//
// R-8656-14-c (RFC 8656, 14): what the sender's bit was cannot be seen here, so
// relayed packets leave without it unless the client asked for it.
func allowFragments(fd int, ipv6 bool) error {
	level, option, value := unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT
	if ipv6 {
		level, option, value = unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DONT
	}
	return os.NewSyscallError("setsockopt MTU_DISCOVER", unix.SetsockoptInt(fd, level, option, value))
}
