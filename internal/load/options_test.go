package load

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// valid are options that can be run.
func valid() Options {
	return Options{
		Server: netip.MustParseAddrPort("127.0.0.1:3478"), Transport: "udp",
		Username: "alice", Password: "secret",
		Allocations: 1, Window: 1, Rate: 1, Size: 172, Burst: 1, Direction: Up,
		Duration: time.Second, Tick: time.Millisecond,
	}
}

func TestOptionsOutOfRangeAreNamed(t *testing.T) {
	o := valid()
	if err := o.check(); err != nil {
		t.Fatalf("valid options: %v", err)
	}
	for _, c := range []struct {
		named string
		spoil func(*Options)
	}{
		{"allocations 0", func(o *Options) { o.Allocations = 0 }},
		{"allocations 60001", func(o *Options) { o.Allocations = maxAllocations + 1 }},
		{"window 0", func(o *Options) { o.Window = 0 }},
		{"rate -1", func(o *Options) { o.Rate = -1 }},
		{"rate 2000001", func(o *Options) { o.Rate = maxRate + 1 }},
		{"size 23", func(o *Options) { o.Size = minPayload - 1 }},
		{"burst 65", func(o *Options) { o.Burst = 65 }},
		{"duration 4m0.000000001s", func(o *Options) { o.Duration = maxDuration + 1 }},
		{"warm-up 3m59.000000001s", func(o *Options) { o.WarmUp = maxDuration - time.Second + 1 }},
		{"tick 0s", func(o *Options) { o.Tick = 0 }},
		{"idle time -1ns", func(o *Options) { o.Idle = -1 }},
		{"process id -1", func(o *Options) { o.PID = -1 }},
		{`transport "sctp"`, func(o *Options) { o.Transport = "sctp" }},
		{`direction "sideways"`, func(o *Options) { o.Direction = "sideways" }},
		{"a secret, is needed", func(o *Options) { o.Password = "" }},
		{"a port are needed", func(o *Options) { o.Server = netip.AddrPort{} }},
		{"not of one family", func(o *Options) { o.Sources = netip.MustParsePrefix("fd00::/8") }},
		{"one address of this machine", func(o *Options) { o.Peer = netip.MustParseAddrPort("0.0.0.0:0") }},
	} {
		o := valid()
		c.spoil(&o)
		if err := o.check(); err == nil || !strings.Contains(err.Error(), c.named) {
			t.Errorf("want an error with %q, got %v", c.named, err)
		}
	}
}

func TestClientsTakeTheAddressesOfThePrefixInTurn(t *testing.T) {
	for _, c := range []struct {
		prefix string
		i      int
		want   string
	}{
		{"127.1.0.0/16", 0, "127.1.0.1"},
		{"127.1.0.0/16", 254, "127.1.0.255"},
		{"127.1.0.0/16", 255, "127.1.1.0"},
		{"127.1.2.0/24", 0, "127.1.2.1"},
		{"127.1.2.0/24", 253, "127.1.2.254"},
		{"127.1.2.0/24", 254, "127.1.2.1"},
		{"127.1.2.99/30", 0, "127.1.2.97"},
		{"127.1.2.3/32", 7, "127.1.2.3"},
		{"fd00::/64", 300, "fd00::12d"},
	} {
		if got := source(netip.MustParsePrefix(c.prefix), c.i); got != netip.MustParseAddr(c.want) {
			t.Errorf("client %d of %s sends from %s, want %s", c.i, c.prefix, got, c.want)
		}
	}
	if got := source(netip.Prefix{}, 3); got.IsValid() {
		t.Errorf("without a prefix client 3 sends from %s", got)
	}
}

func TestTargetTakesAddressAndTransportFromTheURI(t *testing.T) {
	for _, c := range []struct{ uri, server, transport string }{
		{"turn:127.0.0.1", "127.0.0.1:3478", "udp"},
		{"turn:127.0.0.1:99?transport=udp", "127.0.0.1:99", "udp"},
		{"turn:[::1]:99?transport=tcp", "[::1]:99", "tcp"},
		{"turns:127.0.0.1", "127.0.0.1:5349", "tls"},
		{"turns:127.0.0.1:443?transport=tcp", "127.0.0.1:443", "tls"},
	} {
		var o Options
		if err := o.Target(context.Background(), c.uri); err != nil || o.Server.String() != c.server || o.Transport != c.transport {
			t.Errorf("%s is %s over %s, %v", c.uri, o.Server, o.Transport, err)
		}
	}
	for _, uri := range []string{"stun:127.0.0.1", "turns:127.0.0.1?transport=udp", "http://127.0.0.1", "turn:", ""} {
		if err := new(Options).Target(context.Background(), uri); err == nil {
			t.Errorf("%q is accepted", uri)
		}
	}
}
