package doctor

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// nftables loads rules in a network namespace of their own, where they harm nobody,
// and reads them back as the doctor does.
func nftables(t *testing.T, rules string) *ruleset {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root has network namespaces")
	}
	command := exec.Command("unshare", "--net", "sh", "-c", "nft -f - && nft -j list ruleset")
	command.Stdin = strings.NewReader(rules)
	var problem strings.Builder
	command.Stderr = &problem
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, problem.String())
	}
	r, err := parseRuleset(out)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNftables(t *testing.T) {
	udp, tcp, relays := portRange{"udp", 3478, 3478}, portRange{"tcp", 3478, 3478}, portRange{"udp", 49152, 65535}
	in := func(policy, rules string) string {
		return "table inet filter { chain web { tcp dport 443 accept; }\n chain turn { udp dport { 3478, 49152-65535 } accept; tcp dport 3478 accept; }\n" +
			"chain input { type filter hook input priority 0; policy " + policy + ";\n" + rules + "}\n}\n"
	}
	for _, c := range []struct {
		name, rules      string
		udp, tcp, relays verdict
	}{
		{"empty", in("accept", ""), accepts, accepts, accepts},
		{"closed", in("drop", ""), drops, drops, drops},
		{"UDP dropped", in("accept", "udp dport 3478 drop\n"), drops, accepts, accepts},
		{"UDP dropped, for all", in("accept", "meta l4proto udp drop\n"), drops, accepts, drops},
		{"the usual", in("drop", "iifname lo accept\nct state established,related accept\nmeta l4proto icmp accept\nip protocol icmp accept\ntcp dport 22 accept\nudp dport 3478 counter accept\nreject\n"), accepts, drops, drops},
		{"a chain", in("drop", "jump web\njump turn\n"), accepts, accepts, accepts},
		{"a set", in("drop", "udp dport { 53, 3400-3500 } accept\ntcp dport { 80, 443 } accept\n"), accepts, drops, drops},
		{"by source", in("drop", "ip saddr 192.0.2.0/24 udp dport 3478 accept\n"), drops, drops, drops},
		{"some dropped", in("accept", "ip saddr 192.0.2.0/24 udp dport 3478 drop\n"), unsure, accepts, accepts},
		{"part of the range", in("accept", "udp dport 50000-50100 drop\n"), accepts, accepts, unsure},
		{"both protocols", in("drop", "meta l4proto { tcp, udp } th dport 3478 accept\n"), accepts, accepts, drops},
		{"an interface", in("drop", "iifname eth0 udp dport 3478 accept\niifname eth1 accept\n"), unsure, drops, drops},
		{"a chain of an interface", in("drop", "iifname eth0 jump turn\n"), unsure, unsure, unsure},
		{"a rate", in("drop", "udp dport 3478 limit rate 5000/second accept\n"), unsure, drops, drops},
		{"a named set", "table inet filter { set open { type inet_service; elements = { 3478 }; }\n" +
			"chain input { type filter hook input priority 0; policy drop; meta l4proto udp th dport @open accept; }\n}\n", unsure, drops, unsure},
		{"a map", in("drop", "ct state vmap { established : accept, invalid : drop }\niifname vmap { lo : accept }\nmeta l4proto vmap { udp : jump turn }\n"), unsure, unsure, unsure},
		{"maps for nobody new", in("drop", "ct state vmap { established : accept, invalid : drop }\niifname vmap { lo : accept }\n"), drops, drops, drops},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := firewall{kind: "nftables", rules: nftables(t, c.rules)}
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

// Of what iptables adds to rules nft tells only the names.
func TestIptables(t *testing.T) {
	const of = `{"nftables":[{"chain":{"family":"ip","table":"filter","name":"INPUT","type":"filter","hook":"input","policy":"drop"}},
		{"rule":{"family":"ip","table":"filter","chain":"INPUT","expr":[{"xt":{"type":"match","name":"conntrack"}},{"counter":{}},{"accept":null}]}}%s]}`
	multiport := `,{"rule":{"family":"ip","table":"filter","chain":"INPUT","expr":[{"match":{"op":"==","left":{"meta":{"key":"l4proto"}},"right":"udp"}},
		{"xt":{"type":"match","name":"multiport"}},{"xt":{"type":"match","name":"conntrack"}},{"accept":null}]}}`
	open, reject := strings.Replace(of, `"policy":"drop"`, `"policy":"accept"`, 1), `,{"rule":{"family":"ip","table":"filter","chain":"INPUT","expr":[{"counter":{}},{"xt":{"type":"target","name":"REJECT"}}]}}`
	if rules, err := parseRuleset(fmt.Appendf(nil, open, reject)); err != nil || (firewall{kind: "nftables", rules: rules}).lets(portRange{"udp", 3478, 3478}) != drops {
		t.Errorf("a last rule that rejects is not seen: %v", err)
	}
	for more, want := range map[string]verdict{"": drops, multiport: unsure} {
		rules, err := parseRuleset(fmt.Appendf(nil, of, more))
		if err != nil {
			t.Fatal(err)
		}
		if got := (firewall{kind: "nftables", rules: rules}).lets(portRange{"udp", 3478, 3478}); got != want {
			t.Errorf("%s: %v, want %v", more, got, want)
		}
	}
}

// The command that is given mends it, in the very chain that drops.
func TestOpenNftables(t *testing.T) {
	const closed = "table ip my_filter { chain in { type filter hook input priority 0; policy accept; udp dport 3000-4000 drop; }\n}\n"
	p := portRange{"udp", 3478, 3478}
	f := firewall{kind: "nftables", rules: nftables(t, closed)}
	commands := f.open(p)
	if len(commands) != 1 || shellLine(commands[0]) != "nft insert rule ip my_filter in udp dport 3478 accept" {
		t.Fatalf("%v", commands)
	}
	f.rules = nftables(t, closed+strings.TrimPrefix(shellLine(commands[0]), "nft ")+"\n")
	if got := f.lets(p); got != accepts {
		t.Errorf("still %v", got)
	}
}

// The tools are asked in the language that they are read in.
func TestToolLanguage(t *testing.T) {
	t.Setenv("LC_ALL", "de_DE.UTF-8")
	t.Setenv("LANGUAGE", "de")
	if said, err := tool("sh", "-c", "echo $LC_ALL $LANGUAGE"); err != nil || said != "C C\n" {
		t.Errorf("%q %v", said, err)
	}
}

func TestCloud(t *testing.T) {
	for vendor, want := range map[string]string{
		"Amazon EC2": "security group", "Google": "VPC firewall rule", "Alibaba Cloud": "Alibaba Cloud", "Tencent Cloud": "Tencent Cloud",
		"Hetzner": "Cloud Console", "DigitalOcean": "DigitalOcean",
	} {
		target := &Target{Root: machine(t, map[string]string{"sys/class/dmi/id/sys_vendor": vendor + "\n"})}
		if advice, remedies := target.open(portRange{"udp", 3478, 3478}); !strings.Contains(advice, want) || !strings.HasPrefix(advice, "open UDP 3478 in ") || remedies != nil {
			t.Errorf("%s: %s", vendor, advice)
		}
	}
	for tag, want := range map[string]string{"7783-7084-3265-9085-8269-3286-77": "NSG", "OracleCloud.com": "security list"} {
		target := &Target{Root: machine(t, map[string]string{"sys/class/dmi/id/chassis_asset_tag": tag})}
		if advice, _ := target.open(portRange{"udp", 1, 2}); !strings.Contains(advice, want) || !strings.Contains(advice, "UDP 1-2") {
			t.Errorf("%s: %s", tag, advice)
		}
	}
	target := &Target{Root: machine(t, map[string]string{"sys/class/dmi/id/sys_vendor": "Microsoft Corporation"})}
	if c, known := cloudOf(target); known {
		t.Errorf("Hyper-V at home is %v", c)
	}
	if advice, _ := target.open(portRange{"tcp", 3478, 3478}); !strings.Contains(advice, "security group (AWS") {
		t.Errorf("%s", advice)
	}
}
