package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"iceserver/internal/config"
	"iceserver/internal/listener"
	generator "iceserver/internal/load"
	"iceserver/test/servertest"
)

// shows is the certificate that a server shows to a new client.
func (r *running) shows(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	c, err := tls.Dial("tcp", r.Addrs().TLS[0].String(), &tls.Config{InsecureSkipVerify: true, ServerName: name})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

// swap writes another certificate in the place of one.
func swap(t *testing.T, certFile, keyFile string) {
	t.Helper()
	newCert, newKey := issue(t, "turn.example.org")
	for from, to := range map[string]string{newKey: keyFile, newCert: certFile} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
}

// A-L05: certificates are swapped while clients relay over TLS: they lose nothing,
// and those who come are shown the new one. A broken one changes nothing, and
// whoever asked for it hears why.
func TestCertificateSwapUnderLoad(t *testing.T) {
	cert, key := issue(t, "turn.example.org")
	r := start(t, load(t, "user=u:a-long-password\nrealm=r\nallow-loopback-peers\ncert="+cert+"\npkey="+key), Options{})
	r.log.Wait(t, "msg=ready")
	done := make(chan error, 1)
	var result *generator.Result
	go func() {
		var err error
		result, err = generator.Run(t.Context(), generator.Options{
			Server: r.Addrs().TLS[0], Transport: "tls", Insecure: true, Username: "u", Password: "a-long-password",
			Allocations: 3, Window: 3, Rate: 300, Size: 172, Burst: 1, Direction: generator.Both,
			Duration: 2 * time.Second, Tick: 10 * time.Millisecond, Peer: netip.MustParseAddrPort("127.0.0.1:0"),
		})
		done <- err
	}()
	swaps := 0
	for over := false; !over; {
		before := r.shows(t, "turn.example.org")
		swap(t, cert, key)
		if err := r.ReloadCertificates(); err != nil {
			t.Fatal(err)
		}
		if r.shows(t, "turn.example.org").Equal(before) {
			t.Fatal("the old certificate is shown")
		}
		swaps++
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			over = true
		case <-time.After(50 * time.Millisecond):
		}
	}
	if up, down := result.Traffic.Up, result.Traffic.Down; result.Setup.Ready != 3 || swaps < 2 || up.Sent < 100 || up.Lost+down.Lost > 0 {
		t.Errorf("%d swaps, %+v, up %+v, down %+v", swaps, result.Setup, up, down)
	}
	good := r.shows(t, "")
	if err := os.WriteFile(key, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.ReloadCertificates(); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("the error is %v", err)
	}
	if !r.shows(t, "").Equal(good) {
		t.Error("the good one is gone")
	}
	if st := r.statusOf(t); !strings.Contains(st.hint("certificate").Seen, key) {
		t.Errorf("the hints are %+v", st.Hints)
	}
}

// Of several certificates each client gets the one for its name, and without a
// name the first.
func TestSeveralCertificates(t *testing.T) {
	certA, keyA := issue(t, "a.example")
	certB, keyB := issue(t, "*.b.example")
	r := start(t, load(t, "cert="+certA+"\npkey="+keyA+"\ncert="+certB+"\npkey="+keyB), Options{})
	r.log.Wait(t, "msg=ready")
	for name, want := range map[string]string{"": "a.example", "a.example": "a.example", "turn.b.example": "*.b.example", "other.example": "a.example"} {
		if got := r.shows(t, name); got.DNSNames[0] != want {
			t.Errorf("%q is shown %v, want %s", name, got.DNSNames, want)
		}
	}
	if !r.covers("turn.b.example") || r.covers("other.example") {
		t.Error("covers")
	}
	if r.certFile != certA {
		t.Errorf("told of %s", r.certFile)
	}
}

// A new self-signed certificate is made when the addresses are others, and the
// file is never missing.
func TestSelfSignedFollowsAddresses(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	sums := map[string]bool{}
	for i, hosts := range [][]netip.Addr{{a}, {a, a}, {b, a}, {a, b}, {netip.MustParseAddr("::ffff:192.0.2.1"), b}, {b}} {
		path, err := selfSigned(dir, hosts, now)
		if err != nil {
			t.Fatal(err)
		}
		sums[fingerprint(path)] = true
		if want := []int{1, 1, 2, 2, 2, 3}[i]; len(sums) != want {
			t.Errorf("%v: %d certificates, want %d", hosts, len(sums), want)
		}
		if _, err := private(path); err != nil {
			t.Error(err)
		}
	}
}

