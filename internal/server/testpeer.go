package server

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"time"
)

// testPeer is a UDP socket on the relay's own address that stands for a peer: what
// passes between it and a relayed port has been through both sockets and the
// firewall of this machine.
type testPeer struct {
	*net.UDPConn
	at    netip.AddrPort // its own
	relay netip.AddrPort // the relayed port, where it is bound
}

// openTestPeer opens it; it is closed when ctx ends, if not before.
func openTestPeer(ctx context.Context, relay netip.AddrPort) (*testPeer, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(relay.Addr(), 0)))
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return &testPeer{conn, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), relay}, nil
}

// inward sends from the peer until the client gets it.
func (t *tester) inward(p *testPeer) error {
	data := random(16)
	return t.await(p.at, data, func() error {
		_, err := p.WriteToUDPAddrPort(data, p.relay)
		return err
	})
}

// outward sends from the client until the peer gets it, from nowhere else than
// the relayed port.
func (t *tester) outward(p *testPeer) error {
	data, got := random(16), make([]byte, maxAnswer)
	for range testTries {
		t.client.Send(p.at, data, &t.out)
		if err := t.flush(); err != nil {
			return err
		}
		if err := p.SetReadDeadline(time.Now().Add(testWait)); err != nil {
			return err
		}
		for {
			n, from, err := p.ReadFromUDPAddrPort(got)
			if err != nil {
				break
			}
			if netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) == p.relay && bytes.Equal(got[:n], data) {
				return nil
			}
		}
	}
	return errSilence
}
