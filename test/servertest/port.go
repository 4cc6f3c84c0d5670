package servertest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
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
// gives an even port. Until the test is over no other call gets one of them, in
// this process or in another of the machine: packages are tested side by side.
func FreePorts(tb testing.TB, n int) int {
	tb.Helper()
	for range 1000 {
		first := (firstPort + rand.IntN(lastPort-firstPort-n)) / n * n
		if reserve(tb, first, n) {
			return first
		}
	}
	tb.Fatalf("no %d consecutive free ports between %d and %d", n, firstPort, lastPort)
	return 0
}

// reserve takes ports for the test, if they are free and no other test has them.
func reserve(tb testing.TB, first, n int) bool {
	tb.Helper()
	var held []net.Listener
	giveBack := func() {
		for _, l := range held {
			l.Close()
		}
	}
	for port := first; port < first+n; port++ {
		l, err := reservation(port)
		if l != nil {
			held = append(held, l)
		}
		if err != nil || !freeHere(port) {
			giveBack()
			return false
		}
	}
	tb.Cleanup(giveBack)
	return true
}

// reservation says to other tests that a port has an owner: a name that only one
// process of a network namespace can have, and that goes with the process. Only
// Linux has such names; elsewhere nothing is held.
func reservation(port int) (net.Listener, error) {
	if runtime.GOOS != "linux" {
		return nil, nil
	}
	return net.Listen("unix", fmt.Sprintf("@iceserver-test-port-%d", port))
}

func freeHere(port int) bool {
	for _, host := range []string{"127.0.0.1", "::1"} {
		if !free(netip.AddrPortFrom(netip.MustParseAddr(host), uint16(port))) {
			return false
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
