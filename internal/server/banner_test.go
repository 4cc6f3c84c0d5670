package server

import (
	"slices"
	"testing"
)

// The list for the firewall has the ports of aux-server too, each once, and not
// those that only this machine reaches.
func TestPortsOfAuxServers(t *testing.T) {
	cfg := load(t, "aux-server=192.0.2.1:4001\naux-server=192.0.2.2:4001\naux-server=127.0.0.1:4002")
	got := newServer(cfg, nil, nil).ports()
	for _, protocol := range []string{"udp", "tcp"} {
		var ports []uint16
		for _, p := range got {
			if p.Protocol == protocol && p.From == p.To && p.From != cfg.ListeningPort && p.From != cfg.TLSListeningPort {
				ports = append(ports, p.From)
			}
		}
		if !slices.Equal(ports, []uint16{4001}) {
			t.Errorf("%s: %v in %+v", protocol, ports, got)
		}
	}
}
