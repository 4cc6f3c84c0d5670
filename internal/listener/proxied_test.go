package listener

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"iceserver/test/servertest"
)

// The two versions of a PROXY header for the client 203.0.113.9:4000, by hand.
const (
	headerV1 = "PROXY TCP4 203.0.113.9 198.51.100.1 4000 443\r\n"
	signV2   = "\r\n\r\n\x00\r\nQUIT\n"
)

// headerV2 puts a header of version 2 together: the byte of version and command,
// the byte of family and protocol, and what follows with its length.
func headerV2(command, family byte, rest []byte) string {
	b := append([]byte(signV2), command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(rest)))
	return string(append(b, rest...))
}

// addressesV2 are client, server and their ports as version 2 has them.
func addressesV2(client, server netip.AddrPort) []byte {
	b := append(client.Addr().AsSlice(), server.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, client.Port())
	return binary.BigEndian.AppendUint16(b, server.Port())
}

func forClient(client string) string {
	at := netip.MustParseAddrPort(client)
	family := byte(0x11)
	if at.Addr().Is6() {
		family = 0x21
	}
	return headerV2(0x21, family, addressesV2(at, netip.AddrPortFrom(at.Addr(), 443)))
}

// serveProxied is serve with a port behind a load balancer, and its address.
func serveProxied(t *testing.T, settings ...setting) (s *server, at string) {
	t.Helper()
	s = serve(t, append(settings, func(o *Options, _ *linkKind) {
		o.Proxied = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	})...)
	return s, s.Proxied()[0].String()
}

// Behind a header of either version TURN is served, with TLS and without, and the
// relay knows the client that the header names. Who speaks for itself is known as
// the load balancer.
func TestProxyHeader(t *testing.T) {
	s, at := serveProxied(t, withEcho, withTrust)
	const six = "[2001:db8::9]:4000"
	for name, c := range map[string]struct{ header, client string }{
		"version 1":                {headerV1, "203.0.113.9:4000"},
		"version 1, IPv6":          {"PROXY TCP6 2001:db8::9 2001:db8::1 4000 443\r\n", six},
		"version 1, unknown":       {"PROXY UNKNOWN\r\n", ""},
		"version 1, unknown, long": {"PROXY UNKNOWN 203.0.113.9 198.51.100.1 4000 443\r\n", ""},
		"version 2":                {forClient("203.0.113.9:4000"), "203.0.113.9:4000"},
		"version 2, IPv6":          {forClient(six), six},
		"version 2, IPv4 in IPv6":  {forClient("[::ffff:203.0.113.9]:4000"), "203.0.113.9:4000"},
		"version 2, this machine":  {forClient("127.0.0.1:4000"), "127.0.0.1:4000"},
		"version 2, with extras": {headerV2(0x21, 0x11, append(addressesV2(netip.MustParseAddrPort("203.0.113.9:4000"), netip.MustParseAddrPort("198.51.100.1:443")),
			append([]byte{0x04, 0x07, 0xD0}, make([]byte, 2000)...)...)), "203.0.113.9:4000"},
		"version 2, local":               {headerV2(0x20, 0x00, nil), ""},
		"version 2, local, with address": {headerV2(0x20, 0x11, addressesV2(netip.MustParseAddrPort("203.0.113.9:4000"), netip.MustParseAddrPort("198.51.100.1:443"))), ""},
		"version 2, a Unix socket":       {headerV2(0x21, 0x31, make([]byte, 216)), ""},
	} {
		for _, secure := range []bool{false, true} {
			raw := dial(t, at)
			client := c.client
			if client == "" {
				client = raw.LocalAddr().String()
			}
			send(t, raw, []byte(c.header))
			conn, want := raw, overTCP
			if secure {
				conn, want = tls.Client(raw, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{alpnTURN}}), overTLS
			}
			echoed(t, conn, binding(8))
			k := s.link(t)
			if k.transport != want || k.client.String() != client || k.server.String() != at {
				t.Errorf("%s: %v from %v to %v, want %v from %v to %v", name, k.transport, k.client, k.server, want, client, at)
			}
			if version, _ := s.Secured(k.client, k.server); (version != "") != secure {
				t.Errorf("%s: secured by %q", name, version)
			}
			conn.Close()
			k.wait(t)
		}
	}
	if n := s.counts[proxyHeader].Load(); n != 0 {
		t.Errorf("%d headers are broken", n)
	}
}

