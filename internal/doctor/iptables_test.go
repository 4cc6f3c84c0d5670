package doctor

import (
	"slices"
	"testing"
)

// What the programs of iptables tell, and what becomes of a stranger's packet.
func TestParseIptables(t *testing.T) {
	udp, tcp, relays := portRange{"udp", 3478, 3478}, portRange{"tcp", 3478, 3478}, portRange{"udp", 49152, 65535}
	const usual = "-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -m state --state ESTABLISHED -j ACCEPT\n" +
		"-A INPUT -p icmp -j ACCEPT\n-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT\n"
	for _, c := range []struct {
		name, rules      string
		udp, tcp, relays verdict
	}{
		{"empty", "-P INPUT ACCEPT\n", accepts, accepts, accepts},
		{"closed", "-P INPUT DROP\n-P FORWARD ACCEPT\n" + usual, drops, drops, drops},
		{"a last rule", "-P INPUT ACCEPT\n" + usual + "-A INPUT -j REJECT --reject-with icmp-host-prohibited\n", drops, drops, drops},
		{"opened", "-P INPUT DROP\n-A INPUT -p udp -m udp --dport 3478 -j ACCEPT\n" + usual, accepts, drops, drops},
		{"a range", "-P INPUT DROP\n-A INPUT -p udp -m udp --dport 49152:65535 -j ACCEPT\n", drops, drops, accepts},
		{"several", "-P INPUT DROP\n-A INPUT -p udp -m multiport --dports 53,3478,49152:65535 -m comment --comment \"calls \\\"and\\\" -j DROP\" -j ACCEPT\n", accepts, drops, accepts},
		{"a chain", "-P INPUT DROP\n-N turn\n-A turn -p udp -m udp --dport 3478 -j ACCEPT\n-A INPUT -g turn\n", accepts, drops, drops},
		{"some senders", "-P INPUT DROP\n-A INPUT -s 192.0.2.0/24 -p udp -m udp --dport 3478 -j ACCEPT\n", drops, drops, drops},
		{"by rate", "-P INPUT DROP\n-A INPUT -p udp -m udp --dport 3478 -m limit --limit 5/sec -j ACCEPT\n", unsure, drops, drops},
		{"all but one protocol", "-P INPUT DROP\n-A INPUT ! -p tcp -j ACCEPT\n", unsure, unsure, unsure},
		{"logged", "-P INPUT DROP\n-A INPUT -j LOG --log-prefix \"gone \"\n-A INPUT -p tcp -m tcp --dport 3478 -j ACCEPT\n", drops, accepts, drops},
	} {
		t.Run(c.name, func(t *testing.T) {
			chains, rules := parseIptables("ip", "iptables-legacy", c.rules)
			f := firewall{rules: &ruleset{chains, rules}}
			f.kind = f.rules.kind()
			for p, want := range map[portRange]verdict{udp: c.udp, tcp: c.tcp, relays: c.relays} {
				if got := f.lets(p); got != want {
					t.Errorf("%v: %v, want %v", p, got, want)
				}
				if opened := len(f.open(p)) > 0; opened != (want == drops) {
					t.Errorf("%v: commands %v", p, f.open(p))
				}
			}
		})
	}
}

// Who uses iptables is told its words, and that they do not last.
func TestOpenIptables(t *testing.T) {
	chains, rules := parseIptables("ip6", "ip6tables-legacy", "-P INPUT DROP\n")
	f := firewall{kind: (&ruleset{chains, rules}).kind(), rules: &ruleset{chains, rules}}
	commands := f.open(portRange{"udp", 49152, 65535})
	if len(commands) != 1 || shellLine(commands[0]) != "ip6tables-legacy -I INPUT -p udp --dport 49152:65535 -j ACCEPT" || f.keep() == "" {
		t.Errorf("%v, and %q", commands, f.keep())
	}
	if got := shellWords(`-A INPUT  -m comment --comment "a \"b\" c" -j DROP` + "\n"); !slices.Equal(got, []string{"-A", "INPUT", "-m", "comment", "--comment", `a "b" c`, "-j", "DROP"}) {
		t.Errorf("%q", got)
	}
}
