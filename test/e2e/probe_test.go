package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"iceserver/internal/doctor"
	"iceserver/test/servertest"
)

// probed reads what the command prints for programs.
func probed(t *testing.T, r result) doctor.ProbeResult {
	t.Helper()
	var p doctor.ProbeResult
	if err := json.Unmarshal([]byte(r.out), &p); err != nil {
		t.Fatalf("exit %d: %v\n%s%s", r.code, err, r.out, r.err)
	}
	return p
}

// probeServer is one on both loopback addresses with a certificate, and the first
// of its two ports.
func probeServer(t *testing.T) (port int, cert servertest.Certificate) {
	t.Helper()
	cert, err := servertest.NewCertificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	port = servertest.FreePorts(t, 2)
	p := serve(t, "--listening-ip=127.0.0.1", "--listening-ip=::1", "--relay-ip=127.0.0.1", "--relay-ip=::1",
		fmt.Sprint("--listening-port=", port), fmt.Sprint("--tls-listening-port=", port+1), "--dtls",
		"--cert="+cert.CertFile, "--pkey="+cert.KeyFile, "--data-dir="+t.TempDir(), "--user=alice:s3same", "--realm=example.org", "--static-auth-secret=opensesame")
	p.wait(t, "msg=ready")
	return port, cert
}

// The whole command against this server: all four transports over both families,
// as a person and as a program reads it.
func TestProbe(t *testing.T) {
	port, cert := probeServer(t)
	t.Setenv("SSL_CERT_FILE", cert.CertFile)
	t.Setenv("TURN_USER", "alice")
	t.Setenv("TURN_PASSWORD", "s3same")
	var urls []string
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		urls = append(urls, fmt.Sprintf("turn:%s:%d", host, port), fmt.Sprintf("turns:%s:%d", host, port+1))
	}
	r := command(t, "", append([]string{"probe", "--json"}, urls...)...)
	p := probed(t, r)
	if r.code != 0 || len(p.Ways) != 8 {
		t.Fatalf("exit %d, %d ways: %s\n%s", r.code, len(p.Ways), r.err, r.out)
	}
	for i, w := range p.Ways {
		want, family := []string{"UDP", "TCP", "TLS", "DTLS"}[i%4], []string{"IPv4", "IPv6"}[i/4]
		if w.Transport != want || w.Family != family || w.Quality == nil || w.Quality.Received == 0 || w.Realm != "example.org" {
			t.Errorf("%s %s: %+v", want, family, w)
		}
		if c := w.Certificate; i%4 >= 2 && (c == nil || !c.Trusted || !c.SelfSigned || c.Names[0] != "localhost") {
			t.Errorf("%s %s: certificate %+v", want, family, c)
		}
	}
	families := map[string]int{}
	for _, c := range p.Candidates {
		if c.Type == "relay" {
			families[c.Transport+" "+c.Family]++
		}
	}
	for _, transport := range []string{"UDP", "TCP", "TLS", "DTLS"} {
		// Every way gets an address of each family.
		if families[transport+" IPv4"] != 2 || families[transport+" IPv6"] != 2 {
			t.Errorf("relay candidates: %v", families)
		}
	}

	people := command(t, "", "probe", "-4", urls[0])
	if people.code != 0 || !strings.HasPrefix(people.out, "✓ OK    2 ways relayed\n") || strings.Contains(people.out, "\x1b[") || strings.Contains(people.out, "s3same") {
		t.Errorf("exit %d:\n%s%s", people.code, people.out, people.err)
	}
}

// The ways to hand over a password, and what becomes of a wrong one.
func TestProbeCredentials(t *testing.T) {
	port, _ := probeServer(t)
	url := fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", port)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("s3same\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		stdin string
		args  []string
		code  int
		want  string
	}{
		{"", []string{"--user=alice", "--password=s3same"}, 0, "1 way relayed"},
		{"s3same\n", []string{"--user=alice", "--password=-"}, 0, "1 way relayed"},
		{"", []string{"--user=alice", "--password-file=" + file}, 0, "1 way relayed"},
		{"opensesame\n", []string{"--secret=-"}, 0, "1 way relayed"},
		{"", []string{"--user=alice", "--password=wrong"}, 1, `there is no user "alice" in the realm "example.org", or the password is another one`},
		{"", nil, 1, "The server wants credentials"},
	} {
		r := command(t, c.stdin, append([]string{"probe", url, "--duration=200ms"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.out, c.want) {
			t.Errorf("%v: exit %d, %q is missing:\n%s%s", c.args, r.code, c.want, r.out, r.err)
		}
		if c.code == 1 && (strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, "401")) {
			t.Errorf("%v: %s", c.args, r.err)
		}
	}
	withSecret := exec.Command(servertest.Binary(t), "probe", url, "--duration=200ms")
	withSecret.Env = append(environment(), "TURN_USER=web", "TURN_SECRET=opensesame")
	if out, err := withSecret.CombinedOutput(); err != nil || !strings.Contains(string(out), "1 way relayed") {
		t.Errorf("%v:\n%s", err, out)
	}
}

// Mistakes in the command line end with exit code 2 and one line.
func TestProbeMistakes(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "a URL is missing"},
		{[]string{"http://example.org"}, "not a STUN or TURN URI"},
		{[]string{"turn:a", "--password=x"}, "without --user"},
		{[]string{"turn:a", "--user=x"}, "without --password"},
		{[]string{"turn:a", "--user=x", "--password=x", "--secret=y"}, "either a password or a secret"},
		{[]string{"turn:a", "--user=x", "--password=x", "--password-file=y"}, "not both"},
		{[]string{"turn:a", "--user=x", "--password-file=/does/not/exist"}, "no such file"},
		{[]string{"turn:a", "--timeout=0s"}, "--timeout"},
		{[]string{"turn:a", "--duration=2m"}, "--duration"},
		{[]string{"turn:a", "--no-such-flag"}, "unknown flag"},
	} {
		oneLine(t, command(t, "", append([]string{"probe"}, c.args...)...), 2, c.want)
	}
}
