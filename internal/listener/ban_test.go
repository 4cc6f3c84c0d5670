package listener

import (
	"net/netip"
	"sync/atomic"
	"testing"
)

// A source that is banned is turned away before it costs anything: its connections
// are closed before they have said a word, and its ClientHellos get no answer.
// Connections that it has stay.
func TestBanned(t *testing.T) {
	var shut atomic.Bool
	s := serve(t, withEcho, withTrust, func(o *Options, _ *linkKind) {
		o.banned = func(a netip.Addr) bool { return shut.Load() && a == netip.MustParseAddr("127.0.0.1") }
	})
	before := dial(t, s.tcp)
	echoed(t, before, binding(0))

	shut.Store(true)
	for _, addr := range []string{s.tcp, s.tls} {
		mustEnd(t, dial(t, addr)) // the system has shaken hands before anybody here is asked
	}
	s.counted(t, banned, 2)
	echoed(t, before, binding(0))
	socket := udpSocket(t)
	for range 3 {
		if _, err := socket.WriteToUDPAddrPort(hello(nil, 0, 0), s.dtls); err != nil {
			t.Fatal(err)
		}
	}
	s.counted(t, dtlsBanned, 3)
	s.counted(t, dtlsChallenged, 0)

	shut.Store(false)
	echoed(t, dialTLS(t, s.tls), binding(0))
	if b := exchange(t, socket, s, hello(nil, 0, 0)); len(b) == 0 {
		t.Error("no answer to who is banned no more")
	}
}
