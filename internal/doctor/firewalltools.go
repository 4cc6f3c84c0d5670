package doctor

import (
	"slices"
	"strings"
)

// What the tools that write the rules of a firewall say of themselves.

// firewalldLets reads the default zone as firewall-cmd --list-all tells it. zones
// is how many are in force, ports tells those of a service.
func firewalldLets(zone string, zones int, ports func(service string) []string, p portRange) verdict {
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
	case rich, lines["target"] == "ACCEPT", zones > 1, zone == "":
		return unsure
	}
	return drops
}

// firewalldZones is how many zones have interfaces or sources.
func firewalldZones() (n int) {
	said, _ := tool("firewall-cmd", "--get-active-zones")
	for line := range strings.Lines(said) {
		// What a zone has stands below its name, behind a space.
		if strings.TrimSpace(line) != "" && line[0] != ' ' && line[0] != '\t' {
			n++
		}
	}
	return n
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
