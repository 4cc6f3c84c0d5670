package load

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// A Direction says which way the packets of a run go.
type Direction string

// The directions: client to peer, peer to client, or half of the packets each.
const (
	Up   Direction = "up"
	Down Direction = "down"
	Both Direction = "both"
)

// Limits of one run. They are far above what one machine can serve, and keep a
// mistyped figure from becoming an attack.
const (
	maxAllocations = 60_000
	maxRate        = 2_000_000
	maxBurst       = 64
	maxWindow      = 1_000
	// A permission lasts 300 s (RFC 8656, 9) and is never refreshed here, so
	// setting up, warming up and measuring together must end before it does.
	maxDuration = 4 * time.Minute
)

// Options of one run. Nothing has a default here: the command line has them, and
// a zero that somebody typed is refused like any other wrong figure.
type Options struct {
	Server    netip.AddrPort // the TURN server's address
	Transport string         // "udp", "tcp" or "tls"
	Name      string         // server name expected in its certificate; "" is its address
	Insecure  bool           // accept any certificate

	Username string
	Password string
	Secret   string // of time-limited credentials; then Username is the id and Password unused

	Allocations int           // held at once, 1 to 60 000
	Window      int           // requests on their way at once while setting up, 1 to 1 000
	Rate        int           // packets a second in all; 0 sends none: the set-up alone is measured
	Size        int           // bytes of payload, 24 to 65 000; 172 is a voice packet
	Burst       int           // packets sent back to back through one allocation, 1 to 64
	Direction   Direction     // of the packets
	Duration    time.Duration // measured time, at most 4 min
	WarmUp      time.Duration // traffic before that, not counted; 0 for none
	Tick        time.Duration // how often packets are sent, 100 us to 100 ms
	Idle        time.Duration // hold the allocations without traffic for so long before reading the memory

	Peer    netip.AddrPort // where the generator plays the peer; default the address that reaches the server, port 0 for a free one
	Sources netip.Prefix   // addresses the clients send from, in turn; default the system's choice
	PID     int            // the server's process, if it runs on this machine; 0 for none
}

// check refuses what cannot be run. Each error names the value and its range.
func (o *Options) check() error {
	return errors.Join(
		within("allocations", o.Allocations, 1, maxAllocations),
		within("window", o.Window, 1, maxWindow),
		within("rate", o.Rate, 0, maxRate),
		within("size", o.Size, minPayload, 65_000),
		within("burst", o.Burst, 1, maxBurst),
		within("duration", o.Duration, time.Millisecond, maxDuration),
		within("warm-up", o.WarmUp, 0, maxDuration-o.Duration),
		within("tick", o.Tick, 100*time.Microsecond, 100*time.Millisecond),
		within("idle time", o.Idle, 0, maxDuration),
		within("process id", o.PID, 0, 1<<22),
		o.checkNames(),
		o.checkAddresses(),
	)
}

// checkNames checks the words among the options.
func (o *Options) checkNames() error {
	switch o.Transport {
	case "udp", "tcp", "tls":
	default:
		return fmt.Errorf("load: transport %q: want udp, tcp or tls", o.Transport)
	}
	switch o.Direction {
	case Up, Down, Both:
	default:
		return fmt.Errorf("load: direction %q: want up, down or both", o.Direction)
	}
	if o.Secret == "" && (o.Username == "" || o.Password == "") {
		return errors.New("load: a user with a password, or a secret, is needed")
	}
	return nil
}

// checkAddresses checks that the addresses can reach each other.
func (o *Options) checkAddresses() error {
	if !o.Server.IsValid() || o.Server.Port() == 0 {
		return fmt.Errorf("load: server %s: an address and a port are needed", o.Server)
	}
	o.Server = netip.AddrPortFrom(o.Server.Addr().Unmap(), o.Server.Port())
	if o.Sources.IsValid() && o.Sources.Addr().Is4() != o.Server.Addr().Is4() {
		return fmt.Errorf("load: clients cannot send from %s to %s: not of one family", o.Sources, o.Server.Addr())
	}
	if o.Peer.IsValid() && o.Peer.Addr().IsUnspecified() {
		return fmt.Errorf("load: peer %s: the server must be told one address of this machine", o.Peer.Addr())
	}
	return nil
}

// within refuses a value outside a range.
func within[T int | time.Duration](name string, v, low, high T) error {
	if v < low || v > high {
		return fmt.Errorf("load: %s %v: want %v to %v", name, v, low, high)
	}
	return nil
}
