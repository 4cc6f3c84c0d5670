package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"iceserver/test/servertest"
)

// probed is what `iceserver probe --json` prints, as far as it is looked at.
type probed struct {
	Status string `json:"status"`
	Ways   []struct {
		URL       string `json:"url"`
		Transport string `json:"transport"`
		Status    string `json:"status"`
		Seen      string `json:"seen"`
		Advice    string `json:"advice"`
		Code      int    `json:"code"`
		Relayed   string `json:"relayed"`
		Realm     string `json:"realm"`
		Software  string `json:"software"`
		Path      string `json:"path"`
		Quality   *struct {
			Received int     `json:"received"`
			RTT      float64 `json:"rtt_median_ms"`
		} `json:"quality"`
		Certificate *struct {
			Trusted bool `json:"trusted"`
		} `json:"certificate"`
	} `json:"ways"`
}

// probe runs the command as user:password and requires an exit code.
func probe(t *testing.T, code int, password string, urls ...string) probed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := append([]string{"probe", "--json", "--timeout=20s", "--user=user", "--password=-", "--duration=500ms"}, urls...)
	c := exec.CommandContext(ctx, servertest.Binary(t), args...)
	c.Stdin = strings.NewReader(password + "\n")
	var complaints strings.Builder
	c.Stderr = &complaints
	out, _ := c.Output()
	if got := c.ProcessState.ExitCode(); got != code {
		t.Fatalf("exit %d, want %d: %s\n%s", got, code, &complaints, out)
	}
	var p probed
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return p
}

// wantRelays requires that every way relayed, by the given transports.
func (p probed) wantRelays(t *testing.T, transports ...string) {
	t.Helper()
	var got []string
	for _, w := range p.Ways {
		got = append(got, w.Transport)
		if w.Quality == nil || w.Quality.Received == 0 || w.Quality.RTT <= 0 || w.Relayed == "" {
			t.Errorf("%s does not relay: %s %s", w.URL, w.Seen, w.Advice)
		}
	}
	if strings.Join(got, " ") != strings.Join(transports, " ") {
		t.Errorf("transports %v, want %v", got, transports)
	}
}

// wantUnknown requires that the only way was refused for the credentials, and that
// this is explained.
func (p probed) wantUnknown(t *testing.T) {
	t.Helper()
	if w := p.Ways[0]; len(p.Ways) != 1 || w.Code != 401 || w.Realm != realm ||
		!strings.Contains(w.Advice, `there is no user "user" in the realm "`+realm+`", or the password is another one`) {
		t.Errorf("%+v", p)
	}
}

// coturn runs coturn's server on both loopback addresses.
func coturn(t *testing.T, flags ...string) (port, tlsPort int) {
	t.Helper()
	port = servertest.FreePorts(t, 2)
	tlsPort = servertest.FreePorts(t, 2)
	dir := t.TempDir()
	args := append([]string{
		"turnserver", "-n", "--no-cli", "--lt-cred-mech", "--user=user:right", "--realm=" + realm,
		"--listening-ip=127.0.0.1", "--listening-ip=::1", "--relay-ip=127.0.0.1", "--relay-ip=::1",
		fmt.Sprint("--listening-port=", port), fmt.Sprint("--tls-listening-port=", tlsPort),
		"--cert=" + certificate.CertFile, "--pkey=" + certificate.KeyFile, "--log-file=stdout",
		"--pidfile=" + filepath.Join(dir, "pid"), "--userdb=" + filepath.Join(dir, "db"),
	}, flags...)
	s := servertest.Run(t, append(args, "--verbose")...)
	// Datagrams come last, and their IPv6 at the very end.
	for _, last := range []int{port, tlsPort} {
		up := regexp.MustCompile(fmt.Sprintf(`IPv6\. (UDP|DTLS\S*) listener opened on ?: ::1:%d$`, last))
		if err := s.WaitFor(up, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	return port, tlsPort
}

// All transports and both families of coturn's server, its certificate and its
// refusals.
func TestProbeCoturn(t *testing.T) {
	t.Parallel()
	port, tlsPort := coturn(t, "--allow-loopback-peers")
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		p := probe(t, 0, "right", fmt.Sprintf("turn:%s:%d", host, port), fmt.Sprintf("turns:%s:%d", host, tlsPort))
		p.wantRelays(t, "UDP", "TCP", "TLS", "DTLS")
		for _, w := range p.Ways {
			if w.Realm != realm || !strings.HasPrefix(w.Software, "Coturn") {
				t.Errorf("realm %q, software %q", w.Realm, w.Software)
			}
			if secure := strings.HasPrefix(w.URL, "turns:"); secure && (w.Certificate == nil || !w.Certificate.Trusted) {
				t.Errorf("%s: certificate %+v", w.URL, w.Certificate)
			}
		}
	}
	probe(t, 1, "wrong", fmt.Sprintf("turn:127.0.0.1:%d?transport=tcp", port)).wantUnknown(t)
}

// A server that forbids both its own address and ours as peers cannot be tested
// from here, and is not called broken for it.
func TestProbeCoturnDenied(t *testing.T) {
	t.Parallel()
	port, _ := coturn(t)
	p := probe(t, 0, "right", fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", port))
	if w := p.Ways[0]; p.Status != "WARN" || w.Code != 403 || w.Relayed == "" || !strings.Contains(w.Advice, "allowed-peer-ip=127.0.0.1") {
		t.Errorf("%+v", p)
	}
}

// coturn with one allocation for a user: the traffic goes by a socket of this
// machine.
func TestProbeCoturnQuota(t *testing.T) {
	t.Parallel()
	port, _ := coturn(t, "--allow-loopback-peers", "--user-quota=1")
	p := probe(t, 0, "right", fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", port))
	p.wantRelays(t, "UDP")
	if w := p.Ways[0]; w.Path != "relay to a socket of this machine" {
		t.Errorf("%+v", w)
	}
}

func TestProbePion(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "pionserver")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./pionserver").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	port := servertest.FreePorts(t, 1)
	servertest.Run(t, program, fmt.Sprint("-listen=127.0.0.1:", port), "-user=user:right", "-realm="+realm)
	url := fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", port)
	awaitUDP(t, port)
	// It says 400 to a wrong password, and the command knows that.
	p := probe(t, 1, "wrong", url)
	if w := p.Ways[0]; w.Code != 400 || !strings.Contains(w.Advice, `no user "user" in the realm "`+realm+`" or the password is another one`) {
		t.Errorf("%+v", p)
	}
	probe(t, 0, "right", url).wantRelays(t, "UDP")
}

// awaitUDP waits until a port is open that says nothing when it is: until then the
// kernel refuses what is sent there.
func awaitUDP(t *testing.T, port int) {
	t.Helper()
	c, err := net.Dial("udp", fmt.Sprint("127.0.0.1:", port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// A Binding request with an empty transaction id.
	request := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42}, make([]byte, 12)...)
	for over := time.Now().Add(time.Minute); time.Now().Before(over); {
		_, _ = c.Write(request)
		_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1024)); err == nil {
			return
		}
	}
	t.Fatalf("UDP %d never answered", port)
}