// A header and what follows may come in one piece, and the header of version 2 in
// any number of them.
func TestProxyHeaderInPieces(t *testing.T) {
	s, at := serveProxied(t, withEcho, withTrust)
	for _, header := range []string{headerV1, forClient("203.0.113.9:4000")} {
		c := dial(t, at)
		message := binding(2000) // more than is read at a time
		send(t, c, append([]byte(header), message...))
		receive(t, c, message)
		s.link(t)
	}
	in := iotest.OneByteReader(strings.NewReader(forClient("203.0.113.9:4000") + "rest"))
	client, head, err := readProxyHeader(in)
	if err != nil || client.String() != "203.0.113.9:4000" || !strings.HasPrefix("rest", string(head)) {
		t.Errorf("%v %q %v", client, head, err)
	}
}

// A-C04: headers that nobody should send, and connections without one, are closed
// and counted, without a word and without a look at what follows.
func TestHostileProxyHeaders(t *testing.T) {
	s, at := serveProxied(t)
	address := addressesV2(netip.MustParseAddrPort("203.0.113.9:4000"), netip.MustParseAddrPort("198.51.100.1:443"))
	var n uint64
	for name, header := range map[string]string{
		"none, but STUN":              string(binding(0)),
		"none, but HTTP":              "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"none, but TLS":               "\x16\x03\x01\x02\x00\x01\x00",
		"version 1 without an end":    "PROXY TCP4 " + strings.Repeat("2", 200),
		"version 1 without a return":  "PROXY TCP4 203.0.113.9 198.51.100.1 4000 443\n" + strings.Repeat("\n", 100),
		"version 1, no family":        "PROXY UDP4 203.0.113.9 198.51.100.1 4000 443\r\n",
		"version 1, no address":       "PROXY TCP4 example.org 198.51.100.1 4000 443\r\n",
		"version 1, the wrong family": "PROXY TCP6 203.0.113.9 198.51.100.1 4000 443\r\n",
		"version 1, no port":          "PROXY TCP4 203.0.113.9 198.51.100.1 65536 443\r\n",
		"version 1, more words":       "PROXY TCP4 203.0.113.9 198.51.100.1 4000 443 5\r\n",
		"version 1, everybody":        "PROXY TCP4 0.0.0.0 198.51.100.1 4000 443\r\n",
		"version 1, a group":          "PROXY TCP4 224.0.0.1 198.51.100.1 4000 443\r\n",
		"version 2 in its beginning":  signV2[:11] + "X" + strings.Repeat("x", 20),
		"version 2, version 3":        headerV2(0x31, 0x11, address),
		"version 2, no command":       headerV2(0x22, 0x11, address),
		"version 2, too short":        headerV2(0x21, 0x11, address[:11]),
		"version 2, IPv6 in IPv4":     headerV2(0x21, 0x21, address),
		"version 2, over UDP":         headerV2(0x21, 0x12, address),
		"version 2, no family":        headerV2(0x21, 0x41, address),
		"version 2, for nobody":       headerV2(0x21, 0x00, nil),
		"version 2, everybody":        forClient("[::]:4000"),
		"version 2, huge":             headerV2(0x21, 0x11, append(slices.Clone(address), make([]byte, 60000)...)),
		"version 2, local and huge":   headerV2(0x20, 0x00, make([]byte, 65535)),
	} {
		c := dial(t, at)
		send(t, c, []byte(header))
		// What is not read when a connection is closed resets it.
		if got, err := io.ReadAll(c); len(got) > 0 || timedOut(err) {
			t.Errorf("%s: got % x and %v", name, got, err)
		}
		n++
		s.counted(t, proxyHeader, n)
	}
	if got := s.counts[accepted].Load(); got != 0 {
		t.Errorf("%d were let in", got)
	}
	// Who only looks whether somebody is there has done nothing wrong.
	dial(t, at).Close()
	_, _, err := readProxyHeader(strings.NewReader(""))
	if !errors.Is(err, io.EOF) {
		t.Errorf("nothing at all: %v", err)
	}
	if _, _, err = readProxyHeader(strings.NewReader(signV2)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("half a header: %v", err)
	}
}

