package server

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"iceserver/internal/config"
	"iceserver/internal/turn"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// machine builds the addresses of a machine from prefixes.
func machine(prefixes ...string) []local {
	var out []local
	for _, s := range prefixes {
		p := netip.MustParsePrefix(s)
		out = append(out, local{p.Addr(), p.Masked()})
	}
	return out
}

// describe writes a place in one line.
func describe(p *place) string {
	var relays []string
	for _, r := range p.relays {
		relays = append(relays, r.Local.String()+">"+seen(r).String())
	}
	return fmt.Sprintf("listen %v relays %v lan %v host %v", p.listen, relays, p.lan, p.host())
}

// Which addresses are listened on, relayed from and told.
func TestLocate(t *testing.T) {
	cloud := machine("10.0.0.5/24", "172.17.0.1/16", "127.0.0.1/8", "::1/128")
	public := machine("8.8.4.4/24", "2a00:1450::1/64", "10.0.0.5/24", "127.0.0.1/8")
	tests := []struct {
		name  string
		found []local
		cfg   config.Config
		want  string
	}{
		{
			"public addresses", public, config.Config{},
			"listen [8.8.4.4 2a00:1450::1 10.0.0.5 127.0.0.1] relays [8.8.4.4>8.8.4.4 2a00:1450::1>2a00:1450::1 10.0.0.5>10.0.0.5] lan [] host 8.8.4.4",
		},
		{
			"private network", cloud, config.Config{},
			"listen [10.0.0.5 172.17.0.1 127.0.0.1 ::1] relays [10.0.0.5>10.0.0.5 172.17.0.1>172.17.0.1] lan [10.0.0.0/24 172.17.0.0/16] host 10.0.0.5",
		},
		{
			"one external address", cloud, config.Config{ExternalIPs: []config.ExternalIP{{Public: ip("8.8.8.8")}}},
			"listen [10.0.0.5 172.17.0.1 127.0.0.1 ::1] relays [10.0.0.5>8.8.8.8] lan [] host 8.8.8.8",
		},
		{
			"one external address per family", machine("10.0.0.5/24", "fd00::5/64"),
			config.Config{ExternalIPs: []config.ExternalIP{{Public: ip("8.8.8.8")}, {Public: ip("2a00:1450::8")}}},
			"listen [10.0.0.5 fd00::5] relays [10.0.0.5>8.8.8.8 fd00::5>2a00:1450::8] lan [] host 8.8.8.8",
		},
		{
			"a pair", cloud, config.Config{ExternalIPs: []config.ExternalIP{{Public: ip("8.8.8.8"), Private: ip("172.17.0.1")}}},
			"listen [10.0.0.5 172.17.0.1 127.0.0.1 ::1] relays [172.17.0.1>8.8.8.8 10.0.0.5>10.0.0.5] lan [] host 8.8.8.8",
		},
		{
			"home: IPv6 is public, IPv4 is not", machine("192.168.1.2/24", "2a00:1450::2/64"), config.Config{},
			"listen [192.168.1.2 2a00:1450::2] relays [2a00:1450::2>2a00:1450::2 192.168.1.2>192.168.1.2] lan [192.168.1.0/24] host 2a00:1450::2",
		},
		{
			"only loopback", machine("127.0.0.1/8", "::1/128"), config.Config{},
			"listen [127.0.0.1 ::1] relays [127.0.0.1>127.0.0.1 ::1>::1] lan [] host 127.0.0.1",
		},
		{
			"loopback peers", machine("8.8.4.4/24", "127.0.0.1/8"), config.Config{AllowLoopbackPeers: true},
			"listen [8.8.4.4 127.0.0.1] relays [8.8.4.4>8.8.4.4 127.0.0.1>127.0.0.1] lan [] host 8.8.4.4",
		},
		{
			"listening-ip", public, config.Config{ListeningIPs: []netip.Addr{ip("127.0.0.1")}},
			"listen [127.0.0.1] relays [127.0.0.1>127.0.0.1] lan [] host 127.0.0.1",
		},
		{
			"relay-ip", public, config.Config{RelayIPs: []netip.Addr{ip("127.0.0.1"), ip("127.0.0.1")}},
			"listen [8.8.4.4 2a00:1450::1 10.0.0.5 127.0.0.1] relays [127.0.0.1>127.0.0.1] lan [] host 127.0.0.1",
		},
		{
			"0.0.0.0", public, config.Config{ListeningIPs: []netip.Addr{ip("0.0.0.0")}},
			"listen [8.8.4.4 10.0.0.5 127.0.0.1] relays [8.8.4.4>8.8.4.4 10.0.0.5>10.0.0.5 127.0.0.1>127.0.0.1] lan [] host 8.8.4.4",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := locate(&tt.cfg, tt.found, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.name == "home: IPv6 is public, IPv4 is not" {
				// The order of listening addresses is discover's, not locate's.
				slices.SortFunc(p.listen, netip.Addr.Compare)
			}
			if got := describe(p); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// An address of another machine: one line that says which there are.
func TestLocateErrors(t *testing.T) {
	found := machine("10.0.0.5/24")
	foreign := []netip.Addr{ip("203.0.113.77")}
	tests := []struct {
		cfg  config.Config
		want string
	}{
		{config.Config{ListeningIPs: foreign}, "listening-ip=203.0.113.77 is not an address of this machine, which has 10.0.0.5"},
		{config.Config{RelayIPs: foreign}, "relay-ip=203.0.113.77 is not an address"},
		{config.Config{ExternalIPs: []config.ExternalIP{{Public: ip("8.8.8.8"), Private: ip("10.9.9.9")}}}, "does not relay at 10.9.9.9"},
		{config.Config{ListeningIPs: []netip.Addr{ip("::")}}, "no address of that family"},
	}
	for _, tt := range tests {
		_, err := locate(&tt.cfg, found, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
	if _, err := locate(&config.Config{}, nil, nil); err == nil {
		t.Error("a machine without addresses is no error")
	}
}

// What this machine really has: loopback is there, link-local is not, and the
// order is that of rank.
func TestDiscover(t *testing.T) {
	found, err := discover()
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("no address at all")
	}
	for i, l := range found {
		if l.addr.IsLinkLocalUnicast() || l.addr.Is4In6() || !l.subnet.Contains(l.addr) {
			t.Errorf("%v in %v", l.addr, l.subnet)
		}
		if i > 0 && public(l.addr) && !public(found[i-1].addr) {
			t.Errorf("%v stands behind %v", l.addr, found[i-1].addr)
		}
	}
	if !slices.ContainsFunc(found, func(l local) bool { return l.addr.IsLoopback() }) {
		t.Error("no loopback address")
	}
}

func TestRank(t *testing.T) {
	preferred := []netip.Addr{ip("10.0.0.5"), ip("8.8.4.4")}
	order := []string{"8.8.4.4", "8.8.8.8", "10.0.0.5", "172.17.0.1", "127.0.0.1"}
	for i := 1; i < len(order); i++ {
		if a, b := rank(ip(order[i-1]), preferred), rank(ip(order[i]), preferred); a >= b {
			t.Errorf("%s ranks %d, %s ranks %d", order[i-1], a, order[i], b)
		}
	}
	for s, want := range map[string]bool{
		"8.8.8.8": true, "2a00:1450::1": true, "10.0.0.1": false, "100.64.0.1": false, "127.0.0.1": false,
		"198.18.0.1": false, "169.254.1.1": false, "fd00::1": false, "2001:db8::1": false, "::1": false, "224.0.0.1": false,
	} {
		if public(ip(s)) != want {
			t.Errorf("public(%s) is %v", s, !want)
		}
	}
}

// The policy that is built: the server's own listeners are no peers, its relay
// addresses are, its own network is where it is a private server, and the
// rules of the configuration count.
func TestPolicy(t *testing.T) {
	cfg := &config.Config{
		ListeningPort: 3478, TLSListeningPort: 5349,
		AllowedPeers: []config.PeerRange{{From: ip("10.1.0.0"), To: ip("10.1.0.255"), Text: "10.1.0.0/24"}},
		DeniedPeers:  []config.PeerRange{{From: ip("8.8.8.8"), To: ip("8.8.8.8"), Text: "8.8.8.8"}},
		ExternalIPs:  []config.ExternalIP{{Public: ip("9.9.9.9"), Private: ip("127.0.0.1")}},
		RelayIPs:     []netip.Addr{ip("127.0.0.1")},
	}
	p, err := locate(cfg, machine("192.168.7.2/24"), nil)
	if err != nil {
		t.Fatal(err)
	}
	p.lan = machineSubnets("192.168.7.2/24")
	s := newServer(cfg, nil, p)
	pol := s.policy(s.setup.Load())
	for addr, want := range map[string]turn.Verdict{
		"10.1.0.7": {}, "10.2.0.7": {Denied: true, Rule: "private (10.0.0.0/8)"},
		"8.8.8.8": {Denied: true, Rule: "denied-peer-ip=8.8.8.8"}, "8.8.4.4": {},
		"127.0.0.1": {Inside: true}, "9.9.9.9": {Inside: true}, "192.168.7.9": {},
		"127.0.0.2": {Denied: true, Rule: "loopback (127.0.0.0/8)"},
	} {
		if got := pol.Check(ip(addr)); got != want {
			t.Errorf("%s: got %+v, want %+v", addr, got, want)
		}
	}
	for addr, want := range map[string]bool{
		"192.168.7.2:3478": true, "192.168.7.2:5349": true, "9.9.9.9:3478": true, "192.168.7.2:9999": false,
	} {
		if got := pol.Listener(netip.MustParseAddrPort(addr)); got != want {
			t.Errorf("listener %s: %v", addr, got)
		}
	}
}

func machineSubnets(prefixes ...string) (out []netip.Prefix) {
	for _, l := range machine(prefixes...) {
		out = append(out, l.subnet)
	}
	return out
}

// The URLs are written as browsers read them.
func TestICEServers(t *testing.T) {
	cfg := &config.Config{ListeningPort: 3478, TLSListeningPort: 443}
	got := iceServers(cfg, "2a00:1450::1", "u", "c")
	want := []string{"turn:[2a00:1450::1]:3478?transport=udp", "turn:[2a00:1450::1]:3478?transport=tcp", "turns:[2a00:1450::1]:443?transport=tcp"}
	if len(got) != 1 || !slices.Equal(got[0].URLs, want) || got[0].Username != "u" || got[0].Credential != "c" {
		t.Errorf("got %+v", got)
	}
	cfg.STUNOnly = true
	if got := iceServers(cfg, "8.8.8.8", "u", "c"); len(got) != 1 || !slices.Equal(got[0].URLs, []string{"stun:8.8.8.8:3478"}) || got[0].Credential != "" {
		t.Errorf("got %+v", got)
	}
}
