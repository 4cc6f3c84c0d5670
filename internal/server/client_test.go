package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/config"
	"iceserver/internal/stun"
	"iceserver/internal/turn"
	"iceserver/test/servertest"
)

// clientOf returns a client of a server over UDP.
func clientOf(t *testing.T, at netip.AddrPort, user, password string) *tester {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &tester{
		conn: conn, in: bufio.NewReader(conn), proto: turn.UDP, start: time.Now(), until: time.Now().Add(15 * time.Second),
		client: turn.NewClient(turn.ClientOptions{
			Username: user, Password: password, Proto: turn.UDP, NewID: newTransactionID,
			// An answer is rather late, on a busy machine, than lost, and tests
			// count what the server was asked.
			RTO: 5 * time.Second,
		}),
	}
}

func (t *tester) allocate() (turn.Result, error) {
	return t.request("Allocate", func(now turn.Now, out *turn.ClientOutbox) { t.client.Allocate(now, turn.IPv4, out) })
}

// A client that authenticates is told another server, which serves it; the own
// test is not sent away, and a reload brings the clients back.
// R-8489-10-a, R-8656-7.2-n (RFC 8489, 10; RFC 8656, 7.2): with real sockets.
func TestAlternateServer(t *testing.T) {
	const users = "realm=r\nuser=alice:a-long-password\nno-tls\n"
	there := start(t, load(t, users+"no-tcp"), Options{})
	to := there.Addrs().UDP[0]
	cfg := load(t, users+"alternate-server="+to.String())
	r := start(t, cfg, Options{Load: func() (*config.Config, error) {
		next := *cfg
		next.AlternateServers = nil
		return &next, nil
	}})
	if line := r.log.Wait(t, "msg=ready"); !strings.Contains(line, "self_test=true") {
		t.Errorf("%s\n%s", line, r.log)
	}
	alice := clientOf(t, r.Addrs().UDP[0], "alice", "a-long-password")
	if res, err := alice.allocate(); res.Code != 300 || alice.alternate(t) != to {
		t.Fatalf("the answer is %d, %v, to %v, want %v", res.Code, err, alice.alternate(t), to)
	}
	if _, err := clientOf(t, to, "alice", "a-long-password").allocate(); err != nil {
		t.Errorf("there: %v", err)
	}
	if _, err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, err := clientOf(t, r.Addrs().UDP[0], "alice", "a-long-password").allocate(); err != nil {
		t.Errorf("after a reload: %v", err)
	}
}

// Nobody is sent to the server that he came from.
func TestAlternateIsItself(t *testing.T) {
	port := freePort(t)
	r := start(t, load(t, fmt.Sprintf("realm=r\nuser=alice:a-long-password\nno-tls\nlistening-port=%d\nalternate-server=127.0.0.1:%d", port, port)), Options{})
	r.log.Wait(t, "is this server itself")
	r.log.Wait(t, "msg=ready")
	if _, err := clientOf(t, r.Addrs().UDP[0], "alice", "a-long-password").allocate(); err != nil {
		t.Error(err)
	}
}

// alternate is the server that the last answer names.
func (t *tester) alternate(tt *testing.T) netip.AddrPort {
	tt.Helper()
	size, err := stun.FrameSize(t.packet[:4])
	if err != nil {
		tt.Fatal(err)
	}
	m, err := stun.Parse(t.packet[:size])
	if err != nil {
		tt.Fatal(err)
	}
	a, err := m.Address(stun.AttrAlternateServer)
	if err != nil {
		tt.Error(err)
	}
	return a
}

