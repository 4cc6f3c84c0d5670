package listener

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
)

// dialDTLS connects from a socket of its own, which it returns too.
func dialDTLS(t *testing.T, s *server, more ...dtls.ClientOption) (*dtls.Conn, *net.UDPConn) {
	t.Helper()
	socket := udpSocket(t)
	c, err := shakeDTLS(t, s, socket, more...)
	if err != nil {
		t.Fatal(err)
	}
	return c, socket
}

func udpSocket(t *testing.T) *net.UDPConn {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	return socket
}

// drain takes what has come to a socket by now: all before what it sends to itself.
func drain(t *testing.T, socket *net.UDPConn) {
	t.Helper()
	const last = "the last"
	if _, err := socket.WriteToUDPAddrPort([]byte(last), addrPort(socket.LocalAddr())); err != nil {
		t.Fatal(err)
	}
	_ = socket.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 1<<16)
	for n := 0; string(b[:n]) != last; {
		var err error
		if n, err = socket.Read(b); err != nil {
			t.Fatal(err)
		}
	}
}

// shakeDTLS does a handshake from a socket, closed by the end of the test.
func shakeDTLS(t *testing.T, s *server, socket *net.UDPConn, more ...dtls.ClientOption) (*dtls.Conn, error) {
	t.Helper()
	options := append([]dtls.ClientOption{
		dtls.WithRootCAs(trust(s.certs)), dtls.WithServerName("localhost"),
		dtls.WithFlightInterval(100 * time.Millisecond),
	}, more...)
	c, err := dtls.ClientWithOptions(socket, net.UDPAddrFromAddrPort(s.dtls), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ctx, cancel := contextWithPatience()
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	return c, nil
}

// echoed sends a message and waits for it to come back. The network between
// may not lose it: it is loopback.
func echoed(t *testing.T, c net.Conn, msg []byte) {
	t.Helper()
	send(t, c, msg)
	b := make([]byte, 1<<16)
	n, err := c.Read(b)
	if err != nil || !bytes.Equal(b[:n], msg) {
		t.Fatalf("%d bytes came back of %d: %v", n, len(msg), err)
	}
}

// R-6347-4.2.1-a, R-8489-13-a, R-7350-4.6-a (RFC 8489, 13; RFC 7350, 4.6): a
// client comes in by the exchange of cookies, and messages go both ways, those
// as long as video is included.
func TestDTLS(t *testing.T) {
	s := serve(t, withEcho)
	c, socket := dialDTLS(t, s, dtls.WithSupportedProtocols(alpnTURN))
	for _, size := range []int{0, 4, 1200, 1400, 8000} {
		echoed(t, c, binding(size))
	}
	k := s.link(t)
	if k.transport != overDTLS || k.client != addrPort(socket.LocalAddr()) || k.server != s.dtls {
		t.Errorf("link %v from %v to %v", k.transport, k.client, k.server)
	}
	s.counted(t, dtlsChallenged, 1)
	s.counted(t, dtlsStarted, 1)
	s.counted(t, dtlsEstablished, 1)
	if state, ok := c.ConnectionState(); !ok || state.NegotiatedProtocol != alpnTURN {
		t.Errorf("agreed on %q", state.NegotiatedProtocol)
	}
	c.Close()
	k.wait(t)
}

// R-9325-4-a (RFC 9325, 4.2): certificates of either kind, and each of the suites.
func TestDTLSKeysAndSuites(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, withEcho)
	for _, c := range []struct {
		name  string
		key   crypto.Signer
		suite dtls.CipherSuiteID
		ok    bool
	}{
		{"RSA, AES-128", rsaKey, dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, true},
		{"RSA, AES-256", rsaKey, dtls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, true},
		{"RSA, ChaCha20", rsaKey, dtls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, true},
		{"ECDSA, AES-128", ecKey, dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true},
		{"ECDSA, AES-256", ecKey, dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, true},
		{"ECDSA, CBC", ecKey, dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, false},
		{"ECDSA, short tag", ecKey, dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, false},
	} {
		cert, private := issue(t, c.key, time.Now().Add(24*time.Hour))
		pair, err := tls.X509KeyPair(cert, private)
		if err != nil {
			t.Fatal(err)
		}
		s.certs.replace(pair)
		conn, err := shakeDTLS(t, s, udpSocket(t), dtls.WithCipherSuites(c.suite), dtls.WithInsecureSkipVerify(true))
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil {
			echoed(t, conn, binding(100))
		}
	}
}

