//go:build linux

package packages_test

import (
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

// exposure is the most that systemd-analyze may say of the unit, in tenths.
const exposure = "20"

// systemd understands the unit, the user, the directories and the pages of the
// manual that the unit names, and finds little that the service could harm.
func TestUnit(t *testing.T) {
	file := built(t, older, "*.deb")
	m := newMachine(t)
	m.run("dpkg", "-i", m.add(file))
	if out := m.run("systemd-analyze", "verify", "--man=yes", "iceserver.service"); out != "" {
		t.Errorf("systemd-analyze verify:\n%s", out)
	}
	if out, err := m.try("systemd-analyze", "security", "--offline=true", "--threshold="+exposure, "iceserver.service"); err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
	// The counter-test: without its hardening it would not do.
	unit := string(m.read("/usr/lib/systemd/system/iceserver.service"))
	m.write("/usr/lib/systemd/system/iceserver.service", regexp.MustCompile(`(?m)^(Protect|Restrict|Private|SystemCall).*$`).ReplaceAllString(unit, ""))
	if _, err := m.try("systemd-analyze", "security", "--offline=true", "--threshold="+exposure, "iceserver.service"); err == nil {
		t.Error("systemd-analyze security is content with anything")
	}

	for _, path := range []string{database, "/var/lib/iceserver"} {
		if err := os.RemoveAll(m.path(path)); err != nil {
			t.Fatal(err)
		}
	}
	m.run("systemd-sysusers", "/usr/lib/sysusers.d/iceserver.conf")
	m.run("systemd-tmpfiles", "--create", "/usr/lib/tmpfiles.d/iceserver.conf")
	if got := m.owner(database) + " " + m.owner("/var/lib/iceserver"); got != "turnserver:turnserver 640 turnserver:turnserver 700" {
		t.Errorf("systemd-tmpfiles makes %s", got)
	}
}

// groff reads every page of the manual without a warning, and there is one for each
// command; the shells read their completions.
func TestManualAndCompletion(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man")
	run := func(stdin string, args ...string) string {
		t.Helper()
		command := exec.Command(args[0], args[1:]...)
		command.Stdin = strings.NewReader(stdin)
		command.Dir = dir
		out, err := command.CombinedOutput()
		if err != nil {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	run("", servertest.Binary(t), "man", filepath.Join(dir, "man1"))
	pages, err := filepath.Glob(filepath.Join(dir, "man1", "*"))
	if err != nil || len(pages) < 20 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		// From where man reads, so that pages find those that they stand for.
		if out := run("", "groff", "-man", "-ww", "-Tutf8", "-z", page); out != "" {
			t.Errorf("%s: %s", filepath.Base(page), out)
		}
	}
	for _, name := range []string{"iceserver-user-add.1", "turnadmin.1", "turnserver.1", "turnserver.conf.5"} {
		if !slices.Contains(pages, filepath.Join(dir, "man1", name)) {
			t.Errorf("there is no page %s", name)
		}
	}
	run(run("", servertest.Binary(t), "completion", "bash"), "bash", "-n")
}

// Both firewalls are told the same ports, which are the defaults of the server.
func TestFirewallProfiles(t *testing.T) {
	root, err := servertest.Root()
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(root, "packaging", name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	var service struct {
		Ports []struct {
			Protocol string `xml:"protocol,attr"`
			Port     string `xml:"port,attr"`
		} `xml:"port"`
	}
	if err := xml.Unmarshal(read("firewalld/iceserver.xml"), &service); err != nil {
		t.Fatal(err)
	}
	var firewalld []string
	for _, p := range service.Ports {
		firewalld = append(firewalld, p.Port+"/"+p.Protocol)
	}
	ports := regexp.MustCompile(`(?m)^ports=(.*)$`).FindSubmatch(read("ufw/iceserver"))
	if ports == nil {
		t.Fatal("the profile of ufw has no ports")
	}
	ufw := strings.Split(strings.ReplaceAll(string(ports[1]), ":", "-"), "|")
	want := []string{"3478/tcp", "3478/udp", "49152-65535/udp", "5349/tcp", "5349/udp"}
	slices.Sort(ufw)
	slices.Sort(firewalld)
	if !slices.Equal(ufw, want) || !slices.Equal(firewalld, want) {
		t.Errorf("ufw has %q, firewalld %q, want %q", ufw, firewalld, want)
	}
}
