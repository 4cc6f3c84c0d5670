package listener

import (
	"net/netip"
	"runtime"
	"time"
)

// Limits bound what a client may take before, and in part after, it has shown
// who it is. A zero field stands for its default.
type Limits struct {
	// Connections is how many TCP and TLS connections there may be, and as
	// many DTLS associations again. Default: 10000, or half of the file
	// descriptors this process may have if that is less, so that relayed
	// ports and the rest of the program never run dry.
	Connections int
	// PerSource is how many of either one IPv4 address or IPv6 /64 may hold.
	// Default: 64, enough for an office behind one address, since a browser
	// needs a few and only while it calls.
	PerSource int
	// Proxies are sources that PerSource does not hold for: reverse proxies, behind
	// which there are many clients.
	Proxies []netip.Prefix
	// Handshakes is how many TLS and DTLS handshakes may be at their
	// expensive part at a time. Default: half of the processors, at least 1:
	// a flood of handshakes leaves the other half to media.
	Handshakes int

	// Handshake is the time for a TLS or DTLS handshake. Default: 10 s.
	Handshake time.Duration
	// Message is the time from accepting a connection to its first whole
	// message, and later from the first byte of a message to its last.
	// Default: 15 s.
	Message time.Duration
	// Authenticate is the time from accepting a connection to its first
	// allocation. Default: 60 s.
	Authenticate time.Duration
	// Write is the time that one write of about 16 KiB may take before a
	// client that does not read is given up. Default: 10 s.
	Write time.Duration
	// Linger is the time in which a client that has shut down its sending
	// side still gets its answers. Default: 1 s.
	Linger time.Duration
	// Idle is how long a DTLS client may be silent: UDP has no end of its
	// own. Default: 65 minutes, a little more than the longest allocation
	// lives without a refresh (RFC 8656, 7.2: 3600 s).
	Idle time.Duration
	// Unused is how long a DTLS client may be silent that has no allocation
	// any more. Default: 3 minutes: a browser that has closed its allocation
	// is done with the connection, and one that vanished held it to the end.
	Unused time.Duration

	// Hellos is how many answers a second to ClientHellos without a cookie one
	// IPv4 address or IPv6 /64 gets, and five times that at once: the sender
	// may be forged. Default: 100; less than 0 is no limit.
	Hellos int
}

func (l Limits) withDefaults() Limits {
	if l.Connections <= 0 {
		l.Connections = min(10000, maxFiles()/2)
	}
	if l.PerSource <= 0 {
		l.PerSource = 64
	}
	if l.Handshakes <= 0 {
		l.Handshakes = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if l.Hellos == 0 {
		l.Hellos = 100
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&l.Handshake, 10 * time.Second},
		{&l.Message, 15 * time.Second},
		{&l.Authenticate, time.Minute},
		{&l.Write, 10 * time.Second},
		{&l.Linger, time.Second},
		{&l.Idle, 65 * time.Minute},
		{&l.Unused, 3 * time.Minute},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return l
}
