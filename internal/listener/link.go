package listener

import (
	"net/netip"

	"iceserver/internal/relay"
)

// link is one client as the relay sees it; relay.Link implements it.
type link interface {
	// Deliver hands over one whole message, which is copied.
	Deliver(msg []byte) error
	// Next waits for messages to write; they are valid until the next call.
	Next(block [][]byte) ([][]byte, error)
	// Authenticated tells whether there is or was an allocation.
	Authenticated() bool
	// Holds tells whether there is an allocation now.
	Holds() bool
	// Close makes Next return io.EOF.
	Close()
}

// transport says how a client is connected. The numbers are those that
// relay.Relay.Link takes.
type transport uint8

const (
	overTCP transport = iota + 1
	overTLS
	overDTLS
)

// opener makes the link of a new client.
type opener func(t transport, client, server netip.AddrPort) (link, error)

func relayOpener(r *relay.Relay) opener {
	return func(t transport, client, server netip.AddrPort) (link, error) {
		var l *relay.Link
		var err error
		switch t {
		case overTCP:
			l, err = r.Link(1, client, server)
		case overTLS:
			l, err = r.Link(2, client, server)
		default:
			l, err = r.Link(3, client, server)
		}
		if err != nil {
			return nil, err // not l: a nil *relay.Link would make a link that is not nil
		}
		return l, nil
	}
}