// The self-signed certificate is renewed under a server that runs for years.
func TestSelfSignedIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(new(config.Config), &access{kept: &kept{dir: t.TempDir()}}, &place{hosts: []netip.Addr{netip.MustParseAddr("192.0.2.1")}})
		s.log = slog.New(slog.DiscardHandler)
		path, err := selfSigned(s.access().kept.dir, s.place().hosts, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		c, err := listener.LoadCertificates(listener.Pair{CertFile: path, KeyFile: path, Fallback: true})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.renewSelfSigned(ctx) }()
		time.Sleep(selfSignedLife - renewBefore - 2*selfSignedCheck)
		if err := c.Reload(); err != nil || time.Until(c.NotAfter()) > renewBefore+3*selfSignedCheck {
			t.Errorf("too early: %v", err)
		}
		time.Sleep(4 * selfSignedCheck)
		if err := c.Reload(); err != nil || time.Until(c.NotAfter()) < selfSignedLife-5*selfSignedCheck {
			t.Errorf("%v, until %v", err, c.NotAfter())
		}
		cancel()
		<-done
	})
}

// What is asked for below the path of authorities is sent on, if it is a token,
// on ports with pages and without.
func TestACMERedirect(t *testing.T) {
	for _, web := range []string{"web=off", "web=on"} {
		r := start(t, load(t, "acme-redirect=http://192.0.2.1/t/\n"+web), Options{})
		r.log.Wait(t, "msg=ready")
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		for path, want := range map[string]string{"abc-_1": "http://192.0.2.1/t/abc-_1", "": "", "a/b": "", "a%20b": ""} {
			answer, err := client.Get("http://" + r.Addrs().TCP[0].String() + "/.well-known/acme-challenge/" + path)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if got := answer.Header.Get("Location"); got != want || (answer.StatusCode == http.StatusMovedPermanently) != (want != "") {
				t.Errorf("%s, %q: %s to %q, %s", web, path, answer.Status, got, text)
			}
		}
		client.CloseIdleConnections()
	}
}

// Where the authority's port is another's the server starts, and says what to do;
// nothing is asked of an authority that is nobody.
func TestACMEPortTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	lines := "acme-domain=a.example\nacme-ca=https://127.0.0.1:1/directory\nacme-http-port=" + port
	s, log := opened(t, lines)
	log.Wait(t, "acme-challenge=tls-alpn-01")
	if over, tlsAt := s.challengedAt(); over.Port() != s.cfg().ListeningPort || tlsAt.IsValid() {
		t.Errorf("asked at %v and %v", over, tlsAt)
	}
	for _, c := range []struct{ lines, want string }{
		{"acme-domain=a.example\nacme-http-port=0\nacme-ca-root=/nowhere.pem", "/nowhere.pem"},
		{"acme-domain=a.example\nacme-http-port=0\nacme-ca-root=" + filepath.Join(s.access().kept.dir, stateName), "no certificate"},
		{"acme-domain=a.example\nacme-http-port=0\nacme-eab-kid=k\nacme-eab-hmac-key=a b", "acme-eab-hmac-key"},
	} {
		if _, err := New(load(t, c.lines), Options{Stdout: io.Discard, Stderr: io.Discard}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.lines, err)
		}
	}
}

// Authorities come to ports 80 and 443, so they are told to come where this
// server has them.
func TestChallengedAt(t *testing.T) {
	for _, c := range []struct {
		lines     string
		http, tls uint16
	}{
		{"listening-port=80", 80, 0},
		{"listening-port=3478\ntls-listening-port=443\nacme-http-port=0", 0, 443},
		{"listening-port=443\ntls-listening-port=5349\nacme-http-port=0", 0, 443},
		{"listening-port=80\ntls-listening-port=443", 80, 443},
		{"listening-port=3478\ntls-listening-port=5349\nacme-http-port=0", 3478, 0},
		{"listening-port=3478\ntls-listening-port=5349\nno-tcp", 5349, 0},
		{"listening-port=3478\ntls-listening-port=5349\nacme-challenge=tls-alpn-01", 0, 5349},
		{"listening-port=3478\ntls-listening-port=443\nacme-challenge=http-01", 3478, 0},
		{"listening-port=3478\nno-tls\nweb=on\nacme-challenge=tls-alpn-01", 0, 3478},
	} {
		s := newServer(load(t, "acme-domain=a.example\n"+c.lines), nil, &place{listen: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
		s.adopt(func(x *setup) { x.web.mode = webOff })
		if http, tls := s.challengedAt(); http.Port() != c.http || tls.Port() != c.tls {
			t.Errorf("%s: %v and %v, want %d and %d", c.lines, http, tls, c.http, c.tls)
		}
	}
}

// opened is a server that is opened, and closed with the test without having run.
func opened(t *testing.T, lines string) (*Server, *servertest.Log) {
	t.Helper()
	log := new(servertest.Log)
	s, err := New(load(t, lines), Options{Stdout: io.Discard, Stderr: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.unwind)
	return s, log
}
