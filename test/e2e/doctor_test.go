package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"iceserver/test/servertest"
)

// The exit codes of the doctor.
const (
	healthy, ailing, ill, misused = 0, 1, 2, 3
)

type finding struct{ Name, Status, Seen, Advice string }

// examined runs the doctor with JSON and returns what it found, having looked at
// the form of it and at the exit code.
func examined(t *testing.T, want int, args ...string) map[string]finding {
	t.Helper()
	r := command(t, "", append([]string{"doctor", "--json"}, args...)...)
	if r.code != want {
		t.Fatalf("exit %d, want %d:\n%s%s", r.code, want, r.out, r.err)
	}
	var report struct{ Checks []finding }
	in := json.NewDecoder(strings.NewReader(r.out))
	in.DisallowUnknownFields()
	if err := in.Decode(&report); err != nil {
		t.Fatalf("%v:\n%s", err, r.out)
	}
	all := map[string]finding{}
	worst := healthy
	for _, c := range report.Checks {
		code := slices.Index([]string{"OK", "WARN", "FAIL"}, c.Status)
		if c.Name == "" || c.Seen == "" || code < 0 || (code > 0) != (c.Advice != "") || strings.Contains(c.Seen+c.Advice, "\n") {
			t.Errorf("%+v", c)
		}
		worst = max(worst, code)
		// The worst of several of one name is what a test is after.
		if code > 0 || all[c.Name].Status == "" {
			all[c.Name] = c
		}
	}
	if worst != want {
		t.Errorf("exit %d with\n%s", want, r.out)
	}
	return all
}

// has looks for words in what was found under a name.
func (f finding) has(t *testing.T, status, seen, advice string) {
	t.Helper()
	if f.Status != status || !strings.Contains(f.Seen, seen) || !strings.Contains(f.Advice, advice) {
		t.Errorf("%+v, want %s, %q and %q", f, status, seen, advice)
	}
}

