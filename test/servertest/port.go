package servertest

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
)

// The range lies below the ports that kernels hand out by themselves, so that
// no socket of another test takes one between FreePorts and its use.
const (
	firstPort = 20000
	lastPort  = 32000
)

// FreePorts returns the first of n consecutive ports that are free on 127.0.0.1
// and ::1, for UDP and TCP alike. Ranges start at a multiple of n, so an even n
// gives an even port.
func FreePorts(tb testing.TB, n int) int {
	tb.Helper()
	for range 1000 {
		first := (firstPort + rand.IntN(lastPort-firstPort-n)) / n * n
		if allFree(first, n) {
			return first
		}
	}
	tb.Fatalf("no %d consecutive free ports between %d and %d", n, firstPort, lastPort)
	return 0
}

func allFree(first, n int) bool {
	for port := first; port < first+n; port++ {
		for _, host := range []string{"127.0.0.1", "::1"} {
			if !free(netip.AddrPortFrom(netip.MustParseAddr(host), uint16(port))) {
				return false
			}
		}
	}
	return true
}

func free(at netip.AddrPort) bool {
	packet, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return false
	}
	defer packet.Close()
	stream, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return false
	}
	return stream.Close() == nil
}
