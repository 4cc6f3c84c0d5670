package server

import (
	"net/netip"
	"strings"
)

// join writes addresses for the log.
func join(addrs []netip.AddrPort) string {
	names := make([]string, len(addrs))
	for i, a := range addrs {
		names[i] = a.String()
	}
	return strings.Join(names, ",")
}

// relayNames writes the relay addresses for the log, as public/private where
// the two differ.
func (p *place) relayNames() string {
	var names []string
	for _, r := range p.relays {
		name := r.Local.String()
		if seen(r) != r.Local {
			name = seen(r).String() + "/" + name
		}
		names = append(names, name)
	}
	return strings.Join(names, ",")
}
