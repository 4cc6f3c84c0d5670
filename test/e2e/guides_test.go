//go:build linux

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"iceserver/test/servertest"
)

// machine is one that a guide is followed on: it has a network, an /etc and a
// /var/lib of its own, in which the names of the guide are, and the programs that
// the package installs.
type machine struct {
	t    *testing.T
	bin  string // the directory of the programs
	serv *process
	// probed says that a server which runs has been asked for a relay.
	probed bool
}

// The address and the name that all guides have for the server.
const (
	guideIP   = "198.51.100.7"
	guideName = "turn.example.org"
)

// newMachine moves the thread of the test to a new machine, from which it never
// comes back.
func newMachine(t *testing.T) *machine {
	t.Helper()
	root := t.TempDir()
	ownNetwork(t, []string{guideIP + "/32", "10.0.0.5/32"})
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		t.Fatalf("mounts of its own: %v", err)
	}
	mount(t, "", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	mount(t, "tmpfs", root, "tmpfs", 0, "")
	t.Cleanup(func() { _ = syscall.Unmount(root, syscall.MNT_DETACH) })
	for _, dir := range []string{"/etc", "/var/lib"} {
		upper, work := filepath.Join(root, dir, "upper"), filepath.Join(root, dir, "work")
		for _, d := range []string{upper, work} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		mount(t, "overlay", dir, "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", dir, upper, work))
	}
	m := &machine{t: t, bin: "/var/lib/programs"}
	m.install()
	m.file("/etc/hosts", "127.0.0.1 localhost\n"+guideIP+" "+guideName+"\n")
	m.certificate(root)
	return m
}

// install does what the package does: programs that everybody may run, the user of
// the service, its directories, and its configuration.
func (m *machine) install() {
	m.t.Helper()
	root, err := servertest.Root()
	if err != nil {
		m.t.Fatal(err)
	}
	for _, dir := range []string{"/var/lib/iceserver", "/var/lib/turn", "/etc/turnserver.conf"} {
		if err := os.RemoveAll(dir); err != nil { // of the machine below
			m.t.Fatal(err)
		}
	}
	if err := os.Mkdir(m.bin, 0o755); err != nil {
		m.t.Fatal(err)
	}
	program := filepath.Join(m.bin, "iceserver")
	m.file(program, "")
	mount(m.t, servertest.Binary(m.t), program, "", syscall.MS_BIND, "")
	m.t.Cleanup(func() { _ = syscall.Unmount(program, syscall.MNT_DETACH) })
	for _, name := range []string{"turnserver", "turnadmin"} {
		if err := os.Symlink("iceserver", filepath.Join(m.bin, name)); err != nil {
			m.t.Fatal(err)
		}
	}
	m.sh("cd " + filepath.Join(root, "packaging") + "; . scripts/account.sh; make_account; make_place; " +
		"install -o root -g turnserver -m 640 conf/turnserver.conf /etc/turnserver.conf")
}

// sh runs a line of the shell, which must succeed.
func (m *machine) sh(line string) {
	m.t.Helper()
	if r := execute(exec.Command("sh", "-ec", line), ""); r.code != 0 {
		m.t.Errorf("%s: exit %d:\n%s%s", line, r.code, r.out, r.err)
	}
}

func mount(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		t.Fatalf("mounting %s: %v", target, err)
	}
}

