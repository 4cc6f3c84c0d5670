package doctor

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"iceserver/internal/stun"
	"iceserver/internal/turn"
	"iceserver/test/servertest"
)

// probe probes as alice, and requires that the options are good.
func (s testServer) probe(t *testing.T, o ProbeOptions, urls ...string) *ProbeResult {
	t.Helper()
	o.URLs = urls
	if o.Username == "" && o.Secret == "" {
		o.Username, o.Password = "alice", "pw"
	}
	if o.Timeout == 0 {
		o.Timeout = patience
	}
	if o.Roots == nil {
		o.Roots = s.roots
	}
	o.Duration = 200 * time.Millisecond
	r, err := Probe(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func text(t *testing.T, r *ProbeResult) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Print(&b, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestProbe(t *testing.T) {
	s := startServer(t, "static-auth-secret=s3cret", "software-attribute")
	// The certificate lives for a day, and has nearly all of it left.
	r := s.probe(t, ProbeOptions{}, fmt.Sprint("turn:localhost:", s.port), fmt.Sprint("turns:127.0.0.1:", s.tlsPort), fmt.Sprint("stun:127.0.0.1:", s.port))
	if r.Status != OK || len(r.Ways) != 5 {
		t.Fatalf("%d ways:\n%s", len(r.Ways), text(t, r))
	}
	for i, want := range []string{"UDP", "TCP", "TLS", "DTLS"} {
		w := r.Ways[i]
		if w.Transport != want || w.Quality == nil || w.Quality.Received == 0 || w.Path != pathRelays || w.Relayed == "" || w.Gathered <= 0 || w.Realm != "example.org" || w.Software == "" {
			t.Errorf("%s: %+v, %+v", want, w, w.Quality)
		}
		if secure := i >= 2; secure != (w.Certificate != nil) || w.Status != OK {
			t.Errorf("%s: %v, certificate %+v", want, w.Status, w.Certificate)
		}
	}
	if w := r.Ways[4]; w.Status != OK || w.Relayed != "" || w.Mapped == "" {
		t.Errorf("STUN: %+v", w)
	}
	relays := 0
	for _, c := range r.Candidates {
		if c.Type == relayCandidate {
			relays++
		}
	}
	if relays != 4 {
		t.Errorf("%d relay candidates, want 4:\n%s", relays, text(t, r))
	}
	for _, want := range []string{"4 ways relayed, 1 more answered\n", "RTT ", "certificate ", "measured relay to relay, 10 packets", "TYPE"} {
		if !strings.Contains(text(t, r), want) {
			t.Errorf("%q is missing in\n%s", want, text(t, r))
		}
	}
	timed := s.probe(t, ProbeOptions{Secret: "s3cret", RelayOnly: true}, fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", s.port))
	if timed.Status != OK || len(timed.Candidates) != 1 {
		t.Errorf("with a secret:\n%s", text(t, timed))
	}
}

// What a program reads is what a person is told.
func TestProbeJSON(t *testing.T) {
	s := startServer(t)
	r := s.probe(t, ProbeOptions{Username: "alice", Password: "no"}, fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", s.port))
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back ProbeResult
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if w := back.Ways[0]; back.Status != Fail || w.Code != 401 || !strings.Contains(w.Advice, `no user "alice"`) || back.Verdict != r.Verdict {
		t.Errorf("%s", b)
	}
}

// A user who may have one allocation gets no second one to talk to, and a socket
// beside the server is no peer: that is no fault of the server's.
func TestProbeQuota(t *testing.T) {
	s := startServer(t, "user-quota=1")
	r := s.probe(t, ProbeOptions{}, fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", s.port))
	if w := r.Ways[0]; w.Status != Warn || !strings.Contains(w.Seen, "refused with 486") || w.Relayed == "" {
		t.Errorf("%s", text(t, r))
	}
	// With the peers of this machine allowed the traffic goes by a socket.
	s = startServer(t, "user-quota=1", "allow-loopback-peers", "allowed-peer-ip=127.0.0.1")
	r = s.probe(t, ProbeOptions{}, fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", s.port))
	if w := r.Ways[0]; w.Status != OK || w.Path != pathSocket || w.Quality == nil {
		t.Errorf("%s", text(t, r))
	}
}

// A server that sends its clients on is followed, as browsers do.
func TestProbeAlternate(t *testing.T) {
	there := startServer(t)
	here := startServer(t, fmt.Sprintf("alternate-server=127.0.0.1:%d", there.port))
	r := here.probe(t, ProbeOptions{}, fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", here.port))
	if r.Status != OK || !strings.Contains(text(t, r), fmt.Sprintf("sends its clients on to 127.0.0.1:%d", there.port)) {
		t.Errorf("%s", text(t, r))
	}
	first := servertest.FreePorts(t, 2) // two servers that send their clients to each other
	second := first + 1
	one := startServer(t, fmt.Sprintf("listening-port=%d", first), fmt.Sprintf("alternate-server=127.0.0.1:%d", second))
	startServer(t, fmt.Sprintf("listening-port=%d", second), fmt.Sprintf("alternate-server=127.0.0.1:%d", first))
	r = one.probe(t, ProbeOptions{}, fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", first))
	if w := r.Ways[0]; w.Code != 300 || !strings.Contains(w.Advice, "alternate-server") {
		t.Errorf("%s", text(t, r))
	}
}

// tried is what came of one way to an endpoint.
func tried(t *testing.T, e endpoint, optional bool) Way {
	t.Helper()
	p := &prober{o: ProbeOptions{Duration: 200 * time.Millisecond}}
	to := target{asked: asked{uri: stun.URI{TURN: true, Host: "localhost"}, proto: e.proto, optional: optional}, endpoint: e}
	w := newWay(to)
	p.try(t.Context(), to, &w)
	return w
}

// A port that is closed for UDP and open for TCP is named as such.
func TestProbeSilentUDP(t *testing.T) {
	s := startServer(t)
	silent := s.endpoint(turn.UDP)
	silent.server, silent.patience = addrPortOf(udpSocket(t).LocalAddr()), quick
	ways := []Way{tried(t, silent, false), tried(t, s.endpoint(turn.TCP), false)}
	compare(ways)
	want := fmt.Sprintf("answers over TCP but not over UDP: open UDP %d", silent.server.Port())
	if w := ways[0]; w.Status != Fail || !strings.Contains(w.Advice, want) || ways[1].Status != OK {
		t.Errorf("%+v", ways)
	}
}

// What nobody asked for by name may be missing, or have a certificate of its own
// making.
func TestProbeOptional(t *testing.T) {
	s := startServer(t)
	closed := udpSocket(t)
	missing, untrusted := s.endpoint(turn.DTLS), s.endpoint(turn.TLS)
	missing.server, untrusted.roots = addrPortOf(closed.LocalAddr()), x509.NewCertPool()
	closed.Close()
	for _, e := range []endpoint{missing, untrusted} {
		for optional, want := range map[bool]Status{true: Warn, false: Fail} {
			if w := tried(t, e, optional); w.Status != want || w.Seen == "" || w.Advice == "" {
				t.Errorf("%v, optional %v: %+v", e, optional, w)
			}
		}
	}
}

func TestProbeOptions(t *testing.T) {
	for _, o := range []ProbeOptions{
		{},
		{URLs: []string{"turn:"}},
		{URLs: []string{"https://example.org"}},
		{URLs: []string{"turn:a"}, Username: "u", Password: "p", Secret: "s"},
	} {
		if _, err := Probe(t.Context(), o); !errors.Is(err, ErrProbe) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// Nothing that a server says of itself moves the cursor or begins a line.
func TestPrintable(t *testing.T) {
	if got := printable("a\x1b[2J\nb\xff\u202e" + strings.Repeat("x", 400)); strings.ContainsAny(got, "\x1b\n\u202e") || len(got) > longestText+10 {
		t.Errorf("%q", got)
	}
}

// Four ways at once use up a quota of one among themselves: that is no fault of the
// server's. Nor is a quota told as the reason of what does work.
func TestProbeCrowds(t *testing.T) {
	s := startServer(t, "user-quota=1", "allow-loopback-peers", "allowed-peer-ip=127.0.0.1")
	r := s.probe(t, ProbeOptions{IPv4: true}, fmt.Sprint("turn:localhost:", s.port), fmt.Sprint("turns:localhost:", s.tlsPort))
	if r.Status != OK || len(r.Ways) != 4 {
		t.Errorf("%s", text(t, r))
	}
}

// What a server says that is no answer is heard; and one that answers Binding alone
// is called what it is.
func TestProbeHeard(t *testing.T) {
	s := startServer(t, "stun-only")
	r := s.probe(t, ProbeOptions{Timeout: time.Second}, fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", s.port))
	if w := r.Ways[0]; w.Status != Fail || w.Code == 0 && !strings.Contains(w.Seen, "though it answers Binding") {
		t.Errorf("%s", text(t, r))
	}
	mumbler := replying(t, func(b []byte) []byte { return []byte("what?") })
	r = s.probe(t, ProbeOptions{Timeout: quick}, "turn:"+mumbler+"?transport=udp")
	if w := r.Ways[0]; w.Status != Fail || !strings.Contains(w.Seen, "no answer to Allocate among them") || !strings.Contains(w.Advice, "Another program") {
		t.Errorf("%s", text(t, r))
	}
	// Like a server that relays nothing and says nothing to Allocate.
	binding := replying(t, func(b []byte) []byte {
		if len(b) < 20 || b[1] != 1 {
			return nil
		}
		return append([]byte{1, 1, 0, 12}, append(bytes.Clone(b[4:20]), 0, 0x20, 0, 8, 0, 1, 0x21, 0x13, 0x5e, 0x12, 0xa4, 0x43)...)
	})
	r = s.probe(t, ProbeOptions{Timeout: quick}, "turn:"+binding+"?transport=udp")
	if w := r.Ways[0]; w.Status != Fail || !strings.Contains(w.Seen, "though it answers Binding") || !strings.Contains(w.Advice, "a STUN server alone") {
		t.Errorf("%s", text(t, r))
	}
}

// replying is a UDP server that answers as it is told; nil is no answer.
func replying(t *testing.T, answer func([]byte) []byte) string {
	t.Helper()
	socket := udpSocket(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 2048)
		for {
			n, from, err := socket.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if said := answer(b[:n]); said != nil {
				_, _ = socket.WriteToUDPAddrPort(said, from)
			}
		}
	}()
	t.Cleanup(func() { socket.Close(); <-done })
	return socket.LocalAddr().String()
}

// Who ends a probe sees what it has found until then, and no fault of a server.
func TestProbeInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	quiet := replying(t, func([]byte) []byte { cancel(); return nil })
	r, err := Probe(ctx, ProbeOptions{URLs: []string{"turn:" + quiet + "?transport=udp"}, Username: "u", Password: "p"})
	if !errors.Is(err, context.Canceled) || r == nil || len(r.Ways) != 1 || r.Ways[0].Seen != "interrupted" || r.Ways[0].Advice != "" {
		t.Errorf("%v %+v", err, r)
	}
}
