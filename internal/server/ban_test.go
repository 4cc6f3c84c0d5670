package server

import (
	"net/netip"
	"slices"
	"testing"
)

// Never banned are who is named, proxies, and the addresses of this machine: each
// alone, not the network around it.
func TestBanIgnores(t *testing.T) {
	cfg := load(t, "ban-after=2\nban-ignore=192.0.2.0/24\nweb-trusted-proxies=10.0.0.1")
	got := ban(cfg, []netip.Addr{netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("2001:db8::7")})
	for _, want := range []string{"192.0.2.0/24", "10.0.0.1/32", "198.51.100.7/32", "2001:db8::7/128"} {
		if !slices.Contains(got.Ignore, netip.MustParsePrefix(want)) {
			t.Errorf("%s is missing of %v", want, got.Ignore)
		}
	}
	if len(got.Ignore) != 4 || got.After != 2 {
		t.Errorf("got %+v", got)
	}
}
