// Package acme has the program get its certificates from a real authority, which
// is pebble, with a DNS of its own.
package acme

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"iceserver/internal/load"
	"iceserver/test/servertest"
)

// issuedWithin is how long a test waits for what must happen. It is never the
// measure of anything.
const issuedWithin = 60 * time.Second

var (
	issuedLine = regexp.MustCompile(`msg="a certificate was issued`)
	failedLine = regexp.MustCompile(`msg="no certificate was issued`)
)

func TestMain(m *testing.M) {
	// By itself pebble waits some seconds before it looks, and says no sometimes.
	os.Setenv("PEBBLE_VA_NOSLEEP", "1")
	os.Setenv("PEBBLE_WFE_NONCEREJECT", "20")
	os.Exit(withDNS(m))
}

// setting is a server's configuration on free ports: TURN at port, TLS at the
// one behind it, a further one for HTTP.
type setting struct {
	port int
	dir  string
}

func newSetting(t *testing.T) setting {
	t.Helper()
	return setting{port: servertest.FreePorts(t, 4), dir: filepath.Join(t.TempDir(), "data")}
}

func (s setting) conf(lines ...string) string {
	return fmt.Sprintf("listening-ip=127.0.0.1\nlistening-port=%d\ntls-listening-port=%d\nacme-http-port=%d\nallow-loopback-peers\nuser=u:a-long-password\nrealm=r\ndata-dir=%s\n%s\n",
		s.port, s.port+1, s.port+2, s.dir, strings.Join(lines, "\n"))
}

// A certificate is got by every way, kept for its owner alone, shown by name, and
// there at once after a restart, without the authority.
func TestIssued(t *testing.T) {
	for name, c := range map[string]struct {
		rules func(s setting) rules
		conf  string
	}{
		"HTTP on a port of its own": {func(s setting) rules { return rules{http: s.port + 2} }, "acme-challenge=http-01"},
		"HTTP on the port of TURN":  {func(s setting) rules { return rules{http: s.port} }, "acme-http-port=0"},
		"HTTP on the port of TLS":   {func(s setting) rules { return rules{http: s.port + 1} }, "acme-http-port=0\nno-tcp"},
		"TLS":                       {func(s setting) rules { return rules{tls: s.port + 1} }, "acme-challenge=tls-alpn-01"},
		"TLS on the port of TURN":   {func(s setting) rules { return rules{tls: s.port} }, "acme-challenge=tls-alpn-01"},
		"with an account that the authority knows": {
			func(s setting) rules { return rules{http: s.port + 2, key: accountKey} },
			"acme-eab-kid=" + keyID + "\nacme-eab-hmac-key=" + accountKey + "=", // padding does no harm
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSetting(t)
			a := startAuthority(t, c.rules(s))
			conf := strings.Replace(s.conf(a.conf(), "acme-domain=turn.example.org", "acme-domain=WWW.example.org."), fmt.Sprintf("acme-http-port=%d\n", s.port+2), "", 1)
			if !strings.Contains(c.conf, "acme-http-port") {
				conf += fmt.Sprintf("acme-http-port=%d\n", s.port+2)
			}
			conf += c.conf + "\n"
			server := servertest.Start(t, servertest.Options{Conf: conf})
			names := []string{"turn.example.org", "www.example.org"}
			for _, name := range names {
				awaitLine(t, server, regexp.MustCompile(issuedLine.String()+`.*name=`+name))
				if err := a.trusted(s.port+1, name); err != nil {
					t.Errorf("%v\n%s", err, server.Log())
				}
			}
			if got := shown(t, s.port+1, ""); got.VerifyHostname(names[0]) != nil {
				t.Errorf("without a name %v is shown", got.DNSNames)
			}
			if strings.Contains(server.Log(), accountKey) {
				t.Error("the key is in the log")
			}
			ownersAlone(t, filepath.Join(s.dir, "acme"))
			server.Stop(t)
			a.Close()
			server = servertest.Start(t, servertest.Options{Conf: conf})
			for _, name := range names {
				if err := a.trusted(s.port+1, name); err != nil {
					t.Errorf("after a restart: %v\n%s", err, server.Log())
				}
			}
		})
	}
}

// accountKey is 32 bytes in base64url.
const accountKey = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"

// ownersAlone fails where others may read what lies below a folder.
func ownersAlone(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		files++
		return err
	})
	if err != nil || files < 5 {
		t.Errorf("%d files, %v", files, err)
	}
}

