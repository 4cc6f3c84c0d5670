package netio

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A sockaddr is the kernel's form of an address and a port, with room for
// either family. The conversions below are by hand because those of the
// libraries allocate, and these run for every packet.
type sockaddr struct {
	raw unix.RawSockaddrInet6
}

// sockaddrSize is the room that the kernel is told of when it fills one in.
const sockaddrSize = uint32(unsafe.Sizeof(sockaddr{}))

// portBytes is a port where it lies, in network order on every machine.
func portBytes(port *uint16) []byte {
	return (*[2]byte)(unsafe.Pointer(port))[:]
}

// set writes ap and returns how many bytes the kernel must be shown. An invalid
// address becomes family 0 of length 0, which the kernel refuses.
func (s *sockaddr) set(ap netip.AddrPort, z *zones) uint32 {
	addr := ap.Addr()
	if addr.Is4() {
		in4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
		in4.Family = unix.AF_INET
		binary.BigEndian.PutUint16(portBytes(&in4.Port), ap.Port())
		in4.Addr = addr.As4()
		in4.Zero = [8]uint8{}
		return unix.SizeofSockaddrInet4
	}
	s.raw = unix.RawSockaddrInet6{}
	if !addr.IsValid() {
		return 0
	}
	s.raw.Family = unix.AF_INET6
	binary.BigEndian.PutUint16(portBytes(&s.raw.Port), ap.Port())
	s.raw.Addr = addr.As16()
	if zone := addr.Zone(); zone != "" {
		s.raw.Scope_id = z.scope(zone)
	}
	return unix.SizeofSockaddrInet6
}

// addrPort reads what the kernel filled in. The scope becomes a zone only on
// link-local addresses: elsewhere it would make equal peers compare unequal.
func (s *sockaddr) addrPort(z *zones) netip.AddrPort {
	switch s.raw.Family {
	case unix.AF_INET:
		in4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
		port := binary.BigEndian.Uint16(portBytes(&in4.Port))
		return netip.AddrPortFrom(netip.AddrFrom4(in4.Addr), port)
	case unix.AF_INET6:
		addr := netip.AddrFrom16(s.raw.Addr)
		if s.raw.Scope_id != 0 && (addr.IsLinkLocalUnicast() || addr.IsLinkLocalMulticast()) {
			addr = addr.WithZone(z.name(s.raw.Scope_id))
		}
		return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(portBytes(&s.raw.Port)))
	}
	return netip.AddrPort{}
}
