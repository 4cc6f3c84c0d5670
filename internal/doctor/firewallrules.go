package doctor

import (
	"encoding/json"
	"slices"
	"strings"
)

// verdict is what becomes of a packet.
type verdict int

const (
	accepts verdict = iota
	drops
	// unsure is for rules that nobody can tell the outcome of without the packet:
	// by its source, its rate, or what this reader does not know.
	unsure
)

// ruleset is what nftables has in force, whoever wrote it: the rules of iptables
// are among them today.
type ruleset struct {
	chains []chain
	rules  []rule
}

type chain struct {
	Family, Table, Name string
	Type, Hook, Policy  string
	program             string // of iptables, whose chain it is; empty: nft's
}

type rule struct {
	Family, Table, Chain string
	Expr                 []map[string]json.RawMessage
}

// parseRuleset reads what `nft -j list ruleset` writes.
func parseRuleset(text []byte) (*ruleset, error) {
	var list struct {
		Nftables []struct {
			Chain *chain
			Rule  *rule
		}
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	r := new(ruleset)
	for _, e := range list.Nftables {
		if e.Chain != nil {
			r.chains = append(r.chains, *e.Chain)
		}
		if e.Rule != nil {
			r.rules = append(r.rules, *e.Rule)
		}
	}
	return r, nil
}

// inputs are the chains that every packet for this machine goes through.
func (r *ruleset) inputs() []chain {
	var out []chain
	for _, c := range r.chains {
		if c.Type == "filter" && c.Hook == "input" && (c.Family == "inet" || c.Family == "ip" || c.Family == "ip6") {
			out = append(out, c)
		}
	}
	return out
}

// kind says whose rules they are: those who use iptables know no nft.
func (r *ruleset) kind() string {
	if slices.ContainsFunc(r.inputs(), func(c chain) bool { return c.program != "" }) {
		return "iptables"
	}
	return "nftables"
}

// letIn is the command that lets ports in, before everything else of a chain.
func (c chain) letIn(p portRange) []string {
	if c.program != "" {
		return []string{c.program, "-I", c.Name, "-p", p.protocol, "--dport", p.span(":"), "-j", "ACCEPT"}
	}
	return []string{"nft", "insert", "rule", c.Family, c.Table, c.Name, p.protocol, "dport", p.span("-"), "accept"}
}

// deepest is how far jumps are followed.
const deepest = 16

// verdict is what a chain does with the first packet of a stranger to these ports.
func (r *ruleset) verdict(c chain, p portRange) verdict {
	v, decided := r.walk(c, p, 0)
	switch {
	case decided:
		return v
	case c.Policy == "drop" && v == unsure:
		return unsure
	case c.Policy == "drop":
		return drops
	}
	return accepts
}

// walk goes through the rules of a chain in order, until one decides. Undecided and
// unsure is a chain with a rule that may have let the packet in.
func (r *ruleset) walk(c chain, p portRange, depth int) (v verdict, decided bool) {
	if depth > deepest {
		return unsure, true
	}
	so := accepts // far, which is unsure once a rule may have let it in
	for _, rule := range r.rules {
		applies, end := rule.about(p)
		if !applies || !rule.in(c) {
			continue
		}
		if end.kind == "return" && end.sure {
			return so, false
		}
		v, decided := r.follow(c, end, p, depth)
		if decided && (v != accepts || end.sure) {
			// It might drop, and might not: nothing is said of it then.
			if !end.sure || so == unsure {
				v = unsure
			}
			return v, true
		}
		// What is for some strangers only does not help the others.
		if (decided || v == unsure) && !end.some {
			so = unsure
		}
	}
	return so, false
}

// in says whether a rule is one of a chain.
func (r rule) in(c chain) bool {
	return r.Family == c.Family && r.Table == c.Table && r.Chain == c.Name
}

// ending is how a rule ends.
type ending struct {
	kind   string // accept, drop, reject, return, jump, goto, map; empty: it decides nothing
	target string
	sure   bool // every packet to the ports gets there
	some   bool // only those of some senders do, or of those who have been let in before
}

// follow is where an ending leads.
func (r *ruleset) follow(from chain, e ending, p portRange, depth int) (verdict, bool) {
	switch e.kind {
	case "accept":
		return accepts, true
	case "drop", "reject":
		return drops, true
	case "map":
		return unsure, false
	case "jump", "goto":
		for _, c := range r.chains {
			if c.Family == from.Family && c.Table == from.Table && c.Name == e.target {
				return r.walk(c, p, depth+1)
			}
		}
	}
	return accepts, false
}

// about says whether a rule is about a stranger's first packet to these ports,
// and how it ends.
func (r rule) about(p portRange) (applies bool, e ending) {
	e.sure = true
	for _, expr := range r.Expr {
		for kind, text := range expr {
			switch kind {
			case "match":
				yes, sure := matches(text, p)
				if !yes {
					return false, e
				}
				e.sure = e.sure && sure
			case "accept", "drop", "reject", "return":
				e.kind = kind
			case "jump", "goto":
				var to struct{ Target string }
				_ = json.Unmarshal(text, &to) // without a target it leads nowhere
				e.kind, e.target = kind, to.Target
			case "vmap":
				e.kind, e.sure = "map", false
			case "counter", "log", "comment":
			default:
				// Of what iptables adds only the name is told.
				if strings.Contains(string(text), `"REJECT"`) {
					e.kind = "reject"
					continue
				}
				e.sure = e.sure && strings.Contains(string(text), `"comment"`)
			}
		}
	}
	e.some = r.forSome(e.kind)
	return true, e
}

// forSome says whether a rule with that ending is not about every stranger: it names
// senders; or it goes by the interface or by the state of the connection, whatever
// the port, so that it is for neighbours, or for those who were let in before. A
// chain that such a rule leads to may say more of ports.
func (r rule) forSome(kind string) bool {
	ports, known := false, false
	for _, expr := range r.Expr {
		match, added := string(expr["match"]), string(expr["xt"])
		if strings.Contains(match, `"saddr"`) {
			return true
		}
		ports = ports || strings.Contains(match, `"dport"`) || strings.Contains(added, `"multiport"`)
		known = known || strings.Contains(match, `"iif`) || byState(expr["vmap"]) ||
			strings.Contains(added, `"conntrack"`) || strings.Contains(added, `"state"`)
	}
	return known && !ports && kind != "jump" && kind != "goto"
}

// byState says whether a map of verdicts goes by the state of the connection or by
// the interface, and leads to no chain: what it lets in are no strangers.
func byState(text json.RawMessage) bool {
	var m struct{ Key json.RawMessage }
	if json.Unmarshal(text, &m) != nil || strings.Contains(string(text), `"jump"`) || strings.Contains(string(text), `"goto"`) {
		return false
	}
	return strings.Contains(string(m.Key), `"ct"`) || strings.Contains(string(m.Key), `"iif`)
}

// matches says whether a condition holds for such a packet. What depends on more
// than the protocol and the port may hold or not.
func matches(text json.RawMessage, p portRange) (yes, sure bool) {
	var m struct {
		Op          string
		Left, Right json.RawMessage
	}
	if json.Unmarshal(text, &m) != nil {
		return true, false
	}
	var left struct {
		Payload struct{ Protocol, Field string }
		Meta    struct{ Key string }
		CT      struct{ Key string }
	}
	if json.Unmarshal(m.Left, &left) != nil {
		return true, false
	}
	switch {
	case left.Payload.Field == "dport" && m.Op == "==":
		if left.Payload.Protocol != p.protocol && left.Payload.Protocol != "th" {
			return false, true
		}
		return within(m.Right, p)
	case (left.Meta.Key == "l4proto" || left.Payload.Field == "protocol" || left.Payload.Field == "nexthdr") && m.Op == "==":
		return strings.Contains(string(m.Right), `"`+p.protocol+`"`), true
	case left.Meta.Key == "iifname" && m.Op == "==":
		// Nobody comes from elsewhere by loopback.
		return string(m.Right) != `"lo"`, false
	case left.CT.Key == "state" && m.Op != "!=":
		return strings.Contains(string(m.Right), `"new"`), true
	}
	return !foreign(left.Payload.Protocol, p), foreign(left.Payload.Protocol, p)
}

// foreign says whether a field is one of another protocol.
func foreign(protocol string, p portRange) bool {
	return protocol != p.protocol && slices.Contains([]string{"icmp", "icmpv6", "tcp", "udp", "sctp"}, protocol)
}

// within says whether ports lie in what a rule compares with: a number, a range or
// a set of these. It is sure only if all of them do.
func within(text json.RawMessage, p portRange) (yes, sure bool) {
	var one int
	if json.Unmarshal(text, &one) == nil {
		return overlaps(one, one, p)
	}
	var set struct {
		Range []int
		Set   []json.RawMessage
	}
	if json.Unmarshal(text, &set) != nil {
		return true, false // a named set
	}
	if len(set.Range) == 2 {
		return overlaps(set.Range[0], set.Range[1], p)
	}
	for _, element := range set.Set {
		if y, s := within(element, p); y {
			if s {
				return true, true
			}
			yes = true
		}
	}
	return yes, !yes
}

func overlaps(from, to int, p portRange) (yes, all bool) {
	yes = from <= int(p.to) && int(p.from) <= to
	return yes, !yes || from <= int(p.from) && int(p.to) <= to
}
