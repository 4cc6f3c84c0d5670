package doctor

import (
	"errors"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestUfw(t *testing.T) {
	const status = "Status: active\n\nTo                         Action      From\n--                         ------      ----\n" +
		"22/tcp                     ALLOW       Anywhere\n3478                       ALLOW       Anywhere\n5349/tcp                   ALLOW       192.0.2.0/24\n" +
		"49152:65535/udp            ALLOW       Anywhere\n3478 (v6)                  ALLOW       Anywhere (v6)\n80,443/tcp                 ALLOW       Anywhere\n"
	f := firewall{kind: "ufw", said: status}
	for p, want := range map[portRange]verdict{
		{"udp", 3478, 3478}: accepts, {"tcp", 3478, 3478}: accepts, {"tcp", 5349, 5349}: drops, {"udp", 49152, 65535}: accepts,
		{"udp", 40000, 65535}: drops, {"udp", 443, 443}: drops, {"tcp", 443, 443}: accepts,
	} {
		if got := f.lets(p); got != want {
			t.Errorf("%v: %v, want %v", p, got, want)
		}
	}
	if got := f.open(portRange{"udp", 49152, 65535}); shellLine(got[0]) != "ufw allow 49152:65535/udp" {
		t.Errorf("%v", got)
	}
	if got := (firewall{kind: "firewalld"}).open(portRange{"udp", 49152, 65535}); len(got) != 2 || !slices.Contains(got[1], "--permanent") || !slices.Contains(got[0], "--add-port=49152-65535/udp") {
		t.Errorf("%v", got)
	}
}

// A rule for an interface may let clients in, or not; one that limits lets in.
func TestUfwInterface(t *testing.T) {
	p := portRange{"udp", 3478, 3478}
	for line, want := range map[string]verdict{
		"3478/udp on eth0           ALLOW       Anywhere":     unsure,
		"3478/udp                   LIMIT       Anywhere":     accepts,
		"Anywhere on eth0           ALLOW       Anywhere":     drops,
		"3479/udp on eth0           ALLOW       Anywhere":     drops,
		"3478/udp                   DENY        Anywhere":     drops,
		"Anywhere                   ALLOW       192.0.2.0/24": drops,
	} {
		if got := ufwLets("Status: active\n\n"+line+"\n", p); got != want {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
	}
}

// What ufw lets in by default, and what it says of packets that go out.
func TestUfwDefault(t *testing.T) {
	p := portRange{"udp", 3478, 3478}
	for status, want := range map[string]verdict{
		"Default: deny (incoming), allow (outgoing), disabled (routed)\n\n":                                           drops,
		"Default: allow (incoming), allow (outgoing), disabled (routed)\n\n":                                          accepts,
		"Default: allow (incoming), allow (outgoing)\n\n22/tcp       DENY IN     Anywhere\n":                          unsure,
		"Default: deny (incoming), allow (outgoing)\n\n3478/udp      ALLOW IN    Anywhere                   # turn\n": accepts,
		"Default: deny (incoming), allow (outgoing)\n\n3478/udp      ALLOW OUT   Anywhere\n":                          drops,
		"Default: deny (incoming), allow (outgoing)\n\n3478,5349 (Turn Server) ALLOW IN Anywhere\n":                   accepts,
		"Default: deny (incoming), allow (outgoing)\n\n3478/udp on eth0 ALLOW IN Anywhere\n":                          unsure,
		"Default: deny (incoming), allow (outgoing)\n\n3478 (v6)     ALLOW IN    Anywhere (v6)\n":                     accepts,
		"Default: deny (incoming), allow (outgoing)\n\n3478/udp      ALLOW FWD   Anywhere\n":                          drops,
	} {
		if got := ufwLets("Status: active\nLogging: on (low)\n"+status, p); got != want {
			t.Errorf("%q: %v, want %v", status, got, want)
		}
	}
}

// Of firewalld the ports are read, and those of its services; what else may let in
// is not, and makes nothing sure.
func TestFirewalld(t *testing.T) {
	zone := func(target, services, ports, rich string) string {
		return "public (active)\n  target: " + target + "\n  interfaces: eth0\n  services: " + services + "\n  ports: " + ports + "\n  rich rules: \n" + rich
	}
	const rule = "\trule family=\"ipv4\" port port=\"3478\" protocol=\"udp\" accept\n"
	services := func(name string) []string {
		return map[string][]string{"turn": {"3478/tcp", "3478/udp", "49152-65535/udp"}}[name]
	}
	for _, c := range []struct {
		name, zone string
		apart      bool
		want       verdict
	}{
		{"closed", zone("default", "ssh", "80/tcp", ""), false, drops},
		{"the port", zone("default", "ssh", "80/tcp 3478/udp", ""), false, accepts},
		{"a range", zone("default", "ssh", "3000-4000/udp", ""), false, accepts},
		{"the other protocol", zone("default", "ssh", "3478/tcp", ""), false, drops},
		{"a service", zone("default", "ssh turn", "", ""), false, accepts},
		{"all", zone("ACCEPT", "ssh", "", ""), false, unsure},
		{"a rule", zone("default", "ssh", "", rule), false, unsure},
		{"two zones", zone("default", "ssh", "", ""), true, unsure},
		{"nothing was told", "", false, unsure},
	} {
		if got := firewalldLets(c.zone, c.apart, services, portRange{"udp", 3478, 3478}); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// That nobody could look is said, and is not the same as that there is no firewall.
func TestFirewallUnseen(t *testing.T) {
	bare, legacy := t.TempDir(), machine(t, map[string]string{"proc/net/ip_tables_names": "nat\nfilter\n"})
	_, missing := exec.LookPath("no-such-program-as-this")
	t.Setenv("PATH", bare) // what this machine has is not asked
	for _, c := range []struct {
		name, root string
		nft        error
		user       int
		want       string
	}{
		{"looked", bare, nil, 0, ""},
		{"not root", bare, errors.New("exit status 1"), 1000, "only root"},
		{"not root, no tool", bare, missing, 1000, "only root"},
		{"no tool, and nothing to tell", bare, missing, 0, ""},
		{"no tool", machine(t, map[string]string{"sys/module/nf_tables/refcnt": "1"}), missing, 0, "not installed"},
		{"a tool that fails", bare, errors.New("exit\nstatus 1"), 0, "nft does not tell: exit status 1"},
		{"old rules", legacy, nil, 0, "old iptables"},
		{"old rules of nat alone", machine(t, map[string]string{"proc/net/ip_tables_names": "nat\n"}), nil, 0, ""},
	} {
		if got := (&Target{Root: c.root}).blind(c.nft, c.user); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	target := &Target{Root: bare}
	target.MinPort, target.MaxPort = 49152, 65535
	compareChecks(t, []Check{target.unseenFirewall("only root")}, want{Warn, "firewall", "could not be looked at: only root", "UDP 49152-65535"})
	target.Root = machine(t, map[string]string{".dockerenv": ""})
	compareChecks(t, []Check{target.unseenFirewall("only root")}, want{OK, "firewall", "business of its host", ""})
	target.Root, target.Outside.Link = bare, "https://h/test#key=k"
	compareChecks(t, []Check{target.unseenFirewall("only root")}, want{OK, "firewall", "the second server shows", ""})
}

// The zone is that of the interfaces by which clients come, whatever others have.
func TestFirewalldZone(t *testing.T) {
	const active = "docker\n  interfaces: docker0\ninternal (active)\n  interfaces: eth0 eth1\nwork\n  sources: 192.0.2.0/24\n"
	for _, c := range []struct {
		active, devices, zone string
		apart                 bool
	}{
		{active, "eth0", "internal", false},
		{active, "eth0 eth1", "internal", false},
		{active, "eth2", "", false},
		{active, "eth0 eth2", "", true},
		{active, "", "", false},
		{"", "eth0", "", false},
	} {
		if zone, apart := firewalldZone(c.active, strings.Fields(c.devices)); zone != c.zone || apart != c.apart {
			t.Errorf("%q: %q, %v, want %q, %v", c.devices, zone, apart, c.zone, c.apart)
		}
	}
	f := firewall{kind: "firewalld", zone: "internal"}
	if got := shellLine(f.open(portRange{"udp", 3478, 3478})[1]); got != "firewall-cmd --zone=internal --permanent --add-port=3478/udp" {
		t.Errorf("%s", got)
	}
}

// The devices are those that have the addresses which relay.
func TestDevices(t *testing.T) {
	target := new(Target)
	if got := target.devices(); got != nil {
		t.Errorf("without a relay: %q", got)
	}
	target.Relays = []Relay{{Local: netip.MustParseAddr("127.0.0.1")}}
	if got := target.devices(); len(got) != 1 {
		t.Errorf("with a relay at loopback: %q", got)
	}
}

// Rules for a family that nobody comes by are no fault of a server's.
func TestServes(t *testing.T) {
	relay := func(at string) Relay { return Relay{Local: netip.MustParseAddr(at)} }
	for _, c := range []struct {
		name, listens string
		relays        []Relay
		v4, v6        bool
	}{
		{"nothing known", "", nil, true, true},
		{"IPv4", "10.0.0.5:3478", []Relay{relay("10.0.0.5")}, true, false},
		{"IPv6", "[2001:db8::5]:3478", []Relay{relay("2001:db8::5")}, false, true},
		{"every address of IPv4", "0.0.0.0:3478", nil, true, false},
		{"every address", "[::]:3478", nil, true, hasIPv6()},
		{"loopback beside it", "[::1]:3478", []Relay{relay("10.0.0.5")}, true, false},
		{"peers by IPv6", "10.0.0.5:3478", []Relay{relay("10.0.0.5"), relay("2001:db8::5")}, true, true},
	} {
		target := &Target{}
		target.Relays = c.relays
		if c.listens != "" {
			target.Listen.UDP = []netip.AddrPort{netip.MustParseAddrPort(c.listens)}
		}
		if v4, v6 := target.serves("ip"), target.serves("ip6"); v4 != c.v4 || v6 != c.v6 || !target.serves("inet") {
			t.Errorf("%s: %v %v", c.name, v4, v6)
		}
	}
}
