package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// The ways that packets can take from here through a relay and back.
const (
	pathRelays = "relay to relay" // between two allocations on the same server
	pathSocket = "relay to a socket of this machine"
)

// errOwnMachine says that a peer beside the server was not relayed to.
var errOwnMachine = errors.New("the server runs on this machine and does not relay to other sockets of it")

// relaying is what came out of sending traffic through a server.
type relaying struct {
	path    string // the last one tried
	quality Quality
	// failed says why nothing came through, way by way; nil is that packets were let
	// go and did not arrive. Empty if some came through.
	failed []error
}

// lost says whether packets that the server took have not arrived.
func (r relaying) lost() bool { return slices.Contains(r.failed, nil) }

// refusal is the first reason that is not about peers being forbidden, or nil.
func (r relaying) refusal() error {
	for _, err := range r.failed {
		if err != nil && !isRefused(err, 403) {
			return err
		}
	}
	return nil
}

// relay sends traffic through the allocation of a for so long. Two allocations
// talk to each other; where the server forbids that, or it leads nowhere, as with
// an external address that cannot be reached from behind the NAT, a socket of this
// machine is the peer.
func relay(ctx context.Context, a *session, length time.Duration) relaying {
	var r relaying
	var err error
	for _, way := range []struct {
		path string
		take func(context.Context, *session, time.Duration) (Quality, error)
	}{{pathRelays, relayPair}, {pathSocket, relaySocket}} {
		r.path = way.path
		r.quality, err = way.take(ctx, a, length)
		if r.quality.Received > 0 {
			r.failed = nil
			return r
		}
		r.failed = append(r.failed, err)
	}
	return r
}

// isRefused says whether an error is a refusal with that code.
func isRefused(err error, code int) bool {
	var refused *refusedError
	return errors.As(err, &refused) && refused.Code == code
}

// relayPair makes a second allocation and lets the two talk.
func relayPair(ctx context.Context, a *session, length time.Duration) (Quality, error) {
	b, err := dial(ctx, a.to)
	if err != nil {
		return Quality{}, err
	}
	defer b.close(ctx)
	if _, err := b.allocate(ctx, turn.FamilyOf(a.relayed.Addr())); err != nil {
		return Quality{}, err
	}
	for _, one := range []struct {
		from *session
		peer netip.AddrPort
	}{{a, b.relayed}, {b, a.relayed}} {
		// A permission first: its refusal names the rule, a channel's may be about
		// the channel.
		if err := one.from.permit(ctx, one.peer.Addr()); err != nil {
			return Quality{}, err
		}
		if err := one.from.bind(ctx, stun.MinChannel, one.peer); err != nil {
			return Quality{}, err
		}
	}
	return measure(ctx, &relayedEnd{session: a, peer: b.relayed}, &relayedEnd{session: b, peer: a.relayed}, length)
}

// relaySocket lets a socket of this machine talk to the relayed address.
func relaySocket(ctx context.Context, a *session, length time.Duration) (Quality, error) {
	if turn.FamilyOf(a.mapped.Addr()) != turn.FamilyOf(a.relayed.Addr()) {
		return Quality{}, fmt.Errorf("this machine has no address that the relayed address %v could send to", a.relayed)
	}
	if err := a.permit(ctx, a.mapped.Addr()); err != nil {
		return Quality{}, err
	}
	var d net.Dialer
	d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(a.local().Addr(), 0))
	conn, err := d.DialContext(ctx, "udp", a.relayed.String())
	if err != nil {
		return Quality{}, fmt.Errorf("no way from %v to the relayed address %v: %w", a.local().Addr(), a.relayed, err)
	}
	defer conn.Close()
	near := &socketEnd{conn: conn.(*net.UDPConn), packet: make([]byte, maxDatagram)}
	q, err := measure(ctx, near, &relayedEnd{session: a, learn: true}, length)
	// A server need not relay to sockets of its own machine, not even where its own
	// address is allowed as a peer. That says nothing about others.
	if q.Received == 0 && err == nil && a.mapped.Addr() == a.relayed.Addr() {
		err = errOwnMachine
	}
	return q, err
}

// offersFamily asks in an allocation of its own whether the server relays in that
// family too, and returns the relayed address and how long that took.
func offersFamily(ctx context.Context, to endpoint, f turn.Family) (netip.AddrPort, time.Duration, error) {
	s, err := dial(ctx, to)
	if err != nil {
		return netip.AddrPort{}, 0, err
	}
	defer s.close(ctx)
	res, err := s.allocate(ctx, f)
	return res.Relayed, time.Since(s.start), err
}