// A-X09: a header that comes drop by drop, or never, has the time of a first
// message and no more, and its place is free again afterwards.
func TestDrippingProxyHeader(t *testing.T) {
	s, at := serveProxied(t, withLimits(Limits{Message: 300 * time.Millisecond, Connections: 2}))
	silent, drip := dial(t, at), dial(t, at)
	for _, b := range []byte(signV2) {
		if _, err := drip.Write([]byte{b}); err != nil {
			break
		}
	}
	for _, c := range []net.Conn{silent, drip} {
		mustEnd(t, c)
	}
	s.counted(t, proxyLate, 2)
	for start := time.Now(); s.held() > 0; time.Sleep(time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("%d places are not free", s.held())
		}
	}
}

// held is how many places are taken.
func (s *server) held() int {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	return s.streams.in
}

// A-X09: connections whose header is awaited count among all connections, and who
// has waited in one comes in even when all others are taken.
func TestPlacesBehindLoadBalancer(t *testing.T) {
	s, at := serveProxied(t, withLimits(Limits{Connections: 2, PerSource: 1}))
	first, second := dial(t, at), dial(t, at)
	mustEnd(t, dial(t, at))
	s.counted(t, overTotal, 1)
	send(t, first, append([]byte(headerV1), binding(0)...))
	send(t, second, append([]byte(forClient("203.0.113.10:4000")), binding(0)...))
	s.link(t).next(t)
	s.link(t).next(t)
	s.counted(t, accepted, 2)
	mustEnd(t, dial(t, at))
	s.counted(t, overTotal, 2)
}

