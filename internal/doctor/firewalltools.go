package doctor

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// What the tools that write the rules of a firewall say of themselves.

// firewalldLets reads a zone as firewall-cmd --list-all tells it. apart says that it
// is not that of all clients, ports tells those of a service.
func firewalldLets(zone string, apart bool, ports func(service string) []string, p portRange) verdict {
	lines := map[string]string{}
	rich := false
	for line := range strings.Lines(zone) {
		key, value, found := strings.Cut(strings.TrimSpace(line), ":")
		if found {
			lines[key] = strings.TrimSpace(value)
		}
		rich = rich || strings.HasPrefix(strings.TrimSpace(line), "rule ")
	}
	open := strings.Fields(lines["ports"])
	for _, service := range strings.Fields(lines["services"]) {
		open = append(open, ports(service)...)
	}
	has := func(rule string) bool {
		span, protocol, _ := strings.Cut(rule, "/")
		return protocol == p.protocol && covers(span, int(p.from), int(p.to))
	}
	switch {
	case slices.ContainsFunc(open, has):
		return accepts
	// Rules in words of their own, and a zone that lets in what nobody spoke of.
	case rich, lines["target"] == "ACCEPT", apart, zone == "":
		return unsure
	}
	return drops
}

// firewalldZone is the zone of some interfaces, as --get-active-zones tells it: that
// which has them, or else the default one, whose name is empty here. A zone for some
// sources is none for strangers.
func firewalldZone(active string, devices []string) (zone string, apart bool) {
	of, name := map[string]string{}, ""
	for line := range strings.Lines(active) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case line[0] != ' ' && line[0] != '\t':
			name = words[0]
		case words[0] == "interfaces:":
			for _, device := range words[1:] {
				of[device] = name
			}
		}
	}
	for i, device := range devices {
		if i > 0 && of[device] != zone {
			return "", true
		}
		zone = of[device]
	}
	return zone, false
}

// zoned is a command of firewalld about the zone of the clients.
func (f firewall) zoned(words ...string) []string {
	if f.zone != "" {
		words = append([]string{"--zone=" + f.zone}, words...)
	}
	return append([]string{"firewall-cmd"}, words...)
}

// devices are the interfaces with addresses that relay: by these clients come.
func (t *Target) devices() (names []string) {
	all, _ := net.Interfaces() // without them none is known
	for _, device := range all {
		addresses, _ := device.Addrs()
		if slices.ContainsFunc(addresses, t.relaysAt) {
			names = append(names, device.Name)
		}
	}
	return names
}

// serves says whether anybody comes to the server by a family, ip or ip6; every other
// word that nftables has for one is about both. Where no address is known it may be
// any.
func (t *Target) serves(family string) bool {
	at := make([]netip.Addr, 0, len(t.Relays))
	for _, l := range t.listening() {
		at = append(at, l.Addr())
	}
	for _, r := range t.Relays {
		at = append(at, r.Local)
	}
	if len(at) == 0 || family != "ip" && family != "ip6" {
		return true
	}
	return slices.ContainsFunc(at, func(a netip.Addr) bool {
		switch a = a.Unmap(); {
		case a == netip.IPv6Unspecified():
			// It gets both, but of IPv6 nothing where the machine has no address of it.
			return family == "ip" || hasIPv6()
		case a.IsLoopback():
			return false
		}
		return a.Is4() == (family == "ip")
	})
}

// hasIPv6 says whether this machine has an address that others than its neighbours
// may reach by IPv6.
func hasIPv6() bool {
	all, err := net.InterfaceAddrs()
	return err != nil || slices.ContainsFunc(all, func(a net.Addr) bool {
		prefix, err := netip.ParsePrefix(a.String())
		return err == nil && prefix.Addr().Is6() && prefix.Addr().IsGlobalUnicast()
	})
}

// relaysAt says whether the server relays at an address of an interface.
func (t *Target) relaysAt(a net.Addr) bool {
	prefix, err := netip.ParsePrefix(a.String())
	return err == nil && slices.ContainsFunc(t.Relays, func(r Relay) bool { return r.Local.WithZone("") == prefix.Addr() })
}

// firewalldPorts are those of a service, as in 3478/udp.
func firewalldPorts(service string) []string {
	said, err := tool("firewall-cmd", "--permanent", "--service="+service, "--get-ports")
	if err != nil {
		return nil
	}
	return strings.Fields(said)
}

// ufwLets reads the lines of `ufw status verbose`. One about an application is
// asked for.
func ufwLets(status string, p portRange) verdict {
	so := drops
	if strings.Contains(status, "Default: allow (incoming)") {
		// Whether one of these is about the ports, and comes first, is not read.
		if !strings.Contains(status, "DENY") && !strings.Contains(status, "REJECT") {
			return accepts
		}
		so = unsure
	}
	for line := range strings.Lines(status) {
		to, found := ufwOpens(line)
		if !found {
			continue
		}
		to, _, byInterface := strings.Cut(to, " on ")
		switch {
		case byInterface && ufwRule(to, p):
			so = unsure // nobody knows here which interface clients come by
			continue
		case to == "Anywhere" && !byInterface, ufwRule(to, p):
			return accepts
		}
		if to == "" || strings.ContainsAny(to[:1], "0123456789") {
			continue
		}
		info, err := tool("ufw", "app", "info", to)
		if err == nil && slices.ContainsFunc(strings.Fields(info), func(rule string) bool { return ufwRule(rule, p) }) {
			return accepts
		}
	}
	return so
}

// ufwOpens says what a line lets everybody in to, if it does.
func ufwOpens(line string) (to string, found bool) {
	to, rest, found := strings.Cut(line, "ALLOW")
	if !found {
		// That many at once are too many is no door that is shut.
		to, rest, found = strings.Cut(line, "LIMIT")
	}
	rest = strings.TrimSpace(rest)
	// A rule for one source lets in nobody else, one about what goes out nobody.
	if !found || !strings.Contains(rest, "Anywhere") || strings.HasPrefix(rest, "OUT") || strings.HasPrefix(rest, "FWD") {
		return "", false
	}
	to = strings.TrimSpace(strings.ReplaceAll(to, "(v6)", ""))
	// Behind its ports stands the name of an application.
	if ports, _, named := strings.Cut(to, " ("); named {
		to = ports
	}
	return to, true
}

// ufwRule says whether a rule as 3478, 3478/udp or 49152:65535/udp has the ports.
func ufwRule(rule string, p portRange) bool {
	ports, protocol, limited := strings.Cut(rule, "/")
	if limited && protocol != p.protocol {
		return false
	}
	return slices.ContainsFunc(strings.Split(ports, ","), func(part string) bool {
		return covers(strings.ReplaceAll(part, ":", "-"), int(p.from), int(p.to))
	})
}
