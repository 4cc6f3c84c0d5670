package doctor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"iceserver/internal/turn"
)

// tcpServer accepts connections and lets speak answer each.
func tcpServer(t *testing.T, speak func(net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			speak(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return addrPortOf(l.Addr())
}

// notSTUN answers the first bytes as a web server answers what it does not know.
func notSTUN(c net.Conn) {
	_, _ = c.Read(make([]byte, 1024))
	_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"))
}

// allocates is what a client would first do there.
func allocates(ctx context.Context, e endpoint) error {
	s, err := dial(ctx, e)
	if err != nil {
		return err
	}
	defer s.close(ctx)
	_, err = s.allocate(ctx, turn.NoFamily)
	return err
}

func TestNobodyThere(t *testing.T) {
	closed := udpSocket(t)
	free := addrPortOf(closed.LocalAddr())
	closed.Close()
	quiet := addrPortOf(udpSocket(t).LocalAddr())
	mute := tcpServer(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); <-t.Context().Done() })
	web := tcpServer(t, notSTUN)
	for _, c := range []struct {
		name         string
		proto        turn.Proto
		at           netip.AddrPort
		kind         any
		seen, advice string
	}{
		{"closed", turn.UDP, free, new(*unreachableError), "is closed", "nothing listens on UDP"},
		{"closed", turn.TCP, free, new(*unreachableError), "is closed", "nothing listens on TCP"},
		{"closed", turn.TLS, free, new(*unreachableError), "is closed", "nothing listens on TCP"},
		{"quiet", turn.UDP, quiet, new(*silenceError), "no answer to Allocate on UDP", "Open UDP"},
		{"quiet", turn.DTLS, quiet, new(*silenceError), "no answer to the DTLS hello", "Open UDP"},
		{"quiet", turn.TCP, mute, new(*silenceError), "no answer to Allocate on TCP", "another program listens there"},
		{"another program", turn.TCP, web, new(*protocolError), `no STUN server: its first bytes are "HTTP"`, "Another program"},
		{"another program", turn.TLS, web, new(*handshakeError), "TLS handshake with", "does not speak TLS"},
	} {
		t.Run(c.name+" "+c.proto.String(), func(t *testing.T) {
			e := endpoint{proto: c.proto, server: c.at, name: "localhost", patience: patience}
			if c.name == "quiet" {
				e.patience = quick
			}
			err := allocates(t.Context(), e)
			if err == nil || !errors.As(err, c.kind) || !strings.Contains(err.Error(), c.seen) {
				t.Fatalf("got %T %v", err, err)
			}
			if advice := explain(err, time.Now()); !strings.Contains(advice, c.advice) {
				t.Errorf("the advice is %q", advice)
			}
		})
	}
}

// The end of the caller's time is the caller's, not a finding about the server.
func TestInterrupted(t *testing.T) {
	at := addrPortOf(udpSocket(t).LocalAddr())
	for _, proto := range []turn.Proto{turn.UDP, turn.DTLS} {
		ctx, cancel := context.WithTimeout(t.Context(), quick)
		err := allocates(ctx, endpoint{proto: proto, server: at, patience: time.Hour})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v: got %v", proto, err)
		}
	}
}