// OpenSSL, which is what coturn's clients use, gets in as well.
func TestDTLSWithOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("openssl is not installed: make packages")
	}
	s := serve(t, withEcho)
	command := exec.Command(openssl, "s_client", "-dtls1_2", "-connect", s.dtls.String(), "-quiet")
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		_ = command.Process.Kill()
		_ = command.Wait()
	}()
	s.link(t)
	const line = "back to me\n"
	if _, err := io.WriteString(in, line); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(line))
	if _, err := io.ReadFull(out, got); err != nil || string(got) != line {
		t.Errorf("%q %v", got, err)
	}
}

// R-7443-1-a (RFC 9325, 3.8): a client with nothing but unknown names is refused.
func TestDTLSUnknownALPN(t *testing.T) {
	s := serve(t)
	if _, err := shakeDTLS(t, s, udpSocket(t), dtls.WithSupportedProtocols("webrtc")); err == nil {
		t.Error("it got in")
	}
	s.counted(t, dtlsFailed, 1)
	if len(s.links) > 0 {
		t.Error("the relay was told of it")
	}
}

// associations is how many clients the server keeps.
func associations(s *server) int {
	at := s.Listener.dtls[0]
	at.mu.Lock()
	defer at.mu.Unlock()
	return len(at.associations)
}

// hello is a ClientHello as OpenSSL would send it.
func hello(cookie []byte, message uint16, sequence byte) []byte {
	body := append([]byte{0xFE, 0xFD}, bytes.Repeat([]byte{7}, randomSize)...)
	body = append(body, 0, byte(len(cookie)))
	body = append(body, cookie...)
	body = append(body, 0, 4, 0xC0, 0x2B, 0xC0, 0x2F, 1, 0)
	body = append(body, 0, 8, 0, 10, 0, 4, 0, 2, 0, 29)
	b := []byte{recordHandshake, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, sequence}
	b = append(b, byte((len(body)+handshakeHeader)>>8), byte(len(body)+handshakeHeader))
	n := byte(len(body))
	b = append(b, handshakeClientHello, 0, 0, n, byte(message>>8), byte(message), 0, 0, 0, 0, 0, n)
	return append(b, body...)
}

// exchange sends a datagram and returns the answer.
func exchange(t *testing.T, socket *net.UDPConn, s *server, b []byte) []byte {
	t.Helper()
	if _, err := socket.WriteToUDPAddrPort(b, s.dtls); err != nil {
		t.Fatal(err)
	}
	_ = socket.SetReadDeadline(time.Now().Add(patience))
	answer := make([]byte, 1<<16)
	n, err := socket.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	return answer[:n]
}

// R-6347-4.2.1-a, R-6347-4.2.1-b (RFC 6347, 4.2.1), R-9147-5.1-a (RFC 9147, 5.1),
// A-D07, A-X12: a hello without its cookie, or with another's, is answered with
// fewer bytes than it had, and leaves nothing in memory.
func TestHelloVerifyIsStateless(t *testing.T) {
	s := serve(t, withLimits(Limits{Hellos: 10_000}))
	first, second := udpSocket(t), udpSocket(t)
	answer := exchange(t, first, s, hello(nil, 0, 5))
	if len(answer) != verifySize || answer[0] != recordHandshake || answer[recordHeader] != handshakeVerify ||
		answer[10] != 5 || len(answer) > len(hello(nil, 0, 5)) {
		t.Fatalf("% x", answer)
	}
	cookie := answer[helloAt+3:]
	before := runtime.NumGoroutine()
	for i := range 200 {
		wrong := bytes.Clone(cookie)
		wrong[i%cookieSize] ^= 1
		for _, c := range [][]byte{nil, cookie, wrong, cookie[:19], append(wrong, 0)} {
			if got := exchange(t, second, s, hello(c, 1, 6)); got[recordHeader] != handshakeVerify {
				t.Fatalf("% x", got)
			}
		}
	}
	if after := runtime.NumGoroutine(); after > before || associations(s) > 0 {
		t.Errorf("%d goroutines, before %d", after, before)
	}
	// The rightful owner gets a ServerHello, and with it state.
	if got := exchange(t, first, s, hello(cookie, 1, 6)); got[recordHeader] != 2 {
		t.Errorf("% x", got)
	}
	s.counted(t, dtlsStarted, 1)
}

