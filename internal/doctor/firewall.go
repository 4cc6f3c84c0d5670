package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// firewall is what decides on this machine who is let in.
type firewall struct {
	kind  string // "firewalld", "ufw", "nftables", "iptables"; empty: none is known of
	rules *ruleset
	said  string // what ufw or firewalld says of itself
	zone  string // firewalld's for the server's clients; empty: the default one
	apart bool   // and these come by several
	// blind says why nobody here can tell whether one is in force; empty: none is.
	blind string
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
		f := firewall{kind: "firewalld"}
		active, _ := tool("firewall-cmd", "--get-active-zones") // without it the default is meant
		f.zone, f.apart = firewalldZone(active, t.devices())
		f.said, _ = tool(f.zoned("--list-all")...) // without it nothing is let in
		return f
	}
	if out, err := tool("ufw", "status", "verbose"); err == nil && strings.Contains(out, "Status: active") {
		return firewall{kind: "ufw", said: out}
	}
	out, err := tool("nft", "-j", "list", "ruleset")
	rules := new(ruleset)
	if err == nil {
		if told, err := parseRuleset([]byte(out)); err == nil {
			rules = told
		}
	}
	rules.addIptables(t.oldTables())
	if len(rules.inputs()) > 0 {
		f := firewall{kind: rules.kind(), rules: rules}
		// Where nobody comes by IPv6 its rules are often shut, and rightly.
		rules.chains = slices.DeleteFunc(rules.chains, func(c chain) bool { return !t.serves(c.Family) })
		return f
	}
	return firewall{blind: t.blind(err, os.Geteuid())}
}

// oldTables says whether the kernel has tables of the old iptables for what comes in.
func (t *Target) oldTables() bool {
	return slices.ContainsFunc([]string{"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"}, func(file string) bool {
		return slices.Contains(strings.Fields(t.read(file)), "filter")
	})
}

// blind says why nobody can tell that no firewall is in force, where the rules of
// nftables were asked for by a user and that ended with an error, or with nil.
// Empty: none is, as far as can be known.
func (t *Target) blind(nft error, user int) string {
	switch {
	case user != 0:
		return "only root may look at the rules"
	case t.oldTables() && !emptyIptables():
		return "there are rules of the old iptables, and no program here that tells them"
	case nft == nil:
		return ""
	case !errors.Is(nft, exec.ErrNotFound):
		return "nft does not tell: " + oneLine(nft)
	case t.exists("/sys/module/nf_tables") && !emptyIptables():
		return "nft is not installed, which would tell the rules"
	}
	return ""
}

// open are the commands that let a range of ports in, now and after a restart of
// the machine where the tool can do that.
func (f firewall) open(p portRange) [][]string {
	switch f.kind {
	case "firewalld":
		port := "--add-port=" + p.span("-") + "/" + p.protocol
		return [][]string{f.zoned(port), f.zoned("--permanent", port)}
	case "ufw":
		return [][]string{{"ufw", "allow", p.span(":") + "/" + p.protocol}}
	case "nftables", "iptables":
		var out [][]string
		for _, c := range f.rules.inputs() {
			if f.rules.verdict(c, p) == drops {
				out = append(out, c.letIn(p))
			}
		}
		return out
	}
	return nil
}

// keep says what makes the commands last, where they do not by themselves; empty:
// they do.
func (f firewall) keep() string {
	switch f.kind {
	case "nftables":
		return "the same in /etc/nftables.conf"
	case "iptables":
		return "keep it as the other rules are kept (netfilter-persistent save, or service iptables save)"
	}
	return ""
}

// lets says whether a range of ports is let in, as far as the tool tells.
func (f firewall) lets(p portRange) verdict {
	switch f.kind {
	case "firewalld":
		return firewalldLets(f.said, f.apart, firewalldPorts, p)
	case "ufw":
		return ufwLets(f.said, p)
	case "nftables", "iptables":
		for _, c := range f.rules.inputs() {
			if v := f.rules.verdict(c, p); v != accepts {
				return v
			}
		}
	}
	return accepts
}

// checkFirewall looks whether the firewall of this machine lets clients in. The one
// around it, which a cloud has, can only be seen from outside.
func checkFirewall(_ context.Context, t *Target) []Check {
	const name = "firewall"
	if t.local() {
		return nil // what only this machine uses passes no firewall
	}
	f := firewallOf(t)
	if f.blind != "" {
		return []Check{t.unseenFirewall(f.blind)}
	}
	if f.kind == "" {
		seen := "none is in force on this machine"
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

// unseenFirewall tells that nobody has looked. Where that is nobody's to mend, or a
// second server shows what is let in, it is no warning.
func (t *Target) unseenFirewall(why string) Check {
	seen := "whether one is in force on this machine could not be looked at: " + why
	switch {
	case t.Outside.Link != "":
		return ok("firewall", seen+"; the second server shows what is let in")
	case t.container() != "":
		return ok("firewall", seen+"; that of a container is the business of its host")
	}
	return warn("firewall", seen, "call this as root, where nft is installed; or see from outside, with --from or --browser, whether "+t.neededText()+" are let in")
}

// neededText lists what has to be let in.
func (t *Target) neededText() string {
	var all []string
	for _, p := range t.needed() {
		all = append(all, p.String())
	}
	return strings.Join(all, ", ")
}
