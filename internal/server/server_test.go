package server

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"iceserver/internal/listener"
	"iceserver/test/servertest"
)

// Whole servers of all kinds start, find that their own relay works, and end.
// R-8656-5-g (RFC 8656, 5): over each of the transports, and DTLS by its key.
func TestServe(t *testing.T) {
	narrow := servertest.FreePorts(t, 4)
	tests := []struct{ name, text, ready string }{
		{"nothing configured", "", "udp=127.0.0.1"},
		{"users", "realm=r\nuser=alice:pw\nuser=bob:0x8493fbc53ba582fb4c044c456bdc40eb", "realm=r"},
		{"secrets", "use-auth-secret\nstatic-auth-secret=one\nstatic-auth-secret=two", ""},
		{"no-auth", "no-auth", ""},
		{"stun-only", "stun-only", ""},
		{"tcp only", "no-udp\nno-tls", `udp=""`},
		{"tls only", "no-udp\nno-tcp", `tcp=""`},
		{"udp only", "no-tcp\nno-tls", `tls=""`},
		{"dtls", "dtls", "dtls=127.0.0.1"},
		{"external-ip", "external-ip=198.51.100.7", "relay=198.51.100.7/127.0.0.1"},
		{"standard engine", "engine=std\ncpus=1", ""},
		{"limits", "user-quota=1\ntotal-quota=1\nmax-bps=100000\nbps-capacity=100000", ""},
		{"narrow ports", fmt.Sprintf("min-port=%d\nmax-port=%d", narrow, narrow+3), ""},
		{"fingerprint, software", "fingerprint\nsoftware-attribute\nstale-nonce=60", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, load(t, tt.text), Options{})
			line := r.log.Wait(t, "msg=ready")
			if !strings.Contains(line, "self_test=true") || !strings.Contains(line, tt.ready) {
				t.Errorf("got %s\nlog:\n%s", line, r.log)
			}
			if err := r.stop(); err != nil {
				t.Error(err)
			}
			r.log.Wait(t, "msg=stopped")
		})
	}
}

// The self test's own account is gone once the test is over.
func TestSelfTestAccountEnds(t *testing.T) {
	r := start(t, load(t, ""), Options{})
	r.log.Wait(t, "msg=ready")
	keys, err := r.keys.Find(t.Context(), r.access().realm, r.keys.name)
	if err != nil || len(keys.Keys) != 0 {
		t.Errorf("%d keys, error %v", len(keys.Keys), err)
	}
	if keys, ok := r.keys.Known(time.Now(), r.access().realm, r.keys.name); ok && len(keys.Keys) != 0 {
		t.Error("the account of the self test still lets somebody in")
	}
}

// A relay that does not work is told in one line, and the server goes on.
func TestSelfTestFails(t *testing.T) {
	// All ports of the relay are taken, so the allocation is refused.
	first := int(freePort(t))
	for _, port := range []int{first, first + 1} {
		c, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	r := start(t, load(t, fmt.Sprintf("min-port=%d\nmax-port=%d", first, first+1)), Options{})
	if line := r.log.Wait(t, "msg=ready"); !strings.Contains(line, "self_test=false") {
		t.Error(line)
	}
	if line := r.log.Wait(t, "level=ERROR"); !strings.Contains(line, "Allocate was refused with 508") {
		t.Error(line)
	}
}

// A start that fails leaves nothing behind: no socket, no goroutine, no lock on
// the database.
func TestFailedStartUnwinds(t *testing.T) {
	cfg := load(t, "")
	busy, err := net.Listen("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), cfg.TLSListeningPort).String())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := New(cfg, Options{Stdout: new(servertest.Log), Stderr: new(servertest.Log)})
		if err == nil || !strings.Contains(err.Error(), "choose another port") || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v", err)
		}
	}
	busy.Close()
	r := start(t, cfg, Options{})
	r.log.Wait(t, "msg=ready")
}

// A server that was opened and never ran closes when its context has ended.
func TestRunAfterTheEnd(t *testing.T) {
	cfg := load(t, "")
	r := start(t, cfg, Options{})
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	again := start(t, cfg, Options{})
	again.log.Wait(t, "msg=ready")
}

// A configuration without any word about who may relay does not make an open
// relay: the kept account is let in, and the log says so.
//
// A-C03, A-L04, R-8155-9-a: nothing but no-auth opens the relay.
func TestNoCredentialsConfigured(t *testing.T) {
	r := start(t, load(t, "fingerprint"), Options{ConfigFile: "test.conf"})
	r.log.Wait(t, "only the account and the users of the data directory are let in")
	if !r.access().own || len(r.access().users) != 1 || len(r.access().secrets) != 1 {
		t.Errorf("own %v, %d users, %d secrets", r.access().own, len(r.access().users), len(r.access().secrets))
	}
	r.log.Wait(t, "msg=ready")
}

