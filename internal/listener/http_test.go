package listener

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// A-C04: a browser on any port, with TLS or without, gets a short 404.
func TestNotFoundOnEveryPort(t *testing.T) {
	s := serve(t)
	client := http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: trust(s.certs)}, DisableKeepAlives: true, ForceAttemptHTTP2: true,
	}}
	for _, url := range []string{"http://" + s.tcp, "http://" + s.tls, "https://" + s.tls, "https://" + s.tcp} {
		for _, method := range []string{"GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH"} {
			request, err := http.NewRequest(method, url+"/turn", strings.NewReader("some text"))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := client.Do(request)
			if err != nil {
				t.Fatalf("%s %s: %v", method, url, err)
			}
			body, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if answer.StatusCode != 404 || method != "HEAD" && !strings.Contains(string(body), "STUN and TURN") {
				t.Errorf("%s %s: %s %s", method, url, answer.Status, body)
			}
			if len(body) > 200 {
				t.Errorf("%d bytes are not short", len(body))
			}
		}
	}
}

// A handler sees HTTP/1.1 and HTTP/2, and whether TLS is there, however the
// connection was recognised.
func TestHandler(t *testing.T) {
	s := serve(t, func(o *Options, _ *linkKind) {
		o.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Proto)
			if r.TLS != nil {
				_, _ = io.WriteString(w, " with TLS to "+r.TLS.ServerName)
			}
		})
	})
	for _, c := range []struct {
		url  string
		alpn []string
		want string
	}{
		{"http://" + s.tcp, nil, "HTTP/1.1"},
		{"https://" + s.tcp, []string{alpnHTTP2, alpnHTTP1}, "HTTP/2.0 with TLS to localhost"},
		{"https://" + s.tls, []string{alpnHTTP1}, "HTTP/1.1 with TLS to localhost"},
		{"https://" + s.tls, []string{}, "HTTP/1.1 with TLS to localhost"},
	} {
		var p http.Protocols
		p.SetHTTP1(true)
		p.SetHTTP2(len(c.alpn) == 2)
		transport := &http.Transport{Protocols: &p}
		transport.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			d := tls.Dialer{Config: &tls.Config{RootCAs: trust(s.certs), ServerName: "localhost", NextProtos: c.alpn}}
			return d.DialContext(ctx, network, addr)
		}
		answer, err := (&http.Client{Transport: transport}).Get(c.url)
		if err != nil {
			t.Fatalf("%s %v: %v", c.url, c.alpn, err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		transport.CloseIdleConnections()
		if string(body) != c.want {
			t.Errorf("%s %v: %q, want %q", c.url, c.alpn, body, c.want)
		}
	}
}

// A connection that a handler takes over, as for WebSocket, keeps its place
// among the others until it is closed, and ends with Run.
func TestHijack(t *testing.T) {
	s := serve(t, withLimits(Limits{PerSource: 1}), func(o *Options, _ *linkKind) {
		o.HTTP = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
			}
		})
	})
	c := dial(t, s.tcp)
	send(t, c, []byte("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: y\r\nConnection: Upgrade\r\n\r\n"))
	receive(t, c, []byte("HTTP/1.1 101 Switching Protocols\r\n\r\n"))
	mustEnd(t, dial(t, s.tcp))
	s.counted(t, overSource, 1)
	s.stop()
	mustEnd(t, c)
}

// A-X10: a browser that does not read what it asked for is given up, and its
// place is free again.
func TestSlowBrowser(t *testing.T) {
	ended := make(chan error, 1)
	s := serve(t, withLimits(Limits{Write: 100 * time.Millisecond}), func(o *Options, _ *linkKind) {
		o.HTTP = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					ended <- err
					return
				}
			}
		})
	})
	c := dial(t, s.tls)
	send(t, c, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("the response is still being written")
	}
}