func (m *machine) file(path, text string) {
	m.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// certificate puts one where the guides have theirs, with the rights that the tools
// give it, of which the key's are root's alone, and has this machine trust it.
func (m *machine) certificate(dir string) {
	m.t.Helper()
	c, err := servertest.NewCertificate(dir, guideName)
	if err != nil {
		m.t.Fatal(err)
	}
	for from, to := range map[string]string{c.CertFile: "/etc/ssl/turn.pem", c.KeyFile: "/etc/ssl/turn.key"} {
		text, err := os.ReadFile(from)
		if err != nil {
			m.t.Fatal(err)
		}
		m.file(to, string(text))
	}
	m.sh("chmod 644 /etc/ssl/turn.pem")
	m.t.Setenv("SSL_CERT_FILE", "/etc/ssl/turn.pem")
}

// keyForService gives the key to the user of the service, as who has got it so.
func (m *machine) keyForService() {
	m.t.Helper()
	m.sh("chgrp turnserver /etc/ssl/turn.key; chmod 640 /etc/ssl/turn.key")
}

// follow does what a guide says, from its first line to its last.
func (m *machine) follow(name string) {
	m.t.Helper()
	for _, b := range blocks(m.t, name) {
		switch b.language {
		case "conf":
			m.configure(b.text)
		case "sh":
			if strings.HasPrefix(b.text, "#!") {
				m.hook(b.text)
				continue
			}
			for line := range strings.Lines(b.text) {
				m.run(strings.Fields(line))
			}
		case "yaml", "lua":
			m.application(b.text)
		case "html", "js": // test/web opens it in a browser
		default:
			m.t.Errorf("nobody tries out examples in %q", b.language)
		}
	}
	if !m.probed {
		m.t.Error("no server that the guide configures was asked for a relay")
	}
}

// configure writes a configuration to the place that its first line names. No
// authority is to be reached from here; test/acme is about those. So what one
// would have issued is there already.
func (m *machine) configure(text string) {
	m.t.Helper()
	first, _, _ := strings.Cut(text, "\n")
	path, ok := strings.CutPrefix(first, "# /etc/")
	if !ok {
		m.t.Fatalf("the configuration does not say where it belongs: %s", first)
	}
	m.file("/etc/"+path, text)
	m.program([]string{"iceserver", "config", "check", "/etc/" + path}, true)
	if issued := regexp.MustCompile(`(?m)^acme-.*\n`); issued.MatchString(text) {
		m.file("/etc/"+path, issued.ReplaceAllString(text, "")+"cert=/etc/ssl/turn.pem\npkey=/etc/ssl/turn.key\n")
		m.keyForService()
	}
}

// hook writes a script to the place that its second line names. It is certbot's to
// call, so the certificate goes to where that keeps it, which root alone may enter.
func (m *machine) hook(text string) {
	m.t.Helper()
	_, rest, _ := strings.Cut(text, "\n# ")
	path, _, ok := strings.Cut(rest, "\n")
	if !ok || !strings.HasPrefix(path, "/etc/letsencrypt/") {
		m.t.Fatalf("the script does not say where it belongs: %s", text)
	}
	m.sh("mkdir -p " + filepath.Dir(path) + "; cd /etc/letsencrypt; mkdir -m 700 live archive; " +
		"live=live/" + guideName + " archive=archive/" + guideName + "; mkdir $live $archive; chmod 600 /etc/ssl/turn.key; " +
		"mv /etc/ssl/turn.pem $archive/fullchain1.pem; ln -s ../../$archive/fullchain1.pem $live/fullchain.pem; " +
		"mv /etc/ssl/turn.key $archive/privkey1.pem; ln -s ../../$archive/privkey1.pem $live/privkey.pem")
	m.file(path, text)
}

// run does one command. What belongs to programs that are not ours is known by
// name, so that a mistyped one is noticed.
func (m *machine) run(words []string) {
	m.t.Helper()
	sudo := len(words) > 0 && words[0] == "sudo"
	if sudo {
		words = words[1:]
		if words[0] == "-u" {
			sudo, words = false, words[2:]
		}
	}
	line := strings.Join(words, " ")
	switch {
	case len(words) == 0:
	case line == "systemctl restart iceserver", line == "systemctl status iceserver" && m.serv == nil:
		m.restart() // or the package has started it
	case words[0] == "iceserver" || words[0] == "turnadmin":
		m.program(words, sudo)
	case strings.HasPrefix(line, "php occ talk:turn:add "):
		m.nextcloud(words)
	case words[0] == "curl":
		r := execute(exec.Command("sh", "-c", line), "")
		if r.code != 0 || !strings.HasPrefix(r.out, "{") {
			m.t.Errorf("%s: exit %d:\n%s%s", line, r.code, r.out, r.err)
		}
	case sudo && (words[0] == "chgrp" || words[0] == "chmod" || words[0] == "env"):
		m.sh(line)
	case words[0] == "make":
		root, err := servertest.Root()
		if err != nil {
			m.t.Fatal(err)
		}
		m.sh("make -n -C " + root + " " + strings.Join(words[1:], " ") + " >/dev/null")
	case !elsewhere.MatchString(line):
		m.t.Errorf("nobody tries out %q", line)
	}
}

// elsewhere are the commands for programs that are not on this machine: each as it
// is, so that another one is noticed.
var elsewhere = regexp.MustCompile(`^(` + strings.Join([]string{
	`apt install \./iceserver_\*_amd64\.deb`,
	`systemctl status iceserver`,
	`systemctl restart (prosody|matrix-synapse)`,
	`php occ talk:stun:add ` + regexp.QuoteMeta(guideName) + `:3478`,
}, "|") + `)$`)

// nobody is the user who calls what stands in a guide without sudo.
const nobody = 65534

// program runs one of ours. The doctor may have something to remark on a machine
// that has no more than loopback, and so it must say what.
func (m *machine) program(words []string, sudo bool) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(m.bin, words[0]), words[1:]...)
	command.Dir = "/"
	if !sudo {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	r := execute(command, "")
	switch {
	case words[0] == "iceserver" && words[1] == "doctor":
		for line := range strings.Lines(r.out) {
			if strings.Contains(line, " FAIL ") && !strings.Contains(line, "certificate") {
				m.t.Errorf("the doctor finds fault with what the guide makes:\n%s%s", r.out, r.err)
			}
		}
	case r.code != 0:
		m.t.Errorf("%s: exit %d:\n%s%s", strings.Join(words, " "), r.code, r.out, r.err)
	case words[0] == "iceserver" && words[1] == "probe":
		m.probed = true
	}
}