// Where coturn's database is the one without a word about it, its users are let in
// beside the kept account, and no warning says otherwise.
func TestNoCredentialsButADatabase(t *testing.T) {
	cfg := load(t, "fingerprint")
	cfg.DefaultDatabase = filepath.Join(t.TempDir(), "turndb")
	r := start(t, cfg, Options{ConfigFile: "test.conf"})
	r.log.Wait(t, "msg=ready")
	if log := r.log.String(); !strings.Contains(log, cfg.DefaultDatabase) || strings.Contains(log, "level=WARN msg=\"the configuration names") {
		t.Errorf("log:\n%s", log)
	}
}

// With users, secrets or a database of the configuration the kept account is
// not let in.
func TestConfiguredCredentialsCount(t *testing.T) {
	for _, text := range []string{"user=a:b", "static-auth-secret=s", "userdb=" + filepath.Join(t.TempDir(), "db"), "no-auth"} {
		a, err := openAccess(load(t, text), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if a.own {
			t.Errorf("%s: the kept account is let in too", text)
		}
	}
}

// A server that is told everything needs no data directory.
func TestNoDataDirectory(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", "/dev/null/nowhere")
	cfg := load(t, "realm=r\nuser=alice:pw\nno-tls\ndata-dir=x")
	cfg.DataDir = ""
	r := start(t, cfg, Options{})
	r.log.Wait(t, "nothing can be kept")
	r.log.Wait(t, "self_test=true")

	cfg.Users = nil
	if _, err := New(cfg, Options{Stdout: new(servertest.Log), Stderr: new(servertest.Log)}); err == nil || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("without users: error %v", err)
	}
}

// The greeting as JSON holds what the text says.
func TestGreeting(t *testing.T) {
	cfg := load(t, "dtls\nmin-port=50000\nmax-port=50099")
	r := start(t, cfg, Options{JSON: true})
	r.log.Wait(t, "msg=ready")
	var g greeting
	if err := json.Unmarshal([]byte(r.out.String()), &g); err != nil {
		t.Fatal(err)
	}
	if len(g.ICEServers) != 1 || len(g.ICEServers[0].URLs) != 3 || g.ICEServers[0].Username != keptUser {
		t.Errorf("iceServers %+v", g.ICEServers)
	}
	if len(g.Ports) != 5 || g.Ports[4] != (openPort{"udp", 50000, 50099, "relayed media"}) {
		t.Errorf("ports %+v", g.Ports)
	}
	text := g.text()
	for _, want := range []string{
		"connection.iceServers = [{", g.ICEServers[0].Credential, "50000-50099", g.DataDir, g.Database,
		g.Fingerprint, "iceserver credentials --data-dir", "self-signed", "Only this machine",
	} {
		if want == "" || !strings.Contains(text, want) {
			t.Errorf("the greeting lacks %q:\n%s", want, text)
		}
	}
}

// A-L02: a password of the configuration is never printed, and the log never
// has one, kept or configured.
func TestGreetingHidesPasswords(t *testing.T) {
	const canary = "CANARY-4711"
	cfg := load(t, "verbose\nlog-file=stdout\nrealm=r\nuser=alice:"+canary+"\nstatic-auth-secret=secret-"+canary)
	r := start(t, cfg, Options{})
	r.out.Wait(t, "msg=ready")
	_ = r.stop()
	if all := r.out.String() + r.log.String(); strings.Contains(all, canary) {
		t.Errorf("a configured secret was printed:\n%s", all)
	}
}

func TestLogFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	r := start(t, load(t, "log-format=json\nlog-file="+path), Options{})
	r.out.Wait(t, "Ports to open")
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ready := false
	for line := range strings.Lines(string(text)) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		ready = ready || record["msg"] == "ready"
	}
	if !ready || strings.Contains(r.out.String(), "msg=") || r.log.String() != "" {
		t.Errorf("ready %v; standard output:\n%s\nstandard error:\n%s", ready, r.out, r.log)
	}
	if info, _ := os.Stat(path); info.Mode().Perm()&0o007 != 0 && runtime.GOOS != "windows" {
		t.Errorf("others may read the log: %v", info.Mode())
	}
}

// A configured certificate is shown instead of the kept one.
func TestConfiguredCertificate(t *testing.T) {
	dir := t.TempDir()
	cert, key, err := listener.SelfSigned([]string{"example.org"}, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, text := range map[string][]byte{certFile: cert, keyFile: key} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := load(t, "no-udp\nno-tcp\ncert="+certFile+"\npkey="+keyFile)
	r := start(t, cfg, Options{})
	r.log.Wait(t, "self_test=true")
	if _, err := os.Stat(filepath.Join(cfg.DataDir, pemName)); err == nil {
		t.Error("a certificate was made that nobody needs")
	}
	if r.certFile != certFile || fingerprint(r.certFile) == "" {
		t.Errorf("certificate %s", r.certFile)
	}
	r.out.Wait(t, certFile)
}

// A shared database that everybody may read is told of, and used.
func TestReadableDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turndb")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	r := start(t, load(t, "userdb="+path), Options{})
	r.log.Wait(t, "chmod o-r")
	r.log.Wait(t, "self_test=true")
}
