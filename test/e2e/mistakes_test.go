//go:build unix

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"iceserver/test/servertest"
)

// Mistakes that every operator makes once: one line, what to do, exit 1.
func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	cert, err := servertest.NewCertificate(dir)
	if err != nil {
		t.Fatal(err)
	}
	busyUDP, busyTCP := busy(t, "udp"), busy(t, "tcp")
	text := write(t, "text", "this is neither certificate nor database\n")
	tests := []struct {
		name  string
		flags []string
		want  []string
	}{
		{"busy UDP port", []string{"--listening-port=" + busyUDP}, []string{"UDP 127.0.0.1:" + busyUDP, "choose another port"}},
		{"busy TCP port", []string{"--listening-port=" + busyTCP}, []string{"TCP 127.0.0.1:" + busyTCP, "choose another port"}},
		{"busy TLS port", []string{"--tls-listening-port=" + busyTCP}, []string{"TCP 127.0.0.1:" + busyTCP, "choose another port"}},
		{"no certificate", []string{"--cert=/none.pem", "--pkey=" + cert.KeyFile}, []string{"/none.pem", "no such file", "correct cert and pkey"}},
		{"no key", []string{"--cert=" + cert.CertFile, "--pkey=/none.pem"}, []string{"private key", "/none.pem", "correct cert and pkey"}},
		{"text for a key", []string{"--cert=" + cert.CertFile, "--pkey=" + text}, []string{text, "PEM"}},
		{"certificate for a key", []string{"--cert=" + cert.CertFile, "--pkey=" + cert.CertFile}, []string{cert.CertFile}},
		{"cert without pkey", []string{"--cert=" + cert.CertFile}, []string{"pkey"}},
		{"ports the wrong way round", []string{"--min-port=60000", "--max-port=50000"}, []string{"min-port 60000 is above max-port 50000"}},
		{"foreign listening-ip", []string{"--listening-ip=203.0.113.9"}, []string{"listening-ip=203.0.113.9", "not an address of this machine", "external-ip"}},
		{"foreign relay-ip", []string{"--relay-ip=203.0.113.9"}, []string{"relay-ip=203.0.113.9", "not an address of this machine"}},
		{"foreign external pair", []string{"--external-ip=203.0.113.9/203.0.113.8"}, []string{"203.0.113.8", "relay-ip"}},
		{"data directory below a file", []string{"--data-dir=" + text + "/x"}, []string{text, "--data-dir"}},
		{"database is text", []string{"--userdb=" + text}, []string{text, "not a database", "correct userdb"}},
		{"database in no folder", []string{"--userdb=/nowhere/db"}, []string{"/nowhere/db", "no such file", "correct userdb"}},
		{"no configuration file", []string{"-c", "/nowhere.conf"}, []string{"/nowhere.conf", "no such file", "correct -c FILE"}},
		{"bad rule", []string{"--denied-peer-ip=10.0.0.0/99"}, []string{"denied-peer-ip", "10.0.0.0/99"}},
		{"open relay with users", []string{"--no-auth", "--user=a:b"}, []string{"no-auth"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			oneLine(t, command(t, "", append(onLoopback(t, t.TempDir()), tt.flags...)...), 1, tt.want...)
		})
	}
}

// busy returns a port on loopback that is taken until the test ends.
func busy(t *testing.T, network string) string {
	t.Helper()
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(servertest.FreePorts(t, 1)))
	if network == "udp" {
		c, err := net.ListenPacket("udp", at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	} else {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	}
	_, port, _ := net.SplitHostPort(at)
	return port
}

// Mistakes in a file are told with file, line and the nearest key.
func TestMistakesInFile(t *testing.T) {
	for text, want := range map[string]string{
		"realm=r\nlisten-port=3478\n":                   `turnserver.conf:2:1: unknown key "listen-port"; did you mean "listening-port"?`,
		"min-port=1x\n":                                 "turnserver.conf:1:",
		"realm=r\nmin-port=60000\nmax-port=50000\n":     "turnserver.conf:3:",
		"allowed-peer-ip=10.0.0.1-9.0.0.1\n":            "turnserver.conf:1:",
		"static-auth-secret:CANARY-NOT-TO-BE-PRINTED\n": `did you`,
	} {
		r := command(t, "", append(onLoopback(t, t.TempDir()), "-c", write(t, "turnserver.conf", text))...)
		if r.code != 1 || !strings.Contains(r.err, want) && !strings.Contains(text, "CANARY") {
			t.Errorf("%q: exit %d, want %q: %s", text, r.code, want, r.err)
		}
		if strings.Contains(r.err, "CANARY") {
			t.Errorf("a secret is printed: %s", r.err)
		}
	}
}

