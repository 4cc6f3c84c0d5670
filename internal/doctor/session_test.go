package doctor

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
	"iceserver/internal/turn"
	"iceserver/test/servertest"
)

// patience of the tests is long: the machine may be busy, and only what shall be
// silent is waited for to the end, with quick.
const (
	patience = 20 * time.Second
	quick    = 300 * time.Millisecond
)

// testServer is the real program on loopback.
type testServer struct {
	port, tlsPort int
	cert          servertest.Certificate
	roots         *x509.CertPool
}

// startServer runs one with the user alice, whose password is pw, and further
// lines of configuration.
func startServer(t *testing.T, lines ...string) testServer {
	t.Helper()
	first := servertest.FreePorts(t, 2)
	s := testServer{port: first, tlsPort: first + 1}
	var err error
	if s.cert, err = servertest.NewCertificate(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(s.cert.CertFile)
	if err != nil {
		t.Fatal(err)
	}
	s.roots = x509.NewCertPool()
	s.roots.AppendCertsFromPEM(pem)
	conf := append([]string{
		"listening-ip=127.0.0.1", fmt.Sprint("listening-port=", s.port), fmt.Sprint("tls-listening-port=", s.tlsPort),
		"cert=" + s.cert.CertFile, "pkey=" + s.cert.KeyFile, "dtls", "user=alice:pw", "user=bob:pw", "realm=example.org",
	}, lines...)
	servertest.Start(t, servertest.Options{Conf: strings.Join(conf, "\n") + "\n"})
	return s
}

// endpoint is how alice gets to the server.
func (s testServer) endpoint(p turn.Proto) endpoint {
	port := s.port
	if p == turn.TLS || p == turn.DTLS {
		port = s.tlsPort
	}
	return endpoint{
		proto: p, server: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)), name: "localhost",
		roots: s.roots, username: "alice", password: "pw", patience: patience,
	}
}

// connect dials and closes when the test is over.
func connect(t *testing.T, e endpoint) *session {
	t.Helper()
	s, err := dial(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close(t.Context()) })
	return s
}

