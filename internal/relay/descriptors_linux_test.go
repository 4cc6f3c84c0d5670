package relay

import (
	"syscall"
	"testing"
)

// A-X08: without descriptors an Allocate gets 508, who has an allocation goes
// on, and it is all well again when there are some.
func TestOutOfDescriptors(t *testing.T) {
	h := newHandRelay(t, testOptions(t))
	defer h.end()
	alice, bob := h.client("alice"), h.client("bob")
	peer := handWire{newUDPWire(t, peerIP), h}
	relayed := alice.allocate()
	alice.bind(0x4000, peer.addr())

	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	setLimit := func(l syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
			t.Fatal(err)
		}
	}
	defer setLimit(limit)
	setLimit(syscall.Rlimit{Cur: 3, Max: limit.Max}) // standard input, output and error
	bob.mustRefuse(bob.tryAllocate(), 508)
	alice.sendChannel(0x4000, "on and on")
	expectDatagram(t, peer, relayed, "on and on")
	setLimit(limit)
	bob.allocate()
	if n := h.r.Stats().PortsUsed; n != 2 {
		t.Errorf("%d ports in use, want 2", n)
	}
}
