package listener

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iceserver/internal/stun"
)

// patience is how long a test waits for what must happen. It is never the
// measure of anything.
const patience = 20 * time.Second

// testLink stands for the relay's end of a client, and echoes if told to.
type testLink struct {
	transport      transport
	client, server netip.AddrPort
	got            chan []byte
	out            chan []byte
	closed         chan struct{}
	once           sync.Once
	echo           bool
	trusted        atomic.Bool
	holds          atomic.Bool
}

func (k *testLink) Deliver(msg []byte) error {
	msg = bytes.Clone(msg)
	to := k.got
	if k.echo {
		to = k.out
	}
	select {
	case to <- msg:
		return nil
	case <-k.closed:
		return net.ErrClosed
	}
}

func (k *testLink) Next(block [][]byte) ([][]byte, error) {
	select {
	case msg := <-k.out:
		block = append(block, msg)
	case <-k.closed:
		return nil, io.EOF
	}
	for {
		select {
		case msg := <-k.out:
			block = append(block, msg)
		default:
			return block, nil
		}
	}
}

func (k *testLink) Authenticated() bool { return k.trusted.Load() }

func (k *testLink) Holds() bool { return k.holds.Load() }

func (k *testLink) Close() { k.once.Do(func() { close(k.closed) }) }

// next returns the next message that came, or fails.
func (k *testLink) next(t *testing.T) []byte {
	t.Helper()
	select {
	case msg := <-k.got:
		return msg
	case <-time.After(patience):
		t.Fatal("no message came")
		return nil
	}
}

// wait fails unless the link is closed in time.
func (k *testLink) wait(t *testing.T) {
	t.Helper()
	select {
	case <-k.closed:
	case <-time.After(patience):
		t.Fatal("the link was not closed")
	}
}

// server is a Listener under test on ports of loopback.
type server struct {
	*Listener
	links chan *testLink
	tcp   string
	tls   string
	dtls  netip.AddrPort
	certs *Certificates
	stop  func()
}

// setting changes the options, or what the links of the test are like.
type setting func(*Options, *linkKind)

type linkKind struct{ echo, trusted, holds bool }

func withLimits(l Limits) setting { return func(o *Options, _ *linkKind) { o.Limits = l } }

func withEcho(_ *Options, k *linkKind) { k.echo = true }

func withTrust(_ *Options, k *linkKind) { k.trusted = true }

func withAllocation(_ *Options, k *linkKind) { k.trusted, k.holds = true, true }

// serve starts a server that ends with the test.
func serve(t *testing.T, settings ...setting) *server {
	t.Helper()
	s := &server{links: make(chan *testLink, 1000), certs: selfSigned(t)}
	loopback := netip.MustParseAddrPort("127.0.0.1:0")
	o := Options{
		TCP: []netip.AddrPort{loopback}, TLS: []netip.AddrPort{loopback}, DTLS: []netip.AddrPort{loopback},
		Certificates: s.certs, Log: slog.New(slog.DiscardHandler),
	}
	var kind linkKind
	for _, set := range settings {
		set(&o, &kind)
	}
	if o.Limits.Linger == 0 {
		o.Limits.Linger = 10 * time.Millisecond // most clients here just go away
	}
	l, err := listen(o, func(p transport, client, at netip.AddrPort) (link, error) {
		k := &testLink{
			transport: p, client: client, server: at, echo: kind.echo,
			got: make(chan []byte, 1000), out: make(chan []byte, 1000), closed: make(chan struct{}),
		}
		k.trusted.Store(kind.trusted)
		k.holds.Store(kind.holds)
		s.links <- k
		return k, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Listener = l
	tcps, tlss, dtlss := l.Addrs()
	s.tcp = tcps[0].String()
	if len(tlss) > 0 {
		s.tls = tlss[0].String()
	}
	if len(dtlss) > 0 {
		s.dtls = dtlss[0]
	}
	s.stop = run(t, l)
	return s
}

// run runs l until the returned function, or the end of the test, ends it.
func run(t *testing.T, l *Listener) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := l.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(patience):
			t.Error("Run did not end")
		}
	})
	t.Cleanup(stop)
	return stop
}

// link returns the next client that the relay was told of.
func (s *server) link(t *testing.T) *testLink {
	t.Helper()
	select {
	case k := <-s.links:
		return k
	case <-time.After(patience):
		t.Fatal("the relay was not told of a client")
		return nil
	}
}

// counted waits until something has happened so many times.
func (s *server) counted(t *testing.T, what count, n uint64) {
	t.Helper()
	for start := time.Now(); s.counts[what].Load() < n; time.Sleep(time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("%v was counted %d times, want %d; all: %v", what, s.counts[what].Load(), n, s.counts.snapshot())
		}
	}
	if got := s.counts[what].Load(); got > n {
		t.Fatalf("%v was counted %d times, want %d", what, got, n)
	}
}

// dial connects over TCP.
func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// dialTLS connects over TLS with the given ALPN names.
func dialTLS(t *testing.T, addr string, alpn ...string) *tls.Conn {
	t.Helper()
	c := tls.Client(dial(t, addr), &tls.Config{InsecureSkipVerify: true, NextProtos: alpn})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}

func send(t *testing.T, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

// receive reads exactly as much as want and compares.
func receive(t *testing.T, c net.Conn, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("got % x, want % x", got, want)
	}
}

// mustEnd fails unless the server closes c in time without a word.
func mustEnd(t *testing.T, c net.Conn) {
	t.Helper()
	if got, err := io.ReadAll(c); len(got) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got % x and %v, want the end of the connection", got, err)
	}
}

// binding is a STUN request with so many bytes of an attribute behind it.
func binding(size int) []byte {
	b := stun.NewBuilder(nil, stun.MethodBinding, stun.ClassRequest, stun.TransactionID{1, 2, 3})
	if size > 0 {
		b.Add(stun.AttrSoftware, bytes.Repeat([]byte{'x'}, size))
	}
	return b.Bytes()
}

// channelData is a framed ChannelData message, padding included.
func channelData(size int) []byte {
	b := make([]byte, stun.ChannelHeaderSize+(size+3)/4*4)
	stun.PutChannelHeader(b, 0x4001, size)
	return b
}

// selfSigned makes a certificate for loopback and loads it from files.
func selfSigned(t *testing.T) *Certificates {
	t.Helper()
	cert, key, err := SelfSigned([]string{"localhost"}, []netip.Addr{netip.MustParseAddr("127.0.0.1")}, 0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := LoadCertificates(Pair{CertFile: writeFile(t, "cert.pem", cert), KeyFile: writeFile(t, "key.pem", key)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// replace shows another certificate instead of the first.
func (c *Certificates) replace(cert tls.Certificate) { c.Put(c.slots[0].name, cert) }

// trust is a pool with the certificate in c.
func trust(c *Certificates) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.Leaf())
	return pool
}

func writeFile(t *testing.T, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// snapshot is every count by its name.
func (c *counters) snapshot() map[string]uint64 {
	all := make(map[string]uint64, numCounts)
	for i := range c {
		all[count(i).String()] = c[i].Load()
	}
	return all
}