// A cookie is good for its life and once again, for its address and its hello.
func TestCookieJar(t *testing.T) {
	var jar cookieJar
	from := netip.MustParseAddrPort("192.0.2.1:5000")
	parse := func(b []byte) *clientHello {
		h, ok := parseClientHello(b)
		if !ok {
			t.Fatalf("% x", b)
		}
		return &h
	}
	now := time.Now()
	cookie := jar.cookie(now, from, parse(hello(nil, 0, 0)))
	with := parse(hello(cookie[:], 1, 1))
	other := parse(hello(cookie[:], 1, 1))
	other.random[3]++
	port := netip.AddrPortFrom(from.Addr(), 5001)
	for _, c := range []struct {
		name string
		at   time.Duration
		from netip.AddrPort
		h    *clientHello
		want bool
	}{
		{"at once", 0, from, with, true},
		{"another port", 0, port, with, false},
		{"another hello", 0, from, other, false},
		{"late", cookieLife + time.Second, from, with, true},
		{"too late", 2*cookieLife + 2*time.Second, from, with, false},
	} {
		if got := jar.valid(now.Add(c.at), c.from, c.h); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if old := (&cookieJar{}); old.valid(now, from, with) {
		t.Error("a cookie under a secret of zeros")
	}
}

// R-6347-D-a, R-6347-4.2.1-c (RFC 6347, 4.2.1), A-C22, A-D06, A-X01: whatever is
// no whole ClientHello is dropped, counted and forgotten, and never answered.
func TestDTLSGarbage(t *testing.T) {
	s := serve(t)
	whole := hello(nil, 0, 0)
	change := func(at int, to ...byte) []byte {
		b := bytes.Clone(whole)
		copy(b[at:], to)
		return b
	}
	for _, c := range []struct {
		name string
		b    []byte
		why  count
	}{
		{"plain STUN", binding(0), dtlsPlainSTUN},
		{"two bytes", []byte{1, 2}, dtlsPlainSTUN},
		{"a record header alone", whole[:13], dtlsNotDTLS},
		{"noise", bytes.Repeat([]byte{0x99}, 100), dtlsNotDTLS},
		{"ChannelData", channelData(100), dtlsNotDTLS},
		{"too long", append(bytes.Clone(whole), make([]byte, 9000)...), dtlsNotDTLS},
		{"ChangeCipherSpec", change(0, 20), dtlsStranger},
		{"an alert", change(0, 21), dtlsStranger},
		{"data", change(0, 23), dtlsStranger},
		{"a handshake that has begun elsewhere", change(13, 16), dtlsStranger},
		{"a later epoch", change(3, 0, 1), dtlsStranger},
		{"cut", whole[:40], dtlsHelloBroken},
		{"a fragment that declares 650000 bytes", change(14, 9, 0xEB, 0x10)[:35], dtlsHelloBroken},
		{"a first fragment", change(22, 0, 0, 9), dtlsHelloBroken},
		{"a later fragment", change(19, 0, 0, 9), dtlsHelloBroken},
		{"no suites", change(61, 0, 0), dtlsHelloBroken},
		{"a session id longer than there is", change(sessionAt, 33), dtlsHelloBroken},
		{"a cookie longer than there is", change(sessionAt+1, 255), dtlsHelloBroken},
		{"extensions longer than there are", change(69, 0, 200), dtlsHelloBroken},
	} {
		socket := udpSocket(t)
		before := s.counts[c.why].Load()
		if _, err := socket.WriteToUDPAddrPort(c.b, s.dtls); err != nil {
			t.Fatal(err)
		}
		s.counted(t, c.why, before+1)
		// An answer would come before the one to what was sent after it.
		if answer := exchange(t, socket, s, hello(nil, 0, 5)); len(answer) != verifySize || answer[10] != 5 {
			t.Errorf("%s: an answer % x", c.name, answer)
		}
	}
	if n := associations(s); n > 0 {
		t.Errorf("%d associations", n)
	}
}

// R-9325-3.1-a (RFC 9325, 3.1): a client of DTLS 1.0 is told so, in fewer bytes
// than it sent, and nothing is kept of it.
func TestDTLS10(t *testing.T) {
	s := serve(t)
	old := hello(nil, 0, 3)
	old[helloAt+1] = 0xFF
	got := exchange(t, udpSocket(t), s, old)
	if want := []byte{recordAlert, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 3, 0, 2, 2, 70}; !bytes.Equal(got, want) {
		t.Errorf("% x", got)
	}
	s.counted(t, dtlsOld, 1)
	if n := associations(s); n > 0 {
		t.Errorf("%d associations", n)
	}
}

// FuzzClientHello: what is accepted fits into its datagram, and the two forms
// that are made of it are well-formed.
func FuzzClientHello(f *testing.F) {
	f.Add(hello(nil, 0, 0))
	f.Add(hello(bytes.Repeat([]byte{9}, cookieSize), 1, 1))
	f.Add(hello(make([]byte, 100), 1, 1)[:50])
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := parseClientHello(b)
		if !ok || h.sequence == 0 {
			return // the second has a record before it
		}
		again, ok := parseClientHello(h.withoutCookie())
		if !ok || len(again.cookie) > 0 || len(again.record) != len(h.record)-len(h.cookie) {
			t.Fatalf("without its cookie: %v % x", ok, h.withoutCookie())
		}
		if !bytes.Equal(again.record[again.cookieAt+1:], h.record[h.cookieAt+1+len(h.cookie):]) {
			t.Fatal("more than the cookie was left out")
		}
		if v := h.appendVerify(nil, make([]byte, cookieSize)); len(v) != verifySize {
			t.Fatalf("% x", v)
		}
	})
}

