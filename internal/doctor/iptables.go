package doctor

import (
	"encoding/json"
	"errors"
	"os/exec"
	"slices"
	"strings"
)

// The rules of iptables, as its programs tell them. Those of the old one are in no
// ruleset of nftables; those of today's are, but of what it adds to them nft tells
// only the names.

// addIptables reads what iptables has in force about what comes in; old says that
// the kernel has tables of the old one.
func (r *ruleset) addIptables(old bool) {
	for _, family := range []struct{ name, program string }{{"ip", "iptables"}, {"ip6", "ip6tables"}} {
		version, _ := tool(family.program, "-V")
		today := strings.Contains(version, "nf_tables")
		if today && r.adopt(family.name, family.program) {
			r.forget(family.name, "filter")
		}
		if !old {
			continue
		}
		_, err := exec.LookPath(family.program + "-legacy")
		switch {
		case err == nil:
			r.adopt(family.name, family.program+"-legacy")
		case !today: // it had no such name when there was no other
			r.adopt(family.name, family.program)
		}
	}
}

// adopt adds the rules that a program tells, if there is one about what comes in.
func (r *ruleset) adopt(family, program string) bool {
	said, err := tool(program, "-S")
	if err != nil {
		return false
	}
	chains, rules := parseIptables(family, program, said)
	about := func(c chain) bool {
		return c.Hook != "" && (c.Policy == "drop" || slices.ContainsFunc(rules, func(r rule) bool { return r.in(c) }))
	}
	if !slices.ContainsFunc(chains, about) {
		return false
	}
	r.chains, r.rules = append(r.chains, chains...), append(r.rules, rules...)
	return true
}

// forget leaves out the chains of a table.
func (r *ruleset) forget(family, table string) {
	r.chains = slices.DeleteFunc(r.chains, func(c chain) bool { return c.Family == family && c.Table == table })
}

// parseIptables reads what `iptables -S` writes: the commands that make the rules.
// The table is called like the program, which nothing in nftables is.
func parseIptables(family, program, said string) (chains []chain, rules []rule) {
	for line := range strings.Lines(said) {
		words := shellWords(line)
		if len(words) < 2 {
			continue
		}
		at := chain{Family: family, Table: program, Name: words[1], program: program}
		switch {
		case words[0] == "-P" && at.Name == "INPUT" && len(words) > 2:
			at.Type, at.Hook, at.Policy = "filter", "input", strings.ToLower(words[2])
			chains = append(chains, at)
		case words[0] == "-N":
			chains = append(chains, at)
		case words[0] == "-A":
			rules = append(rules, rule{family, program, at.Name, expressions(words[2:])})
		}
	}
	return chains, rules
}

// shellWords are the words of a line, of which the comments stand in quotes.
func shellWords(line string) (words []string) {
	var word strings.Builder
	quoted, escaped := false, false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		case (r == ' ' || r == '\n') && !quoted:
			if word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
		default:
			word.WriteRune(r)
		}
	}
	return words
}

// expressions says in nft's words what a rule of iptables asks and does. What is
// not known here becomes a condition that may hold or not.
func expressions(words []string) (out []map[string]json.RawMessage) {
	say := func(kind string, what any) {
		text, _ := json.Marshal(what) // of maps, slices and strings
		out = append(out, map[string]json.RawMessage{kind: text})
	}
	match := func(left, right any) {
		say("match", map[string]any{"op": "==", "left": left, "right": right})
	}
	protocol := ""
	for i := 0; i+1 < len(words); i++ {
		value := words[i+1]
		switch words[i] {
		case "!":
			say("xt", value)
			i++
		case "-p":
			protocol = value
			match(key("meta", "l4proto"), value)
		case "--dport", "--dports":
			match(map[string]any{"payload": map[string]string{"protocol": protocol, "field": "dport"}}, portSet(value))
		case "-i":
			match(key("meta", "iifname"), value)
		case "-s":
			match(map[string]any{"payload": map[string]string{"protocol": "ip", "field": "saddr"}}, value)
		case "--ctstate", "--state":
			match(key("ct", "state"), strings.Split(strings.ToLower(value), ","))
		case "-j", "-g":
			say(endOf(words[i], value))
			return out // behind it stands how it is done
		case "-m", "--comment":
			if words[i] == "-m" && !slices.Contains([]string{"tcp", "udp", "multiport", "conntrack", "state", "comment"}, value) {
				say("xt", value)
			}
		default:
			say("xt", words[i])
			continue
		}
		i++
	}
	return out
}

func key(of, name string) any { return map[string]any{of: map[string]string{"key": name}} }

// portSet are ports as in 80,443,3000:4000.
func portSet(text string) any {
	var set []any
	for part := range strings.SplitSeq(text, ",") {
		from, to, found := strings.Cut(part, ":")
		if !found {
			to = from
		}
		set = append(set, map[string]any{"range": []json.Number{json.Number(from), json.Number(to)}})
	}
	return map[string]any{"set": set}
}

// endOf is how a rule ends, in nft's words.
func endOf(how, name string) (kind string, what any) {
	switch {
	case slices.Contains([]string{"ACCEPT", "DROP", "REJECT", "RETURN"}, name):
		return strings.ToLower(name), nil
	case name == "LOG" || name == "NFLOG":
		return "log", nil
	case how == "-g":
		return "goto", map[string]string{"target": name}
	}
	return "jump", map[string]string{"target": name}
}

// emptyIptables says whether iptables has no rule about what comes in.
func emptyIptables() bool {
	for _, family := range []string{"iptables", "ip6tables"} {
		out, err := tool(family+"-legacy", "-S", "INPUT")
		if errors.Is(err, exec.ErrNotFound) {
			out, err = tool(family, "-S", "INPUT")
		}
		if err != nil || strings.TrimSpace(out) != "-P INPUT ACCEPT" {
			return false
		}
	}
	return true
}