// A-L04, A-L06: what is kept and no longer ours alone is refused.
func TestMistakesInDataDir(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(dir string) error
		want  string
	}{
		{"state is broken", func(dir string) error { return os.WriteFile(filepath.Join(dir, "state.json"), []byte("{"), 0o600) }, "is broken"},
		{"others may read the state", func(dir string) error { return os.Chmod(filepath.Join(dir, "state.json"), 0o644) }, "chmod 600"},
		{"others may read the users", func(dir string) error { return os.Chmod(filepath.Join(dir, "users.db"), 0o644) }, "chmod 600"},
		{"others may read the key", func(dir string) error { return os.Chmod(filepath.Join(dir, "self-signed.pem"), 0o640) }, "chmod 600"},
		{"others may write here", func(dir string) error { return os.Chmod(dir, 0o777) }, "chmod 700"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			p := server(t, dir)
			p.end(t, syscall.SIGTERM)
			if err := tt.spoil(dir); err != nil {
				t.Fatal(err)
			}
			oneLine(t, command(t, "", onLoopback(t, dir)...), 1, dir, tt.want)
		})
	}
}

// Without the rights of root: a low port, a directory of somebody else's, a key
// that may not be read.
func TestMistakesWithoutRights(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to start the program as somebody else")
	}
	dir := t.TempDir()
	for d := dir; d != "/"; d = filepath.Dir(d) { // let the other user in
		if err := os.Chmod(d, statMode(t, d)|0o055); err != nil {
			t.Fatal(err)
		}
	}
	mine, theirs, exe := filepath.Join(dir, "mine"), filepath.Join(dir, "theirs"), filepath.Join(dir, "iceserver")
	for d, owner := range map[string]int{mine: 65534, theirs: 0} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(d, owner, owner); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.ReadFile(servertest.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(exe, program, 0o755); err != nil {
		t.Fatal(err)
	}
	cert, err := servertest.NewCertificate(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(cert.CertFile, 0o644); err != nil {
		t.Fatal(err)
	}
	as := func(flags ...string) result {
		c := exec.Command(exe, append(onLoopback(t, mine), flags...)...)
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return execute(c, "")
	}
	oneLine(t, as("--data-dir="+theirs), 1, theirs, "--data-dir")
	oneLine(t, as("--cert="+cert.CertFile, "--pkey="+cert.KeyFile), 1, cert.KeyFile, "may not read it")
	if low, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start"); err == nil && strings.TrimSpace(string(low)) == "1024" {
		oneLine(t, as("--listening-port=443"), 1, "127.0.0.1:443", "CAP_NET_BIND_SERVICE")
		oneLine(t, as("--tls-listening-port=443"), 1, "127.0.0.1:443", "CAP_NET_BIND_SERVICE")
	}
}

func statMode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

// A wrong call is told from a wrong server by its exit code.
func TestUsage(t *testing.T) {
	file := write(t, "turnserver.conf", "realm=test\n")
	tests := []struct {
		args string
		want string
	}{
		{"serv", "did you mean serve"}, {"start", "did you mean serve"}, {"nothing-like-it", "iceserver --help lists"},
		{file, "write iceserver -c " + file}, {"user", "add, set, remove, list"}, {"user nonsense", "nonsense"},
		{"user add", "accepts 1 arg"}, {"user add a b", "accepts 1 arg"}, {"user list x", "unknown command"},
		{"user add a --nonsense", "--nonsense"}, {"secret", "add, list, remove"}, {"secret remove", "accepts 1 arg"},
		{"credentials --ttl soon", "soon"}, {"credentials x", "unknown command"}, {"version x", "unknown command"},
		{"--listening-prt=3478", "did you mean"}, {"serve --min-port", "no value"}, {"serve word", "word"}, {"serve " + file, "write -c " + file}, {"-n user list", "user"},
		{"bench", "accepts 1 arg"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			oneLine(t, command(t, "", strings.Fields(tt.args)...), 2, tt.want)
		})
	}
}

func TestVersionAndHelp(t *testing.T) {
	for _, args := range []string{"version", "--version", "version --json"} {
		if r := command(t, "", strings.Fields(args)...); r.code != 0 || !strings.Contains(r.out, "go1.") || r.err != "" {
			t.Errorf("%s: %+v", args, r)
		}
	}
	for args, want := range map[string]string{
		"--help": "credentials", "-h": "credentials", "serve --help": "--static-auth-secret=SECRET", "user add -h": "--password",
	} {
		if r := command(t, "", strings.Fields(args)...); r.code != 0 || !strings.Contains(r.out, want) {
			t.Errorf("%s: exit %d, %q is missing: %s%s", args, r.code, want, r.out, r.err)
		}
	}
	out := filepath.Join(t.TempDir(), "iceserver")
	build := exec.Command("go", "build", "-ldflags", "-X main.version=1.2.3 -X main.commit=abcdef", "-o", out, "iceserver/cmd/iceserver")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatal(fmt.Errorf("%w: %s", err, text))
	}
	if r := execute(exec.Command(out, "version"), ""); !strings.HasPrefix(r.out, "iceserver 1.2.3 (commit abcdef, go1.") {
		t.Errorf("%+v", r)
	}
}
