package doctor

import (
	"context"
	"errors"
	"net/netip"
	"testing"
)

func TestAddress(t *testing.T) {
	nobody := errors.New("nobody answers")
	for _, c := range []struct {
		name            string
		local, external string
		set, followed   bool
		seen            string // empty: nobody knows
		want            want
	}{
		{"loopback", "127.0.0.1", "127.0.0.1", false, false, "", want{OK, "address", "only this machine", ""}},
		{"public", "8.8.8.8", "8.8.8.8", false, false, "8.8.8.8", want{OK, "address", "what the world sees", ""}},
		{"public, unasked", "8.8.8.8", "8.8.8.8", false, false, "", want{OK, "address", "own public address", ""}},
		{"behind NAT, right", "10.0.0.5", "8.8.8.8", true, false, "8.8.8.8", want{OK, "address", "(the cloud)", ""}},
		{"behind NAT, wrong", "10.0.0.5", "9.9.9.9", true, false, "8.8.8.8", want{Fail, "address", "wrong external-ip: clients are told 9.9.9.9", "external-ip=8.8.8.8/10.0.0.5"}},
		{"behind NAT, missing", "10.0.0.5", "10.0.0.5", false, false, "8.8.8.8", want{Fail, "address", "wrong address behind NAT", "external-ip=8.8.8.8/10.0.0.5"}},
		{"behind NAT, followed", "10.0.0.5", "9.9.9.9", true, true, "8.8.8.8", want{Fail, "address", "wrong address behind NAT", "external-ip=8.8.8.8/10.0.0.5"}},
		{"behind NAT, unasked", "10.0.0.5", "8.8.8.8", true, false, "", want{Warn, "address", "nobody here knows", "--stun HOST"}},
		{"behind NAT, found out", "10.0.0.5", "8.8.8.8", true, true, "", want{OK, "address", "told 8.8.8.8", ""}},
		{"private", "10.0.0.5", "10.0.0.5", false, false, "", want{Warn, "address", "only the own network", "external-ip=PUBLIC-ADDRESS/10.0.0.5"}},
		{"private, on purpose", "10.0.0.5", "10.0.0.5", true, false, "", want{OK, "address", "told 10.0.0.5", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := &Target{Facts: Facts{Relays: relayAt(c.local, c.external), ExternalSet: c.set, ExternalFollowed: c.followed},
				External: func(_ context.Context, local netip.Addr) (netip.Addr, string, error) {
					if local.IsLoopback() {
						t.Error("somebody was asked about loopback")
					}
					if c.seen == "" {
						return netip.Addr{}, "", nobody
					}
					return netip.MustParseAddr(c.seen), "the cloud", nil
				}}
			compareChecks(t, checkAddress(t.Context(), target), c.want)
		})
	}
}

func TestNAT(t *testing.T) {
	docker := machine(t, map[string]string{".dockerenv": ""})
	pod := machine(t, map[string]string{"proc/1/cgroup": "0::/kubepods/x\n"})
	bare := t.TempDir()
	for _, c := range []struct {
		name            string
		local, external string
		root            string
		max             uint16
		wants           []want
	}{
		{"none", "8.8.8.8", "8.8.8.8", bare, 65535, []want{{OK, "nat", "none in front", ""}}},
		{"one to one", "10.0.0.5", "8.8.8.8", bare, 65535, []want{{OK, "nat", "10.0.0.5 is behind a NAT as 8.8.8.8", ""}}},
		{"carrier's", "100.64.1.2", "100.64.1.2", bare, 65535, []want{{Warn, "nat", "carrier's NAT", "public IPv4"}}},
		{"container", "172.17.0.2", "172.17.0.2", docker, 65535, []want{{Warn, "container", "Docker", "--network host"}}},
		{"container, few ports", "172.17.0.2", "172.17.0.2", docker, 49251, []want{{Warn, "container", "Docker", "-p 49152-49251:49152-49251/udp"}}},
		{"pod", "172.17.0.2", "172.17.0.2", pod, 65535, []want{{Warn, "container", "kubepods", "--network host"}}},
		{"container, published", "172.17.0.2", "8.8.8.8", docker, 65535, []want{{OK, "nat", "behind a NAT", ""}}},
		{"loopback", "127.0.0.1", "127.0.0.1", docker, 65535, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := &Target{Facts: Facts{Relays: relayAt(c.local, c.external), MinPort: 49152, MaxPort: c.max}, Root: c.root}
			compareChecks(t, checkNAT(t.Context(), target), c.wants...)
		})
	}
}