// awaitLine waits for a line of the log.
func awaitLine(t *testing.T, s *servertest.Server, line *regexp.Regexp) {
	t.Helper()
	if err := s.WaitFor(regexp.MustCompile(`.*`+line.String()+`.*`), issuedWithin); err != nil {
		t.Fatalf("%v\n%s", err, s.Log())
	}
}

// What fails is told once, with what to do; the self-signed certificate stays,
// and TURN works.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		rules func(s setting) rules
		conf  string
		spoil func(*authority)
		want  string
	}{
		"no account":        {func(s setting) rules { return rules{http: s.port + 2, key: accountKey} }, "", nil, "set acme-eab-kid and acme-eab-hmac-key"},
		"a closed port":     {func(s setting) rules { return rules{http: s.port + 3} }, "", nil, "open TCP port 80"},
		"closed for TLS":    {func(s setting) rules { return rules{tls: s.port + 3} }, "acme-challenge=tls-alpn-01", nil, "open TCP port 443"},
		"no such name":      {func(s setting) rules { return rules{http: s.port + 2} }, "acme-domain=" + missing, nil, "DNS"},
		"unknown authority": {func(s setting) rules { return rules{http: s.port + 2} }, "acme-ca-root=/etc/ssl/certs/ca-certificates.crt", nil, "set acme-ca-root"},
		"nobody there":      {func(s setting) rules { return rules{http: s.port + 2} }, "", func(a *authority) { a.Close() }, "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSetting(t)
			a := startAuthority(t, c.rules(s))
			if c.spoil != nil {
				c.spoil(a)
			}
			lines := []string{a.conf(), c.conf}
			if !strings.Contains(c.conf, "acme-domain") {
				lines = append(lines, "acme-domain=turn.example.org")
			}
			if strings.HasPrefix(c.conf, "acme-ca-root") {
				lines[0] = "acme-ca=" + a.URL + "/dir"
			}
			server := servertest.Start(t, servertest.Options{Conf: s.conf(lines...)})
			awaitLine(t, server, failedLine)
			if log := server.Log(); !strings.Contains(log, c.want) || strings.Count(log, "no certificate was issued") != 1 {
				t.Errorf("%q is not in, or there is more than one line:\n%s", c.want, log)
			}
			if got := shown(t, s.port+1, "localhost"); got.VerifyHostname("localhost") != nil {
				t.Errorf("%v is shown", got.DNSNames)
			}
		})
	}
}

// A name that the authority refuses costs the one beside it nothing, in whatever
// order they stand; and the account is made once, also for a name that comes later.
func TestRefusedBeside(t *testing.T) {
	s := newSetting(t)
	a := startAuthority(t, rules{http: s.port + 2})
	conf := s.conf(a.conf(), "acme-domain="+missing, "acme-domain=turn.example.org")
	server := servertest.Start(t, servertest.Options{Conf: conf})
	awaitLine(t, server, regexp.MustCompile(failedLine.String()+`.*name=`+missing))
	awaitLine(t, server, regexp.MustCompile(issuedLine.String()+`.*name=turn\.example\.org`))
	if err := a.trusted(s.port+1, "turn.example.org"); err != nil {
		t.Errorf("%v\n%s", err, server.Log())
	}
	said, err := exec.Command(servertest.Binary(t), "status", "--data-dir="+s.dir).CombinedOutput()
	if err != nil || !strings.Contains(string(said), "no certificate was issued for "+missing) {
		t.Errorf("%v: %s", err, said)
	}
	server.Stop(t)
	server = servertest.Start(t, servertest.Options{Conf: strings.Replace(conf, missing, "www.example.org", 1)})
	awaitLine(t, server, regexp.MustCompile(issuedLine.String()+`.*name=www\.example\.org`))
	if n := a.accounts.Load(); n != 1 {
		t.Errorf("%d accounts were made", n)
	}
}

// An authority that is down when the server starts is asked again, and what it
// issues then is shown; in between clients are served.
func TestAuthorityComesBack(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	a := startAuthority(t, rules{http: s.port + 2})
	a.down.Store(true)
	server := servertest.Start(t, servertest.Options{Conf: s.conf(a.conf(), "acme-domain=turn.example.org")})
	awaitLine(t, server, failedLine)
	shown(t, s.port+1, "turn.example.org")
	a.down.Store(false)
	// It is asked again after a minute.
	if err := server.WaitFor(regexp.MustCompile(`.*`+issuedLine.String()+`.*`), 3*issuedWithin); err != nil {
		t.Fatalf("%v\n%s", err, server.Log())
	}
	if err := a.trusted(s.port+1, "turn.example.org"); err != nil {
		t.Errorf("%v\n%s", err, server.Log())
	}
}

