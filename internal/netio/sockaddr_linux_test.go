package netio

import (
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSockaddr(t *testing.T) {
	var z zones
	var s sockaddr // used again, so that nothing of the one before may remain
	for _, c := range []struct {
		in   string
		size uint32
	}{
		{"[2001:db8:1:2:3:4:5:6]:65535", unix.SizeofSockaddrInet6},
		{"192.0.2.1:3478", unix.SizeofSockaddrInet4},
		{"[::1]:1", unix.SizeofSockaddrInet6},
		{"[::ffff:192.0.2.1]:258", unix.SizeofSockaddrInet6}, // stays what it is
		{"0.0.0.0:0", unix.SizeofSockaddrInet4},
		{"[fe80::1%lo]:5349", unix.SizeofSockaddrInet6},
	} {
		ap := netip.MustParseAddrPort(c.in)
		if size := s.set(ap, &z); size != c.size {
			t.Errorf("%s takes %d bytes, want %d", c.in, size, c.size)
		}
		if got := s.addrPort(&z); got != ap {
			t.Errorf("%s came back as %v", c.in, got)
		}
	}
	if size := s.set(netip.AddrPort{}, &z); size != 0 || s.addrPort(&z).IsValid() {
		t.Errorf("no address takes %d bytes and is %v", size, s.addrPort(&z))
	}
}

func TestSockaddrBytes(t *testing.T) {
	var z zones
	var s sockaddr
	s.set(netip.MustParseAddrPort("192.0.2.1:258"), &z)
	// The port's bytes are in network order whatever the machine's order is.
	if p := portBytes(&s.raw.Port); p[0] != 1 || p[1] != 2 {
		t.Errorf("the port lies as % x", p)
	}
}

func TestSockaddrZone(t *testing.T) {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	var z zones
	var s sockaddr
	s.set(netip.MustParseAddrPort("[2001:db8::1]:1"), &z)
	s.raw.Scope_id = uint32(lo.Index)
	if got := s.addrPort(&z); got.Addr().Zone() != "" {
		t.Errorf("a global address got a zone: %v", got)
	}
	for in, want := range map[string]uint32{
		"fe80::1%lo":          uint32(lo.Index),
		"fe80::1%77777":       77777,
		"fe80::1%nosuchiface": 0,
	} {
		for range 2 { // the second time from memory
			s.set(netip.AddrPortFrom(netip.MustParseAddr(in), 1), &z)
			if s.raw.Scope_id != want {
				t.Errorf("%s has scope %d, want %d", in, s.raw.Scope_id, want)
			}
		}
	}
	s.set(netip.MustParseAddrPort("[fe80::1%77777]:1"), &z)
	if got := s.addrPort(&z).Addr().Zone(); got != "77777" {
		t.Errorf("an interface that is gone is called %q", got)
	}
}
