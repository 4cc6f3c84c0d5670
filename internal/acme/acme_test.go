package acme

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// These tests ask nobody; test/acme has a real authority.
const nobody = "https://192.0.2.1/directory"

// installed is what a client has installed.
type installed map[string]tls.Certificate

func options(t *testing.T, got installed, log *bytes.Buffer) Options {
	t.Helper()
	return Options{
		Domains: []string{"a.example", "b.example"}, CA: nobody, Dir: filepath.Join(t.TempDir(), "acme"),
		HTTP: netip.MustParseAddrPort("127.0.0.1:80"), TLS: netip.MustParseAddrPort("127.0.0.1:443"),
		Installed: func(domain string, cert tls.Certificate) { got[domain] = cert },
		Log:       slog.New(slog.NewTextHandler(log, nil)),
	}
}

// keep puts a certificate where an earlier run would have.
func keep(t *testing.T, o Options, domain string, life time.Duration) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{domain}, NotBefore: now, NotAfter: now.Add(life)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	authority := (&certmagic.ACMEIssuer{CA: o.CA}).IssuerKey()
	for name, text := range map[string][]byte{
		certmagic.StorageKeys.SiteCert(authority, domain):       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		certmagic.StorageKeys.SitePrivateKey(authority, domain): pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}),
		certmagic.StorageKeys.SiteMeta(authority, domain):       []byte(`{"sans":["` + domain + `"]}`),
	} {
		path := filepath.Join(o.Dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// What was got earlier is there at once; how often it is looked after depends on
// how long it lives.
func TestKept(t *testing.T) {
	for life, want := range map[time.Duration]time.Duration{
		90 * 24 * time.Hour: usualCheck,
		time.Hour:           time.Minute,
		20 * time.Second:    time.Second,
	} {
		got := installed{}
		o := options(t, got, new(bytes.Buffer))
		keep(t, o, "b.example", life)
		c, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got["b.example"].Leaf == nil {
			t.Errorf("installed: %v", got)
		}
		if every := c.interval(); every > want || every < want-time.Second {
			t.Errorf("a life of %v is looked after every %v, want %v", life, every, want)
		}
		// With a third of its life left; certificates know whole seconds.
		due, leaf := c.Due(), got["b.example"].Leaf
		if left := leaf.NotAfter.Sub(due["b.example"]); len(due) != 1 || left < life/3-time.Second || left > life/3+time.Second {
			t.Errorf("a life of %v is renewed %v before its end", life, left)
		}
		c.Close()
	}
}

// A file that was kept and is broken is told of, and the start goes on.
func TestKeptBroken(t *testing.T) {
	got, log := installed{}, new(bytes.Buffer)
	o := options(t, got, log)
	keep(t, o, "a.example", time.Hour)
	path := filepath.Join(o.Dir, certmagic.StorageKeys.SiteCert((&certmagic.ACMEIssuer{CA: o.CA}).IssuerKey(), "a.example"))
	if err := os.WriteFile(path, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if len(got) > 0 || !strings.Contains(log.String(), "name=a.example") {
		t.Errorf("%v, %s", got, log)
	}
}

// Keys for external account binding are taken in either alphabet, and a wrong
// one is told of by the name of its key, not by its value.
func TestBinding(t *testing.T) {
	for _, key := range []string{"-_-_", "+/+/", "-_-_-_8=", "AAAA"} {
		b, err := Options{KeyID: "k", MACKey: key}.binding()
		if err != nil || b.KeyID != "k" || strings.ContainsAny(b.MACKey, "+/=") {
			t.Errorf("%s: %v, %v", key, b, err)
		}
	}
	if b, err := (Options{}).binding(); b != nil || err != nil {
		t.Errorf("%v, %v", b, err)
	}
	o := options(t, installed{}, new(bytes.Buffer))
	o.KeyID, o.MACKey = "k", "secret words"
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "acme-eab-hmac-key") || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

// Nobody is answered who asks for what was not asked for.
func TestNoChallenge(t *testing.T) {
	c, err := New(options(t, installed{}, new(bytes.Buffer)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, host := range []string{"a.example", "A.example:80", "c.example", "../../etc/passwd", "", "[::1]:80"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/.well-known/acme-challenge/token", nil)
		r.Host = host
		if c.Answer(w, r) || w.Body.Len() > 0 {
			t.Errorf("%q is answered", host)
		}
		if _, err := c.Certificate(&tls.ClientHelloInfo{ServerName: host, SupportedProtos: []string{"acme-tls/1"}}); err == nil {
			t.Errorf("%q is shown something", host)
		}
	}
}

// Each failure is told once, as long as it is the same.
func TestFailureIsToldOnce(t *testing.T) {
	log := new(bytes.Buffer)
	c, err := New(options(t, installed{}, log))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	dns := fmt.Errorf("wrapped: %w", acme.Problem{Type: acme.ProblemTypeDNS})
	for range 3 {
		_ = c.event(t.Context(), "cert_failed", map[string]any{"identifier": "a.example", "error": error(dns)})
	}
	_ = c.event(t.Context(), "cert_failed", map[string]any{"identifier": "b.example", "error": error(dns)})
	_ = c.event(t.Context(), "cert_failed", map[string]any{"identifier": "a.example", "error": error(acme.Problem{Type: acme.ProblemTypeCAA})})
	if n := strings.Count(log.String(), "\n"); n != 3 {
		t.Errorf("%d lines:\n%s", n, log)
	}
	if f := c.Failures(); len(f) != 2 || !strings.Contains(f["a.example"], "CAA") || !strings.Contains(f["b.example"], "make a record") {
		t.Errorf("what to do: %q", f)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	log.Reset()
	_ = c.event(over, "cert_failed", map[string]any{"identifier": "a.example", "error": context.Canceled})
	if log.Len() > 0 {
		t.Errorf("at the end: %s", log)
	}
}

// What is known about a failure ends in something to do.
func TestAdvice(t *testing.T) {
	problem := func(kind string) error { return fmt.Errorf("order: %w", acme.Problem{Type: kind}) }
	for _, c := range []struct {
		err  error
		want string
	}{
		{problem(acme.ProblemTypeDNS), "DNS"},
		{problem(acme.ProblemTypeConnection), "port 80 or 443"},
		{problem(acme.ProblemTypeUnauthorized), "port 80 or 443"},
		{problem(acme.ProblemTypeCAA), "CAA"},
		{problem(acme.ProblemTypeRateLimited), "wait"},
		{problem(acme.ProblemTypeExternalAccountRequired), "acme-eab-kid"},
		{problem(acme.ProblemTypeRejectedIdentifier), "acme-domain"},
		{problem(acme.ProblemTypeInvalidContact), "acme-email"},
		{problem(acme.ProblemTypeServerInternal), "what the authority says"},
		{fmt.Errorf("x: %w", x509.UnknownAuthorityError{}), "acme-ca-root"},
		{fmt.Errorf("x: %w", &net.OpError{Op: "dial", Err: errors.New("refused")}), "cannot be reached"},
		{errors.New("x"), "the error says"},
	} {
		if got := advice(c.err, true, true); !strings.Contains(got, c.want) {
			t.Errorf("%v: %s", c.err, got)
		}
	}
}

// What the libraries say is there for who asks for it, and for nobody else.
func TestBridge(t *testing.T) {
	for level, want := range map[slog.Level]bool{slog.LevelDebug: true, slog.LevelInfo: false} {
		log := new(bytes.Buffer)
		o := options(t, installed{}, new(bytes.Buffer))
		o.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level}))
		c, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if got := strings.Contains(log.String(), "level=DEBUG msg=\"acme: "); got != want {
			t.Errorf("%v: %s", level, log)
		}
	}
}
