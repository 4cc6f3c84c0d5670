package server

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// chosenOr returns the addresses of an interface, where one key names that, and
// else those that another key names. The configuration has at most one of them.
func chosenOr(deviceKey, device, key string, named []netip.Addr, found []local) ([]netip.Addr, error) {
	if device == "" {
		return chosen(key, named, found)
	}
	i, err := net.InterfaceByName(device)
	if err != nil {
		return nil, fmt.Errorf("%s=%s is no interface of this machine, which has %s", deviceKey, device, strings.Join(devices(), ", "))
	}
	nets, err := i.Addrs()
	if err != nil {
		return nil, fmt.Errorf("%s=%s: cannot list its addresses: %w", deviceKey, device, err)
	}
	var out []netip.Addr
	for _, n := range nets {
		p, err := netip.ParsePrefix(n.String())
		if err == nil && slices.ContainsFunc(found, func(l local) bool { return l.addr == p.Addr().Unmap() }) {
			out = append(out, p.Addr().Unmap())
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s=%s: the interface has no address that can be used; give it one, or choose another interface", deviceKey, device)
	}
	return distinct(out), nil
}

// devices are the names of this machine's interfaces, for a message.
func devices() []string {
	all, err := net.Interfaces()
	if err != nil {
		return []string{"none that can be listed"}
	}
	var names []string
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names
}
