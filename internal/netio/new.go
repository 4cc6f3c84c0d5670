package netio

import (
	"errors"
	"fmt"
	"net/netip"
)

// New returns the fastest Engine of this system: recvmmsg and sendmmsg on
// Linux, the standard library elsewhere.
func New() (Engine, error) { return NewNamed("") }

// NewStd returns the portable Engine over the standard library's sockets. It
// costs a goroutine and a channel operation per packet, so it is for systems
// without a better one and for telling a fault of ours from one of a shortcut.
func NewStd() (Engine, error) { return newStd(), nil }

// NewNamed returns the Engine called "mmsg" (Linux only) or "std"; the empty
// name means New's choice. It is the switch by which an operator, or the tests,
// turn the shortcuts off.
func NewNamed(name string) (Engine, error) {
	switch name {
	case "":
		return newBest()
	case "mmsg":
		return newMmsg()
	case "std":
		return NewStd()
	}
	return nil, fmt.Errorf("netio: no engine is called %q: there are mmsg and std", name)
}

// The reasons for which Open refuses an address before the kernel sees it.
var (
	errInvalid  = errors.New("not an IP address")
	errWildcard = errors.New("a wildcard address, where one address of this machine is needed")
	errNoRoom   = errors.New("netio: Poll was given no room for a datagram")
)

// checkLocal returns laddr in the form that engines use. A wildcard is refused:
// the kernel would choose the source address of every answer by its routes, and
// on a machine with several addresses the answer would come from the wrong one.
func checkLocal(laddr netip.AddrPort) (netip.AddrPort, error) {
	addr := laddr.Addr().Unmap()
	switch {
	case !addr.IsValid():
		return laddr, openError(laddr, errInvalid)
	case addr.IsUnspecified():
		return laddr, openError(laddr, errWildcard)
	}
	return netip.AddrPortFrom(addr, laddr.Port()), nil
}

// openError names the address, which the operator needs most.
func openError(laddr netip.AddrPort, err error) error {
	return fmt.Errorf("netio: open UDP %v: %w", laddr, err)
}
