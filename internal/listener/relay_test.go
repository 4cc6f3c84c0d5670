package listener

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/dtls/v3"

	"iceserver/internal/auth"
	"iceserver/internal/relay"
	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// nobody is a relay.Keys without users.
type nobody struct{}

func (nobody) Known(time.Time, string, string) (c auth.Candidates, ok bool) { return c, true }

func (nobody) Find(context.Context, string, string) (c auth.Candidates, err error) { return c, nil }

// The numbers of transports are those of the relay.
func TestTransports(t *testing.T) {
	for ours, theirs := range map[transport]turn.Proto{overTCP: turn.TCP, overTLS: turn.TLS, overDTLS: turn.DTLS} {
		if turn.Proto(ours) != theirs {
			t.Errorf("%v is %d", theirs, ours)
		}
	}
}

// R-8489-12-a, R-8489-6.3.1.1-c, R-8489-6.3.1.2-b (RFC 8489, 12 and 6.3.1): with
// the real relay behind it, a Binding is answered on its own connection with the
// address that it came from, over TCP, TLS and DTLS, where a classic request has no
// success.
func TestBindingThroughTheRelay(t *testing.T) {
	tcp, over, dtlsAt, certs := serveWithRelay(t)
	overDTLS, _ := dialDTLS(t, &server{certs: certs, dtls: dtlsAt}, dtls.WithSupportedProtocols(alpnTURN))
	for name, c := range map[string]net.Conn{
		"TCP":  dial(t, tcp.String()),
		"TLS":  dialTLS(t, over.String(), alpnTURN),
		"DTLS": overDTLS,
	} {
		for range 3 {
			send(t, c, binding(0))
			b := make([]byte, 1500)
			n, err := c.Read(b)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if mapped, ok := bound(b[:n]); !ok || mapped != addrPort(c.LocalAddr()) {
				t.Errorf("%s: mapped to %v in % x", name, mapped, b[:n])
			}
		}
	}
	// Whatever the relay says to the classic request, it comes before the
	// answer to the other one.
	send(t, overDTLS, append(binding(0)[:4:4], make([]byte, 16)...))
	send(t, overDTLS, binding(0))
	b := make([]byte, 1500)
	n, err := overDTLS.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := stun.Parse(b[:n]); err == nil && m.Class == stun.ClassSuccess && m.ID != (stun.TransactionID{1, 2, 3}) {
		t.Errorf("a classic request over DTLS was answered: % x", b[:n])
	}
}

// bound is the address in the success response to binding.
func bound(b []byte) (netip.AddrPort, bool) {
	m, err := stun.Parse(b)
	if err != nil || m.Class != stun.ClassSuccess || m.ID != (stun.TransactionID{1, 2, 3}) {
		return netip.AddrPort{}, false
	}
	mapped, err := m.XORAddress(stun.AttrXORMappedAddress)
	return mapped, err == nil
}

// serveWithRelay starts a listener on the real relay; both end with the test.
func serveWithRelay(t *testing.T) (tcp, tls, dtls netip.AddrPort, certs *Certificates) {
	t.Helper()
	return serveWithUsers(t, nobody{})
}

// serveWithUsers is serveWithRelay for those whose keys are known.
func serveWithUsers(t *testing.T, keys relay.Keys) (tcp, tls, dtls netip.AddrPort, certs *Certificates) {
	t.Helper()
	loopback := netip.MustParseAddr("127.0.0.1")
	r, err := relay.New(relay.Options{
		Workers: 2, Relays: []relay.RelayAddr{{Local: loopback}}, Keys: keys,
		Turn: turn.Options{Realm: "example.org", Policy: turn.NewPolicy(turn.PolicyOptions{})},
		Log:  slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	at := []netip.AddrPort{netip.AddrPortFrom(loopback, 0)}
	certs = selfSigned(t)
	l, err := New(Options{
		TCP: at, TLS: at, DTLS: at, Relay: r, Certificates: certs, Log: slog.New(slog.DiscardHandler),
		Limits: Limits{Linger: time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(run(t, l))
	tcps, tlss, dtlss := l.Addrs()
	return tcps[0], tlss[0], dtlss[0], certs
}