// H-18: who is not trusted is closed before a byte of it is read, whatever it says,
// and the log tells the operator once what to write.
func TestProxyHeaderFromAStranger(t *testing.T) {
	log := new(servertest.Log)
	s, at := serveProxied(t, withEcho, withTrust, func(o *Options, _ *linkKind) {
		o.ProxySources = []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32"), netip.MustParsePrefix("10.0.0.0/8")}
		o.Log = slog.New(slog.NewTextHandler(log, nil))
	})
	for range 3 {
		mustEnd(t, dial(t, at))
	}
	s.counted(t, proxyStranger, 3)
	if n := strings.Count(log.String(), "tcp-proxy-source"); n != 1 || !strings.Contains(log.String(), "source=127.0.0.1") {
		t.Errorf("told %d times:\n%s", n, log)
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.2")}}
	c, err := d.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	send(t, c, []byte(headerV1))
	echoed(t, c, binding(0))
	if k := s.link(t); k.client.String() != "203.0.113.9:4000" {
		t.Errorf("the client is %v", k.client)
	}
}

// Who may speak the PROXY protocol where nobody is named, and where somebody is.
func TestTrustedLoadBalancers(t *testing.T) {
	named := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fe80::/10")}
	for _, c := range []struct {
		client, server string
		sources        []netip.Prefix
		want           bool
	}{
		{"127.0.0.1", "127.0.0.1", nil, true},
		{"127.0.0.9", "127.0.0.1", nil, true},
		{"::1", "::1", nil, true},
		{"203.0.113.1", "203.0.113.1", nil, true},
		{"fe80::1%eth0", "fe80::1%eth0", nil, true},
		{"203.0.113.2", "203.0.113.1", nil, false},
		{"172.17.0.1", "172.17.0.2", nil, false},
		{"10.0.0.5", "10.0.0.1", nil, false},
		{"10.0.0.5", "10.0.0.1", named, true},
		{"fe80::1%eth0", "fe80::2%eth0", named, true},
		{"11.0.0.5", "10.0.0.1", named, false},
		{"127.0.0.1", "127.0.0.1", named, false},
		{"10.0.0.1", "10.0.0.1", named[1:], false},
	} {
		p := proxies{sources: c.sources}
		if got := p.trusts(netip.MustParseAddr(c.client), netip.MustParseAddr(c.server)); got != c.want {
			t.Errorf("%s to %s with %v: %v", c.client, c.server, c.sources, got)
		}
	}
}

// Limits for a source and bans hold for the client that a header names, and not
// for the load balancer.
func TestLimitsBehindLoadBalancer(t *testing.T) {
	bad := netip.MustParseAddr("203.0.113.66")
	s, at := serveProxied(t, withEcho, withTrust, withLimits(Limits{PerSource: 2}), func(o *Options, _ *linkKind) {
		o.banned = func(a netip.Addr) bool { return a == bad || a.IsLoopback() }
	})
	come := func(client string) net.Conn {
		c := dial(t, at)
		send(t, c, []byte(forClient(client)))
		return c
	}
	for i := range 6 {
		echoed(t, come(fmt.Sprintf("203.0.113.%d:4000", i/2)), binding(0))
	}
	mustEnd(t, come("203.0.113.0:5000"))
	s.counted(t, overSource, 1)
	mustEnd(t, come("203.0.113.66:4000"))
	s.counted(t, banned, 1)
	mustEnd(t, dial(t, s.tcp)) // as the load balancer's own address is, elsewhere
	s.counted(t, banned, 2)
}

// H-18: pages see the client that the header names, over HTTP/1.1 and HTTP/2, and
// never this machine, whatever the header says.
func TestPagesBehindLoadBalancer(t *testing.T) {
	s, at := serveProxied(t, func(o *Options, _ *linkKind) {
		o.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, "%s %s", r.Proto, r.RemoteAddr)
		})
	})
	for header, want := range map[string]string{
		headerV1:                          "203.0.113.9:4000",
		forClient("[2001:db8::9]:4000"):   "[2001:db8::9]:4000",
		forClient("127.0.0.1:4000"):       "",
		forClient("127.8.8.8:4000"):       "",
		forClient("[::1]:4000"):           "",
		forClient("[::ffff:127.0.0.1]:4"): "",
		headerV2(0x20, 0x00, nil):         "",
		"PROXY UNKNOWN\r\n":               "",
	} {
		for url, proto := range map[string]string{"http://": "HTTP/1.1", "https://": "HTTP/2.0"} {
			client := http.Client{Timeout: patience, Transport: &http.Transport{
				TLSClientConfig: &tls.Config{RootCAs: trust(s.certs)}, DisableKeepAlives: true, ForceAttemptHTTP2: true,
				DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
					c, err := new(net.Dialer).DialContext(ctx, network, to)
					if err == nil {
						_, err = c.Write([]byte(header))
					}
					return c, err
				},
			}}
			answer, err := client.Get(url + at)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			client.CloseIdleConnections()
			if got := string(body); got != proto+" "+want {
				t.Errorf("%q over %s: %q, want %q", header, url, got, proto+" "+want)
			}
		}
	}
}

// A connection whose header is awaited ends with the server.
func TestAwaitedHeaderEndsWithRun(t *testing.T) {
	s, at := serveProxied(t)
	c := dial(t, at)
	send(t, c, []byte(signV2))
	s.stop()
	mustEnd(t, c)
}

// Whatever a header looks like, reading it ends, names no impossible client, and
// loses nothing of what follows.
func FuzzProxyHeader(f *testing.F) {
	for _, seed := range []string{headerV1, forClient("203.0.113.9:4000"), forClient("[2001:db8::9]:4000"), headerV2(0x20, 0, nil), "PROXY UNKNOWN\r\n", signV2, "GET / HTTP/1.1\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.NewReader(append(bytes.Clone(b), "behind"...))
		client, head, err := readProxyHeader(in)
		if err != nil {
			return
		}
		if a := client.Addr(); client.IsValid() && (a.IsUnspecified() || a.IsMulticast() || a.Is4In6()) {
			t.Errorf("the client is %v", client)
		}
		rest, _ := io.ReadAll(in)
		if all := string(append(head, rest...)); !strings.HasSuffix("behind", all) && !strings.HasSuffix(all, "behind") {
			t.Errorf("%q is left", all)
		}
	})
}
