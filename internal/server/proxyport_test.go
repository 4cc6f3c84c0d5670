package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"iceserver/internal/config"
	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// proxyHeader is what a load balancer sends for a client.
func proxyHeader(client string) string {
	at := netip.MustParseAddrPort(client)
	return fmt.Sprintf("PROXY TCP4 %v 198.51.100.1 %d 443\r\n", at.Addr(), at.Port())
}

// behind is a browser behind a load balancer, which calls it client.
func (r *running) behind(t *testing.T, client string) *http.Client {
	t.Helper()
	c := r.browser(t, "")
	c.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, to string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, to)
		if err == nil {
			_, err = conn.Write([]byte(proxyHeader(client)))
		}
		return conn, err
	}
	return c
}

// The port for load balancers has TURN and pages like the others, which stay as
// they are; nobody who comes by it is this machine, and it is never a peer.
//
// H-18, H-25: whatever a header says, plain HTTP leads to HTTPS, and web=local
// answers nobody.
func TestProxyPort(t *testing.T) {
	for text, want := range map[string][2]int{"web=on": {308, 200}, "web=local": {404, 404}} {
		port := freePort(t)
		r := start(t, load(t, fmt.Sprintf("%s\ntcp-proxy-port=%d", text, port)), Options{ConfigFile: "f"})
		if line := r.log.Wait(t, "msg=ready"); !strings.Contains(line, fmt.Sprintf("tcp_proxy=127.0.0.1:%d ", port)) {
			t.Error(line)
		}
		at := r.Addrs().TCPProxy[0]
		for _, client := range []string{"127.0.0.1:4000", "203.0.113.9:4000"} {
			for i, scheme := range []string{"http", "https"} {
				if answer, body := get(t, r.behind(t, client), fmt.Sprintf("%s://%v/api/v1/status", scheme, at)); answer.StatusCode != want[i] {
					t.Errorf("%s: %s by %s: %s %.100s", text, client, scheme, answer.Status, body)
				}
			}
		}
		if answer, _ := get(t, r.browser(t, ""), "http://"+r.Addrs().TCP[0].String()+"/api/v1/status"); answer.StatusCode != 200 {
			t.Errorf("%s: another port: %s", text, answer.Status)
		}
		if policy := r.policy(r.setup.Load()); !policy.Listener(at) {
			t.Error("the port for load balancers may be a peer")
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
}

// A client behind a load balancer is banned for guessing passwords, and the others
// behind it are not.
//
// A-X05: it is the header's client who is counted.
func TestBanBehindLoadBalancer(t *testing.T) {
	r := start(t, load(t, fmt.Sprintf("realm=r\nuser=alice:a-long-password\nno-tls\nban-after=2\ntcp-proxy-port=%d", freePort(t))), Options{})
	r.log.Wait(t, "msg=ready")
	come := func(client, password string) *tester {
		conn, err := net.Dial("tcp", r.Addrs().TCPProxy[0].String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := conn.Write([]byte(proxyHeader(client))); err != nil {
			t.Fatal(err)
		}
		return &tester{
			conn: conn, in: bufio.NewReader(conn), proto: turn.TCP, start: time.Now(), until: time.Now().Add(15 * time.Second),
			client: turn.NewClient(turn.ClientOptions{Username: "alice", Password: password, Proto: turn.TCP, NewID: newTransactionID}),
		}
	}
	for range 2 {
		if res, _ := come("203.0.113.66:4000", "wrong").allocate(); res.Code != 401 {
			t.Fatalf("%+v", res)
		}
	}
	r.log.Wait(t, "msg=banned client=203.0.113.66")
	if res, err := come("203.0.113.66:4001", "a-long-password").allocate(); err == nil && res.Relayed.IsValid() {
		t.Error("who is banned has got an allocation")
	}
	if res, err := come("203.0.113.9:4000", "a-long-password").allocate(); err != nil || !res.Relayed.IsValid() {
		t.Errorf("somebody else: %+v %v", res, err)
	}
}

// The port is one for the firewall only where load balancers come from elsewhere.
func TestProxyPortInTheGreeting(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "tcp-proxy-source=127.0.0.1": false, "tcp-proxy-source=::1\ntcp-proxy-source=10.0.0.5": true,
	} {
		got := newServer(load(t, "tcp-proxy-port=5555\n"+text), nil, nil).ports()
		found := false
		for _, p := range got {
			found = found || p.From == 5555 && p.To == 5555 && p.Protocol == "tcp"
		}
		if found != want {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// The answer to a Binding has the address in plain only after a reload asks for
// it, and 32 bytes before.
func TestMappedAddressIsConfigured(t *testing.T) {
	cfg := load(t, "no-tls\nno-tcp")
	r := start(t, cfg, Options{Load: func() (*config.Config, error) {
		next := *cfg
		next.MappedAddress = true
		return &next, nil
	}})
	r.log.Wait(t, "msg=ready")
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.Addrs().UDP[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer := func() []byte {
		b := stun.NewBuilder(nil, stun.MethodBinding, stun.ClassRequest, newTransactionID())
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Write(b.Bytes()); err != nil {
			t.Fatal(err)
		}
		in := make([]byte, maxAnswer)
		n, err := c.Read(in)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Clone(in[:n])
	}
	if b := answer(); len(b) != 32 {
		t.Errorf("%d bytes: % x", len(b), b)
	}
	if _, err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	b := answer()
	m, err := stun.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := m.Address(stun.AttrMappedAddress); err != nil || at != c.LocalAddr().(*net.UDPAddr).AddrPort() || len(b) != 44 {
		t.Errorf("%v %v in % x", at, err, b)
	}
}
