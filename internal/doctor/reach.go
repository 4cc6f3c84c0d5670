package doctor

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"iceserver/internal/turn"
)

// The far side of a view from outside: what a server does for another one that
// asks to be looked at.

// lookPatience is how long one look waits. Within it a Binding request goes out
// four times.
const lookPatience = 4 * time.Second

// reachMark begins every datagram that is sent to a relayed port, so that whoever
// asks for them does not choose how they begin.
const reachMark = "iceserver reach\n"

// reachCopies and reachGap: one datagram may be lost.
const (
	reachCopies = 2
	reachGap    = 300 * time.Millisecond
)

// Look asks a port over "udp", "tcp", "tls" or "dtls" whether STUN is spoken there,
// or, for "relay", sends the token to it twice; local is the address to do it
// from, the zero one leaves that to the kernel. The word for what came of it is
// "answered", "refused", "silent" or "sent", and says nothing of what else may
// be there: an open port that speaks another protocol is as silent as none.
func Look(ctx context.Context, local netip.Addr, at netip.AddrPort, transport string, token []byte) string {
	to := endpoint{server: at, name: at.Addr().String(), local: local, insecure: true, patience: lookPatience}
	switch transport {
	case "udp":
		to.proto = turn.UDP
	case "tcp":
		to.proto = turn.TCP
	case "tls":
		to.proto = turn.TLS
	case "dtls":
		to.proto = turn.DTLS
	default:
		return to.throw(ctx, append([]byte(reachMark), token...))
	}
	// Verified or not, the certificate is told to nobody here.
	s, err := dial(ctx, to)
	if err == nil {
		defer s.close(ctx)
		_, err = s.binding(ctx)
	}
	var refused *refusedError
	var unreachable *unreachableError
	switch {
	case err == nil, errors.As(err, &refused):
		return "answered"
	case errors.As(err, &unreachable) && unreachable.closed:
		return "refused"
	}
	return "silent"
}

// throw sends a datagram, again for one that is lost, and waits for nothing.
func (e endpoint) throw(ctx context.Context, datagram []byte) string {
	e.proto = turn.UDP
	conn, err := e.dialPlain(ctx)
	if err != nil {
		return "silent"
	}
	defer conn.Close()
	again := time.NewTicker(reachGap)
	defer again.Stop()
	for i := range reachCopies {
		if i > 0 {
			select {
			case <-again.C:
			case <-ctx.Done():
				return "sent"
			}
		}
		_, _ = conn.Write(datagram) // that a port is closed is not told either
	}
	return "sent"
}