// withAllocation is a session that has one.
func withAllocation(t *testing.T, e endpoint) *session {
	t.Helper()
	s := connect(t, e)
	if _, err := s.allocate(t.Context(), turn.NoFamily); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSessionTransports(t *testing.T) {
	server := startServer(t)
	for _, proto := range []turn.Proto{turn.UDP, turn.TCP, turn.TLS, turn.DTLS} {
		t.Run(proto.String(), func(t *testing.T) {
			s := connect(t, server.endpoint(proto))
			res, err := s.binding(t.Context())
			if err != nil || res.Mapped != s.local() {
				t.Fatalf("Binding: %v, own address %v, error %v", res.Mapped, s.local(), err)
			}
			if _, err := s.allocate(t.Context(), turn.IPv4); err != nil {
				t.Fatal(err)
			}
			if (s.certificate != nil) != (proto == turn.TLS || proto == turn.DTLS) {
				t.Errorf("certificate %+v", s.certificate)
			}
			// Its own relayed address is a peer like any other.
			if err := s.bind(t.Context(), stun.MinChannel, s.relayed); err != nil {
				t.Fatal(err)
			}
			if err := s.send(s.relayed, []byte("to myself")); err != nil {
				t.Fatal(err)
			}
			got, err := s.receive(t.Context(), time.Now().Add(patience))
			if err != nil || len(got) != 1 || got[0].From != s.relayed || string(got[0].Data) != "to myself" {
				t.Errorf("got %+v, error %v", got, err)
			}
			if err := s.refresh(t.Context(), 0); err != nil || s.relayed.IsValid() {
				t.Errorf("ending the allocation: %v, still %v", err, s.relayed)
			}
		})
	}
}

// refusal is one that the server of a test gives for real.
type refusal struct {
	name   string
	code   int
	advice string // a part of it
	lines  []string
	ask    func(*testing.T, testServer) error
}

// as lets the request of a refusal be an Allocate with other credentials.
func as(name, password string) func(*testing.T, testServer) error {
	return func(t *testing.T, s testServer) error {
		e := s.endpoint(turn.UDP)
		e.username, e.password = name, password
		_, err := connect(t, e).allocate(t.Context(), turn.NoFamily)
		return err
	}
}

// requests are refusals of one and the same server.
func requests() []refusal {
	old, oldPassword := auth.REST{}.Mint("s3cret", "web", time.Now().Add(-time.Hour))
	barred, _ := auth.REST{Separator: '|'}.Mint("s3cret", "web:1", time.Now().Add(-time.Hour))
	fresh, wrong := auth.REST{}.Mint("another", "web", time.Now().Add(time.Hour))
	other := netip.MustParseAddrPort("10.0.0.1:9")
	return []refusal{
		{"no credentials", 401, `wants credentials of the realm "example.org"`, nil, as("", "")},
		{"wrong password", 401, "the password is another one", nil, as("alice", "wrong")},
		{"unknown user", 401, `no user "carol" in the realm "example.org"`, nil, as("carol", "pw")},
		{"expired", 401, "The time-limited user name ended at", nil, as(old, oldPassword)},
		{"expired with another separator", 401, "The time-limited user name ended at", nil, as(barred, "pw")},
		{"wrong secret", 401, "the secret is not the server's", nil, as(fresh, wrong)},
		{"channel number", 400, "RFC 8656", nil, func(t *testing.T, s testServer) error {
			c := withAllocation(t, s.endpoint(turn.UDP))
			return c.bind(t.Context(), stun.MinChannel-1, c.relayed)
		}},
		{"denied peer", 403, "allowed-peer-ip=10.0.0.1", nil, func(t *testing.T, s testServer) error {
			return withAllocation(t, s.endpoint(turn.UDP)).permit(t.Context(), other.Addr())
		}},
		{"no allocation", 437, "knows no allocation", nil, func(t *testing.T, s testServer) error {
			return connect(t, s.endpoint(turn.UDP)).refresh(t.Context(), time.Minute)
		}},
		{"tuple in use", 437, "still has an allocation", nil, func(t *testing.T, s testServer) error {
			_, err := withAllocation(t, s.endpoint(turn.UDP)).allocate(t.Context(), turn.NoFamily)
			return err
		}},
		{"another user", 441, "belongs to somebody else", nil, func(t *testing.T, s testServer) error {
			mine := withAllocation(t, s.endpoint(turn.UDP))
			e := mine.to
			e.username = "bob"
			return newSession(mine.conn, e).permit(t.Context(), mine.relayed.Addr())
		}},
		{"peer of the other family", 443, "other family", nil, func(t *testing.T, s testServer) error {
			return withAllocation(t, s.endpoint(turn.UDP)).permit(t.Context(), netip.MustParseAddr("2001:db8::1"))
		}},
		{"no IPv6 relay", 440, "relay-ip", nil, func(t *testing.T, s testServer) error {
			_, err := connect(t, s.endpoint(turn.UDP)).allocate(t.Context(), turn.IPv6)
			return err
		}},
		{"stale for ever", 438, "their address changes on the way", nil, func(t *testing.T, s testServer) error {
			e := s.endpoint(turn.UDP)
			e.server = restlessNAT(t, e.server)
			_, err := connect(t, e).allocate(t.Context(), turn.NoFamily)
			return err
		}},
	}
}

// second asks for a second allocation beside one.
func second(t *testing.T, s testServer) error {
	withAllocation(t, s.endpoint(turn.UDP))
	_, err := connect(t, s.endpoint(turn.TCP)).allocate(t.Context(), turn.NoFamily)
	return err
}

func wantRefusal(t *testing.T, s testServer, r refusal) {
	t.Helper()
	err := r.ask(t, s)
	var refused *refusedError
	if !errors.As(err, &refused) || refused.Code != r.code {
		t.Fatalf("got %v, want a refusal with %d", err, r.code)
	}
	if !strings.Contains(err.Error(), fmt.Sprintf("was refused with %d %s", r.code, phrase(r.code))) {
		t.Errorf("the error is %q", err)
	}
	if advice := explain(err, time.Now()); !strings.Contains(advice, r.advice) {
		t.Errorf("%q is missing in %q", r.advice, advice)
	}
}

func TestRefusals(t *testing.T) {
	server := startServer(t, "static-auth-secret=s3cret")
	for _, r := range requests() {
		t.Run(r.name, func(t *testing.T) { wantRefusal(t, server, r) })
	}
}

// Refusals that take a configuration of their own.
func TestRefusalsConfigured(t *testing.T) {
	port := servertest.FreePorts(t, 1)
	for _, r := range []refusal{
		{"quota", 486, "user-quota", []string{"user-quota=1"}, second},
		{"no ports", 508, "min-port", []string{fmt.Sprint("min-port=", port), fmt.Sprint("max-port=", port)}, second},
		{"database down", 500, "database", []string{"redis-userdb=ip=127.0.0.1 port=1 connect_timeout=1"}, as("carol", "pw")},
	} {
		t.Run(r.name, func(t *testing.T) { wantRefusal(t, startServer(t, r.lines...), r) })
	}
}

// restlessNAT forwards datagrams to a server, each from a port of its own.
func restlessNAT(t *testing.T, server netip.AddrPort) netip.AddrPort {
	t.Helper()
	inside := udpSocket(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 2048)
		for {
			n, from, err := inside.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			outside, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server))
			if err != nil {
				return
			}
			_, _ = outside.Write(b[:n])
			_ = outside.SetReadDeadline(time.Now().Add(patience))
			if n, err = outside.Read(b); err == nil {
				_, _ = inside.WriteToUDPAddrPort(b[:n], from)
			}
			outside.Close()
		}
	}()
	t.Cleanup(func() { inside.Close(); <-done })
	return addrPortOf(inside.LocalAddr())
}

// udpSocket is one on loopback that reads nothing by itself.
func udpSocket(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
