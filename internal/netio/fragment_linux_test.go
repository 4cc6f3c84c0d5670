package netio

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// R-8656-14-c (RFC 8656, 14): packets leave without the don't-fragment bit, save
// those that asked for it.
func TestDontFragmentOption(t *testing.T) {
	e := newTestMmsg(t)
	id, addr := mustOpen(t, e, Options{})
	discover := func() int { return e.option(t, id, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER) }
	if got := discover(); got != unix.IP_PMTUDISC_DONT {
		t.Errorf("IP_MTU_DISCOVER is %d at first", got)
	}
	e.Send([]Datagram{{Socket: id, Peer: addr, DF: true}})
	if got := discover(); got != unix.IP_PMTUDISC_PROBE {
		t.Errorf("IP_MTU_DISCOVER is %d after a datagram with DF", got)
	}
	e.Send([]Datagram{{Socket: id, Peer: addr}})
	if got := discover(); got != unix.IP_PMTUDISC_DONT {
		t.Errorf("IP_MTU_DISCOVER is %d after one without", got)
	}

	id, addr, err := e.Open(netip.AddrPortFrom(netip.IPv6Loopback(), 0), Options{})
	if err != nil {
		t.Skipf("this machine has no ::1: %v", err)
	}
	for _, df := range []bool{true, false} {
		e.Send([]Datagram{{Socket: id, Peer: addr, DF: df}})
		if got := e.option(t, id, unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG); (got == 1) != df {
			t.Errorf("IPV6_DONTFRAG is %d after DF %v", got, df)
		}
	}
}

// R-8656-14-c (RFC 8656, 14): the same, seen on the wire.
func TestDontFragmentOnTheWire(t *testing.T) {
	for _, name := range []string{"mmsg", "std"} {
		e, err := NewNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		id, addr := mustOpen(t, e, Options{})
		wire := listenWire(t, addr.Port())
		for _, df := range []bool{false, true, false} {
			if df && !e.Features().DontFragment {
				continue
			}
			if n, err := e.Send([]Datagram{{Socket: id, Peer: addr, Buf: []byte("x"), DF: df}}); n != 1 || err != nil {
				t.Fatalf("Send took %d: %v", n, err)
			}
			if got := nextDF(t, wire, addr.Port()); got != df {
				t.Errorf("%s: the bit is %v on a packet with DF %v", name, got, df)
			}
		}
	}
}

// toPort is a filter that passes UDP packets to one port, given from the IPv4
// header on, so that a busy loopback interface does not fill the buffer.
func toPort(port uint16) []unix.SockFilter {
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 9}, // the protocol
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 4, K: unix.IPPROTO_UDP},
		{Code: unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH, K: 0}, // the header's length
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_IND, K: 2},  // the destination port
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: uint32(port)},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 16},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
}

// listenWire returns a socket that sees the IPv4 packets to a port on the
// loopback interface, which takes privilege.
func listenWire(t *testing.T, port uint16) *os.File {
	t.Helper()
	// With protocol 0 nothing comes before the filter is there and bind says more.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EPERM) {
		t.Skip("capturing packets takes privilege")
	}
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "packets")
	t.Cleanup(func() { f.Close() })
	filter := toPort(port)
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog); err != nil {
		t.Fatal(err)
	}
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	proto := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_IP))
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: proto, Ifindex: lo.Index}); err != nil {
		t.Fatal(err)
	}
	if err := f.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return f
}

// nextDF tells the bit of the next packet.
func nextDF(t *testing.T, wire *os.File, port uint16) bool {
	t.Helper()
	var b [64]byte
	n, err := wire.Read(b[:])
	if err != nil || n < 20 {
		t.Fatalf("no packet to port %d was seen: %d bytes, %v", port, n, err)
	}
	return b[6]&0x40 != 0
}