// R-9147-5.11-a, R-9147-4.5.2-a (RFC 9147, 5.11 and 4.5.2), A-O08, A-X12: forged
// packets from a client's own address do not end its association: new hellos
// without a cookie, plaintext alerts and data, records that do not decrypt.
func TestAssociationSurvivesForgery(t *testing.T) {
	s := serve(t, withEcho)
	c, socket := dialDTLS(t, s)
	echoed(t, c, binding(0))
	forge := func(b []byte) {
		if _, err := socket.WriteToUDPAddrPort(b, s.dtls); err != nil {
			t.Fatal(err)
		}
	}
	record := func(kind, epoch, sequence byte, body string) []byte {
		return append([]byte{kind, 0xFE, 0xFD, 0, epoch, 0, 0, 0, 0, 9, sequence, 0, byte(len(body))}, body...)
	}
	for i := range byte(100) {
		forge(record(21, 0, i, "\x02\x28"))
		forge(record(23, 0, i, "data"))
		forge(record(20, 0, i, "\x07"))
		forge(record(22, 0, i, "\x10\x00\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00"))
		forge(record(21, 1, i, strings.Repeat("x", 26)))
		forge(record(23, 1, i, strings.Repeat("y", 60)))
		forge(record(22, 1, i, strings.Repeat("z", 60)))
		if i%10 == 0 {
			echoed(t, c, binding(int(i)))
		}
	}
	forge(hello(nil, 0, 0))
	forge(hello(make([]byte, cookieSize), 1, 1))
	echoed(t, c, binding(8))
	s.counted(t, dtlsStarted, 1)
}

// R-9147-5.11-a (RFC 9147, 5.11): a client that has lost its association, and
// comes again from the same address, gets a new one.
func TestSameAddressAgain(t *testing.T) {
	s := serve(t, withEcho)
	at := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	for i := range 3 {
		socket, err := net.ListenUDP("udp4", at)
		if err != nil {
			t.Fatal(err)
		}
		at = socket.LocalAddr().(*net.UDPAddr)
		lost := &lossy{UDPConn: socket}
		c, err := dtls.ClientWithOptions(lost, net.UDPAddrFromAddrPort(s.dtls),
			dtls.WithInsecureSkipVerify(true), dtls.WithFlightInterval(100*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		echoed(t, c, binding(i*4))
		lost.silent.Store(true) // no goodbye: the client crashes
		c.Close()
		s.counted(t, dtlsEstablished, uint64(i+1))
	}
	if n := associations(s); n != 1 {
		t.Errorf("%d associations", n)
	}
}