// The way through the own NAT is tried with the server itself: on loopback one
// address stands for the other.
func TestHairpin(t *testing.T) {
	target := startServer(t).target()
	target.Root = t.TempDir()
	target.Relays = relayAt("127.0.0.2", "127.0.0.1")
	compareChecks(t, checkNAT(t.Context(), target), want{OK, "nat", "127.0.0.2 is behind a NAT as 127.0.0.1", ""}, want{OK, "hairpin", "answers from inside too", ""})
	target.Relays = relayAt("127.0.0.1", "127.0.0.2")
	compareChecks(t, checkNAT(t.Context(), target), want{OK, "nat", "127.0.0.1 is behind a NAT", ""}, want{OK, "hairpin", "does not answer from inside", ""})
}

// A name that leads to where the server listens is right, wherever it relays.
func TestNameOfListener(t *testing.T) {
	resolver := nameServer(t, map[string][]byte{"turn.example. 1": {9, 9, 9, 9}})
	target := &Target{Resolver: resolver, Facts: Facts{Host: "9.9.9.9", ACMEDomains: []string{"turn.example"}, Relays: relayAt("8.8.8.8", "8.8.8.8")}}
	compareChecks(t, checkDNS(t.Context(), target), want{OK, "dns", "leads here", ""}, want{OK, "srv", "", ""})
	target.Host = "8.8.8.8"
	target.Listen.TLS = []netip.AddrPort{netip.MustParseAddrPort("9.9.9.9:5349")}
	compareChecks(t, checkDNS(t.Context(), target), want{OK, "dns", "leads here", ""}, want{OK, "srv", "", ""})
}

// An address that nobody else knows is right if a server answers there, or if a
// second server looks.
func TestAddressConfirmed(t *testing.T) {
	target := startServer(t).target()
	target.ExternalSet, target.Relays = true, relayAt("10.0.0.5", "8.8.8.8")
	target.Outside.Link = "https://192.0.2.1/test#key=k"
	compareChecks(t, checkAddress(t.Context(), target), want{OK, "address", "told 8.8.8.8", ""})
	if !target.answersAt(t.Context(), netip.MustParseAddr("127.0.0.1")) || target.answersAt(t.Context(), netip.MustParseAddr("127.0.0.9")) {
		t.Error("a server answers at 127.0.0.1 alone")
	}
}

// A container with the network of its host has the addresses of that, and whoever
// says that an address is meant is believed.
func TestHostNetwork(t *testing.T) {
	inside := map[string]string{".dockerenv": ""}
	own := &Target{Facts: Facts{Relays: relayAt("192.168.1.5", "192.168.1.5"), MaxPort: 65535}, Root: machine(t, inside)}
	compareChecks(t, checkNAT(t.Context(), own), want{Warn, "container", "Docker", "--network host"})
	own.ExternalSet = true
	compareChecks(t, checkNAT(t.Context(), own))
	for _, mark := range []string{"sys/class/net/eth0/device/vendor", "sys/class/net/docker0/bridge/bridge_id"} {
		own.ExternalSet, own.Root = false, machine(t, map[string]string{".dockerenv": "", mark: ""})
		compareChecks(t, checkNAT(t.Context(), own))
	}
}