// Certificates are renewed several times while a client relays over TLS: it does
// not notice, and those who come are shown the new ones.
func TestRenewedUnderLoad(t *testing.T) {
	t.Parallel() // with one that waits
	s := newSetting(t)
	a := startAuthority(t, rules{http: s.port + 2, life: 15})
	server := servertest.Start(t, servertest.Options{Conf: s.conf(a.conf(), "acme-domain=turn.example.org")})
	awaitLine(t, server, issuedLine)
	ctx, stop := context.WithTimeout(t.Context(), 2*issuedWithin)
	defer stop()
	type result struct {
		*load.Result
		error
	}
	done := make(chan result, 1)
	go func() {
		r, err := load.Run(ctx, load.Options{
			Server: netip.MustParseAddrPort(fmt.Sprintf("127.0.0.1:%d", s.port+1)), Transport: "tls", Insecure: true,
			Username: "u", Password: "a-long-password", Allocations: 4, Window: 4, Rate: 400, Size: 172, Burst: 1,
			Direction: load.Both, Duration: 30 * time.Second, Tick: 10 * time.Millisecond,
			Peer: netip.MustParseAddrPort("127.0.0.1:0"),
		})
		done <- result{r, err}
	}()
	serials := map[string]bool{}
	for r := (result{}); ; {
		leaf := shown(t, s.port+1, "turn.example.org")
		serials[leaf.SerialNumber.String()] = true
		if time.Now().After(leaf.NotAfter) {
			t.Errorf("an expired certificate is shown:\n%s", server.Log())
		}
		select {
		case r = <-done:
		case <-time.After(time.Second):
			continue
		}
		if r.error != nil {
			t.Fatal(r.error)
		}
		carried(t, r.Result)
		break
	}
	if len(serials) < 3 {
		t.Errorf("%d certificates in 30 s, of 15 s each:\n%s", len(serials), server.Log())
	}
	// So short a life is nearly over when it is renewed, which is a warning.
	if log := server.Log(); failedLine.MatchString(log) || strings.Contains(log, "level=ERROR") {
		t.Errorf("something is wrong:\n%s", log)
	}
}

// carried fails unless all that was sent came out.
func carried(t *testing.T, r *load.Result) {
	t.Helper()
	if r.Setup.Ready != r.Setup.Wanted || r.Traffic == nil {
		t.Fatalf("%d of %d allocations: %s", r.Setup.Ready, r.Setup.Wanted, r.Setup.Failure)
	}
	for _, f := range []*load.Flow{r.Traffic.Up, r.Traffic.Down} {
		if f == nil || f.Sent < 1000 || f.Lost > 0 || f.Damaged > 0 || f.Misrouted > 0 {
			t.Errorf("packets: %+v", f)
		}
	}
}

// What somebody else has asked for is sent on, as coturn does, and nothing that
// is no token.
func TestRedirect(t *testing.T) {
	s := newSetting(t)
	servertest.Start(t, servertest.Options{Conf: s.conf("acme-redirect=http://192.0.2.1/.well-known/acme-challenge/")})
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	for path, want := range map[string]string{
		"/.well-known/acme-challenge/abc-_1":   "http://192.0.2.1/.well-known/acme-challenge/abc-_1",
		"/.well-known/acme-challenge/":         "",
		"/.well-known/acme-challenge/a/../b":   "",
		"/.well-known/acme-challenge/a%0d%0aX": "",
		"/.well-known/acme-challenge/a?b=c%0d": "http://192.0.2.1/.well-known/acme-challenge/a",
		"/.well-known/acme-challenger":         "",
		"/":                                    "",
	} {
		answer, err := client.Get("http://" + net.JoinHostPort("127.0.0.1", fmt.Sprint(s.port)) + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		got := answer.Header.Get("Location")
		if (answer.StatusCode == http.StatusMovedPermanently) != (want != "") || got != want {
			t.Errorf("%s: %s to %q, want %q", path, answer.Status, got, want)
		}
	}
}