// capNetBindService is the right to take ports below 1024, which the unit gives.
const capNetBindService = 10

// restart starts the server as its unit does, its user included, in the place of the
// one before.
func (m *machine) restart() {
	m.t.Helper()
	if m.serv != nil {
		m.serv.end(m.t, syscall.SIGTERM)
	}
	root, err := servertest.Root()
	if err != nil {
		m.t.Fatal(err)
	}
	unit, err := os.ReadFile(filepath.Join(root, "packaging/systemd/iceserver.service"))
	if err != nil {
		m.t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^ExecStart=/usr/bin/(.*)$`).FindSubmatch(unit)
	words := strings.Fields(string(line[1]))
	m.t.Setenv("STATE_DIRECTORY", "/var/lib/iceserver") // the unit's, which commands do not see
	m.serv = serveWith(m.t, &syscall.SysProcAttr{
		Credential: accountOf(m.t, regexp.MustCompile(`(?m)^User=(.*)$`).FindSubmatch(unit)), AmbientCaps: []uintptr{capNetBindService},
	}, filepath.Join(m.bin, words[0]), words[1:]...)
	m.serv.wait(m.t, "msg=ready")
	if err := os.Unsetenv("STATE_DIRECTORY"); err != nil {
		m.t.Fatal(err)
	}
}

// accountOf is the user of the last submatch, as the machine has it.
func accountOf(t *testing.T, found [][]byte) *syscall.Credential {
	t.Helper()
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil || found == nil {
		t.Fatalf("%q, %v", found, err)
	}
	ids := regexp.MustCompile(`(?m)^` + string(found[len(found)-1]) + `:[^:]*:(\d+):(\d+):`).FindSubmatch(passwd)
	if ids == nil {
		t.Fatalf("there is no user %s", found[len(found)-1])
	}
	var uid, gid uint32
	if _, err := fmt.Sscan(string(ids[1])+" "+string(ids[2]), &uid, &gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uid, Gid: gid}
}

// probe asks for a relay as an application would that has the secret.
func (m *machine) probe(url, secret string) {
	m.t.Helper()
	m.program([]string{"iceserver", "probe", url, "--secret", secret}, false)
}

// nextcloud does what Talk does with a server that it is told of: schemes, name
// and port, protocols, secret.
func (m *machine) nextcloud(words []string) {
	m.t.Helper()
	schemes, at, protocols := words[3], words[4], words[5]
	secret, ok := strings.CutPrefix(words[6], "--secret=")
	if !ok || len(words) != 7 {
		m.t.Fatalf("occ would not take %q", words)
	}
	for scheme := range strings.SplitSeq(schemes, ",") {
		for protocol := range strings.SplitSeq(protocols, ",") {
			m.probe(scheme+":"+at+"?transport="+protocol, secret)
		}
	}
}

// application does what Synapse and Prosody do with their configuration: it has
// the secret and the addresses in it.
func (m *machine) application(text string) {
	m.t.Helper()
	secret := regexp.MustCompile(`(?:turn_shared_secret:|external_service_secret =) "([^"]+)"`).FindStringSubmatch(text)
	var urls []string
	for _, s := range regexp.MustCompile(`"(turns?:[^"]+)"`).FindAllStringSubmatch(text, -1) {
		urls = append(urls, s[1])
	}
	service := regexp.MustCompile(`type = "(turns?)", host = "([^"]+)", port = (\d+), transport = "(\w+)", secret = true`)
	for _, s := range service.FindAllStringSubmatch(text, -1) {
		urls = append(urls, fmt.Sprintf("%s:%s:%s?transport=%s", s[1], s[2], s[3], s[4]))
	}
	if secret == nil || len(urls) < 2 {
		m.t.Fatalf("no secret or no servers in\n%s", text)
	}
	for _, url := range urls {
		m.probe(url, secret[1])
	}
}

// Every guide works as it stands there, word by word: with sudo as root, without it
// as nobody in particular, and with the service as the user of its unit. What coturn
// could read this server can, since both are the same user.
func TestGuides(t *testing.T) {
	root, err := servertest.Root()
	if err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(root, "docs/guides/*.md"))
	if err != nil || len(all) == 0 {
		t.Fatal("there are no guides: ", err)
	}
	for _, path := range append(all, filepath.Join(root, "docs/operate.md")) {
		name, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			if strings.Contains(name, "coturn") {
				m.keyForService()
			}
			m.follow(name)
		})
	}
}
