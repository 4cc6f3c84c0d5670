package listener

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// R-7443-1-a (RFC 7443, 1), A-O12: what a client names in ALPN is what it gets;
// something else on that connection ends it without a word.
func TestALPN(t *testing.T) {
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	})
	s := serve(t, withEcho, func(o *Options, _ *linkKind) { o.HTTP = pages })
	const request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	turn := string(binding(0))
	for _, c := range []struct {
		name  string
		offer []string
		agree string
		send  string
		want  string // start of the answer, "" for the end of the connection
	}{
		{"turn", []string{alpnTURN}, alpnTURN, turn, turn},
		{"nat-discovery", []string{alpnSTUN}, alpnSTUN, turn, turn},
		{"turn among others", []string{"webrtc", alpnTURN}, alpnTURN, turn, turn},
		{"turn before http", []string{alpnHTTP1, alpnTURN}, alpnTURN, turn, turn},
		{"http", []string{alpnHTTP1}, alpnHTTP1, request, "HTTP/1.1 200 OK"},
		{"none and turn", nil, "", turn, turn},
		{"none and http", nil, "", request, "HTTP/1.1 200 OK"},
		{"turn but http", []string{alpnTURN}, alpnTURN, request, ""},
		{"nat-discovery but http", []string{alpnSTUN}, alpnSTUN, request, ""},
		{"http but turn", []string{alpnHTTP1}, alpnHTTP1, turn, ""},
	} {
		for _, addr := range []string{s.tls, s.tcp} {
			conn := dialTLS(t, addr, c.offer...)
			if got := conn.ConnectionState().NegotiatedProtocol; got != c.agree {
				t.Fatalf("%s: agreed on %q, want %q", c.name, got, c.agree)
			}
			send(t, conn, []byte(c.send))
			if c.want == "" {
				mustEnd(t, conn)
			} else {
				receive(t, conn, []byte(c.want))
			}
			conn.Close()
		}
	}
	s.counted(t, crossProtocol, 6)
}

// A-O12: TURN on a connection for HTTP/2 is not answered as TURN either, and
// what the HTTP server says repeats nothing of it.
func TestHTTP2ButTURN(t *testing.T) {
	s := serve(t, func(o *Options, _ *linkKind) { o.HTTP = http.NotFoundHandler() })
	c := dialTLS(t, s.tls, alpnHTTP2)
	send(t, c, []byte(strings.Repeat(string(binding(40)), 3)))
	got, err := io.ReadAll(c)
	if strings.Contains(string(got), "xxxx") || strings.Contains(string(got), string(binding(0)[:8])) {
		t.Errorf("% x, %v", got, err)
	}
	if len(s.links) > 0 {
		t.Error("the relay was told of a client")
	}
}

// R-7443-1-a (RFC 9325, 3.8): nothing in common is a fatal alert.
func TestUnknownALPN(t *testing.T) {
	s := serve(t)
	for _, offer := range [][]string{{"webrtc"}, {"ftp", "imap"}, {alpnHTTP2}} {
		c := tls.Client(dial(t, s.tls), &tls.Config{InsecureSkipVerify: true, NextProtos: offer})
		if err := c.Handshake(); err == nil || !strings.Contains(err.Error(), "no application protocol") {
			t.Errorf("%v: %v", offer, err)
		}
	}
	s.counted(t, handshakeFailed, 3)
}

// R-9325-3.1-a, R-9325-4-a, R-8489-6.2.3-a, R-8489-6.2.3-b, R-8489-6.2.3-c,
// R-8656-3.1-a, X2 (RFC 9325, 3.1 and 4): old versions and suites are refused, the good ones work.
func TestVersionsAndSuites(t *testing.T) {
	s := serve(t)
	for _, c := range []struct {
		name     string
		min, max uint16
		suites   []uint16
		ok       bool
	}{
		{"TLS 1.0", tls.VersionTLS10, tls.VersionTLS10, nil, false},
		{"TLS 1.1", tls.VersionTLS10, tls.VersionTLS11, nil, false},
		{"TLS 1.2", tls.VersionTLS12, tls.VersionTLS12, nil, true},
		{"TLS 1.3", tls.VersionTLS12, tls.VersionTLS13, nil, true},
		{"ECDHE with GCM", 0, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, true},
		{"CBC", 0, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}, false},
		{"RC4", 0, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}, false},
		{"no forward secrecy", 0, tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}, false},
	} {
		client := tls.Client(dial(t, s.tls), &tls.Config{
			RootCAs: trust(s.certs), ServerName: "127.0.0.1",
			MinVersion: c.min, MaxVersion: c.max, CipherSuites: c.suites,
		})
		err := client.Handshake()
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil && client.ConnectionState().Version != c.max {
			t.Errorf("%s: version %x", c.name, client.ConnectionState().Version)
		}
	}
}

// R-9325-3.5-a (RFC 9325, 3.5): a client that asks for renegotiation loses its
// connection.
func TestNoRenegotiation(t *testing.T) {
	s := serve(t, withEcho)
	c := tls.Client(dial(t, s.tls), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
	send(t, c, binding(0))
	receive(t, c, binding(0))
	// A ClientHello in a record that is not protected, as far as a client of
	// this library can go.
	send(t, c.NetConn(), []byte("\x16\x03\x03\x00\x04\x01\x00\x00\x00"))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("it goes on")
	}
}

// Without a certificate TLS is turned away, and the rest of the port works.
func TestNoCertificate(t *testing.T) {
	s := serve(t, func(o *Options, _ *linkKind) {
		o.Certificates, o.DTLS, o.TLS = nil, nil, nil
	}, withEcho)
	c := dial(t, s.tcp)
	send(t, c, []byte("\x16\x03\x01\x02\x00\x01\x00"))
	mustEnd(t, c)
	s.counted(t, noCertificate, 1)
	turn := dial(t, s.tcp)
	send(t, turn, binding(0))
	receive(t, turn, binding(0))
}

// A-X11: clients that stop in the middle of a handshake hold no place at the
// gate, so that with a single place others still get through.
func TestHandshakesThatStop(t *testing.T) {
	s := serve(t, withEcho, withLimits(Limits{Handshakes: 1}))
	for range 5 {
		stopped, reads := net.Pipe()
		go func() { // a ClientHello goes out and nothing of the answer comes in
			raw := dial(t, s.tls)
			b := make([]byte, 4096)
			n, _ := reads.Read(b)
			_, _ = raw.Write(b[:n])
			_, _ = io.Copy(io.Discard, raw)
		}()
		ctx, cancel := context.WithCancel(context.Background())
		t.Cleanup(cancel)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = tls.Client(stopped, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx)
		}()
		t.Cleanup(func() { cancel(); reads.Close(); <-done })
		c := dialTLS(t, s.tls)
		send(t, c, binding(0))
		receive(t, c, binding(0))
	}
}

// A-X11: whoever waits at the gate waits no longer than a handshake may take.
func TestGateIsFull(t *testing.T) {
	s := serve(t, withLimits(Limits{Handshakes: 1, Handshake: 100 * time.Millisecond}))
	s.gate <- struct{}{}
	c := tls.Client(dial(t, s.tls), &tls.Config{InsecureSkipVerify: true})
	if err := c.Handshake(); err == nil {
		t.Error("it went through")
	}
	s.counted(t, handshakeFailed, 1)
	if len(s.gate) != 1 {
		t.Errorf("%d places are taken", len(s.gate))
	}
}