// A-C04, H-14: requests that no HTTP server should like are refused or closed, and the
// server goes on.
func TestBadRequests(t *testing.T) {
	s := serve(t)
	for _, request := range []string{
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzzzz\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 1<<20) + "\r\n\r\n",
		"GET \x00\x01 HTTP/9.9\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		for _, addr := range []string{s.tcp, s.tls} {
			c := dial(t, addr)
			go func() { _, _ = io.WriteString(c, request) }()
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err == nil && answer.StatusCode < 400 {
				t.Errorf("%.30q: %s", request, answer.Status)
			}
			c.Close()
		}
	}
	c := dial(t, s.tcp)
	send(t, c, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	receive(t, c, []byte("HTTP/1.1 404 Not Found\r\n"))
}

// An answer may take longer than a request may: a browser that polls waits for
// it, and is not taken for one that has gone away.
func TestLongAnswer(t *testing.T) {
	const request = time.Second // which a busy machine may need
	l := listenForPages(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
			w.WriteHeader(http.StatusGone)
		case <-time.After(2 * request):
		}
	}))
	l.http.server.ReadTimeout = request
	run(t, l)
	tcp, _, _ := l.Addrs()
	answer, err := http.Get("http://" + tcp[0].String())
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the request has ended with %s", answer.Status)
	}
	http.DefaultClient.CloseIdleConnections()
}

// A port of pages alone has them with TLS and without, and no TURN.
func TestPagesAlone(t *testing.T) {
	l := listenForPages(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	run(t, l)
	tcp, _, _ := l.Addrs()
	at := tcp[0].String()
	for _, alpn := range [][]string{nil, {alpnHTTP1}} {
		c := dialTLS(t, at, alpn...)
		send(t, c, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
		receive(t, c, []byte("HTTP/1.1 418"))
	}
	plain := dial(t, at)
	send(t, plain, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	receive(t, plain, []byte("HTTP/1.1 418"))
	for _, c := range []net.Conn{dial(t, at), dialTLS(t, at)} {
		send(t, c, binding(0))
		mustEnd(t, c)
	}
	if c := tls.Client(dial(t, at), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{alpnTURN}}); c.Handshake() == nil {
		t.Error("TURN was agreed upon")
	}
	if _, err := New(Options{Log: l.log}); err == nil {
		t.Error("a listener for nothing")
	}
}

// listenForPages opens a listener without a relay.
func listenForPages(t *testing.T, h http.Handler) *Listener {
	t.Helper()
	l, err := New(Options{
		TCP: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Certificates: selfSigned(t), HTTP: h, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A handler that hangs keeps its connection, and not the whole server, from ending.
func TestStuckHandler(t *testing.T) {
	entered, release, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	l := listenForPages(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		defer close(left)
		close(entered)
		<-release
	}))
	l.http.patience = 50 * time.Millisecond
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	tcp, _, _ := l.Addrs()
	c := dial(t, tcp[0].String())
	send(t, c, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	<-entered
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("Run waits for the handler")
	}
	close(release)
	<-left
	c.Close()
}

// H-14: what stands behind a request with two lengths is no request, neither by the
// one nor by the other; and a header has its longest length.
func TestTwoLengths(t *testing.T) {
	s := serve(t)
	for _, lengths := range []string{"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"} {
		c := dial(t, s.tcp)
		send(t, c, []byte("POST / HTTP/1.1\r\nHost: x\r\n"+lengths+"\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"))
		text, err := io.ReadAll(c)
		if n := strings.Count(string(text), "HTTP/1.1 "); err != nil || n != 1 || !strings.Contains(string(text), "Connection: close") {
			t.Errorf("%q: %d answers, %v\n%s", lengths, n, err, text)
		}
	}
	for size, want := range map[int]int{8 << 10: 404, 32 << 10: 431} {
		c := dial(t, s.tcp)
		send(t, c, []byte("GET / HTTP/1.1\r\nHost: x\r\n"+strings.Repeat("X-A: b\r\n", size/8)+"\r\n"))
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || answer.StatusCode != want {
			t.Errorf("a header of %d bytes: %v, %v, want %d", size, answer, err, want)
		}
	}
}