// ask sends a request and returns the answer.
func ask(t *testing.T, c net.PacketConn, to netip.AddrPort, m stun.Method, fill func(*stun.Builder)) stun.Message {
	t.Helper()
	b := stun.NewBuilder(nil, m, stun.ClassRequest, newTransactionID())
	fill(&b)
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.WriteTo(b.Bytes(), net.UDPAddrFromAddrPort(to)); err != nil {
		t.Fatal(err)
	}
	in := make([]byte, maxAnswer)
	n, _, err := c.ReadFrom(in)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := stun.Parse(in[:n])
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// Servers with one stateless-nonce-secret take each other's nonces, and those of
// another secret none of them.
func TestSharedNonces(t *testing.T) {
	const users = "realm=r\nuser=alice:a-long-password\nno-tls\nno-tcp\nstateless-nonce-secret="
	const shared = "a-long-shared-secret-of-ours"
	first := start(t, load(t, users+shared), Options{})
	second := start(t, load(t, users+shared), Options{})
	third := start(t, load(t, users+"another-long-secret-of-ours"), Options{})
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	transport := func(b *stun.Builder) { b.AddTransport(17) }
	challenge := ask(t, c, first.Addrs().UDP[0], stun.MethodAllocate, transport)
	nonce, _ := challenge.Get(stun.AttrNonce)
	key, err := auth.LongTermKey("alice", "r", "a-long-password")
	if err != nil {
		t.Fatal(err)
	}
	signed := func(b *stun.Builder) {
		transport(b)
		b.AddString(stun.AttrUsername, "alice")
		b.AddString(stun.AttrRealm, "r")
		b.Add(stun.AttrNonce, nonce)
		b.AddIntegrity(key)
	}
	if m := ask(t, c, second.Addrs().UDP[0], stun.MethodAllocate, signed); m.Class != stun.ClassSuccess {
		code, _, _ := m.ErrorCode()
		t.Errorf("the nonce of a server with the same secret is answered with %d", code)
	}
	m := ask(t, c, third.Addrs().UDP[0], stun.MethodAllocate, signed)
	if code, _, _ := m.ErrorCode(); code != 438 {
		t.Errorf("the nonce of a server with another secret is answered with %d, want 438", code)
	}
}

// aux-server is listened on over UDP and TCP, and is no peer.
func TestAuxServer(t *testing.T) {
	port := freePort(t)
	aux := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
	r := start(t, load(t, "allow-loopback-peers\nrealm=r\nuser=alice:a-long-password\naux-server="+aux.String()), Options{})
	if a := r.Addrs(); !slices.Contains(a.UDP, aux) || !slices.Contains(a.TCP, aux) || len(a.UDP) != 2 {
		t.Fatalf("listens on %+v", a)
	}
	alice := clientOf(t, aux, "alice", "a-long-password")
	if _, err := alice.allocate(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", aux.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	overTCP := &tester{
		conn: c, in: bufio.NewReader(c), proto: turn.TCP, start: time.Now(), until: time.Now().Add(15 * time.Second),
		client: turn.NewClient(turn.ClientOptions{Proto: turn.TCP, NewID: newTransactionID}),
	}
	if _, err := overTCP.request("Binding", overTCP.client.Binding); err != nil {
		t.Error(err)
	}
	bind := func(now turn.Now, out *turn.ClientOutbox) { alice.client.Bind(now, 0x4000, aux, out) }
	if res, err := alice.request("ChannelBind", bind); res.Code != 403 {
		t.Errorf("the server's own address as a peer: %v", err)
	}
}

// An interface stands for its addresses; one that is not there is named with those
// that are.
func TestDevices(t *testing.T) {
	port := freePort(t)
	ports := fmt.Sprintf("listening-port=%d\ntls-listening-port=%d\ndata-dir=%s\n", port, port+1, t.TempDir())
	configured := func(text string) *config.Config {
		cfg, problems := config.Load(config.Input{File: "test.conf", Text: strings.NewReader(ports + text)})
		if config.Failed(problems) {
			t.Fatal(problems)
		}
		return cfg
	}
	lo := loopbackDevice(t)
	r := start(t, configured("listening-device="+lo+"\nrelay-device="+lo), Options{})
	r.log.Wait(t, "self_test=true")
	for _, a := range r.Addrs().UDP {
		if !a.Addr().IsLoopback() {
			t.Errorf("listens on %v, which is not of %s", a, lo)
		}
	}
	for _, key := range []string{"listening-device", "relay-device"} {
		_, err := New(configured(key+"=no-such-if0"), Options{Stdout: new(servertest.Log), Stderr: new(servertest.Log)})
		if err == nil || !strings.Contains(err.Error(), key+"=no-such-if0") || !strings.Contains(err.Error(), lo) {
			t.Errorf("error %v", err)
		}
	}
}

func loopbackDevice(t *testing.T) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			return i.Name
		}
	}
	t.Skip("no loopback interface")
	return ""
}

// max-allocate-timeout ends a connection that never allocates, long before any
// other limit does.
func TestAllocateTimeout(t *testing.T) {
	r := start(t, load(t, "max-allocate-timeout=1\nno-tls"), Options{})
	c, err := net.Dial("tcp", r.Addrs().TCP[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := stun.NewBuilder(nil, stun.MethodBinding, stun.ClassRequest, newTransactionID())
	if _, err := c.Write(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(12 * time.Second))
	answers, err := io.ReadAll(c)
	if err != nil || len(answers) == 0 {
		t.Errorf("%d bytes and then %v, want an answer and the end", len(answers), err)
	}
}
