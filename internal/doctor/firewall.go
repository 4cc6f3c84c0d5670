package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// firewall is what decides on this machine who is let in.
type firewall struct {
	kind  string // "firewalld", "ufw", "nftables"; empty: none is known of
	rules *ruleset
	said  string // what ufw says of itself
}

// toolTime bounds a call of a firewall's tool.
const toolTime = 5 * time.Second

// tool runs a program that only tells, and returns what it says.
func tool(command ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), toolTime)
	defer cancel()
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	// ufw speaks the language of who calls it, and here its words are looked for.
	c.Env = append(os.Environ(), "LC_ALL=C", "LANGUAGE=C")
	out, err := c.Output()
	return string(out), err
}

// firewallOf finds the firewall that is in force. The two that write rules of
// their own come first: changing those below them would not last.
func firewallOf(t *Target) firewall {
	// The tools tell of this very machine.
	if t.Root != "" {
		return firewall{}
	}
	if out, err := tool("firewall-cmd", "--state"); err == nil && strings.TrimSpace(out) == "running" {
		return firewall{kind: "firewalld"}
	}
	if out, err := tool("ufw", "status"); err == nil && strings.Contains(out, "Status: active") {
		return firewall{kind: "ufw", said: out}
	}
	if out, err := tool("nft", "-j", "list", "ruleset"); err == nil {
		if rules, err := parseRuleset([]byte(out)); err == nil && len(rules.inputs()) > 0 {
			return firewall{kind: "nftables", rules: rules}
		}
	}
	return firewall{}
}

// open are the commands that let a range of ports in, now and after a restart of
// the machine where the tool can do that.
func (f firewall) open(p portRange) [][]string {
	switch f.kind {
	case "firewalld":
		port := "--add-port=" + p.span("-") + "/" + p.protocol
		return [][]string{{"firewall-cmd", port}, {"firewall-cmd", "--permanent", port}}
	case "ufw":
		return [][]string{{"ufw", "allow", p.span(":") + "/" + p.protocol}}
	case "nftables":
		var out [][]string
		for _, c := range f.rules.inputs() {
			if f.rules.verdict(c, p) != drops {
				continue
			}
			out = append(out, []string{"nft", "insert", "rule", c.Family, c.Table, c.Name, p.protocol, "dport", p.span("-"), "accept"})
		}
		return out
	}
	return nil
}

// lets says whether a range of ports is let in, as far as the tool tells.
func (f firewall) lets(p portRange) verdict {
	switch f.kind {
	case "firewalld":
		if _, err := tool("firewall-cmd", "--query-port="+p.span("-")+"/"+p.protocol); err == nil || firewalldService(p) {
			return accepts
		}
		return drops
	case "ufw":
		return ufwLets(f.said, p)
	case "nftables":
		for _, c := range f.rules.inputs() {
			if v := f.rules.verdict(c, p); v != accepts {
				return v
			}
		}
	}
	return accepts
}

// firewalldService says whether a service that is on has the ports.
func firewalldService(p portRange) bool {
	names, err := tool("firewall-cmd", "--list-services")
	if err != nil {
		return false
	}
	for _, name := range strings.Fields(names) {
		ports, err := tool("firewall-cmd", "--permanent", "--service="+name, "--get-ports")
		if err == nil && slices.Contains(strings.Fields(ports), p.span("-")+"/"+p.protocol) {
			return true
		}
	}
	return false
}

// ufwLets reads the lines of `ufw status`. One about an application is asked for.
func ufwLets(status string, p portRange) verdict {
	so := drops
	for line := range strings.Lines(status) {
		to, rest, found := strings.Cut(line, "ALLOW")
		if !found {
			// That many at once are too many is no door that is shut.
			to, rest, found = strings.Cut(line, "LIMIT")
		}
		// A rule for one source lets in nobody else.
		if !found || !strings.Contains(rest, "Anywhere") {
			continue
		}
		to = strings.TrimSpace(strings.ReplaceAll(to, "(v6)", ""))
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

// checkFirewall looks whether the firewall of this machine lets clients in. The one
// around it, which a cloud has, can only be seen from outside.
func checkFirewall(_ context.Context, t *Target) []Check {
	const name = "firewall"
	if t.local() {
		return nil // what only this machine uses passes no firewall
	}
	f := firewallOf(t)
	if f.kind == "" {
		seen := "none is in force on this machine, as far as this user may see"
		if c, known := cloudOf(t); known {
			seen += fmt.Sprintf("; that of %s has to let in %s (%s)", c.name, t.neededText(), c.rule)
		}
		return []Check{ok(name, seen)}
	}
	var out []Check
	var open []string // to questions
	for _, p := range t.needed() {
		switch f.lets(p) {
		case accepts:
			continue
		case unsure:
			open = append(open, p.String())
			continue
		}
		advice, remedies := t.open(p)
		out = append(out, fail(name, fmt.Sprintf("%s of this machine drops %v", f.kind, p), advice).with(remedies...))
	}
	switch {
	case len(open) > 0:
		out = append(out, ok(name, fmt.Sprintf("whether %s of this machine lets in %s cannot be told from its rules; --from or --browser shows it", f.kind, strings.Join(open, ", "))))
	case len(out) == 0:
		out = append(out, ok(name, fmt.Sprintf("%s of this machine lets in %s", f.kind, t.neededText())))
	}
	return out
}

// neededText lists what has to be let in.
func (t *Target) neededText() string {
	var all []string
	for _, p := range t.needed() {
		all = append(all, p.String())
	}
	return strings.Join(all, ", ")
}
