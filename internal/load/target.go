package load

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"iceserver/internal/stun"
)

// Target sets Server, Transport and, if it is empty, Name to what a turn: or
// turns: URI says. A host name is looked up, and its first address taken.
func (o *Options) Target(ctx context.Context, uri string) error {
	u, err := stun.ParseURI(uri)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	o.Transport = "udp"
	switch {
	case !u.TURN:
		return fmt.Errorf("load: %s: a turn: or turns: URL is needed", uri)
	case u.Secure && u.Transport == "udp":
		return fmt.Errorf("load: %s: DTLS is not measured; give a turns: URL over TCP, or a turn: one", uri)
	case u.Secure:
		o.Transport = "tls"
	case u.Transport == "tcp":
		o.Transport = "tcp"
	}
	host, port := u.Address()
	if o.Name == "" {
		o.Name = host
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return fmt.Errorf("load: %s: %w", uri, err)
	}
	o.Server = netip.AddrPortFrom(addrs[0].Unmap(), port)
	return nil
}