// content are the files of a directory with their sizes, modes and times.
func content(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && !d.IsDir() {
			fmt.Fprintln(&b, path, info.Size(), info.Mode(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// On a sound server every line is OK, and nothing is changed by looking.
func TestDoctorQuiet(t *testing.T) {
	dir := t.TempDir()
	server(t, dir)
	before := content(t, dir)
	at := "--data-dir=" + dir
	all := examined(t, healthy, at)
	for _, name := range []string{"server", "address", "account", "relay", "certificate", "database", "clock"} {
		all[name].has(t, "OK", "", "")
	}
	r := command(t, "", "doctor", at)
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if r.code != healthy || r.err != "" || !strings.HasPrefix(lines[len(lines)-1], "All is well: ") || strings.Contains(r.out, "->") || strings.Contains(r.out, "\x1b") {
		t.Errorf("exit %d: %s\n%s", r.code, r.err, r.out)
	}
	if after := content(t, dir); after != before {
		t.Errorf("changed from\n%s to\n%s", before, after)
	}
	// With --fix neither, since nothing has to be.
	if r := command(t, "", "doctor", at, "--fix"); r.code != healthy || strings.Contains(r.out, "+ ") || content(t, dir) != before {
		t.Errorf("exit %d:\n%s", r.code, r.out)
	}
}

// A user who was never made is named with the command that does it; --fix does it
// and says so, and without it nobody is made.
func TestDoctorMissingUser(t *testing.T) {
	dir := t.TempDir()
	url := "turn:" + udpOf(t, server(t, dir)) + "?transport=udp"
	at := "--data-dir=" + dir
	who := []string{at, "--user=alice", "--password=pass word"}
	for range 2 {
		examined(t, ill, who...)["account"].has(t, "FAIL", `there is no user "alice" in realm "iceserver"`, "iceserver user add alice --data-dir "+dir)
	}
	r := command(t, "", append([]string{"doctor", "--fix"}, who...)...)
	if r.code != healthy || !strings.HasPrefix(r.out, "+ iceserver user add alice --password -\n") || strings.Contains(r.out, "pass word") {
		t.Errorf("exit %d: %s\n%s", r.code, r.err, r.out)
	}
	relays(t, url, "alice", "pass word", "")
	examined(t, ill, at, "--user=alice", "--password=wrong")["account"].has(t, "FAIL", "the password is not the one", "iceserver user set alice")
	// By standard input nobody else sees the password.
	if r := command(t, "pass word\n", "doctor", at, "--user=alice", "--password=-"); r.code != healthy {
		t.Errorf("exit %d: %s\n%s", r.code, r.err, r.out)
	}
	// Without a password one is made up, and told with --json as well.
	r = command(t, "", "doctor", "--fix", "--json", at, "--user=bob")
	if r.code != healthy || !strings.Contains(r.err, "+ iceserver user add bob\n  password: ") || !json.Valid([]byte(r.out)) {
		t.Errorf("exit %d: %s\n%s", r.code, r.err, r.out)
	}
}

// A database without anybody in it lets nobody in; users of another realm are told.
func TestDoctorNobody(t *testing.T) {
	dir := t.TempDir()
	database := filepath.Join(dir, "users.db")
	server(t, filepath.Join(dir, "data"), "--userdb="+database, "--realm=here")
	at := "--data-dir=" + filepath.Join(dir, "data")
	examined(t, ill, at)["account"].has(t, "FAIL", `neither a user nor a shared secret in realm "here"`, "iceserver user add NAME")
	must(t, "", nil, "user", "add", "alice", at, "--realm=elsewhere", "--userdb="+database)
	examined(t, ill, at)["account"].has(t, "FAIL", `users of realm "elsewhere" only`, "realm=elsewhere")
	// A file with keys that everybody can read is a warning, which --fix ends.
	must(t, "", nil, "user", "add", "alice", at)
	if err := os.Chmod(database, 0o644); err != nil {
		t.Fatal(err)
	}
	examined(t, ailing, at)["files"].has(t, "WARN", "everybody on this machine can read "+database, "chmod o-r "+database)
	if r := command(t, "", "doctor", "--fix", at); r.code != healthy || !strings.HasPrefix(r.out, "+ chmod o-r "+database+"\n") {
		t.Errorf("exit %d: %s\n%s", r.code, r.err, r.out)
	}
}

// expired writes a certificate whose time is over, with its key.
func expired(t *testing.T, since time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: since.Add(-24 * time.Hour), NotAfter: since,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert = write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return cert, write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}

func TestDoctorCertificate(t *testing.T) {
	dir := t.TempDir()
	yesterday := time.Now().Add(-24 * time.Hour)
	cert, key := expired(t, yesterday)
	p := server(t, dir, "--cert="+cert, "--pkey="+key)
	at := "--data-dir=" + dir
	examined(t, ill, at)["certificate"].has(t, "FAIL", "expired on "+yesterday.UTC().Format(time.DateOnly), "renew it")
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	examined(t, ill, at)["certificate"].has(t, "FAIL", "the certificate is missing: there is no "+cert, "correct cert and pkey")
	p.cmd.Process.Kill()
	<-p.done
	// What keeps it from starting is told by its configuration as well.
	conf := write(t, "turnserver.conf", "listening-ip=127.0.0.1\ncert="+cert+"\npkey="+key+"\ndata-dir="+dir+"\n")
	all := examined(t, ill, "-c", conf)
	all["certificate"].has(t, "FAIL", "missing", "acme-domain")
	all["server"].has(t, "FAIL", "not running", "iceserver serve -c "+conf)
}

// Without a server the machine is examined still, and nothing is made.
func TestDoctorNotRunning(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	conf := write(t, "turnserver.conf", "listening-ip=127.0.0.1\ndata-dir="+dir+"\n")
	all := examined(t, ill, "-c", conf)
	all["server"].has(t, "FAIL", "not running", "start it: ")
	all["address"].has(t, "OK", "127.0.0.1", "")
	if _, err := os.Stat(dir); err == nil {
		t.Error("the data directory was made")
	}
	conf = write(t, "turnserver.conf", "listening-port=70000\n")
	examined(t, ill, "-c", conf)["configuration"].has(t, "FAIL", "turnserver.conf:1:", "config check")
}

// A server that keeps nothing on disk cannot tell of itself; it is found by what
// its ports answer, and logged in to by its configuration.
func TestDoctorWithoutDataDirectory(t *testing.T) {
	port := servertest.FreePorts(t, 1)
	// No directory can be made below a file.
	home := write(t, "file", "")
	conf := write(t, "turnserver.conf", fmt.Sprintf("listening-ip=127.0.0.1\nlistening-port=%d\nno-tls\nuser=alice:pw\nrealm=r\nweb=off\n", port))
	t.Setenv("XDG_DATA_HOME", home)
	p := serve(t, "serve", "-c", conf)
	p.wait(t, "msg=ready")
	all := examined(t, healthy, "-c", conf)
	all["server"].has(t, "OK", "answers", "")
	all["account"].has(t, "OK", `user "alice" (the configuration) logs in`, "")
}

// The doctor of root stays root, whomever the data directory belongs to: else it
// could neither see the firewall nor mend anything.
func TestDoctorOfRoot(t *testing.T) {
	nobody, err := user.Lookup("nobody")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("only root can run a server as nobody")
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	dir := t.TempDir()
	for _, err := range []error{os.Chown(dir, uid, gid), os.Chmod(filepath.Dir(dir), 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := servertest.NewCertificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{os.Chown(c.KeyFile, uid, gid), os.Chmod(c.KeyFile, 0o604)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	server(t, dir, "--proc-user=nobody", "--cert="+c.CertFile, "--pkey="+c.KeyFile)
	at := "--data-dir=" + dir
	examined(t, ailing, at)["files"].has(t, "WARN", c.KeyFile, "chmod o-r")
	r := command(t, "", "doctor", "--fix", at, "--user=alice", "--password=pw")
	if r.code != healthy || !strings.Contains(r.out, "+ chmod o-r "+c.KeyFile) || !strings.Contains(r.out, `user "alice" logs in`) {
		t.Errorf("exit %d: %s\n%s", r.code, r.err, r.out)
	}
}

// Who may not ask the server is told so, and not that it is somebody else's.
func TestDoctorOfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	dir := filepath.Join(t.TempDir(), "data")
	_, port, _ := strings.Cut(udpOf(t, server(t, dir)), ":")
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	conf := filepath.Join(filepath.Dir(dir), "turnserver.conf")
	if err := os.WriteFile(conf, []byte("listening-ip=127.0.0.1\nlistening-port="+port+"\nno-tls\ndata-dir="+dir+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(servertest.Binary(t), "doctor", "--json", "-c", conf)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, _ := c.CombinedOutput() // whose exit code is that of what it found
	if !strings.Contains(string(out), "a server answers, and tells more to its owner alone") || strings.Contains(string(out), "and not the server of") {
		t.Errorf("%s", out)
	}
}

// The link of a second server may come by standard input or by the environment,
// where nobody else on the machine sees its key.
func TestDoctorLink(t *testing.T) {
	dir := t.TempDir()
	server(t, dir)
	at := "--data-dir=" + dir
	const link, seen = "https://127.0.0.1:1/test#key=k", "127.0.0.1:1 does not tell how this server looks from there"
	for _, r := range []result{command(t, link+"\n", "doctor", at, "--from=-"), command(t, "", "doctor", at, "--from="+link)} {
		if r.code != ill || !strings.Contains(r.out, seen) {
			t.Errorf("exit %d: %s\n%s", r.code, r.err, r.out)
		}
	}
	oneLine(t, command(t, "", "doctor", at, "--from=-"), misused, "--from is empty")
	t.Setenv("TURN_FROM", link)
	if r := command(t, "", "doctor", at); r.code != ill || !strings.Contains(r.out, seen) {
		t.Errorf("exit %d: %s\n%s", r.code, r.err, r.out)
	}
	// It is about this machine, and no mistake of who asks about another.
	if r := command(t, "", "doctor", "turn:127.0.0.1:1?transport=udp", "--user=a", "--password=b"); r.code != ill {
		t.Errorf("exit %d: %s\n%s", r.code, r.err, r.out)
	}
}

// A server far away is examined as a client can.
func TestDoctorFar(t *testing.T) {
	dir := t.TempDir()
	at := udpOf(t, server(t, dir))
	must(t, "pw\n", nil, "user", "add", "alice", "--password=-", "--data-dir="+dir)
	all := examined(t, healthy, "turn:"+at, "--user=alice", "--password=pw")
	all["udp "+at].has(t, "OK", "relay 127.0.0.1:", "")
	all["tcp "+at].has(t, "OK", "relay 127.0.0.1:", "")
	examined(t, ill, "turn:"+at+"?transport=udp", "--user=nobody", "--password=pw")["udp "+at].has(t, "FAIL", "401", "user")
}

func TestDoctorUsage(t *testing.T) {
	for words, want := range map[string]string{
		"--frobnicate": "frobnicate",
		"--password=x": "without --user",
		"--user=a --password=x --password-file=y": "not both",
		"turn:127.0.0.1:1 --fix":                  "this machine alone",
		"-c /nowhere.conf":                        "cannot read",
		"http://x":                                "http",
		"--from=":                                 "--from is empty",
		"--user=a --password=- --from=-":          "not both",
	} {
		oneLine(t, command(t, "", append([]string{"doctor"}, strings.Fields(words)...)...), misused, want)
	}
}
