package acme

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"iceserver/test/servertest"
)

// authority is pebble.
type authority struct {
	*httptest.Server
	roots    *x509.CertPool // of what it issues
	rootFile string         // the root of its own HTTPS, in PEM
	ca       *ca.CAImpl
	down     atomic.Bool  // connections are cut
	accounts atomic.Int64 // that were made
}

// accountPath is where pebble makes accounts.
const accountPath = "/sign-me-up"

// behind answers as front does, while the authority is up.
func (a *authority) behind(front http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.down.Load() {
			panic(http.ErrAbortHandler) // cuts the connection and says nothing
		}
		if r.URL.Path == accountPath {
			w = &counting{w, &a.accounts}
		}
		front.ServeHTTP(w, r)
	})
}

// counting counts what is made: a request may also be refused for its nonce.
type counting struct {
	http.ResponseWriter
	made *atomic.Int64
}

func (c *counting) WriteHeader(status int) {
	if status == http.StatusCreated {
		c.made.Add(1)
	}
	c.ResponseWriter.WriteHeader(status)
}

// rules are how an authority is to be.
type rules struct {
	http, tls int    // the ports that it asks at, in the place of 80 and 443
	life      uint64 // of certificates, in seconds; 0: 90 days
	key       string // for external account binding, which is demanded then
}

// keyID is the name of rules.key.
const keyID = "kid-1"

func startAuthority(t *testing.T, r rules) *authority {
	t.Helper()
	quiet := log.New(io.Discard, "", 0)
	if testing.Verbose() {
		quiet = log.New(os.Stderr, "authority ", log.Lmicroseconds)
	}
	store := db.NewMemoryStore()
	if r.key != "" {
		if err := store.AddExternalAccountKeyByID(keyID, r.key); err != nil {
			t.Fatal(err)
		}
	}
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "of the test", ValidityPeriod: r.life}})
	checks := va.New(quiet, r.http, r.tls, false, os.Getenv(nameServerKey), store)
	front := wfe.New(quiet, store, checks, issuer, []string{"ca.example"}, false, r.key != "", 1, 1)
	a := &authority{ca: issuer, roots: x509.NewCertPool()}
	a.Server = httptest.NewTLSServer(a.behind(front.Handler()))
	t.Cleanup(a.Close)
	a.roots.AppendCertsFromPEM(issuer.GetRootCert(0).PEM())
	a.rootFile = filepath.Join(t.TempDir(), "root.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw})
	if err := os.WriteFile(a.rootFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// conf are the lines that make a server get certificates from it.
func (a *authority) conf() string {
	return "acme-ca=" + a.URL + "/dir\nacme-ca-root=" + a.rootFile + "\nacme-email=admin@example.org\n"
}

// nameServerKey is the environment variable with the address of the DNS.
const nameServerKey = "ACME_TEST_DNS"

// missing is a name that the DNS has nothing for. Every other is this machine's.
const missing = "missing.example.org"

// withDNS runs the tests with a DNS. There is one for all of them: the library
// that it is made of keeps what it answers for the whole process.
func withDNS(m *testing.M) int {
	// No other program has this address, so none can take the port in between.
	at := fmt.Sprintf("127.%d.%d.%d:20053", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	dns, err := challtestsrv.New(challtestsrv.Config{DNSAddrs: []string{at}, Log: log.New(io.Discard, "", 0)})
	if err != nil {
		fmt.Fprintln(os.Stderr, "DNS:", err)
		return 1
	}
	dns.SetDefaultDNSIPv4("127.0.0.1")
	dns.SetDefaultDNSIPv6("")
	dns.AddDNSServFailRecord(missing)
	go dns.Run()
	defer dns.Shutdown()
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", at)
		if err == nil {
			c.Close()
			break
		}
		if time.Since(start) > issuedWithin {
			fmt.Fprintln(os.Stderr, "DNS:", err)
			return 1
		}
	}
	os.Setenv(nameServerKey, at)
	return servertest.Main(m)
}

// shown is the certificate that a server shows to a client that wants a name.
func shown(t *testing.T, port int, name string) *x509.Certificate {
	t.Helper()
	c, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), &tls.Config{InsecureSkipVerify: true, ServerName: name})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

// trusted connects like a client that knows the authority.
func (a *authority) trusted(port int, name string) error {
	c, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), &tls.Config{RootCAs: a.roots, ServerName: name})
	if err != nil {
		return err
	}
	return c.Close()
}
